//! A player that comes back: a client that speaks the wire by hand, and keeps its counts and its token.

use std::net::SocketAddr;

use lastword_session::wire::{Ack, ExtensionsBuf, Goodbye, Hello, Previous, ServerSaw, Welcome};
use lastword_tests::{Raw, data, kind, within};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpSocket;

/// A player with one session, over any number of connections.
#[derive(Debug)]
pub(crate) struct Player {
    /// `None` while it has no connection.
    raw: Option<Raw>,
    pub(crate) session: [u8; 16],
    pub(crate) token: Vec<u8>,
    /// The number of the connection.
    pub(crate) connection: u32,
    /// The frames that came.
    pub(crate) received: Vec<Vec<u8>>,
    /// The frames that were said.
    pub(crate) said: Vec<Vec<u8>>,
    /// What the next hello that resumes tells of an earlier connection.
    pub(crate) tells: Option<Previous>,
    /// What the welcome tells of an earlier connection.
    pub(crate) server_saw: Option<ServerSaw>,
    /// The goodbye that answered its last hello.
    pub(crate) goodbye: Option<Goodbye<'static>>,
}

/// What a server answers to a hello.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The session begins, or goes on; the server has so many frames.
    Welcome { received: u64 },
    /// It is refused with this code; the session is over or not.
    Goodbye { code: u16, over: bool },
    /// The connection ended without a word.
    Nothing,
}

impl Player {
    /// Joins with a name, and confirms the connection.
    pub(crate) async fn join(addr: SocketAddr, name: &str) -> Self {
        let mut player = Self {
            raw: Some(Raw::connect(addr).await),
            session: [0; 16],
            token: Vec::new(),
            connection: 0,
            received: Vec::new(),
            said: Vec::new(),
            tells: None,
            server_saw: None,
            goodbye: None,
        };
        let hello = Hello {
            no_resume: false,
            ..Hello::new(name.as_bytes(), 65_536)
        };
        let answer = player.greet(&hello).await;
        assert!(
            matches!(answer, Answer::Welcome { received: 0 }),
            "{answer:?}"
        );
        assert_eq!(player.connection, 1);
        player.acks().await;
        player
    }

    /// The connection.
    pub(crate) fn raw(&mut self) -> &mut Raw {
        self.raw.as_mut().expect("a connection")
    }

    /// Takes another connection in place of this one, which is returned.
    pub(crate) fn exchange(&mut self, raw: Option<Raw>) -> Option<Raw> {
        std::mem::replace(&mut self.raw, raw)
    }

    /// Resets the connection.
    pub(crate) fn is_reset(&mut self) {
        self.raw.take().expect("a connection").reset();
    }

    /// The same player with no connection.
    pub(crate) fn copy(&self) -> Self {
        Self {
            raw: None,
            session: self.session,
            token: self.token.clone(),
            tells: self.tells,
            server_saw: self.server_saw,
            goodbye: None,
            connection: self.connection,
            received: self.received.clone(),
            said: self.said.clone(),
        }
    }

    /// Confirms a connection that may have ended already.
    pub(crate) async fn acks_if_it_can(&mut self) {
        let mut bytes = Vec::new();
        let received = self.received.len() as u64;
        Ack { received }.encode(&mut bytes);
        let _gone = self.raw().stream.write_all(&bytes).await;
    }

    /// Whether the game answers to this frame: the connection is the session's.
    pub(crate) async fn is_answered(&mut self, payload: &[u8]) -> bool {
        if self.raw().stream.write_all(&data(payload)).await.is_err() {
            return false;
        }
        self.said.push(payload.to_vec());
        loop {
            match self.raw().frame().await {
                Some((kind::DATA, answer)) => {
                    self.received.push(answer);
                    return true;
                }
                Some((kind::GOODBYE, _)) | None => return false,
                Some(_) => {}
            }
        }
    }

    /// Asks to go on with the session on another connection. The older one stays as it is, and is returned.
    pub(crate) async fn knock(&mut self, addr: SocketAddr) -> (Answer, Option<Raw>) {
        let older = self.exchange(Some(Raw::connect(addr).await));
        (self.asks_to_go_on().await, older)
    }

    async fn asks_to_go_on(&mut self) -> Answer {
        let (token, received) = (self.token.clone(), self.received.len() as u64);
        let mut extensions = ExtensionsBuf::default();
        if let Some(previous) = self.tells {
            previous.push(&mut extensions).unwrap();
        }
        let hello = Hello {
            extensions: extensions.as_extensions(),
            resume: true,
            no_resume: false,
            session: self.session,
            received,
            token: &token,
            ..Hello::new(b"", 65_536)
        };
        self.greet(&hello).await
    }

    /// Comes back, confirms the connection, and says again what the server has not got. Returns the older connection.
    pub(crate) async fn comes_back(&mut self, addr: SocketAddr) -> Option<Raw> {
        let (answer, older) = self.knock(addr).await;
        let Answer::Welcome { received } = answer else {
            panic!("not let in again: {answer:?}");
        };
        self.acks().await;
        let missed = self.said.split_off(usize::try_from(received).unwrap());
        for payload in missed {
            self.says(&payload).await;
        }
        older
    }

    /// Comes back from another address of this host.
    pub(crate) async fn comes_back_from(&mut self, own: [u8; 4], addr: SocketAddr) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((own, 0).into()).unwrap();
        let stream = within("connect", socket.connect(addr)).await.unwrap();
        self.raw = Some(Raw { stream });
        let answer = self.asks_to_go_on().await;
        assert!(matches!(answer, Answer::Welcome { .. }), "{answer:?}");
        self.acks().await;
    }

    async fn greet(&mut self, hello: &Hello<'_>) -> Answer {
        let mut bytes = Vec::new();
        hello.encode(&mut bytes);
        self.raw().write(&bytes).await;
        match self.raw().frame().await {
            Some((kind::WELCOME, payload)) => {
                let welcome = Welcome::decode(&payload).unwrap();
                assert_eq!(welcome.resumed, hello.resume);
                if hello.resume {
                    assert_eq!(welcome.session, self.session);
                }
                (self.session, self.connection) = (welcome.session, welcome.connection);
                self.token = welcome.token.to_vec();
                self.server_saw = ServerSaw::find(&welcome.extensions);
                Answer::Welcome {
                    received: welcome.received,
                }
            }
            Some((kind::GOODBYE, payload)) => {
                let goodbye = Goodbye::decode(&payload).unwrap();
                let (code, over) = (goodbye.code, goodbye.over);
                self.goodbye = Some(Goodbye {
                    address: goodbye.address.into_owned().into(),
                    reason: goodbye.reason.into_owned().into(),
                    ..goodbye
                });
                Answer::Goodbye { code, over }
            }
            Some((kind, _)) => panic!("frame {kind} in place of a welcome"),
            None => Answer::Nothing,
        }
    }

    /// Tells the server how many frames came.
    pub(crate) async fn acks(&mut self) {
        let mut bytes = Vec::new();
        let received = self.received.len() as u64;
        Ack { received }.encode(&mut bytes);
        self.raw().write(&bytes).await;
    }

    /// Says a frame.
    pub(crate) async fn says(&mut self, payload: &[u8]) {
        self.said.push(payload.to_vec());
        self.raw().write(&data(payload)).await;
    }

    /// Waits for the next frame of the game.
    pub(crate) async fn hears(&mut self) -> Vec<u8> {
        loop {
            let (kind, payload) = self.raw().frame().await.expect("a frame of the game");
            if kind == kind::DATA {
                self.received.push(payload.clone());
                return payload;
            }
        }
    }
}
