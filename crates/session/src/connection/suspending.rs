//! The client's half of a session that outlives its connections: how it leaves one connection, and asks to go on over
//! another one.

use std::sync::Arc;
use std::time::Duration;

use super::suspended::{Standing, Suspended};
use super::{Config, Connection, Role};
use crate::Time;
use crate::ending::Ending;
use crate::stream::Stream;
use crate::wire::{ExtensionsBuf, Hello, Previous};

impl Connection {
    /// Makes the client's end of a connection that was just made, over which a session asks to go on. The hello is queued:
    /// it names the session, its newest token and its count, and says how the connection before ended. `moved`: the
    /// client's address is another one than then.
    ///
    /// The end of this connection before its welcome leaves the session as it is. Such a client says no goodbye: to the
    /// server it would confirm a welcome that the client has not read.
    #[must_use]
    pub fn go_on(mut config: Arc<Config>, suspended: Suspended, moved: bool, now: Time) -> Self {
        let Suspended {
            stream,
            mut standing,
        } = suspended;
        let ticket = &mut standing.ticket;
        ticket.attempts = ticket.attempts.saturating_add(1);
        let mut extensions = ExtensionsBuf::default();
        let previous = Previous {
            connection: ticket.connection,
            attempt: ticket.attempts,
            ended_ms: millis(now.since(standing.ended)),
            moved,
            ..standing.previous
        };
        // The extensions of a hello have room for many times this one.
        previous.push(&mut extensions).ok();
        let frame_limit = standing.own_frame_limit;
        if config.limits.frame_bytes_max < frame_limit {
            // Frames up to the limit of the first hello may wait at the server.
            Arc::make_mut(&mut config).limits.frame_bytes_max = frame_limit;
        }
        let ticket = &standing.ticket;
        let hello = Hello {
            resume: true,
            no_resume: false,
            session: *ticket.session.as_bytes(),
            received: stream.received(),
            token: &ticket.token,
            extensions: extensions.as_extensions(),
            ..Hello::new(&[], config.limits.frame_bytes_max)
        };
        let peer_frame_limit = standing.frame_limit;
        let mut connection = Self::client(config, &hello, now).resuming(stream);
        connection.peer_frame_limit = peer_frame_limit;
        connection.rare_mut().standing = Some(standing);
        connection
    }

    /// Client: whether the session outlives this connection, whose end was told, and is still in it: then it can be taken
    /// out ([`Connection::suspend`]).
    #[must_use]
    pub fn may_suspend(&self) -> bool {
        let Some(rare) = &self.rare else { return false };
        let has_right = rare.standing.is_some() || rare.ticket.is_some();
        self.role == Role::Client && rare.delivery.departed && has_right && self.lives_on()
    }

    /// Client: takes the session out of a connection that it outlives, and that ended like this. The connection only says its
    /// last words from then on.
    #[must_use]
    pub fn suspend(&mut self, ending: &Ending) -> Option<Suspended> {
        if !self.may_suspend() {
            return None;
        }
        let standing = match self.rare_mut().standing.take() {
            Some(before) => before,
            None => Box::new(self.stand(ending)?),
        };
        self.rare_mut().ticket = None;
        let stream = self.take_stream();
        Some(Suspended { stream, standing })
    }

    /// Returns the session apart from its frames, after this end.
    fn stand(&self, ending: &Ending) -> Option<Standing> {
        let goodbye = ending.peer_goodbye.as_ref();
        let silence = ending.evidence.last_byte_in.unwrap_or_default();
        let we_paused = ending.decided.as_ref().is_some_and(|close| close.paused);
        let ticket = self.ticket()?.clone();
        Some(Standing {
            frame_limit: self.peer_frame_limit,
            own_frame_limit: self.config.limits.frame_bytes_max,
            is_secured: self.config.tls,
            timing: self.timing(),
            previous: Previous {
                cause: ending.verdict.cause.code(),
                goodbye: goodbye.map_or(0, |goodbye| goodbye.code),
                silence_ms: millis(silence),
                paused: we_paused,
                ..Previous::default()
            },
            ended: ending.verdict.at,
            ticket,
        })
    }

    /// Client: the session that asks to go on over this connection, until its welcome: its id.
    #[must_use]
    pub fn asks_for(&self) -> Option<[u8; 16]> {
        let standing = self.rare.as_ref()?.standing.as_ref()?;
        Some(*standing.ticket.session.as_bytes())
    }

    /// Whether the welcome to a hello that resumes is still to come, and the session is not to end.
    pub(super) fn is_resuming(&self) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| rare.resuming.is_some() && rare.fate.is_none())
    }

    /// The client's hellos for this session that asked to go on.
    pub(super) fn attempts(&self) -> u32 {
        let standing = self.rare.as_ref().and_then(|rare| rare.standing.as_ref());
        standing.map_or(0, |standing| standing.ticket.attempts)
    }

    /// The frames and counts of the session: until the welcome of a resume, they are not yet those of this connection.
    pub(super) fn session_stream(&self) -> &Stream {
        let rare = self.rare.as_ref();
        rare.and_then(|rare| rare.resuming.as_deref())
            .unwrap_or(&self.stream)
    }

    pub(super) fn session_stream_mut(&mut self) -> &mut Stream {
        let rare = self.rare.as_mut();
        rare.and_then(|rare| rare.resuming.as_deref_mut())
            .unwrap_or(&mut self.stream)
    }
}

fn millis(time: Duration) -> u32 {
    u32::try_from(time.as_millis()).unwrap_or(u32::MAX)
}
