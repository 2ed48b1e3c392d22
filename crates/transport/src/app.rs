//! The interface between a connection and its owner: a session of the server or of the client.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lastword_keepalive::KernelKnobs;
use lastword_session::{
    Admission, Claim, Close, Connection, DepartureCause, Dropped, Ending, Evidence, Linger, Link,
    Outbound, Proxied, Refusal, Resume, Room, RoundTrip, SendError, Suspended, Ticket, Time,
    Timing, Traffic, wire::Notice,
};

use crate::{Carried, Mailbox, Newcomer, Returned};

/// The owner for which a connection is driven. All calls come from the connection's own task, one at a time.
///
/// A panic in `joined`, `frame`, `link` or `notice` is caught: it ends only this connection, as `handler_panicked`.
pub trait App: Send + Unpin + 'static {
    /// Server: takes the word of the PROXY header about the peer, before anything else of this connection. Returns why the
    /// peer is not let in, if it is not.
    fn proxied(&mut self, proxied: Proxied) -> Option<Close> {
        let _ = proxied;
        None
    }

    /// Server: takes the credentials of a peer that asks to be admitted.
    fn authenticate(&mut self, credentials: &[u8]);

    /// Server: returns whether the peer is admitted.
    fn poll_admission(&mut self, cx: &mut Context<'_>) -> Poll<Result<Admission, Close>>;

    /// Server: notes that the peer will not be admitted, so the authenticator need not answer. It may be called
    /// repeatedly.
    fn authentication_cancelled(&mut self) {}

    /// Server: returns the socket options of the admitted peer, if they differ from the options of its socket. Called
    /// once, before `joined`.
    fn knobs(&self) -> Option<KernelKnobs> {
        None
    }

    /// Client of a dialect: notes that the session is live, since TLS is secured. Without TLS it is live from the start.
    fn secured(&mut self) {}

    /// Notes that the session is live. Not called for a dialect's client.
    fn joined(&mut self, outbox: &mut Outbox<'_>, admission: &Admission);

    /// Notes that the session goes on with another connection, whose frames come next. Client: called in place of `joined`.
    fn back(&mut self, outbox: &mut Outbox<'_>) {
        let _ = outbox;
    }

    /// Returns ready while the game has room for another frame; until then the connection is not read.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Takes one frame of the game. Returns whether there is room for another, if that is known.
    fn frame(&mut self, outbox: &mut Outbox<'_>, payload: &[u8]) -> Room;

    /// Notes whether reading is paused because the game takes no further frames. Called each time the task has
    /// nothing left to do, and not at the end: a connection may end while paused.
    fn paused(&mut self, paused: bool) {
        let _ = paused;
    }

    /// Notes a change of the link of a live session: suspect or healthy again, congested or flowing, over or within its
    /// rate. Healthy comes before the frame that proves it.
    fn link(&mut self, outbox: &mut Outbox<'_>, link: Link);

    /// Client: takes an announcement.
    fn notice(&mut self, notice: &Notice<'_>);

    /// Notes that our ping was answered after this time.
    fn round_trip(&mut self, rtt: Duration) {
        let _ = rtt;
    }

    /// After the end was read, and after the verdict: returns ready once the game has taken every frame and asked for
    /// more. The wait for a game that takes no frames is limited.
    fn poll_delivered(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Returns how many frames the game has taken so far, to see whether it still takes them. As long as this is 0, the
    /// game does not read yet, and the departure waits for it only briefly.
    fn taken(&self) -> u64;

    /// Notes the traffic of this poll of the connection's task; called once a burst, for counters.
    fn traffic(&mut self, traffic: Traffic);

    /// Takes the evidence so far, which a caller requested with [`Request::Report`](crate::Request::Report). The
    /// connection may be ending already.
    fn reported(&mut self, so_far: Evidence) {
        let _ = so_far;
    }

    /// Notes that the game's code panicked: its state is dropped, and it is not called again.
    fn panicked(&mut self);

    /// Takes the departure: the cause is fixed, and the game has taken every frame from before the end. Returns
    /// whether the connection may stay open for its linger. Called once, before `closed`.
    fn departed(&mut self, ending: Ending) -> Linger {
        let _ = ending;
        Linger::Allowed
    }

    /// Client: notes that its session outlives this connection, whose end was told ([`App::departed`]). It can be taken out
    /// now: [`Outbox::suspend`].
    fn outlived(&mut self, outbox: &mut Outbox<'_>) {
        let _ = outbox;
    }

    /// Takes the complete record of the connection's end, with its one cause. Called once, as the last call.
    fn closed(&mut self, ending: Box<Ending>);

    /// Server: takes a hello that asks to go on with a session. The connection is handed over ([`App::hand_over`]) where the
    /// session may take it.
    ///
    /// # Errors
    /// The refusal. Default: there is no such session.
    fn claim(&mut self, claim: &Claim<'_>) -> Result<(), Close> {
        let _ = claim;
        Err(Refusal::Stale.close())
    }

    /// Server: takes the state of a session that may resume: before its welcome is written, and where the set of
    /// its valid tokens may have changed.
    fn resume(&mut self, resume: &Resume) {
        let _ = resume;
    }

    /// Server: takes the connection whose claim was let through, for the task of its session.
    fn hand_over(&mut self, carried: Box<Carried>) {
        drop(carried);
    }

    /// Server: returns what comes back for a connection that was handed over; `None` where nothing is left to do here. The
    /// mailbox is woken when it is there. `is_late`: it must be taken back now, unless the other task has it already.
    fn poll_returned(&mut self, is_late: bool) -> Poll<Option<Returned>> {
        let _ = is_late;
        Poll::Ready(None)
    }

    /// Server: returns the next connection that asks to go on with this session, since [`Request::Knock`](crate::Request).
    /// It is pending while the game has no room to be told of it.
    fn poll_newcomer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Newcomer>> {
        let _ = cx;
        Poll::Ready(None)
    }

    /// Server: the session goes on with the newcomer. `older` is the connection that it had, where that has not ended.
    fn adopted(&mut self, older: Option<Box<Carried>>) {
        drop(older);
    }

    /// Server: the session does not go on with the newcomer.
    fn refused(&mut self, newcomer: Box<Carried>, refusal: Refusal) {
        let _ = (newcomer, refusal);
    }

    /// Server: notes that the connection is lost and that its session waits for its player. Returns whether the connection
    /// may stay open for its linger.
    fn lost(&mut self, outbox: &mut Outbox<'_>, ending: Ending) -> Linger {
        let _ = outbox;
        self.departed(ending)
    }

    /// Takes the complete record of a lost connection's end. Returns whether this task goes on with its session.
    fn away(&mut self, ending: Box<Ending>) -> Continues {
        self.closed(ending);
        Continues::No
    }

    /// Server: takes the departure of a session whose connection was lost before, the decision that ended it, if there was
    /// one, and the frames that waited.
    fn left(&mut self, cause: DepartureCause, by: Option<Close>, unsent: Dropped) {
        let _ = (cause, by, unsent);
    }
}

/// Whether a task goes on with a session whose connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Continues {
    /// It does: the session may go on with another connection.
    Yes,
    /// It does not: another task has the session.
    No,
}

/// Sends frames and decisions while a frame is handled, without a lock or a task switch.
#[derive(Debug)]
pub struct Outbox<'a> {
    pub(crate) connection: &'a mut Connection,
    pub(crate) mailbox: &'a Arc<Mailbox>,
    pub(crate) now: Time,
}

impl Outbox<'_> {
    /// Queues a frame for the peer; `how` is `None` for the session's policy. All frames that are queued while one burst is
    /// handled leave in one write, or in several where more than 64 KiB wait.
    ///
    /// # Errors
    /// [`SendError::TooLarge`], [`SendError::Closed`], or [`SendError::QueueFull`]: the frame is not taken. A droppable
    /// frame without room is dropped; this is no error.
    pub fn send(&mut self, how: Option<Outbound>, payload: &[u8]) -> Result<(), SendError> {
        let how = how.unwrap_or_else(|| self.mailbox.policy().into());
        let sent = self.connection.send_as(self.now, how, payload);
        if sent == Err(SendError::QueueFull) {
            self.mailbox.count_refused();
        }
        sent
    }

    /// Ends the connection.
    pub fn close(&mut self, close: &Close) {
        self.connection.end(self.now, close);
    }

    /// Client: takes the session out of a connection that it outlives and that ended like this, with the frames that others
    /// left for it. From then on the mailbox refuses frames. No other thread may send meanwhile: its frame could be lost.
    pub fn suspend(&mut self, ending: &Ending) -> Option<Suspended> {
        if let Some(mut queue) = self.mailbox.close_with_queue() {
            self.connection.adopt(self.now, &mut queue);
        }
        self.connection.suspend(ending)
    }

    /// Client: returns its right to go on with the session on another connection, if it has one.
    #[must_use]
    pub fn ticket(&self) -> Option<&Ticket> {
        self.connection.ticket()
    }

    /// Returns heartbeat and dead limit.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.connection.timing()
    }

    /// Returns the mailbox, which any thread can use, also after this call.
    #[must_use]
    pub fn mailbox(&self) -> &Arc<Mailbox> {
        self.mailbox
    }

    /// Returns when the frame being handled was read, on the real clock.
    #[must_use]
    pub fn now(&self) -> Time {
        self.connection.real(self.now)
    }

    /// Returns the number of the connection in its session, from 1.
    #[must_use]
    pub fn connection_number(&self) -> u32 {
        self.connection.number()
    }

    /// Returns the round trip and clock offset learnt from pongs.
    #[must_use]
    pub fn round_trip(&self) -> RoundTrip {
        self.connection.round_trip()
    }
}
