//! The events of a session's life in their order, and the laws of a whole life.

use std::io::ErrorKind;
use std::sync::Arc;
use std::time::Duration;

use lastword_session::wire::{
    Extensions, Goodbye, HEADER_LEN, Header, Hello, Kind, Notice, Welcome,
};
use lastword_session::{
    Admission, Cause, Close, Config, Connection, Dialect, Framing, GoodbyeProgress, Input,
    LengthPrefixed, Limits, Meaning, Measure, Message, OsError, Outbound, Phase, Rate, Role,
    Terminal, Time, Timing, encode_data,
};

use super::life::{Life, Sent, Words};

/// One step of a life.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Bytes(Vec<u8>),
    Decide(u8),
    Admit,
    Notice,
    DrainExpired,
    Abort,
    Pause,
    Resume,
    Pass(u32),
    StandStill(u32),
    Write(usize),
    WriteRefused,
    Send(Outbound, usize),
    GameTakes(bool),
    Kernel(Words),
    Sample,
    EndNoticed,
    WriteFailed,
    LingerRefused,
    Ended(u8),
}

/// A whole life: the ends of the connection, and what happens to them.
#[derive(Clone, Debug)]
pub(crate) struct Script {
    pub(crate) role: Role,
    pub(crate) is_dialect: bool,
    /// Whether the session is live before the first step.
    pub(crate) is_greeted: bool,
    pub(crate) peer_reads: bool,
    pub(crate) behind_proxy: bool,
    pub(crate) has_idle_limit: bool,
    /// Whether the peer has a rate, so that its bytes may have to wait.
    pub(crate) is_rated: bool,
    pub(crate) timing: Timing,
    pub(crate) words: Words,
    /// The lengths of the reads, over and over; without any, a read takes everything.
    pub(crate) reads: Vec<usize>,
    pub(crate) steps: Vec<Step>,
}

impl Default for Script {
    fn default() -> Self {
        Self {
            role: Role::Server,
            is_dialect: false,
            is_greeted: false,
            peer_reads: true,
            behind_proxy: false,
            has_idle_limit: false,
            is_rated: false,
            timing: STANDARD,
            words: Words {
                kernel: None,
                error: None,
            },
            reads: Vec::new(),
            steps: Vec::new(),
        }
    }
}

impl Script {
    /// Plays a session from its first step to its end, or to the limit on its life, and checks all laws.
    pub(crate) fn play(&self) -> Life {
        let mut life = self.begin();
        for step in &self.steps {
            self.take(&mut life, step);
        }
        life.is_left_alone(BOUND);
        // Without a dead limit, a silent peer is never given up: only its game ends it. A welcome may allow any silence.
        if life.connection.is_live() && (!life.has_dead_limit || self.role == Role::Client) {
            let readings = life.readings();
            life.handle(Input::Abort(readings));
            life.is_left_alone(BOUND);
        }
        let Some(ending) = &life.ending else {
            let timeout = life.connection.poll_timeout();
            panic!("{timeout:?} is still waited for: {:?}", life.connection);
        };
        let verdict = ending.verdict;
        let is_of_phase = self.role == Role::Client || verdict.cause.occurs_in(verdict.phase);
        assert!(is_of_phase, "{verdict:?}");
        self.check_output(&life);
        life.stays_closed();
        life
    }

    fn begin(&self) -> Life {
        let framing = match self.is_dialect {
            true => Framing::Dialect(Arc::new(Beating)),
            false => Framing::Native,
        };
        let limits = Limits {
            outbound_bytes_max: 4_096,
            idle_timeout: self.has_idle_limit.then_some(Duration::from_secs(10)),
            frame_rate: self.is_rated.then_some(FRAME_RATE),
            byte_rate: self.is_rated.then_some(BYTE_RATE),
            ..Limits::default()
        };
        let config = Arc::new(Config {
            framing,
            limits,
            behind_proxy: self.behind_proxy,
            ..Config::default()
        });
        let connection = match (self.role, self.is_dialect) {
            (Role::Server, _) => Connection::server(config, START),
            (Role::Client, false) => Connection::client(config, &HELLO, START),
            (Role::Client, true) => Connection::client_of_dialect(config, self.timing, START),
        };
        let mut life = Life::new(connection, START);
        life.words = self.words;
        life.peer_reads = self.peer_reads;
        life.reads.clone_from(&self.reads);
        if (self.role, self.is_dialect) == (Role::Client, true) {
            life.has_dead_limit = self.timing.dead_ms > 0;
        } else if self.is_greeted {
            self.greet(&mut life);
        }
        life
    }

    fn greet(&self, life: &mut Life) {
        let mut bytes = Vec::new();
        match (self.role, self.is_dialect) {
            (Role::Client, _) => WELCOME.encode(&mut bytes),
            (Role::Server, true) => bytes.extend_from_slice(b"\0\0\0\x03ada"),
            (Role::Server, false) => HELLO.encode(&mut bytes),
        }
        life.arrives(&bytes);
        life.admit(self.admission());
        assert!(life.connection.is_live());
    }

    fn admission(&self) -> Admission {
        Admission {
            session: [7; 16],
            timing: self.timing,
            resume_window: None,
        }
    }

    fn take(&self, life: &mut Life, step: &Step) {
        let readings = life.readings();
        match step {
            Step::Bytes(bytes) => life.arrives(bytes),
            Step::Decide(n) => {
                let close = decision(life.connection.phase(), *n);
                life.handle(Input::Close(&close));
            }
            Step::Admit => life.admit(self.admission()),
            Step::Notice => life.handle(Input::Notice(&NOTICE)),
            Step::DrainExpired => {
                let message = Message::of(Cause::DrainExpired);
                life.handle(Input::DrainExpired(&message));
            }
            // Only a session gives out a handle to abort with.
            Step::Abort if life.connection.is_live() => life.handle(Input::Abort(readings)),
            Step::Abort => {}
            Step::Pause => life.game_has_room = false,
            Step::Resume => life.game_has_room = true,
            Step::Pass(ms) => life.pass(millis(*ms)),
            Step::StandStill(ms) => life.stands_still(millis(*ms)),
            Step::Write(n) => life.write(*n),
            Step::WriteRefused => life.write_refused(),
            Step::Send(how, len) => life.send(*how, *len),
            Step::GameTakes(takes) => life.game_takes = *takes,
            Step::Kernel(words) => life.words = *words,
            Step::Sample => life.sampled(),
            Step::EndNoticed => life.end_noticed(),
            Step::WriteFailed => life.write_failed(),
            Step::LingerRefused => life.linger_refused(),
            Step::Ended(n) => life.ends(terminal(*n)),
        }
    }

    /// Each frame of the game was written once and in order, or counted as lost. Nothing follows our last word.
    fn check_output(&self, life: &Life) {
        let Some(ending) = &life.ending else { return };
        let evidence = &ending.evidence;
        let frames = self.written(life);
        let begun = usize::try_from(evidence.frames_out).expect("it fits");
        let lost = evidence.frames_unsent + evidence.frames_dropped + evidence.frames_replaced;
        let lost = usize::try_from(lost).expect("it fits");
        let sent = life.sent.len();
        assert_eq!(begun + lost, sent, "a frame is not counted: {ending:?}");
        let data = frames.iter().filter(|frame| frame.what == What::Data);
        let data: Vec<&[u8]> = data.map(|frame| frame.payload).collect();
        // The last one may be cut short.
        let whole = data.len()..=data.len() + 1;
        assert!(whole.contains(&begun), "{begun} begun, and {whole:?}");
        check_order(&life.sent, &data);
        let goodbye = frames.iter().position(|frame| frame.what == What::Goodbye);
        if let Some(at) = goodbye {
            assert_eq!(at + 1, frames.len(), "something follows the goodbye");
        }
        if evidence.farewell >= GoodbyeProgress::Written {
            assert!(goodbye.is_some(), "no goodbye was written");
        }
    }

    /// The whole frames that were written.
    fn written<'l>(&self, life: &'l Life) -> Vec<Written<'l>> {
        let mut rest = life.written.as_slice();
        let mut frames = Vec::new();
        while let Some((header, behind)) = rest.split_first_chunk::<HEADER_LEN>() {
            let native = Header::decode(*header);
            let len = match self.is_dialect {
                true => u32::from_be_bytes(*header),
                false => native.len,
            };
            let len = usize::try_from(len).expect("it fits");
            let Some((payload, behind)) = behind.split_at_checked(len) else {
                break;
            };
            let kind = match self.is_dialect {
                true => What::of_dialect(payload),
                false => What::of_native(native.kind),
            };
            frames.push(Written {
                what: kind,
                payload,
            });
            rest = behind;
        }
        frames
    }
}

/// Each written frame is one that was sent, once. Kept and droppable frames keep their order, and only the droppable ones
/// have gaps. The frames with one key keep theirs.
fn check_order(sent: &[Sent], written: &[&[u8]]) {
    let key = |sent: &Sent| match sent.how {
        Outbound::Latest(key) => Some(key),
        Outbound::Kept | Outbound::Droppable => None,
    };
    let mut left: Vec<&Sent> = sent.iter().collect();
    for payload in written {
        let at = left.iter().position(|sent| sent.payload == *payload);
        let at = at.expect("it was sent, is written once, and in its order");
        let its_key = key(left[at]);
        let mut others: Vec<&Sent> = Vec::new();
        for passed in left.drain(..at) {
            if key(passed) == its_key {
                assert_ne!(passed.how, Outbound::Kept, "a kept frame is lost");
            } else {
                others.push(passed);
            }
        }
        left.splice(..1, others);
    }
}

#[derive(Debug)]
struct Written<'l> {
    what: What,
    payload: &'l [u8],
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum What {
    Data,
    Goodbye,
    Other,
}

impl What {
    fn of_native(kind: u8) -> Self {
        match Kind::from_byte(kind) {
            Some(Kind::Data) => Self::Data,
            Some(Kind::Goodbye) => Self::Goodbye,
            _ => Self::Other,
        }
    }

    fn of_dialect(payload: &[u8]) -> Self {
        match Beating.read(&[], payload) {
            Meaning::Data(_) => Self::Data,
            Meaning::Goodbye => Self::Goodbye,
            Meaning::Ping(_) | Meaning::Pong | Meaning::Malformed => Self::Other,
        }
    }
}

/// A wire with heartbeats and a goodbye: the first byte of a payload may give it a meaning.
pub(crate) struct Beating;

impl Beating {
    pub(crate) const PING: u8 = 0xf0;
    pub(crate) const PONG: u8 = 0xf1;
    pub(crate) const GOODBYE: u8 = 0xf2;
    pub(crate) const MALFORMED: u8 = 0xf3;
    /// No frame begins with it.
    pub(crate) const FOREIGN: u8 = 0xff;
}

impl Dialect for Beating {
    fn measure(&self, bytes: &[u8], seen: usize) -> Measure {
        match bytes.first() {
            Some(&Self::FOREIGN) => Measure::Foreign,
            _ => LengthPrefixed.measure(bytes, seen),
        }
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        match payload {
            [Self::PING, rest @ ..] => Meaning::Ping(rest),
            [Self::PONG, ..] => Meaning::Pong,
            [Self::GOODBYE, ..] => Meaning::Goodbye,
            [Self::MALFORMED, ..] => Meaning::Malformed,
            data => Meaning::Data(data),
        }
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        LengthPrefixed.write_data(payload, out);
    }

    fn write_pong(&self, ping: &[u8], out: &mut Vec<u8>) -> bool {
        LengthPrefixed.write_data(&[&[Self::PONG], ping].concat(), out);
        true
    }

    fn write_ping(&self, out: &mut Vec<u8>) -> bool {
        LengthPrefixed.write_data(&[Self::PING], out);
        true
    }

    fn write_goodbye(&self, _goodbye: &Goodbye<'_>, out: &mut Vec<u8>) -> bool {
        LengthPrefixed.write_data(&[Self::GOODBYE], out);
        true
    }

    fn write_goodbye_answer(&self, out: &mut Vec<u8>) -> bool {
        LengthPrefixed.write_data(&[Self::GOODBYE], out);
        true
    }

    fn has_heartbeats(&self) -> bool {
        true
    }
}

/// One of the decisions that this phase allows.
fn decision(phase: Phase, n: u8) -> Close {
    let of_phase: &[Cause] = match phase {
        Phase::Admission | Phase::Proxy | Phase::Tls | Phase::Hello => &[Cause::Overloaded],
        Phase::Auth => &[
            Cause::AuthRejected,
            Cause::AuthUnavailable,
            Cause::AlreadyLoggedIn,
        ],
        Phase::Live => &[
            Cause::Kicked,
            Cause::ClosedByGame,
            Cause::Drained,
            Cause::ReplacedByLogin,
            Cause::HandlerPanicked,
            Cause::SendQueueFull,
        ],
    };
    let cause = of_phase[usize::from(n) % of_phase.len()];
    let linger = (cause == Cause::Drained).then_some(Duration::from_secs(20));
    Close {
        linger,
        ..Close::new(cause)
    }
}

fn terminal(n: u8) -> Terminal {
    let error = |kind| Terminal::Error(OsError { code: None, kind });
    match n % 4 {
        0 => Terminal::Eof,
        1 => error(ErrorKind::ConnectionReset),
        2 => error(ErrorKind::TimedOut),
        _ => Terminal::Open,
    }
}

fn millis(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

/// One frame of the dialect with this first byte.
pub(crate) fn of_dialect(first: u8, rest: &[u8]) -> Vec<u8> {
    let framing = Framing::Dialect(Arc::new(Beating));
    let mut bytes = Vec::new();
    encode_data(&framing, &[&[first], rest].concat(), &mut bytes);
    bytes
}

pub(crate) const START: Time = Time::from_micros(1_000_000);
/// The sum of the limits: hello, authentication, time over the rate, dead limit or frame time, our last frames, the game's
/// time for its frames, linger, and the longest drain.
const BOUND: Duration = Duration::from_secs(5 + 5 + 10 + 15 + 14 + 3 + 3 + 20);

/// A few frames are over it.
const FRAME_RATE: Rate = Rate {
    per_second: 1,
    burst: 2,
};
const BYTE_RATE: Rate = Rate {
    per_second: 20,
    burst: 200,
};

pub(crate) const STANDARD: Timing = Timing {
    heartbeat_ms: 5_000,
    suspect_ms: 7_500,
    dead_ms: 15_000,
};

pub(crate) const HELLO: Hello<'static> = Hello {
    version_min: 1,
    version_max: 1,
    resume: false,
    no_resume: true,
    frame_limit: 65_536,
    session: [0; 16],
    received: 0,
    token: &[],
    extensions: Extensions::EMPTY,
    credentials: b"ada",
};

pub(crate) const WELCOME: Welcome<'static> = Welcome {
    version: 1,
    resumed: false,
    session: [7; 16],
    connection: 1,
    received: 0,
    heartbeat_ms: 5_000,
    dead_ms: 15_000,
    resume_window_ms: 0,
    frame_limit: 65_536,
    token: &[],
    extensions: Extensions::EMPTY,
};

pub(crate) const NOTICE: Notice<'static> = Notice {
    code: 85,
    advice: 2,
    deadline_ms: 30_000,
    address: std::borrow::Cow::Borrowed(""),
    reason: std::borrow::Cow::Borrowed(""),
};

pub(crate) const GOODBYE: Goodbye<'static> = Goodbye {
    over: true,
    code: 0,
    game_cause: None,
    advice: 0,
    delay_ms: 0,
    address: std::borrow::Cow::Borrowed(""),
    reason: std::borrow::Cow::Borrowed(""),
};
