//! The client's part of the session across its connections. Only here, its stream changes hands.

use std::sync::Arc;

use lastword_session::wire::{ExtensionsBuf, Hello, Previous};
use lastword_session::{Cause, Config, Connection, Ending, Stream, Ticket, Time};

use super::support::HELLO;

#[derive(Debug, Default)]
pub(crate) struct Client {
    ticket: Option<Ticket>,
    /// While there is no connection.
    stream: Option<Stream>,
    attempt: u32,
    /// The dials since the session was last live.
    pub(crate) tries: u32,
    /// The session is over, as far as the client knows.
    pub(crate) is_over: bool,
}

impl Client {
    /// Says hello on a connection that was just made.
    pub(crate) fn dial(&mut self, config: Arc<Config>, now: Time) -> Connection {
        self.tries += 1;
        let Some((stream, ticket)) = self.stream.take().zip(self.ticket.as_ref()) else {
            return Connection::client(config, &WILLING, now);
        };
        self.attempt += 1;
        let mut extensions = ExtensionsBuf::default();
        let previous = Previous {
            connection: ticket.connection,
            attempt: self.attempt,
            ..Previous::default()
        };
        previous.push(&mut extensions).expect("there is room");
        let hello = Hello {
            resume: true,
            session: *ticket.session.as_bytes(),
            received: stream.received(),
            token: &ticket.token,
            extensions: extensions.as_extensions(),
            ..WILLING
        };
        Connection::client(config, &hello, now).resuming(stream)
    }

    /// Takes note of a welcome.
    pub(crate) fn is_welcome(&mut self, connection: &Connection) {
        self.ticket = connection.ticket().cloned();
        self.tries = 0;
    }

    /// Takes note of the end of a connection.
    pub(crate) fn hears_end(&mut self, connection: &Connection, ending: &Ending) {
        let told = ending.peer_goodbye.as_ref();
        let is_refused =
            told.is_some_and(|told| told.over && told.code == Cause::ResumeRefused.code());
        let was_live = ending.verdict.phase == lastword_session::Phase::Live;
        self.is_over = is_refused || self.ticket.is_none() || was_live && !connection.lives_on();
    }

    /// Takes the session out of a connection, which is over for the client.
    pub(crate) fn leaves(&mut self, connection: &mut Connection) {
        match self.ticket.is_some() {
            true => self.stream = Some(connection.take_stream()),
            false => self.is_over = true,
        }
    }

    /// A hello for this session whose token was changed by one bit.
    pub(crate) fn forged(&self, bit: u64) -> Option<Vec<u8>> {
        let ticket = self.ticket.as_ref()?;
        let mut token = ticket.token.to_vec();
        let bit = usize::try_from(bit).expect("it fits") % (8 * token.len());
        token[bit / 8] ^= 1 << (bit % 8);
        let hello = Hello {
            resume: true,
            session: *ticket.session.as_bytes(),
            token: &token,
            ..WILLING
        };
        Some(super::support::encoded(|out| hello.encode(out)))
    }
}

pub(crate) const WILLING: Hello<'static> = Hello {
    no_resume: false,
    ..HELLO
};
