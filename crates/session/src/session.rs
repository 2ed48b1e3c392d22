//! A session that may outlive its connections: the connection that it has, and the time without one.

use std::time::Duration;

use crate::connection::{Admission, Connection, Host, Linger, Next, Readings};
use crate::resume::{Knock, Refusal};
use crate::{Cause, Close, DepartureCause, Ending, Message, Requests, SessionId, Time};

/// The owner of a session, from its first connection on.
///
/// The session's one task drives it: over a socket while it has a connection, and without one while it is away. Newcomers
/// are connections of other tasks, whose hello asked to go on with this session. The owner takes or refuses them
/// ([`Session::knock`]), and hands an older connection back, which then only says its last words.
#[derive(Debug)]
pub struct Session {
    /// While the session is away, the last one: it is closed, and keeps the frames that wait.
    connection: Connection,
}

/// How a session goes on after [`Session::drive`].
#[derive(Debug)]
pub enum Progress {
    /// Nothing is ready: until this time has passed, or the host has something.
    Wait(Duration),
    /// More is ready, and others have their turn first.
    Yield,
    /// Its connection has ended, with this record, and the session waits for its player: it is driven on.
    Away(Box<Ending>),
    /// The session is over. The record is that of a connection that ended with it.
    Over(DepartureCause, Option<Box<Ending>>),
}

/// The answer to a knock.
#[derive(Debug)]
pub enum Knocked {
    /// The session goes on with the newcomer.
    Adopted {
        /// The older connection. Drive it to its end, without the game, unless the session was away: then its record was
        /// taken.
        older: Connection,
        /// The loss of the older connection, where the game has not heard of it. It must hear of it now, since the next event
        /// is that the player is back.
        lost: Option<Box<Ending>>,
    },
    /// It does not, and nothing has changed.
    Refused {
        /// The newcomer: drive it to its end, since it says why.
        newcomer: Connection,
        /// Why not.
        refusal: Refusal,
    },
}

impl Session {
    /// The session of this connection, which may be in any phase.
    #[must_use]
    pub fn new(connection: Connection) -> Self {
        Self { connection }
    }

    /// Returns the connection, which goes to another session.
    #[must_use]
    pub fn into_connection(self) -> Connection {
        self.connection
    }

    /// Returns the connection: the last one while the session is away.
    #[must_use]
    pub fn connection(&self) -> &Connection {
        &self.connection
    }

    /// The same, to use it.
    pub fn connection_mut(&mut self) -> &mut Connection {
        &mut self.connection
    }

    /// Does everything that is ready. A session that is away takes mail, and looks at the clock: of the host's methods, only
    /// those that do not need a socket are called then.
    pub fn drive(&mut self, host: &mut impl Host) -> Progress {
        if self.connection.is_over() {
            return self.wait(host);
        }
        let next = self.connection.drive(host);
        if let Some((cause, by)) = self.connection.tell_over() {
            let unsent = host.close_mail(true);
            host.left(cause, by, unsent);
        }
        match next {
            Next::Wait(left) => Progress::Wait(left),
            Next::Yield => Progress::Yield,
            Next::Closed(ending) if self.connection.lives_on() => Progress::Away(ending),
            Next::Closed(ending) => {
                let over = self.connection.over_behind_loss();
                let cause = over.unwrap_or(ending.verdict.cause.into());
                Progress::Over(cause, Some(ending))
            }
        }
    }

    /// Takes a newcomer whose token was checked ([`Claim::knock`](crate::Claim::knock)), or refuses it. `readings` are those of
    /// the connection that the session has.
    #[must_use]
    pub fn knock(
        &mut self,
        now: Time,
        mut newcomer: Connection,
        (session, knock): (SessionId, &Knock),
        readings: Readings,
    ) -> Knocked {
        let session_goes_on = self.connection.check_knock(now, knock).and_then(|()| {
            self.connection.conclude_seen_end(now, readings);
            self.connection.check_knock(now, knock)
        });
        if let Err(refusal) = session_goes_on {
            newcomer.end(now, &refusal.close());
            return Knocked::Refused { newcomer, refusal };
        }
        let admission = Admission {
            session: *session.as_bytes(),
            timing: self.connection.timing(),
            resume_window: None,
        };
        let session = &mut self.connection;
        let mut older = session.resume_with(now, newcomer, &admission, knock);
        let lost = older.tell_loss(now, &readings).map(Box::new);
        Knocked::Adopted { older, lost }
    }

    /// Tells the game of a loss that [`Session::knock`] returned. What the game sends now is for the newer connection.
    pub fn tell_loss(
        &mut self,
        host: &mut impl Host,
        now: Time,
        (older, ending): (&mut Connection, Ending),
    ) {
        if self.connection.lose(host, now, ending) == Linger::Refused {
            older.does_not_linger(now);
        }
    }

    /// Changes how long an away session waits from now on, at most 24 h. Without effect while it has a connection.
    pub fn hold(&mut self, now: Time, time: Duration) {
        if let Some(resume) = self.connection.resume_mut() {
            resume.hold(now, time);
        }
    }

    /// The session is away: others may leave frames, or end it, and one day its window is over.
    fn wait(&mut self, host: &mut impl Host) -> Progress {
        let (now, _) = host.now();
        if let Some(mail) = host.mail() {
            if let Some(mut queue) = mail.queue {
                self.connection.adopt(now, &mut queue);
                host.recycle(queue);
                host.queued(self.connection.backlog());
            }
            if let Some(time) = mail.requests.hold {
                self.hold(now, time);
            }
            if mail.requests.report {
                let so_far = self.connection.so_far(now, &Readings::default());
                host.reported(so_far);
            }
            if let Some(close) = decision(&mail.requests) {
                return self.over(host, close.cause.into(), Some(close));
            }
        }
        let resume = self.connection.resume();
        match resume.filter(|resume| !resume.is_expired(now)) {
            None => self.over(host, DepartureCause::ResumeExpired, None),
            Some(resume) => {
                let until = resume.poll_timeout();
                host.wake_by(now, until);
                Progress::Wait(until.since(now))
            }
        }
    }

    fn over(&mut self, host: &mut impl Host, cause: DepartureCause, by: Option<Close>) -> Progress {
        let mut unsent = host.close_mail(true);
        unsent += self.connection.drop_what_waits();
        host.left(cause, by, unsent);
        Progress::Over(cause, None)
    }
}

/// The decision about a session that has no connection, if there is one.
fn decision(requests: &Requests) -> Option<Close> {
    if let Some(close) = &requests.close {
        return Some(Close::clone(close));
    }
    if requests.abort {
        return Some(Close::new(Cause::ClosedByGame));
    }
    let message = requests.drain_expired.as_ref()?;
    Some(Close::with(Cause::DrainExpired, Message::clone(message)))
}
