//! What a connection's owner serves: the seam to the server's sessions and to the client's.

use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use lastword_keepalive::KernelKnobs;
use lastword_session::{
    Admission, ClockOffset, Close, Ending, Evidence, Link, SendError, Session, Time, Traffic,
    wire::Notice,
};

use crate::Mailbox;

/// Whoever a connection is driven for. All calls come from the connection's own task, one at a time.
///
/// A panic in `joined`, `frame`, `link` or `notice` is caught: it ends this connection only, as `handler_panicked`.
pub trait App: Send + Unpin + 'static {
    /// Server: takes the credentials of a peer that asks to be let in.
    fn authenticate(&mut self, credentials: &[u8]);

    /// Server: says whether the peer is let in.
    fn poll_admission(&mut self, cx: &mut Context<'_>) -> Poll<Result<Admission, Close>>;

    /// Server: the peer is not let in any more; who was asked need not answer. Called again and again.
    fn dismissed(&mut self) {}

    /// Server: the socket options of the peer that was let in, where they are not those that its socket has. Asked once,
    /// before `joined`.
    fn knobs(&self) -> Option<KernelKnobs> {
        None
    }

    /// The session is live. Not called where it was from the start, as a dialect's client is.
    fn joined(&mut self, outbox: &mut Outbox<'_>, admission: &Admission);

    /// Whether another frame would be taken; while it is not, nothing is read.
    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// Takes one frame of the game. Says whether another would be taken, where it knows.
    fn frame(&mut self, outbox: &mut Outbox<'_>, payload: &[u8]) -> Room;

    /// Reading is paused, since no more frames are taken, or goes on. A connection may end paused.
    fn paused(&mut self, paused: bool) {
        let _ = paused;
    }

    /// The link of a live session became suspect, or healthy again; healthy before the frame that shows it.
    fn link(&mut self, outbox: &mut Outbox<'_>, link: Link);

    /// Client: takes an announcement.
    fn notice(&mut self, notice: &Notice<'_>);

    /// A ping of ours was answered after this time.
    fn round_trip(&mut self, rtt: Duration) {
        let _ = rtt;
    }

    /// After the end was read: whether the game has taken everything, and come back for more. The count
    /// grows with each frame taken.
    fn poll_delivered(&mut self, cx: &mut Context<'_>) -> Poll<()>;

    /// After the verdict: whether the game has taken everything that came before the end, so that its record says
    /// truly what was not taken. A game that takes nothing is not waited for without end.
    fn poll_departure(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let _ = cx;
        Poll::Ready(())
    }

    /// Frames the game has taken so far, to see whether it still does.
    fn taken(&self) -> u64;

    /// What came and went in this poll of the connection's task; once a burst, for counters.
    fn traffic(&mut self, traffic: Traffic);

    /// How the connection does, since somebody asked for it with [`Request::Report`](crate::Request::Report). It may be on
    /// its way out already.
    fn reported(&mut self, so_far: Evidence) {
        let _ = so_far;
    }

    /// The game's code panicked: what it owned is dropped, and not called again.
    fn panicked(&mut self);

    /// The end, with its one cause. Called once, and last.
    fn closed(&mut self, ending: Box<Ending>);
}

/// What is known of room for another frame, without asking for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// There is some.
    Left,
    /// [`App::poll_ready`] is to be asked.
    Unsure,
}

/// The way out for frames and decisions made while a frame is handled: no lock, no hop.
#[derive(Debug)]
pub struct Outbox<'a> {
    pub(crate) session: &'a mut Session,
    pub(crate) mailbox: &'a Arc<Mailbox>,
    pub(crate) now: Time,
}

impl Outbox<'_> {
    /// Queues a frame for the peer; all that is queued while one burst is handled leaves in one write.
    ///
    /// # Errors
    /// [`SendError::TooLarge`], [`SendError::Closed`], or [`SendError::QueueFull`], which unless the peer is
    /// silent also fixes `send_queue_full`.
    pub fn send(&mut self, payload: &[u8]) -> Result<(), SendError> {
        self.session.send(self.now, payload)
    }

    /// Ends the connection.
    pub fn close(&mut self, close: &Close) {
        self.session
            .handle(self.now, lastword_session::Input::Close(close));
    }

    /// The way in for others, on any thread, also after this call.
    #[must_use]
    pub fn mailbox(&self) -> &Arc<Mailbox> {
        self.mailbox
    }

    /// When the frame that is being handled was read.
    #[must_use]
    pub fn now(&self) -> Time {
        self.now
    }

    /// The smoothed round trip of heartbeats, once there was one.
    #[must_use]
    pub fn rtt(&self) -> Option<Duration> {
        self.session.rtt()
    }

    /// The smoothed deviation of the round trip, once there was one.
    #[must_use]
    pub fn rtt_variance(&self) -> Option<Duration> {
        self.session.rtt_variance()
    }

    /// How far the peer's clock is ahead of ours, once a pong has told it.
    #[must_use]
    pub fn clock_offset(&self) -> Option<ClockOffset> {
        self.session.clock_offset()
    }
}
