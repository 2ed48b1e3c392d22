//! One connection and a scripted peer, which only sends and reads bytes.

use std::sync::Arc;
use std::time::Duration;

use allocation_counter::opt_out;
use lastword_session::wire::{Goodbye, HEADER_LEN, Header, Kind, Pong};
use lastword_session::{Cause, Close, Config, Connection, Ending, Time};

use super::game::Answer;
use super::host::Host;
use super::pipe::{Pipe, Read};
use super::setting::{ADMISSION, HELLO, START, WELCOME};

pub(crate) struct Solo {
    pub(crate) now: Time,
    pub(crate) host: Host,
    pub(crate) inbound: Pipe,
    pub(crate) outbound: Pipe,
    /// Whether the peer reads the bytes sent to it.
    pub(crate) peer_reads: bool,
    /// For how long in all the process stood still.
    pub(crate) stood_still: Duration,
}

impl Solo {
    /// A server's session on a connection that was just accepted.
    pub(crate) fn server() -> Self {
        Self::server_with(Config::default(), Answer::Admit(ADMISSION))
    }

    pub(crate) fn server_with(config: Config, answer: Answer) -> Self {
        Self::of(Host::new(
            Connection::server(Arc::new(config), START),
            answer,
        ))
    }

    /// A server's session whose peer just joined.
    pub(crate) fn live() -> Self {
        Self::live_with(Config::default())
    }

    pub(crate) fn live_with(config: Config) -> Self {
        Self::joined_with(config, Answer::Admit(ADMISSION))
    }

    pub(crate) fn joined_with(config: Config, answer: Answer) -> Self {
        let mut solo = Self::server_with(config, answer);
        solo.says(&encoded(|out| HELLO.encode(out)));
        assert!(solo.connection().is_live(), "the setting itself is sound");
        solo.outbound.log.clear();
        solo
    }

    /// A client's session on a connection that was just made.
    pub(crate) fn client() -> Self {
        let config = Arc::new(Config::default());
        let mut solo = Self::of(Host::new(
            Connection::client(config, &HELLO, START),
            Answer::Wait,
        ));
        solo.run();
        solo
    }

    /// A client's session that just joined.
    pub(crate) fn live_client() -> Self {
        let mut solo = Self::client();
        solo.says(&encoded(|out| WELCOME.encode(out)));
        assert!(solo.connection().is_live(), "the setting itself is sound");
        solo.outbound.log.clear();
        solo
    }

    pub(crate) fn of(host: Host) -> Self {
        Self {
            now: START,
            host,
            inbound: Pipe::default(),
            outbound: Pipe::default(),
            peer_reads: true,
            stood_still: Duration::ZERO,
        }
    }

    pub(crate) fn connection(&mut self) -> &mut Connection {
        self.host.connection_mut()
    }

    pub(crate) fn run(&mut self) {
        self.host.stood_still = self.stood_still;
        for _ in 0..TURNS_MAX {
            let host = &mut self.host;
            let busy = host.turn(self.now, &mut self.inbound, &mut self.outbound);
            if !(busy | self.peer_read()) {
                return;
            }
        }
        panic!("it never comes to rest: {:?}", self.host.connection());
    }

    /// Lets time pass, from one deadline to the next.
    pub(crate) fn advance(&mut self, time: Duration) {
        self.run();
        let end = self.now + time;
        while self.host.wake_at <= end {
            self.now = self.now.max(self.host.wake_at);
            self.run();
        }
        self.now = end;
        self.run();
    }

    /// The process stands still: real time passes, and its clock does not move.
    pub(crate) fn stands_still(&mut self, time: Duration) {
        self.stood_still += time;
        self.run();
    }

    pub(crate) fn says(&mut self, bytes: &[u8]) {
        opt_out(|| {
            self.inbound.write(self.now, bytes);
        });
        self.run();
    }

    /// The peer sends one frame.
    pub(crate) fn sends(&mut self, kind: u8, payload: &[u8]) {
        self.says(&frame(kind, payload));
    }

    pub(crate) fn fin(&mut self) {
        self.inbound.fin(self.now);
        self.run();
    }

    pub(crate) fn reset(&mut self) {
        self.inbound.reset(self.now);
        self.run();
    }

    /// The peer stops reading now, and this many more bytes fit between the two.
    pub(crate) fn stops_reading(&mut self, room: usize) {
        self.peer_reads = false;
        self.outbound.capacity = room;
    }

    /// The game has taken this many frames.
    pub(crate) fn takes(&mut self, frames: u64) {
        self.host.taken = frames;
        self.run();
    }

    pub(crate) fn closes(&mut self, close: &Close) {
        let closes = Some(Arc::new(close.clone()));
        self.host.mailbox.requests.close = closes;
        self.run();
    }

    pub(crate) fn pauses(&mut self) {
        self.host.reads = false;
        self.run();
    }

    pub(crate) fn resumes(&mut self) {
        self.host.reads = true;
        self.run();
    }

    /// All frames that the session wrote since the setting.
    pub(crate) fn written(&self) -> Vec<(Kind, Vec<u8>)> {
        frames(&self.outbound.log)
    }

    pub(crate) fn kinds_written(&self) -> Vec<Kind> {
        self.written().into_iter().map(|(kind, _)| kind).collect()
    }

    pub(crate) fn goodbye_code(&self) -> u16 {
        let written = self.written();
        let (kind, payload) = written.last().expect("something was written");
        assert_eq!(*kind, Kind::Goodbye);
        Goodbye::decode(payload).expect("it decodes").code
    }

    #[track_caller]
    pub(crate) fn ending(&self) -> &Ending {
        self.host.ending.as_ref().expect("it is over")
    }

    pub(crate) fn is_over(&self) -> bool {
        self.host.ending.is_some()
    }

    /// The cause, after the peer has answered our goodbye with its FIN, or after linger.
    #[track_caller]
    pub(crate) fn cause(&mut self) -> Cause {
        assert!(!self.connection().is_live(), "a decision is expected");
        if !self.is_over() {
            self.fin();
        }
        if !self.is_over() {
            self.advance(Duration::from_secs(6));
        }
        self.ending().verdict.cause
    }

    fn peer_read(&mut self) -> bool {
        let mut has_read = false;
        opt_out(|| {
            let reads = self.peer_reads;
            has_read = reads && matches!(self.outbound.read(self.now, usize::MAX), Read::Bytes(_));
        });
        has_read
    }
}

pub(crate) fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
    let len = u32::try_from(payload.len()).expect("24 bits fit");
    let mut frame = Header { len, kind }.encode().to_vec();
    frame.extend_from_slice(payload);
    frame
}

pub(crate) fn encoded(encode: impl FnOnce(&mut Vec<u8>)) -> Vec<u8> {
    let mut out = Vec::new();
    encode(&mut out);
    out
}

/// The whole frames at the start of a stream.
pub(crate) fn frames(mut stream: &[u8]) -> Vec<(Kind, Vec<u8>)> {
    let mut frames = Vec::new();
    while let Some((header, rest)) = stream.split_first_chunk::<HEADER_LEN>() {
        let header = Header::decode(*header);
        let len = usize::try_from(header.len).expect("24 bits fit");
        let Some((payload, rest)) = rest.split_at_checked(len) else {
            break;
        };
        let kind = Kind::from_byte(header.kind).expect("a session writes known kinds");
        frames.push((kind, payload.to_vec()));
        stream = rest;
    }
    frames
}

/// The pong to the last written ping.
pub(crate) fn pong_to(written: &[(Kind, Vec<u8>)], received: u64) -> Vec<u8> {
    let last = written.iter().rfind(|(kind, _)| *kind == Kind::Ping);
    let (_, ping) = last.expect("a ping was written");
    let clock = ping.first_chunk().expect("it starts with its clock");
    let pong = Pong {
        ping_clock_us: u64::from_be_bytes(*clock),
        clock_us: 0,
        held_us: 0,
        received,
    };
    encoded(|out| pong.encode(out))
}

/// More than the wake-ups of one moment.
const TURNS_MAX: usize = 100_000;
