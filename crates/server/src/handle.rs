//! The handle: a game's access to its sessions from outside of them, on any thread, without a runtime.

use std::any::Any;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

use lastword_session::{Cause, Diagnosis, Phase, RoundTrip, SendError, Time, encode_data};
use lastword_transport::{Mailbox, Request, tune};
use socket2::Socket;

use crate::core::Core;
use crate::id::slot_of;
use crate::{Bound, Group, Kick, Portrait, SessionId, drain};

/// Gives access to a running server, and can be cloned. Nothing here blocks.
#[derive(Clone, Debug)]
pub struct ServerHandle {
    pub(crate) core: Arc<Core>,
}

/// The error for an id that no live session here has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there is no live session with this id")]
pub struct NoSuchSession;

/// One snapshot of a server's counts. Both laws hold in it: opened = open + Σ disconnects, and joined = sessions open +
/// Σ departures.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stats {
    /// Connections accepted so far.
    pub connections_opened: u64,
    /// Connections open now.
    pub connections_open: u64,
    /// Sessions joined so far.
    pub sessions_joined: u64,
    /// Sessions open now.
    pub sessions_open: u64,
    /// Ends by cause and phase, without those that are zero.
    pub disconnects: Vec<(Cause, Phase, u64)>,
    /// Departures by their last cause, without those that are zero.
    pub departures: Vec<(Cause, u64)>,
    /// Failures of accept by kind, without those that are zero.
    pub accept_errors: Vec<(&'static str, u64)>,
    /// Players to whom the authenticator gave a cohort that `metrics.cohorts` does not declare.
    pub unknown_cohorts: u64,
    /// Players to whom the authenticator gave a profile that is neither built in nor in `liveness.profiles`.
    pub unknown_profiles: u64,
    /// Data frames in and out.
    pub frames: (u64, u64),
    /// Raw bytes in and out.
    pub bytes: (u64, u64),
    /// How often a peer became suspect, by the diagnosis of its silence, without those that are zero.
    pub suspects: Vec<(Diagnosis, u64)>,
    /// Sessions whose peer is suspect now, by the diagnosis of its silence, without those that are zero.
    pub suspected: Vec<(Diagnosis, u64)>,
    /// Sessions whose reading is paused, because the game is not taking their frames.
    pub inbound_paused: u64,
    /// Events that wait for the game to tick.
    pub events_waiting: usize,
    /// How long this process was late in all, because it was starved or stopped, or its machine was paused. This time
    /// does not count as peer silence. A delay of less than 20 ms does not count.
    pub local_stall: Duration,
    /// The greatest lateness of the 100 ms sweep in the last 30 to 60 s.
    pub runtime_lag: Duration,
    /// The server's pings that were answered; it sends one per eight heartbeats of each session.
    pub round_trips: u64,
    /// The mean round trip of these pings; zero before the first answer.
    pub round_trip_mean: Duration,
}

impl Stats {
    /// Returns the number of ends with this cause, in any phase.
    #[must_use]
    pub fn ended_by(&self, cause: Cause) -> u64 {
        self.disconnects
            .iter()
            .filter(|(of, ..)| *of == cause)
            .map(|(.., count)| count)
            .sum()
    }

    /// Returns whether both laws hold.
    #[must_use]
    pub fn laws_hold(&self) -> bool {
        let ended: u64 = self.disconnects.iter().map(|(.., count)| count).sum();
        let departed: u64 = self.departures.iter().map(|(_, count)| count).sum();
        self.connections_opened == self.connections_open + ended
            && self.sessions_joined == self.sessions_open + departed
    }
}

impl ServerHandle {
    /// Returns the address that clients connect to, with the port that was bound.
    #[must_use]
    pub fn local_addr(&self) -> SocketAddr {
        self.core.local_addr
    }

    /// Returns the address of the admin port, if there is one.
    #[must_use]
    pub fn admin_addr(&self) -> Option<SocketAddr> {
        self.core.admin_addr.get().copied()
    }

    /// Returns the address of the port for scrapers, if they have their own.
    #[must_use]
    pub fn metrics_addr(&self) -> Option<SocketAddr> {
        self.core.metrics_addr.get().copied()
    }

    /// Accepts players on one more listener, which the caller has bound: for a socket from a supervisor, a second
    /// address, or another network namespace. It gets the socket options of the server's own listener, and is closed
    /// with it.
    ///
    /// # Errors
    /// The system refuses an option, the server has ended, or it was given 255 listeners already.
    pub fn adopt(&self, listener: TcpListener) -> io::Result<()> {
        if self.core.ended.is_set() {
            return Err(io::Error::other("the server has ended"));
        }
        let socket = Socket::from(listener);
        socket.set_nonblocking(true)?;
        let own = self.core.knobs.first();
        own.map_or(Ok(()), |knobs| tune(&socket, knobs))?;
        self.core.doors.add(socket.into())
    }

    /// Returns how soon each silent cause is noticed at the latest, by profile: the configuration's bounds on this
    /// kernel.
    #[must_use]
    pub fn detection_bounds(&self) -> &[Bound] {
        &self.core.bounds
    }

    /// Describes a live session. Returns `None` if no live session has this id, or if it ends before it answers. The
    /// session's own task answers at its next turn.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn portrait(&self, session: SessionId) -> Option<Portrait> {
        // The question is stored before the session is looked up: an end in between then withdraws it.
        let answer = self.core.questions.ask(session);
        match self.mailbox_of(session) {
            Some(mailbox) => mailbox.request(Request::Report),
            None => self.core.questions.drop_all(session),
        }
        answer.await.ok()
    }

    /// Queues a frame for a session. Between the session's end and the report of it to the game, a frame is accepted as
    /// by [`Session::send`](crate::Session::send).
    ///
    /// # Errors
    /// [`SendError::Closed`] also if no live session here has this id; see [`SendError`] for the others.
    pub fn send(&self, session: SessionId, payload: &[u8]) -> Result<(), SendError> {
        let mailbox = self.place_of(session).ok_or(SendError::Closed)?;
        mailbox.send_to(session.as_bytes(), self.core.clock, payload)
    }

    /// Queues a frame for each of these sessions, and encodes it once. Returns how many took it.
    pub fn broadcast(
        &self,
        sessions: impl IntoIterator<Item = SessionId>,
        payload: &[u8],
    ) -> usize {
        let frame = self.encode(payload);
        let now = self.core.clock.now();
        let takes = |session: &SessionId| {
            self.place_of(*session).is_some_and(|mailbox| {
                let sent = mailbox.send_encoded_to(session.as_bytes(), now, payload.len(), &frame);
                sent.is_ok()
            })
        };
        sessions.into_iter().filter(takes).count()
    }

    /// Queues a frame for every live session, and encodes it once. Returns how many took it.
    pub fn broadcast_all(&self, payload: &[u8]) -> usize {
        let frame = self.encode(payload);
        let now = self.core.clock.now();
        let mut taken = 0;
        self.core.table.for_each(|mailbox| {
            taken += usize::from(mailbox.send_encoded(now, payload.len(), &frame).is_ok());
        });
        taken
    }

    /// Makes an empty group: a set of sessions for broadcasts.
    #[must_use]
    pub fn group(&self) -> Group {
        self.core.groups.group()
    }

    /// Returns the game's own value that the authenticator gave this session's player
    /// ([`Player::with_data`](crate::Player::with_data)). `None` if no such session is here, or it has no value, or the
    /// value has another type. A departed session has its value in its [`Departure`](crate::Departure).
    #[must_use]
    pub fn data<T: Any + Send + Sync>(&self, session: SessionId) -> Option<Arc<T>> {
        self.core.seats.find(session)?.data.of_type()
    }

    /// Kicks a player: `kicked`. Queued frames are dropped, and the client gets the reason.
    ///
    /// # Errors
    /// [`NoSuchSession`].
    pub fn kick(&self, session: SessionId, kick: Kick) -> Result<(), NoSuchSession> {
        self.request(session, Request::close(kick.into_close()))
    }

    /// Ends a session after its queued frames are sent: `closed_by_game`.
    ///
    /// # Errors
    /// [`NoSuchSession`].
    pub fn close(&self, session: SessionId, kick: Kick) -> Result<(), NoSuchSession> {
        self.request(session, Request::close(kick.into_orderly_close()))
    }

    /// Returns the round trip of a session's heartbeats, and how far the client's clock is ahead of
    /// [`ServerHandle::now`], as the client reports it. Both are learnt about a heartbeat after the session joined, and
    /// never on a dialect. `None` if no such session is live here.
    #[must_use]
    pub fn round_trip(&self, session: SessionId) -> Option<RoundTrip> {
        Some(self.mailbox_of(session)?.round_trip())
    }

    /// Returns the server's monotonic time, the same for all of its sessions. A game can put it into its states, and
    /// clients can then interpolate: they know how far it is ahead of their own clock (`Client::round_trip`).
    #[must_use]
    pub fn now(&self) -> Time {
        self.core.clock.now()
    }

    /// Drains the server: tells every client, gives clients time to leave, and says goodbye to the rest. Ends the
    /// server when all sessions are gone or the timeout is over. New connections are refused as `refused_draining`.
    ///
    /// # Cancel safety
    /// A dropped call has begun the drain nevertheless. A later call waits for the end of that drain and ignores its
    /// own timeout.
    pub async fn drain(&self, timeout: Duration) {
        self.begin_drain(timeout);
        self.closed().await;
    }

    /// Begins a drain as [`ServerHandle::drain`] does, and returns at once. It is for a tick loop, which continues to
    /// drain its events until [`Events::is_over`](crate::Events::is_over).
    pub fn begin_drain(&self, timeout: Duration) {
        drain::begin(&self.core, timeout);
    }

    /// Ends a drain, or the server, at once: sessions that are still open are cut off as `drain_expired`.
    pub fn expire(&self) {
        drain::expire(&self.core);
    }

    /// Waits until the server has ended, and up to a second for the sessions that were cut off with it.
    ///
    /// # Cancel safety
    /// Cancel safe, and may be called again.
    pub async fn closed(&self) {
        self.core.closed.wait().await;
    }

    /// Returns whether a drain has begun.
    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.core.is_draining()
    }

    /// Returns the drain timeout of the configuration.
    #[must_use]
    pub fn drain_timeout(&self) -> Duration {
        self.core.drain_timeout
    }

    /// Publishes one snapshot of the counts to the recorder and runs `also` before they can change, so both laws hold
    /// in the output of `also`.
    ///
    /// Until `also` returns, no session can join or end. `also` must not ask this server for its counts: it would
    /// deadlock.
    ///
    /// # Panics
    /// When the recorder or `also` panics; the counts do not change then.
    pub fn publish<R>(&self, also: impl FnOnce() -> R) -> R {
        self.core.publish(also)
    }

    /// Returns whether the server publishes its counts itself, every second and when it has ended. It does if its
    /// metrics go to the game's recorder or the process's, instead of an extension's.
    #[must_use]
    pub fn publishes_itself(&self) -> bool {
        self.core.publishes_itself
    }

    /// Returns one snapshot of the counts.
    #[must_use]
    pub fn stats(&self) -> Stats {
        let totals = self.core.traffic.read();
        let events_waiting = self.core.events_waiting();
        let suspects = Diagnosis::ALL.into_iter().zip(totals.suspects);
        let suspected = Diagnosis::ALL.into_iter().zip(totals.suspected);
        let cohorts = self.core.cohorts.count();
        let [round_trips, in_all] = totals.round_trips;
        let [unknown_cohorts, unknown_profiles] = self.core.unknown_names();
        self.core.ledger.read(|counts| {
            let ends = Cause::ALL.into_iter().flat_map(|cause| {
                Phase::ALL.into_iter().map(move |phase| {
                    (
                        cause,
                        phase,
                        (0..cohorts)
                            .map(|cohort| counts.disconnects(cause, phase, cohort))
                            .sum(),
                    )
                })
            });
            let departures = Cause::ALL.into_iter().map(|cause| {
                (
                    cause,
                    (0..cohorts)
                        .map(|cohort| counts.departures(cause, cohort))
                        .sum(),
                )
            });
            Stats {
                connections_opened: counts.opened,
                connections_open: counts.open,
                sessions_joined: counts.joined,
                sessions_open: counts.sessions_open,
                disconnects: ends.filter(|(.., count)| *count > 0).collect(),
                departures: departures.filter(|(_, count)| *count > 0).collect(),
                accept_errors: counts
                    .accept_errors()
                    .filter(|(_, count)| *count > 0)
                    .collect(),
                unknown_cohorts,
                unknown_profiles,
                frames: totals.frames.into(),
                bytes: totals.bytes.into(),
                suspects: suspects.filter(|(_, count)| *count > 0).collect(),
                suspected: suspected.filter(|(_, count)| *count > 0).collect(),
                inbound_paused: totals.paused,
                events_waiting,
                local_stall: self.core.table.stalled_total(),
                runtime_lag: self.core.table.lag(),
                round_trips,
                round_trip_mean: Duration::from_micros(in_all / round_trips.max(1)),
            }
        })
    }

    fn request(&self, session: SessionId, request: Request) -> Result<(), NoSuchSession> {
        self.mailbox_of(session)
            .ok_or(NoSuchSession)?
            .request(request);
        Ok(())
    }

    pub(crate) fn mailbox_of(&self, session: SessionId) -> Option<Arc<Mailbox>> {
        self.core.mailbox_of(session)
    }

    /// The mailbox in this session's slot, which may belong to another session.
    fn place_of(&self, session: SessionId) -> Option<Arc<Mailbox>> {
        self.core.table.find(slot_of(session))
    }

    pub(crate) fn encode(&self, payload: &[u8]) -> Vec<u8> {
        let mut frame = Vec::with_capacity(payload.len() + lastword_session::wire::HEADER_LEN);
        encode_data(&self.core.session.framing, payload, &mut frame);
        frame
    }
}
