//! Both ends of a connection in memory.

use std::sync::Arc;
use std::time::Duration;

use crate::connection::{Flow, Input, Output};
use crate::wire::{HEADER_LEN, Header, Hello, Kind};
use crate::*;

pub(super) const START: Time = Time::from_micros(1_000_000);
const SESSION: [u8; 16] = [7; 16];

pub(super) const fn secs(n: u64) -> Duration {
    Duration::from_secs(n)
}

pub(super) fn config() -> Config {
    Config {
        resume: Some(ResumeConfig {
            held: Arc::new(HeldBytes::new(1 << 20)),
            window: secs(60),
            key: TokenKey::new([9; 32]),
        }),
        ..Config::default()
    }
}

/// The configuration of a client.
pub(super) fn client() -> Arc<Config> {
    Arc::new(Config::default())
}

/// A data frame.
pub(super) fn data(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_data(&Framing::Native, payload, &mut bytes);
    bytes
}

fn frames(mut bytes: &[u8]) -> Vec<(Kind, &[u8])> {
    let mut frames = Vec::new();
    while let Some(header) = bytes.first_chunk() {
        let header = Header::decode(*header);
        let len = usize::try_from(header.len).expect("it is short");
        let (frame, rest) = bytes.split_at(HEADER_LEN + len);
        let kind = Kind::from_byte(header.kind).expect("a kind of the wire");
        frames.push((kind, &frame[HEADER_LEN..]));
        bytes = rest;
    }
    frames
}

pub(super) fn kinds(bytes: &[u8]) -> Vec<Kind> {
    frames(bytes).into_iter().map(|(kind, _)| kind).collect()
}

pub(super) fn payloads(bytes: &[u8]) -> Vec<&[u8]> {
    frames(bytes)
        .into_iter()
        .map(|(_, payload)| payload)
        .collect()
}

/// The client's end.
pub(super) struct End {
    pub(super) connection: Connection,
    pub(super) received: Vec<Vec<u8>>,
    pub(super) is_back: bool,
    pub(super) is_joined: bool,
    claim: Option<(SessionId, Knock)>,
    now: Time,
}

impl End {
    fn new(connection: Connection, now: Time) -> Self {
        Self {
            connection,
            received: Vec::new(),
            is_back: false,
            is_joined: false,
            claim: None,
            now,
        }
    }

    pub(super) fn send(&mut self, payload: &[u8]) {
        let sent = self.connection.send_as(self.now, Outbound::Kept, payload);
        sent.expect("it is live");
    }

    /// Takes out what the connection writes.
    pub(super) fn writes(&mut self) -> Vec<u8> {
        let mut written = Vec::new();
        while self.connection.wants_write() {
            let slices = self.connection.slices();
            let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
            self.connection.transmitted(self.now, bytes.len());
            written.extend_from_slice(&bytes);
        }
        self.outputs();
        written
    }

    pub(super) fn reads(&mut self, now: Time, bytes: &mut [u8]) {
        self.now = now;
        self.connection.bytes_arrived(now, bytes.len());
        let Self {
            connection,
            received,
            is_back,
            is_joined,
            claim,
            ..
        } = self;
        connection.feed(now, bytes, |_, event| {
            match event {
                Event::Data(payload) => received.push(payload.to_vec()),
                Event::Back => *is_back = true,
                Event::Joined(_) => *is_joined = true,
                Event::Claim(asks) => {
                    let valid = 1..10;
                    let knock = asks.knock(&TokenKey::new([9; 32]), valid);
                    *claim = Some((asks.session, knock.expect("it has a token of the server")));
                }
                Event::Credentials(_)
                | Event::Secured
                | Event::Link(_)
                | Event::Notice(_)
                | Event::RoundTrip(_) => {}
            }
            Flow::More
        });
        self.outputs();
    }

    fn outputs(&mut self) {
        while let Some(output) = self.connection.poll_output() {
            match output {
                Output::Shut => self.connection.handle(self.now, Input::Shut),
                Output::Closed => return,
                Output::Link(_) | Output::HoldGiveUp(_) | Output::Departed => {}
            }
        }
        if self.connection.wants_readings() {
            let readings = Readings::default();
            self.connection.handle(self.now, Input::Timeout(readings));
            self.outputs();
        }
    }

    pub(super) fn times_out(&mut self, now: Time) {
        self.now = now;
        while self.connection.poll_timeout().0 <= now && !self.connection.is_closed() {
            let readings = Readings::default();
            self.connection.handle(now, Input::Timeout(readings));
            self.outputs();
        }
    }

    pub(super) fn is_reset(&mut self, now: Time) {
        self.now = now;
        let error = OsError {
            code: None,
            kind: std::io::ErrorKind::ConnectionReset,
        };
        let readings = Readings {
            first_error: Some(FirstError {
                call: Call::Read,
                error,
            }),
            ..Readings::default()
        };
        let ended = Input::ReadEnded(Terminal::Error(error), readings);
        self.connection.handle(now, ended);
        self.outputs();
    }

    /// Takes the session out, behind the outputs.
    pub(super) fn suspends(&mut self) -> Option<Suspended> {
        self.outputs();
        let ending = self.ending()?;
        self.connection.suspend(&ending)
    }

    pub(super) fn taken(&self) -> Vec<&[u8]> {
        self.received.iter().map(Vec::as_slice).collect()
    }

    fn ending(&self) -> Option<Ending> {
        self.connection.departure(self.now, &Readings::default())
    }

    pub(super) fn cause(&self) -> Option<Cause> {
        self.ending().map(|ending| ending.verdict.cause)
    }

    pub(super) fn peer_goodbye(&self) -> Option<PeerGoodbye> {
        self.ending()?.peer_goodbye
    }
}

pub(super) struct Line {
    pub(super) now: Time,
    pub(super) client: End,
    pub(super) server: End,
    /// The server's end of a connection that asks to go on.
    newcomer: Option<End>,
    server_config: Arc<Config>,
}

impl Line {
    pub(super) fn live() -> Self {
        Self::with(config())
    }

    /// A live session.
    pub(super) fn with(config: Config) -> Self {
        let server_config = Arc::new(config);
        let hello = Hello {
            no_resume: false,
            ..Hello::new(b"ann", 64 * 1024)
        };
        let client = Connection::client(client(), &hello, START);
        let server = Connection::server(Arc::clone(&server_config), START);
        let mut line = Self {
            now: START,
            client: End::new(client, START),
            server: End::new(server, START),
            newcomer: None,
            server_config,
        };
        line.exchange();
        let admission = Admission {
            session: SESSION,
            timing: Timing {
                heartbeat_ms: 5_000,
                suspect_ms: 7_500,
                dead_ms: 15_000,
            },
            resume_window: None,
        };
        line.server
            .connection
            .handle(START, Input::Admit(admission));
        line.exchange();
        assert!(line.client.is_joined);
        line
    }

    pub(super) fn advances(&mut self, time: Duration) {
        self.now = self.now + time;
        self.client.now = self.now;
        self.server.now = self.now;
    }

    /// Carries everything that both ends write.
    pub(super) fn exchange(&mut self) {
        loop {
            let mut up = self.client.writes();
            let mut down = self.server.writes();
            if up.is_empty() && down.is_empty() {
                return;
            }
            if !up.is_empty() {
                self.server.reads(self.now, &mut up);
            }
            if !down.is_empty() {
                self.client.reads(self.now, &mut down);
            }
        }
    }

    /// Both ends see a reset.
    pub(super) fn is_cut(&mut self) {
        self.client.is_reset(self.now);
        self.server.is_reset(self.now);
    }

    /// The client dials, and its hello arrives.
    pub(super) fn dials(&mut self, suspended: Suspended) {
        self.begins_to_dial(suspended);
        let mut hello = self.client.writes();
        assert!(self.newcomer_reads(&mut hello));
    }

    /// The client dials, and nothing has arrived.
    pub(super) fn begins_to_dial(&mut self, suspended: Suspended) {
        let received = std::mem::take(&mut self.client.received);
        let connection = Connection::go_on(client(), suspended, false, self.now);
        self.client = End::new(connection, self.now);
        self.client.received = received;
        let server = Connection::server(Arc::clone(&self.server_config), self.now);
        self.newcomer = Some(End::new(server, self.now));
    }

    /// Bytes of the client arrive at the newcomer. Returns `false` where there is none.
    pub(super) fn newcomer_reads(&mut self, bytes: &mut [u8]) -> bool {
        let Some(newcomer) = &mut self.newcomer else {
            return false;
        };
        newcomer.reads(self.now, bytes);
        true
    }

    pub(super) fn has_newcomer(&self) -> bool {
        self.newcomer.is_some()
    }

    /// Whether the newcomer has asked to go on.
    pub(super) fn is_claimed(&self) -> bool {
        let newcomer = self.newcomer.as_ref();
        newcomer.is_some_and(|newcomer| newcomer.claim.is_some())
    }

    /// The newcomer is refused. Returns what it says.
    pub(super) fn newcomer_says(&mut self, close: &Close) -> Vec<u8> {
        let newcomer = self.newcomer.as_mut().expect("a client has dialled");
        newcomer.claim = None;
        newcomer.connection.handle(self.now, Input::Close(close));
        newcomer.writes()
    }

    /// The newcomer is refused, and the client reads why.
    pub(super) fn newcomer_hears(&mut self, close: &Close) {
        let mut goodbye = self.newcomer_says(close);
        self.client.reads(self.now, &mut goodbye);
    }

    /// The session of the server goes on with the newcomer.
    pub(super) fn server_adopts(&mut self) {
        let newcomer = self.newcomer.take().expect("a client has dialled");
        let (session, knock) = newcomer.claim.expect("it asked to go on");
        let new = Connection::server(Arc::clone(&self.server_config), self.now);
        let older = std::mem::replace(&mut self.server.connection, new);
        let mut owner = Session::new(older);
        let readings = Readings::default();
        match owner.knock(self.now, newcomer.connection, (session, &knock), readings) {
            Knocked::Adopted { .. } => {}
            Knocked::Refused { refusal, .. } => panic!("{refusal:?}"),
        }
        let spare = Connection::server(Arc::clone(&self.server_config), self.now);
        self.server.connection = std::mem::replace(owner.connection_mut(), spare);
        self.server.is_back = false;
    }

    /// The client dials, and its session goes on.
    pub(super) fn resumes(&mut self, suspended: Suspended) {
        self.dials(suspended);
        self.server_adopts();
        self.exchange();
    }

    pub(super) fn server_closes(&mut self, close: &Close) {
        self.server.connection.handle(self.now, Input::Close(close));
        self.exchange();
        self.client.is_reset(self.now);
    }
}
