//! A client's session, a server's session, and the line between them.

use std::sync::Arc;
use std::time::Duration;

use lastword_session::{Close, Config, Connection, Outbound, Time};

use super::game::Answer;
use super::host::Host;
use super::pipe::Pipe;
use super::setting::{ADMISSION, HELLO, START};

pub(crate) struct Pair {
    pub(crate) now: Time,
    pub(crate) client: Host,
    pub(crate) server: Host,
    pub(crate) up: Pipe,
    pub(crate) down: Pipe,
}

impl Pair {
    /// Both ends of a connection that was just made.
    pub(crate) fn new() -> Self {
        Self::with(Config::default(), Answer::Admit(ADMISSION))
    }

    pub(crate) fn with(config: Config, answer: Answer) -> Self {
        let config = Arc::new(config);
        let client = Connection::client(Arc::clone(&config), &HELLO, START);
        Self {
            now: START,
            client: Host::new(client, Answer::Wait),
            server: Host::new(Connection::server(config, START), answer),
            up: Pipe::default(),
            down: Pipe::default(),
        }
    }

    /// Both ends of a session that just joined.
    pub(crate) fn live() -> Self {
        let mut pair = Self::new();
        pair.run();
        assert!(pair.client.connection().is_live() && pair.server.connection().is_live());
        pair.client.seen.clear();
        pair.server.seen.clear();
        pair
    }

    /// Does everything that is ready at this moment.
    pub(crate) fn run(&mut self) {
        for _ in 0..TURNS_MAX {
            let client = self.client.turn(self.now, &mut self.down, &mut self.up);
            let server = self.server.turn(self.now, &mut self.up, &mut self.down);
            if !client && !server {
                return;
            }
        }
        panic!("it never comes to rest");
    }

    /// Lets time pass, from one deadline or arrival to the next.
    pub(crate) fn advance(&mut self, time: Duration) {
        self.run();
        let end = self.now + time;
        loop {
            let next = [
                self.client.wake_at,
                self.server.wake_at,
                self.up.next_arrival(self.now),
                self.down.next_arrival(self.now),
            ];
            let next = next.into_iter().min().expect("there are four");
            if next > end {
                break;
            }
            self.now = self.now.max(next);
            self.run();
        }
        self.now = end;
        self.run();
    }

    pub(crate) fn client_sends(&mut self, payload: &[u8]) {
        self.client
            .connection_mut()
            .send_as(self.now, Outbound::Kept, payload)
            .expect("it is taken");
        self.run();
    }

    pub(crate) fn server_sends(&mut self, payload: &[u8]) {
        self.server
            .connection_mut()
            .send_as(self.now, Outbound::Kept, payload)
            .expect("it is taken");
        self.run();
    }

    pub(crate) fn server_closes(&mut self, close: &Close) {
        let close = Some(Arc::new(close.clone()));
        self.server.mailbox.requests.close = close;
        self.run();
    }

    pub(crate) fn client_closes(&mut self, close: &Close) {
        let close = Some(Arc::new(close.clone()));
        self.client.mailbox.requests.close = close;
        self.run();
    }

    pub(crate) fn cut(&mut self) {
        self.up.is_cut = true;
        self.down.is_cut = true;
    }
}

const TURNS_MAX: usize = 1_000_000;
