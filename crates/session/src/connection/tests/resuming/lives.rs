//! A client and a server whose session may outlive the connections between them.

use std::sync::Arc;
use std::time::Duration;

use crate::wire::{ExtensionsBuf, Hello, Previous};
use crate::{Config, Connection, HeldBytes, Knock, Refusal, ResumeConfig, SessionId, TokenKey};

use super::super::harness::{ADMISSION, Answer, DEAD, HELLO, Host, Pair, Pipe, Seen, secs};

pub(super) const WINDOW: Duration = secs(60);

pub(super) fn key() -> TokenKey {
    TokenKey::new([9; 32])
}

pub(super) fn config() -> Config {
    Config {
        resume: Some(ResumeConfig {
            held: Arc::new(HeldBytes::new(1 << 20)),
            window: WINDOW,
            key: key(),
        }),
        ..Config::default()
    }
}

/// The same, where a frame may wait for any time.
pub(super) fn patient() -> Config {
    let mut config = config();
    config.limits.outbound_age_max = None;
    config
}

pub(super) const WILLING: Hello<'static> = Hello {
    no_resume: false,
    ..HELLO
};

/// A client and a server whose session may outlive the connections between them.
pub(super) struct Lives {
    pub(super) pair: Pair,
    pub(super) config: Arc<Config>,
    /// The client's newest token.
    pub(super) token: Vec<u8>,
    pub(super) epoch: u32,
    pub(super) attempt: u32,
}

impl Lives {
    pub(super) fn live() -> Self {
        Self::with(config())
    }

    pub(super) fn with(config: Config) -> Self {
        let config = Arc::new(config);
        let mut lives = Self {
            pair: Pair::with(Config::clone(&config), Answer::Admit(ADMISSION)),
            config: Arc::clone(&config),
            token: Vec::new(),
            epoch: 0,
            attempt: 0,
        };
        let now = lives.pair.now;
        let client = Connection::client(config, &WILLING, now);
        lives.pair.client = Host::new(client, Answer::Wait);
        lives.pair.run();
        assert!(lives.pair.server.connection().is_live());
        lives.reads_welcome();
        lives.pair.client.seen.clear();
        lives.pair.server.seen.clear();
        lives
    }

    pub(super) fn reads_welcome(&mut self) {
        let ticket = self.pair.client.connection().ticket();
        let ticket = ticket.expect("the server answered");
        let config = self.config.resume.as_ref();
        assert_eq!(Some(ticket.window), config.map(|config| config.window));
        assert_eq!(ticket.session.as_bytes(), &ADMISSION.session);
        assert!(ticket.connection > self.epoch);
        self.epoch = ticket.connection;
        self.token = ticket.token.to_vec();
        let shown = format!("{ticket:?}");
        assert!(!shown.contains("token"), "{shown}");
    }

    /// Both ends lose the connection, after the dead limit.
    pub(super) fn is_cut(&mut self) {
        self.pair.cut();
        self.pair.advance(DEAD + secs(10));
        assert!(self.pair.server.ending.is_some() && self.pair.client.ending.is_some());
    }

    /// The client dials and asks to go on. Returns both ends of the new line, and what the server makes of the claim.
    pub(super) fn dials(&mut self) -> (Pair, Result<Knock, Refusal>) {
        let now = self.pair.now;
        let stream = self.pair.client.connection_mut().take_stream();
        self.attempt += 1;
        let mut extensions = ExtensionsBuf::default();
        let previous = Previous {
            connection: self.epoch,
            attempt: self.attempt,
            ..Previous::default()
        };
        previous.push(&mut extensions).expect("there is room");
        let hello = Hello {
            resume: true,
            session: ADMISSION.session,
            received: stream.received(),
            token: &self.token,
            extensions: extensions.as_extensions(),
            ..WILLING
        };
        let client = Connection::client(Arc::clone(&self.config), &hello, now).resuming(stream);
        let server = Connection::server(Arc::clone(&self.config), now);
        let mut next = Pair {
            now,
            client: Host::new(client, Answer::Wait),
            server: Host::new(server, Answer::Wait),
            up: Pipe::default(),
            down: Pipe::default(),
        };
        next.run();
        let knock = self.judge(&next.server.seen);
        next.server.seen.clear();
        (next, knock)
    }

    /// Checks the claim as a server does.
    pub(super) fn judge(&self, seen: &[Seen]) -> Result<Knock, Refusal> {
        let [
            Seen::Claim {
                session,
                token,
                previous,
                received,
                frame_limit,
            },
        ] = seen
        else {
            panic!("{seen:?}");
        };
        let claim = crate::Claim {
            session: *session,
            token,
            previous: *previous,
            received: *received,
            frame_limit: *frame_limit,
            is_secured: false,
        };
        let session = self.pair.server.connection();
        let knock = claim.knock(&key(), session.resume().expect("it may").generations())?;
        session.check_knock(self.pair.now, &knock)?;
        Ok(knock)
    }

    /// The session goes on over the new line. Returns the ends of the older one.
    pub(super) fn adopts(&mut self, mut next: Pair, knock: &Knock) -> Pair {
        let server = &mut self.pair.server;
        let readings = server.readings(next.now, &self.pair.up, &self.pair.down);
        let id = SessionId::from_bytes(ADMISSION.session);
        let adopted = server.goes_on(next.now, &mut next.server, (id, knock), readings);
        assert_eq!(adopted, Ok(()));
        std::mem::replace(&mut self.pair, next)
    }

    /// The same, and the server has noticed it.
    pub(super) fn away() -> Self {
        let mut lives = Self::live();
        lives.is_cut();
        assert!(lives.pair.server.is_away());
        lives
    }

    pub(super) fn comes_back(&mut self) {
        let (next, knock) = self.dials();
        let knock = knock.expect("the session waits for it");
        drop(self.adopts(next, &knock));
        self.pair.run();
        self.reads_welcome();
    }
}
