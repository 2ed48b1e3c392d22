//! A description of a live session, on request. The session's own task answers, so nothing is stored for sessions
//! that are not asked for.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Mutex;
use std::time::Duration;

use lastword_keepalive::ProfileName;
use lastword_session::{Diagnosis, Evidence, SessionId};
use lastword_transport::Clock;
use tokio::sync::oneshot;

use super::Books;
use crate::guard::lock;
use crate::player::{LinkFlag, SessionIdentity, printable};

/// A live session, as it was when its own task took its turn.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionStatus {
    /// The session.
    pub session: SessionId,
    /// The player's name or id, with control and invisible characters written as `<U+001B>`; `None` for a player
    /// without a name.
    pub player: Option<String>,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The cohort, if the player has one.
    pub cohort: Option<String>,
    /// The liveness profile.
    pub profile: Option<ProfileName>,
    /// The current diagnosis of the peer's silence; `None` is healthy.
    pub suspected: Option<Diagnosis>,
    /// How long it has waited for its player; `None` if its player is here. A suspended session has no connection, or one
    /// that the player has not confirmed. Its age, bytes and frames are those of its last connection.
    pub suspended_for: Option<Duration>,
    /// Whether its reading is paused, because the game is not taking its frames.
    pub inbound_paused: bool,
    /// Whether it is congested: its peer reads more slowly than the game sends.
    pub congested: bool,
    /// Whether its peer is over its rate, so that its frames wait.
    pub rate_limited: bool,
    /// Time since the connection was accepted.
    pub age: Duration,
    /// Time since the session joined, to a tenth of a second.
    pub live_for: Duration,
    /// The round trip: of the heartbeat if there was one, otherwise of the kernel.
    pub rtt: Option<Duration>,
    /// Time since the last byte in.
    pub last_byte_in: Option<Duration>,
    /// Data frames in and out.
    pub frames: (u64, u64),
    /// Raw bytes in and out.
    pub bytes: (u64, u64),
    /// Bytes queued here and not written yet.
    pub bytes_queued: u64,
    /// Bytes written and not yet acknowledged by the peer's kernel, if our kernel reports them.
    pub bytes_unacked: Option<u64>,
}

/// Callers that wait for an answer, by session.
#[derive(Debug, Default)]
pub(crate) struct StatusRequests(Mutex<HashMap<SessionId, Vec<oneshot::Sender<SessionStatus>>>>);

impl StatusRequests {
    pub(crate) fn ask(&self, session: SessionId) -> oneshot::Receiver<SessionStatus> {
        let (ask, answer) = oneshot::channel();
        lock(&self.0).entry(session).or_default().push(ask);
        answer
    }

    fn answer(&self, session: SessionId, status: impl FnOnce() -> SessionStatus) {
        let Some(askers) = lock(&self.0).remove(&session) else {
            return;
        };
        let status = status();
        for asker in askers {
            // A caller that stopped waiting needs no answer.
            asker.send(status.clone()).ok();
        }
    }

    /// Drops the requests about a session that will not answer.
    pub(crate) fn drop_all(&self, session: SessionId) {
        let mut status_requests = lock(&self.0);
        if !status_requests.is_empty() {
            status_requests.remove(&session);
        }
    }
}

impl Books {
    /// Answers the callers that wait for this session to describe itself.
    pub(crate) fn describe(
        &self,
        identity: &SessionIdentity,
        profile: Option<ProfileName>,
        suspended_for: Option<Duration>,
        inbound_paused: bool,
        so_far: &Evidence,
    ) {
        let player = identity.player.as_deref();
        self.status_requests
            .answer(identity.session, || SessionStatus {
                session: identity.session,
                player: player.map(|name| printable(name).into_owned()),
                remote: identity.remote().addr,
                cohort: self.cohorts.name(identity.cohort).cloned(),
                profile,
                suspected: identity.suspicion.read(),
                suspended_for,
                inbound_paused,
                congested: identity.link.has(LinkFlag::Congested),
                rate_limited: identity.link.has(LinkFlag::RateLimited),
                age: so_far.age,
                live_for: identity.joined.live_for(Clock::real()),
                rtt: so_far.rtt,
                last_byte_in: so_far.last_byte_in,
                frames: (so_far.frames_in, so_far.frames_out),
                bytes: (so_far.bytes_in, so_far.bytes_out),
                bytes_queued: so_far.bytes_unsent,
                bytes_unacked: so_far.bytes_unacked,
            });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(session: SessionId) -> SessionStatus {
        SessionStatus {
            session,
            player: None,
            remote: SocketAddr::from(([127, 0, 0, 1], 1)),
            cohort: None,
            profile: None,
            suspected: None,
            suspended_for: None,
            inbound_paused: false,
            congested: false,
            rate_limited: false,
            age: Duration::ZERO,
            live_for: Duration::ZERO,
            rtt: None,
            last_byte_in: None,
            frames: (0, 0),
            bytes: (0, 0),
            bytes_queued: 0,
            bytes_unacked: None,
        }
    }

    #[tokio::test]
    async fn each_caller_gets_the_status_of_its_own_session() {
        let status_requests = StatusRequests::default();
        let [ann, bob] = [1, 2].map(|id| SessionId::from_bytes([id; 16]));
        let asked = [status_requests.ask(ann), status_requests.ask(ann)];
        let mut other = status_requests.ask(bob);
        status_requests.answer(ann, || status(ann));
        for answer in asked {
            assert_eq!(answer.await, Ok(status(ann)));
        }
        assert!(other.try_recv().is_err());
        status_requests.answer(ann, || panic!("no caller is left"));
    }

    #[tokio::test]
    async fn an_end_drops_the_requests_for_its_session() {
        let status_requests = StatusRequests::default();
        let ann = SessionId::from_bytes([1; 16]);
        let asked = status_requests.ask(ann);
        status_requests.drop_all(ann);
        assert!(asked.await.is_err());
        assert!(lock(&status_requests.0).is_empty());
    }
}
