//! A server of one session that a test controls: it speaks the wire of resume, and counts as the wire says.

use std::net::SocketAddr;

use bytes::Bytes;
use lastword_session::wire::{
    self, Ack, Extensions, Goodbye, Hello, Kind, Ping, Pong, Previous, Welcome,
};
use lastword_session::{Advice, Cause};
use tokio::net::TcpListener;

use crate::puppet::{Puppet, data};

pub(super) const SESSION: [u8; 16] = *b"a kept session's";

/// The session, between and over its connections.
pub(super) struct Keeper {
    pub(super) listener: TcpListener,
    pub(super) addr: SocketAddr,
    /// The client's frames, in the order of their numbers.
    pub(super) received: Vec<Bytes>,
    sent: Vec<Vec<u8>>,
    connection: u32,
}

/// The hello of a client that resumes, apart from what every one of them must say.
pub(super) struct Knock {
    pub(super) puppet: Puppet,
    pub(super) received: u64,
    pub(super) token: Vec<u8>,
    pub(super) previous: Previous,
}

impl Keeper {
    pub(super) async fn new() -> Self {
        let (listener, addr) = Puppet::port().await;
        Self {
            listener,
            addr,
            received: Vec::new(),
            sent: Vec::new(),
            connection: 0,
        }
    }

    pub(super) fn token(&self) -> Vec<u8> {
        format!("token {}", self.connection).into_bytes()
    }

    /// Welcomes a client to a new session, and reads its first ack.
    pub(super) async fn welcomes(&mut self) -> Puppet {
        let mut puppet = Puppet::accept(&self.listener).await;
        let frame = puppet.reads().await.expect("a hello");
        let hello = Hello::decode(&frame.payload).expect("it is sound");
        assert!(!hello.resume && !hello.no_resume);
        self.received.clear();
        self.sent.clear();
        self.connection = 0;
        self.confirms(puppet).await
    }

    /// Reads the hello of a client that resumes.
    pub(super) async fn is_asked(&self) -> Knock {
        let mut puppet = Puppet::accept(&self.listener).await;
        let frame = puppet.reads().await.expect("a hello");
        let hello = Hello::decode(&frame.payload).expect("it is sound");
        assert!(hello.resume && hello.session == SESSION);
        assert!(hello.credentials.is_empty());
        Knock {
            puppet,
            received: hello.received,
            token: hello.token.to_vec(),
            previous: Previous::find(&hello.extensions).expect("it says how the last one ended"),
        }
    }

    /// Lets the session go on, and sends again what the client has not received.
    pub(super) async fn resumes(&mut self) -> (Puppet, Previous) {
        let knock = self.is_asked().await;
        let previous = knock.previous;
        (self.lets_in(knock).await, previous)
    }

    pub(super) async fn lets_in(&mut self, knock: Knock) -> Puppet {
        assert_eq!(knock.token, self.token(), "the newest token");
        let mut puppet = self.confirms(knock.puppet).await;
        let missed = usize::try_from(knock.received).expect("a count");
        for frame in self.sent.iter().skip(missed) {
            puppet.writes(frame).await;
        }
        puppet
    }

    async fn confirms(&mut self, mut puppet: Puppet) -> Puppet {
        let resumed = self.connection > 0;
        self.connection += 1;
        puppet.writes(&self.welcome(resumed)).await;
        let frame = puppet.reads().await.expect("an ack");
        assert_eq!(frame.kind, Kind::Ack);
        Ack::decode(&frame.payload).expect("it is sound");
        puppet
    }

    pub(super) fn welcome(&self, resumed: bool) -> Vec<u8> {
        let mut bytes = Vec::new();
        Welcome {
            version: wire::VERSION,
            resumed,
            session: SESSION,
            connection: self.connection,
            received: self.count(),
            heartbeat_ms: 5_000,
            dead_ms: 15_000,
            resume_window_ms: 60_000,
            frame_limit: 64 * 1024,
            token: &self.token(),
            extensions: Extensions::EMPTY,
        }
        .encode(&mut bytes);
        bytes
    }

    fn count(&self) -> u64 {
        u64::try_from(self.received.len()).expect("a count")
    }

    pub(super) async fn sends(&mut self, puppet: &mut Puppet, payload: &[u8]) {
        let frame = data(payload);
        puppet.writes(&frame).await;
        self.sent.push(frame);
    }

    /// Numbers a frame that never arrives.
    pub(super) fn loses(&mut self, payload: &[u8]) {
        self.sent.push(data(payload));
    }

    /// Reads until this many frames of the client have come in all. Answers pings.
    pub(super) async fn takes(&mut self, puppet: &mut Puppet, in_all: usize) {
        while self.received.len() < in_all {
            let frame = puppet.reads().await.expect("a frame");
            if frame.kind == Kind::Ping {
                let ping = Ping::decode(&frame.payload).expect("it is sound");
                puppet.writes(&self.pong(ping)).await;
            }
            if frame.kind == Kind::Data {
                self.received.push(frame.payload);
            }
        }
    }

    fn pong(&self, ping: Ping) -> Vec<u8> {
        let mut bytes = Vec::new();
        Pong {
            ping_clock_us: ping.clock_us,
            clock_us: 1,
            held_us: 0,
            received: self.count(),
        }
        .encode(&mut bytes);
        bytes
    }
}

/// Encodes a goodbye of the server, without a delay.
pub(super) fn goodbye(cause: Cause, over: bool) -> Vec<u8> {
    let advice = cause.advice().unwrap_or(Advice::MayReconnect);
    let mut bytes = Vec::new();
    Goodbye {
        over,
        code: cause.code(),
        game_cause: None,
        advice: advice.code(),
        delay_ms: 0,
        address: "".into(),
        reason: "".into(),
    }
    .encode(&mut bytes);
    bytes
}

impl Knock {
    /// Refuses it with this goodbye. `over`: the session is.
    pub(super) async fn hears(mut self, cause: Cause, over: bool) {
        self.puppet.writes(&goodbye(cause, over)).await;
        self.puppet.shuts().await;
        assert!(self.puppet.reads().await.is_none(), "no word after it");
    }
}
