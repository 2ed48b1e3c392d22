//! One connection of a session as a state machine: bytes, decisions and kernel readings in; frames, bytes to
//! write and exactly one verdict out. It reads no clock and owns no socket.
//!
//! ```text
//!            hello        admitted
//!   Hello ──────────► Auth ──────────► Live            (a client: Hello ── welcome ──► Live)
//!     │ peer's end      │ peer's end     │ peer's end read, nothing decided
//!     │                 │                ▼
//!     │                 │            Flushing ── all written ──► Settling ── acknowledged, error, deadline ─┐
//!     │ our decision, a broken rule, the peer's goodbye                                                      │
//!     └────────┬────────┴───────┐                                                                            │
//!              ▼                                                                                             ▼
//!           Closing ── all written ──► Lingering ── peer's FIN, error, deadline ──► Closed ◄── path dead, no reply due
//! ```
//! A path that is found dead while reading was paused is `Delivering`: what the kernel holds goes to the game first. A
//! goodbye of a dialect is `Answering` before it is `Closing`: until the game has answered what came before it.
//! `Answering`, `Closing`, `Lingering` and `Delivering` carry the verdict. Each state but `Closed` has a deadline;
//! `Live` has the dead limit of its profile, where it has one. A stall of this process extends each deadline that it
//! passed through.

mod delivery;
mod ending;
mod evidence;
mod heartbeat;
mod machine;
mod receive;
mod silence;
mod timers;

use std::sync::Arc;
use std::time::Duration;

use lastword_keepalive::{Liveness, Timing};

use crate::dialect::Framing;
use crate::ending::{Decided, Ending, Farewell, Parting, TrailEvent, Verdict};
use crate::ping_bucket::PingBucket;
use crate::round_trip::RoundTrip;
use crate::send_queue::{Dropped, SendQueue};
use crate::wire::Notice;
use crate::{
    Advice, Cause, Decoder, FirstError, KernelSample, Limits, Link, Phase, Terminal, Time,
};

use delivery::Delivery;
pub use machine::encode_data;
pub use timers::Timer;

/// Which end of the wire this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Waits for a hello, judges silence, answers pings.
    Server,
    /// Says hello, sends the heartbeats.
    Client,
}

/// The settings that all sessions of one listener or one client share.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// How the stream is cut into frames.
    pub framing: Framing,
    /// Limits and timeouts.
    pub limits: Limits,
    /// The kernel at the other end of the wire is a proxy's: what it acknowledges says nothing of the peer,
    /// and a silent one is `peer_silent`. Default false.
    pub behind_proxy: bool,
}

/// The socket's and the kernel's state at one moment, read by the driver.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Readings {
    /// The kernel's view, where the system has one.
    pub kernel: Option<KernelSample>,
    /// The first error by whichever call.
    pub first_error: Option<FirstError>,
    /// Raw bytes read so far.
    pub bytes_read: u64,
    /// How much of the time since [`Connection::judged_since`] this process was stalled, as far as it was measured. It
    /// extends the deadline that is due.
    pub stalled: Duration,
}

/// The session that an admitted peer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The session's id on the wire.
    pub session: [u8; 16],
    /// Heartbeat and dead limit.
    pub timing: Timing,
}

/// A local decision to end the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Close {
    /// Our verdict.
    pub cause: Cause,
    /// The code on the wire: the cause's own, or the game's (4096 and up).
    pub code: u16,
    /// The advice to the peer: what to do next.
    pub advice: Advice,
    /// The least time before it does, ms.
    pub delay_ms: u32,
    /// Where to, with [`Advice::Elsewhere`].
    pub address: String,
    /// Words for a person, 512 bytes at most.
    pub reason: String,
    /// How long the peer may take to leave; `None` is the linger timeout. A drain gives what is left of it.
    pub linger: Option<Duration>,
    /// Whether the peer gets the queued data before the goodbye, for at most the linger timeout. Some causes always do
    /// so: an orderly close, a drain, a panic, idleness.
    pub flush: bool,
}

impl Close {
    /// The decision for `cause` with its default advice, delay (2 s) and no words.
    #[must_use]
    pub fn new(cause: Cause) -> Self {
        Self {
            cause,
            code: cause.code(),
            advice: cause.advice().unwrap_or(Advice::MayReconnect),
            delay_ms: DEFAULT_DELAY_MS,
            address: String::new(),
            reason: String::new(),
            linger: None,
            flush: false,
        }
    }

    /// The same with words for a person.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }
}

/// An event that the driver hands in, in the order in which they happen.
#[derive(Debug)]
pub enum Input<'a> {
    /// The authenticator said yes.
    Admit(Admission),
    /// This side decides that the connection ends. Without effect on the cause once an end was seen.
    Close(&'a Close),
    /// The game ends the connection at once, with a reset and without a goodbye. An earlier decision or end stays the
    /// cause.
    Abort(Readings),
    /// The server drains: the peer gets this notice.
    Notice(&'a Notice<'a>),
    /// The drain's deadline has passed, or no caller waits for it: a session that is still here is `drain_expired`.
    DrainExpired,
    /// The game takes no frames for now: nothing is read.
    Paused,
    /// The game takes frames again.
    Resumed,
    /// An end shows (an error, a readiness flag) while there may be more to read. No later decision of this side can be
    /// the cause.
    EndNoticed(Readings),
    /// A write failed: this side can say nothing now. Bytes that can still be read count.
    WriteFailed(Readings),
    /// Reading came to its end. It counts once the game has taken what was read before it.
    ReadEnded(Terminal, Readings),
    /// The game has taken every frame that was handed to it and came back for more, and its answers were handed in: due
    /// where [`Connection::awaits_delivery`] says so. The readings are fresh: the FIN bit holds after all was read only.
    Delivered(Readings),
    /// Everything was written and our write side is shut.
    Shut,
    /// A deadline passed, and one more read found nothing.
    Timeout(Readings),
    /// The kernel's state between two deadlines: where [`Connection::wants_sample`] asks for it, or before a decision that
    /// depends on whether the peer takes our data.
    Sampled(Option<KernelSample>),
}

/// A received event that concerns the session's owner.
#[derive(Debug)]
pub enum Event<'a> {
    /// A frame for the game.
    Data(&'a [u8]),
    /// Server: a peer asks to be let in; answer with [`Input::Admit`] or [`Input::Close`].
    Credentials(&'a [u8]),
    /// Client: the server let us in.
    Welcome(Admission),
    /// Client: the server announces something.
    Notice(Notice<'a>),
    /// The peer answered our ping after this time: [`Connection::round_trip`] has changed.
    RoundTrip(Duration),
}

/// A request of the session to its driver.
#[derive(Debug)]
pub enum Output {
    /// Shut the write side down, then hand in [`Input::Shut`].
    Shut,
    /// The link of a live session changed: tell its owner.
    Link(Link),
    /// The end: exactly once, and last. [`Connection::take_ending`] has the record.
    Closed,
}

/// The frames and bytes of a connection: in all, or in a part of its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Data frames in.
    pub frames_in: u64,
    /// Data frames out, by first byte.
    pub frames_out: u64,
    /// Raw bytes in.
    pub bytes_in: u64,
    /// Raw bytes out.
    pub bytes_out: u64,
}

impl Traffic {
    /// Returns the difference to `before`, an earlier total of the same connection.
    #[must_use]
    pub const fn since(self, before: Self) -> Self {
        Self {
            frames_in: self.frames_in.saturating_sub(before.frames_in),
            frames_out: self.frames_out.saturating_sub(before.frames_out),
            bytes_in: self.bytes_in.saturating_sub(before.bytes_in),
            bytes_out: self.bytes_out.saturating_sub(before.bytes_out),
        }
    }
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The payload is longer than the peer accepts.
    #[error("the payload is longer than the peer accepts")]
    TooLarge,
    /// The outbound cap is reached; with policy `close` this very call fixed `send_queue_full`.
    #[error("the outbound queue of this session is full")]
    QueueFull,
    /// The session departed, or is not yet live.
    #[error("the session is closed")]
    Closed,
}

/// The state of one connection of a session. See the module's diagram.
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    state: State,
    role: Role,
    phase: Phase,
    end_noticed: bool,
    write_failed: bool,
    shut_asked: bool,
    shut: bool,
    read_ended: bool,
    fin_seen: bool,
    drain_notice: DrainNotice,
    goodbye_queued: bool,
    farewell: Farewell,
    decoder: Decoder,
    queue: Option<Box<SendQueue>>,
    liveness: Liveness,
    peer_frame_limit: u32,
    bucket: PingBucket,
    /// Data frames in and out, by their numbers on the wire.
    received: u64,
    sent: u64,
    /// The highest `received` the peer told us.
    peer_received: u64,
    bytes_in: u64,
    bytes_out: u64,
    phase_since: Time,
    opened: Time,
    last_pong: Time,
    last_data: Time,
    round_trip: RoundTrip,
    rare: Option<Box<Rare>>,
}

/// State that most connections never need.
#[derive(Debug, Default)]
struct Rare {
    parting: Option<Parting>,
    decided: Option<Decided>,
    dropped: Dropped,
    read_when_noticed: Option<u64>,
    /// When a silence of the peer last ended: no frame waits for longer than since then.
    age_since: Time,
    /// When reading was paused last, and taken up again.
    paused: Time,
    resumed: Time,
    /// How long the peer had been silent when we decided that it was too long, and how much of it was our own stall.
    silent_for: Option<Duration>,
    own_stall: Duration,
    /// How far our own stalls extended the deadline for receiving, and that for sending, each with the time at which
    /// the deadline began.
    excused_in: (Time, Duration),
    excused_out: (Time, Duration),
    trail: Vec<TrailEvent>,
    /// How reading ended, until it counts.
    terminal: Option<Terminal>,
    delivery: Delivery,
    /// The verdict, until it is taken.
    ending: Option<Box<Ending>>,
    /// The evidence waits for readings: of the kernel, and of our own stalls since a silence began.
    wants_readings: bool,
    stalled_since: Option<Time>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first frame is awaited.
    Hello,
    /// The authenticator has the credentials.
    Auth,
    /// Frames come and go.
    Live,
    /// The peer said goodbye on a wire without acks: the game may still answer what came before it.
    Answering { verdict: Verdict, until: Time },
    /// Our last words are being written.
    Closing { verdict: Verdict, until: Time },
    /// Our write side is shut; what comes is read and discarded.
    Lingering { verdict: Verdict, until: Time },
    /// The path is dead, and the game has not taken everything that came before: it is read and handed over.
    Delivering { verdict: Verdict },
    /// The peer's FIN was read; what we owe is being written.
    Flushing { until: Time },
    /// Everything is written; the peer's kernel has the word. No readiness tells it: it is asked at growing distances.
    Settling {
        until: Time,
        next: Time,
        step_ms: u8,
    },
    /// The verdict is out.
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DrainNotice {
    None,
    Queued,
    Written,
}

const DEFAULT_DELAY_MS: u32 = 2000;
