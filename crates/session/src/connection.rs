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
//! Where a proxy is in front, `Proxy` comes first, until the PROXY header was read. Without a valid one the connection is
//! `Closed` at once, and after one of the proxy's own (`LOCAL`) it is `Closing`. Where there is TLS, `Tls` comes before
//! `Hello`, until the handshake is complete. In both states a decision of this side closes without a word if there is TLS.
//!
//! A path that is found dead while reading was paused is `Delivering`: what the kernel holds goes to the game first. A
//! goodbye of a dialect is `Answering` before it is `Closing`: until the game has answered what came before it.
//! `Answering`, `Closing`, `Lingering` and `Delivering` carry the verdict. The session departs, and the game is told, as
//! soon as the verdict stands and the game has taken what came before it: in `Closing`, `Lingering` or `Closed`. The
//! linger goes on without the game and completes the record. Each state but `Closed` has a deadline;
//! `Live` has the dead limit of its profile, where it has one.
//!
//! A session may outlive its connection (`resuming.rs`). An end that may be resumed then keeps the frames that wait, and
//! the game hears at once of a loss and not of a departure. Its owner, [`Session`](crate::Session), lets it go on with
//! another connection.
//!
//! Each call's `now` is on a clock that stands still while this process does: our own stall passes no deadline. The
//! driver says how far that clock is behind ([`Connection::stood_still`]). The clocks on the wire, the kernel's ages and
//! the evidence are real time.

mod budget;
mod congestion;
mod delivery;
mod ending;
mod evidence;
mod guest;
mod heartbeat;
mod host;
mod layers;
mod machine;
mod probing;
mod rate;
mod receive;
mod resuming;
mod silence;
mod state;
mod suspended;
mod suspending;
#[cfg(test)]
mod tests;
mod ticket;
mod timers;
mod turn;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use lastword_keepalive::{Liveness, Timing};

use crate::bucket::Bucket;
use crate::close::Close;
use crate::dialect::Framing;
use crate::ending::{Ending, GoodbyeProgress, PeerGoodbye, TrailEvent};
use crate::rates::Rates;
use crate::round_trip::RoundTrip;
use crate::send_queue::Dropped;
use crate::stream::Stream;
use crate::wire::{Notice, Previous, ServerSaw};
use crate::{
    Cause, Decoder, Fate, FirstError, HeldBytes, KernelSample, Knock, Limits, Link, Message,
    OwnFault, Phase, Proxied, ProxyFault, ProxyHeader, Refusal, SessionId, Terminal, Time,
    TokenKey,
};

use congestion::Congestion;
use delivery::Delivery;
use evidence::Fixed;
pub use host::{Ask, Host, Io, Linger, Opened, Records, Room, Sealed, Taken};
pub use machine::encode_data;
use probing::Probe;
use state::CurrentState;
use suspended::Standing;
pub use suspended::{ImportError, Suspended};
pub use ticket::Ticket;
use timers::Timer;
pub use turn::Next;

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
    /// Each connection begins with a PROXY header: until it was read, the connection is in phase `proxy`. Its other end is
    /// a proxy's, as with `behind_proxy`. Default false.
    pub proxy_header: bool,
    /// All bytes go through TLS: until its handshake is complete, the connection is in phase `tls`. Default false.
    pub tls: bool,
    /// Server: how sessions outlive their connections; a client may decline. Default `None`: they do not.
    pub resume: Option<ResumeConfig>,
}

/// How the sessions of a server outlive their connections.
#[derive(Clone, Debug)]
pub struct ResumeConfig {
    /// How long a session waits for its player, unless [`Admission::resume_window`] says otherwise; at most 24 h. Zero: it
    /// ends with its connection.
    pub window: Duration,
    /// The secret of its tokens.
    pub key: TokenKey,
    /// The memory that all sessions without a connection may hold together. Where it is used up, their `send` fails as
    /// [`SendError::QueueFull`], and a session whose connection is lost keeps no frames that may have to be written again.
    pub held: Arc<HeldBytes>,
}

/// The state of the socket, the kernel and this process at one moment, read by the driver.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Readings {
    /// The kernel's view, where its counters are known.
    pub kernel: Option<KernelSample>,
    /// Whether the socket's state proves that the peer's FIN arrived in order, also where no counter is known.
    pub after_fin: bool,
    /// The first error by whichever call.
    pub first_error: Option<FirstError>,
    /// Raw bytes read so far.
    pub bytes_read: u64,
    /// The fault of this host's own network that the system reports ([`Host::own_fault`]). `None` where it was not asked for,
    /// or there is none.
    pub own_fault: Option<OwnFault>,
    /// How many connections of this process are under inquiry ([`Connection::has_inquiry`]), this one included.
    pub inquiries: u32,
}

/// The session that an admitted peer gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Admission {
    /// The session's id on the wire.
    pub session: [u8; 16],
    /// Heartbeat and dead limit.
    pub timing: Timing,
    /// Server: how long the session waits for its player once its connection is lost, at most 24 h. Zero: it ends with its
    /// connection. `None`: as [`ResumeConfig::window`] says. Without effect where there is no resume.
    pub resume_window: Option<Duration>,
}

/// An event that the driver hands in, in the order in which they happen.
#[derive(Debug)]
enum Input<'a> {
    /// The PROXY header is complete, or there is no valid one. Without effect behind the phase `proxy`.
    ProxyHeader(Result<Proxied, ProxyFault>),
    /// The peer that the PROXY header named is not let in: it hears why, in phase `proxy`. Directly behind
    /// [`Input::ProxyHeader`].
    Refuse(&'a Close),
    /// The TLS handshake is complete: frames come and go.
    Secured,
    /// The TLS handshake failed, or a later record was bad. The layer below holds the alert for the peer, where it has one.
    /// The steps go to the trail.
    TlsFailed(&'a [&'static str]),
    /// The peer closed TLS (`close_notify`): no further byte of it counts.
    TlsClosed,
    /// The authenticator said yes.
    Admit(Admission),
    /// This side decides that the connection ends. Without effect on the cause once an end was seen.
    Close(&'a Close),
    /// The game ends the connection at once, with a reset and without a goodbye. An earlier decision or end stays the
    /// cause.
    Abort(Readings),
    /// The server drains: the peer gets this notice.
    Notice(&'a Notice<'a>),
    /// The drain's deadline has passed, or no caller waits for it: a session that is still here is `drain_expired`, and
    /// its peer gets this message.
    DrainExpired(&'a Message),
    /// The owner wants to know now whether the peer is there: it is asked at once. Without a byte within twice the round trip
    /// (300 ms to 2 s), a session that may resume leaves this connection, as `peer_silent`. In any other session the dead limit
    /// decides.
    Probe,
    /// The game takes no frames for now: nothing is read.
    Paused,
    /// The game takes frames again.
    Resumed,
    /// An end shows (an error, a readiness flag) while there may be more to read. No later decision of this side can be
    /// the cause.
    EndNoticed(Readings),
    /// A frame found no room in a sender's queue ([`SendError::QueueFull`]).
    QueueFull,
    /// A frame found no room, more waits than the outbound cap, and the kernel itself refuses it: due where
    /// [`Connection::write_refused`] says so. `send_queue_full`, unless the peer is silent.
    Overflowed(Option<KernelSample>),
    /// A write failed: this side can say nothing now. Bytes that can still be read count.
    WriteFailed(Readings),
    /// Reading came to its end. It counts once the game has taken what was read before it.
    ReadEnded(Terminal, Readings),
    /// The game has taken every frame that was handed to it and came back for more, and its answers were handed in: due
    /// where [`Connection::awaits_delivery`] says so. The readings are fresh: the FIN bit holds after all was read only.
    Delivered(Readings),
    /// Everything was written and our write side is shut.
    Shut,
    /// There is no place for one more connection whose session has departed: it closes at once. Bytes that
    /// were written stay written.
    LingerRefused(Readings),
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
    /// Server: a peer asks to be let in ([`Host::poll_admission`]).
    Credentials(&'a [u8]),
    /// The session is live: the server let us in, or the authenticator the peer.
    Joined(Admission),
    /// Server: a peer asks to go on with a session, where there is resume ([`Config::resume`]). Refuse it
    /// ([`Connection::end`]), or let the session go on with this connection
    /// ([`Session::knock`](crate::Session::knock)).
    Claim(Claim<'a>),
    /// The session goes on with this connection. Server: the client has confirmed it, and its frames come next.
    Back,
    /// Client of a dialect: the session is live, since TLS is secured. Without TLS it is live from the start.
    Secured,
    /// The link of the live session changed.
    Link(Link),
    /// Client: the server announces something.
    Notice(Notice<'a>),
    /// The peer answered our ping after this time: [`Connection::round_trip`] has changed.
    RoundTrip(Duration),
}

/// The hello of a client that asks to go on with a session.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Claim<'a> {
    /// The session.
    pub session: SessionId,
    /// The credential.
    pub token: &'a [u8],
    /// How the client's previous connection ended for it, if it tells.
    pub previous: Option<Previous>,
    /// The client's count of received data frames.
    pub received: u64,
    /// The longest data payload that we send to this client, in bytes.
    pub frame_limit: u32,
    /// Whether the connection has TLS.
    pub is_secured: bool,
}

impl Claim<'_> {
    /// Checks the token of the claim against the valid generations of its session
    /// ([`Resume::generations`](crate::Resume::generations)).
    ///
    /// # Errors
    /// Returns [`Refusal::Stale`] for a token that is not valid.
    pub fn knock(
        &self,
        key: &TokenKey,
        valid: impl IntoIterator<Item = u32>,
    ) -> Result<Knock, Refusal> {
        let generation = key.generation(self.session, valid, self.token);
        Ok(Knock {
            generation: generation.ok_or(Refusal::Stale)?,
            attempt: self.previous.map(|previous| previous.attempt),
            received: self.received,
            frame_limit: self.frame_limit,
            is_secured: self.is_secured,
        })
    }
}

/// Without the token.
impl fmt::Debug for Claim<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claim")
            .field("session", &self.session)
            .field("previous", &self.previous)
            .field("received", &self.received)
            .field("frame_limit", &self.frame_limit)
            .field("is_secured", &self.is_secured)
            .finish_non_exhaustive()
    }
}

/// The next step after an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Flow {
    /// The next event.
    More,
    /// Nothing for now: others have their turn first.
    Later,
    /// Nothing until [`Input::Resumed`]: the game takes no further frame, and reading is paused.
    Full,
}

/// A request of the session to its driver.
#[derive(Debug)]
enum Output {
    /// Shut the write side down, then hand in [`Input::Shut`].
    Shut,
    /// The link of a live session changed: tell its owner.
    Link(Link),
    /// Put the kernel's own give-up off (`true`), or let it count again (`false`): `TCP_USER_TIMEOUT` of
    /// [`USER_TIMEOUT_HELD`](lastword_keepalive::USER_TIMEOUT_HELD), or 0. Only for a live session.
    HoldGiveUp(bool),
    /// The cause stands and the game has taken what came before it: exactly once, and before [`Output::Closed`].
    /// [`Connection::departure`] has what is known. Where the connection must not linger, hand in
    /// [`Input::LingerRefused`].
    Departed,
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
    /// Data frames that were dropped as the oldest ones.
    pub frames_dropped: u64,
    /// Data frames that a newer one with the same key replaced.
    pub frames_replaced: u64,
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
            frames_dropped: self.frames_dropped.saturating_sub(before.frames_dropped),
            frames_replaced: self.frames_replaced.saturating_sub(before.frames_replaced),
        }
    }
}

/// Why a frame was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SendError {
    /// The payload is longer than the peer accepts.
    #[error("the payload is longer than the peer accepts")]
    TooLarge,
    /// No room for the frame, which was not taken: twice the outbound cap waits of frames that may not be dropped. If the
    /// kernel then refuses a write while more than the cap waits, the session ends.
    #[error("the outbound queue of this session is full")]
    QueueFull,
    /// The session departed, or is not yet live.
    #[error("the session is closed")]
    Closed,
}

/// The state of one connection of a session. See the module's diagram.
///
/// # Contract
/// A driver owns the socket, the clock and the game's side, as a [`Host`]. It makes the connection
/// ([`server`](Self::server), [`client`](Self::client) and others), and says how far the clock of `now` is behind the real
/// one ([`behind`](Self::behind)). At each wake-up:
///
/// 1. It may lend a buffer ([`lend`](Self::lend)).
/// 2. It calls [`drive`](Self::drive), which takes all steps in their one order and asks the host for what it needs. Times
///    are in order.
/// 3. It does what [`Next`] says: it waits, lets others have their turn, or takes the record. After the record it drives no
///    more.
/// 4. It may take the buffer back ([`reclaim`](Self::reclaim)).
///
/// While the game has an event ([`Host::event`]), it may send ([`send_as`](Self::send_as)) and end the connection
/// ([`end`](Self::end)). Frames and decisions of others come by [`Host::mail`]. Between two wake-ups the connection does not
/// change, and tells its state: [`is_live`](Self::is_live), [`is_paused`](Self::is_paused),
/// [`is_closed`](Self::is_closed), [`has_inquiry`](Self::has_inquiry), [`traffic`](Self::traffic),
/// [`round_trip`](Self::round_trip), [`peer_frame_limit`](Self::peer_frame_limit). A driver that ends before its connection
/// takes a verdict that is out already ([`take_ending`](Self::take_ending)).
#[derive(Debug)]
pub struct Connection {
    config: Arc<Config>,
    state: CurrentState,
    role: Role,
    phase: Phase,
    end_noticed: bool,
    write_failed: bool,
    shut: bool,
    read_ended: bool,
    fin_seen: bool,
    /// A byte of the peer was read; a PROXY header is the proxy's.
    has_spoken: bool,
    /// The layer below holds bytes that the kernel has not taken.
    layer_holds: bool,
    /// Whether the deadline could only have moved later since it was set.
    calm: Calm,
    drain_notice: DrainNotice,
    farewell: GoodbyeProgress,
    decoder: Decoder,
    /// The part of the session that may outlive this connection.
    stream: Stream,
    liveness: Liveness,
    peer_frame_limit: u32,
    /// The bytes that were written behind the last byte of a data frame.
    behind_data: u32,
    /// The bucket of pings, pongs, acks and ignorable frames.
    pings: Bucket,
    bytes_in: u64,
    bytes_out: u64,
    /// These three are on the real clock: when the phase began, when the connection was made, and the last pong.
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
    peer_goodbye: Option<PeerGoodbye>,
    decided: Option<Close>,
    dropped: Dropped,
    read_when_noticed: Option<u64>,
    /// When a silence of the peer last ended: no frame waits for longer than since then.
    age_since: Time,
    /// When reading was paused last, by the game or by the rate, and, on the real clock, taken up again.
    paused: Time,
    resumed: Time,
    /// How long the peer had been silent when we decided that it was too long, and how much of it was our own stall.
    silent_for: Option<Duration>,
    own_stall: Duration,
    /// When the peer spoke again after that decision.
    spoke_after: Option<Duration>,
    trail: Vec<TrailEvent>,
    unread: Option<Unread>,
    /// Until it is complete, where it came in parts.
    proxy_header: Option<Box<ProxyHeader>>,
    /// The budget of the peer, where it has a rate.
    rates: Option<Box<Rates>>,
    /// The timing of a dialect's client, which is live once TLS is secured.
    timing_behind_tls: Option<Timing>,
    /// The peer closed TLS.
    tls_closed: bool,
    /// Our last frame was queued, where this wire has one.
    goodbye_queued: bool,
    /// The fate of a session that may outlive its connection, once the cause stands.
    fate: Option<Fate>,
    /// The game was told that the connection is lost, and that the session lives on.
    told_lost: bool,
    /// The decision that ended the session behind that loss, until the game is told.
    over_by: Option<Box<Close>>,
    /// The game was told that the session is over, behind that loss.
    told_over: bool,
    /// The number of this connection in its session, where it is not the first.
    number: u32,
    /// How this connection ended, where its session may outlive it.
    end: Option<End>,
    /// How the last connection ended that the client had confirmed before this one.
    end_before: Option<End>,
    /// Client: the same as the server saw it.
    server_saw: Option<ServerSaw>,
    /// The session's data frames in and out before this connection.
    frames_before: (u64, u64),
    /// Only a hello that resumes is let in; this is for any other one.
    guest: Option<Box<guest::GuestRefusal>>,
    /// Client: it did not decline to resume.
    resumes: bool,
    /// Client: the session that asks to go on, until the welcome.
    resuming: Option<Box<Stream>>,
    /// Client: the rest of that session, until the welcome.
    standing: Option<Box<Standing>>,
    /// Client: from the newest welcome.
    ticket: Option<Box<Ticket>>,
    /// The owner has asked the peer, and no answer has come.
    probe: Option<Probe>,
    /// A frame found no room, and the kernel has not taken enough since.
    overfull: bool,
    congestion: Congestion,
    /// How reading ended, until it counts.
    terminal: Option<Terminal>,
    delivery: Delivery,
    /// The verdict, until it is taken.
    ending: Option<Box<Ending>>,
    /// The evidence of the verdict; a later verdict replaces it.
    fixed: Option<Box<Fixed>>,
    /// The evidence waits for the kernel's readings.
    wants_readings: bool,
}

/// The end of a connection of a session, for the other end.
#[derive(Clone, Copy, Debug)]
struct End {
    connection: u32,
    cause: Cause,
    at: Time,
}

/// Whether the deadline that was set last still holds, although frames came and went since.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Calm {
    /// It must be computed again.
    No,
    /// It holds as long as no ack is owed.
    WithoutAck,
    /// An ack was owed when it was set. An ack is due a second after its first frame, so later ones are due later.
    WithAck,
}

/// Bytes that were read and not all looked at: the game takes no frames, others have their turn first, or the peer is
/// over its rate.
#[derive(Debug)]
struct Unread {
    bytes: Vec<u8>,
    /// How many of them were looked at: not all.
    read: usize,
}

impl Unread {
    fn new(bytes: &[u8]) -> Self {
        Self {
            bytes: bytes.to_vec(),
            read: 0,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum DrainNotice {
    None,
    Queued,
    Written,
}
