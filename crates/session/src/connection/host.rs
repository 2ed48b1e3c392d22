//! The outside of a connection, as far as a wake-up needs it: clock, mailbox, game and socket.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::task::Poll;
use std::time::Duration;

use super::{Admission, Connection, Event, Readings};
use crate::send_queue::{Backlog, Dropped, SendQueue};
use crate::{Close, DepartureCause, Ending, Evidence, Mail, OwnFault, Proxied, Time};

/// The calls of [`Connection::drive`], about in the order in which it makes them.
///
/// No method waits, and none decides. One that returns pending arranges that the connection is driven again.
pub trait Host {
    /// The buffer of one turn's reads.
    type Buffer: AsMut<[u8]>;

    /// Reads the clock of the deadlines. Returns also how far it is behind the real one.
    fn now(&mut self) -> (Time, Duration);

    /// Sets when the connection must be driven again at the latest.
    fn wake_by(&mut self, now: Time, at: Time);

    /// Returns whether the time that was set last may have passed.
    fn may_be_due(&self, now: Time) -> bool;

    /// Returns whether the time is still to come, and was set within the last second. Longer, and a deadline that traffic
    /// moved would wake many connections in vain.
    fn is_fresh(&self, now: Time) -> bool;

    /// Takes the frames and the decisions that others left.
    fn mail(&mut self) -> Option<Mail>;

    /// Takes back the queue of the mail, which is empty now.
    fn recycle(&mut self, queue: Box<SendQueue>);

    /// Notes how much waits to be written.
    fn queued(&mut self, backlog: Backlog);

    /// Notes that the session ends: frames that others leave are discarded from now on and, once it `departed`, refused.
    /// Returns those that were left or discarded.
    fn close_mail(&mut self, departed: bool) -> Dropped;

    /// Server: returns whether the peer is admitted. `awaited` is false where no answer is needed: not yet, or no longer.
    fn poll_admission(&mut self, awaited: bool) -> Poll<Result<Admission, Close>>;

    /// Server: takes the word of the PROXY header. Returns why the peer is not let in, if it is not.
    fn proxied(&mut self, proxied: Proxied) -> Option<Close>;

    /// Hands an event to the game, which may send and close in its turn. Returns whether it would take another frame. It
    /// may panic.
    fn event(&mut self, connection: &mut Connection, now: Time, event: Event<'_>) -> Room;

    /// Notes that the game's code panicked: it must not be called again.
    fn panicked(&mut self);

    /// Returns ready while the game would take another frame.
    fn poll_room(&mut self) -> Poll<()>;

    /// Returns ready once the game has taken every frame, and asked for more.
    fn poll_delivered(&mut self) -> Poll<()>;

    /// Returns how many frames the game has taken so far.
    fn taken(&self) -> u64;

    /// Takes the evidence so far, which a caller requested.
    fn reported(&mut self, so_far: Evidence);

    /// Takes the departure. Returns whether the connection may stay open for its linger.
    fn departed(&mut self, ending: Ending) -> Linger;

    /// Takes the loss of a connection whose session lives on, in place of a departure. What the game sends now waits for the
    /// next connection. Returns whether this one may stay open for its linger. It may panic. Only with resume: a host without
    /// it need not have this.
    fn lost(&mut self, _: &mut Connection, _: Time, ending: Ending) -> Linger {
        self.departed(ending)
    }

    /// Takes the end of a session without a connection, the decision that ended it, if there was one, and the frames that
    /// waited for a connection. Only with resume.
    fn left(&mut self, _: DepartureCause, _: Option<Close>, _: Dropped) {}

    /// Lends a buffer for reads.
    fn buffer(&mut self) -> Self::Buffer;

    /// Reads at most `most` bytes into the front of the buffer: 0 is the end.
    fn poll_read(&mut self, buffer: &mut Self::Buffer, most: usize, ask: Ask) -> Io<usize>;

    /// Takes TLS off these bytes, which were just read, where there is TLS.
    fn open<'b>(&mut self, buffer: &'b mut Self::Buffer, bytes: Range<usize>) -> Opened<'b>;

    /// Returns ready once an end shows while nothing is read, where the system tells it.
    fn poll_end(&mut self) -> Poll<()>;

    /// Writes as many bytes as fit.
    fn poll_write(&mut self, slices: &[IoSlice<'_>], ask: Ask) -> Io<Taken>;

    /// Sends our FIN, behind the last word of TLS. Returns `false` where that word waits for the kernel.
    ///
    /// # Errors
    /// The system's: our FIN is not out.
    fn shut(&mut self) -> io::Result<bool>;

    /// Puts the kernel's own give-up off, or lets it count again.
    fn hold_give_up(&mut self, hold: bool);

    /// Reads the state of the socket and the kernel.
    fn readings(&mut self) -> Readings;

    /// Asks the system about this host's own network: `None` where it reports no fault.
    fn own_fault(&mut self) -> Option<OwnFault>;
}

/// The outcome of a read or a write.
pub type Io<T> = Poll<io::Result<T>>;

/// Whom a read or a write asks whether it can be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ask {
    /// The runtime, which wakes the connection when it can. After a stall, and when the task has used up its budget of a
    /// poll, it does not know of what the kernel has.
    Runtime,
    /// The kernel itself.
    Kernel,
}

/// Whether there is room for another frame, as far as the game knows without being asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// There is room.
    Available,
    /// [`Host::poll_room`] must be asked.
    MustPoll,
}

/// Whether a connection whose session has departed may stay open until its peer has closed, for at most the linger
/// timeout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linger {
    /// It may.
    Allowed,
    /// Too many do: it closes at once. Bytes that were written stay written.
    Refused,
}

/// The bytes of frames in what was read.
#[derive(Debug)]
pub struct Opened<'b> {
    /// The bytes of frames.
    pub bytes: &'b mut [u8],
    /// The other content of their records, where there is TLS.
    pub records: Option<Records>,
}

/// The events in TLS records that were read, besides their content.
#[derive(Debug, Default)]
pub struct Records {
    /// The handshake is complete since these records.
    pub secured: bool,
    /// The peer closed TLS with them.
    pub closed: bool,
    /// They broke a rule, or were an alert: the steps for the trail.
    pub failed: Option<[&'static str; 2]>,
    /// The answers to them.
    pub sealed: Sealed,
}

/// The bytes that one write took.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The bytes of frames.
    pub plain: usize,
    /// The records that were made of them, where there is TLS.
    pub sealed: Option<Sealed>,
}

/// Bytes that TLS made for the peer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// Their number, with those of the frames in them.
    pub bytes: usize,
    /// Some wait for the kernel, of these or earlier ones.
    pub holds: bool,
}

impl Taken {
    /// Without TLS.
    #[must_use]
    pub const fn as_it_is(n: usize) -> Self {
        Self {
            plain: n,
            sealed: None,
        }
    }
}
