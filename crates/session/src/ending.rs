//! The record of one connection's end: the verdict and the evidence for it.

use std::time::Duration;

use crate::close::Close;
use crate::wire::Goodbye;
use crate::{Cause, ClockOffset, FirstError, KernelSample, Phase, Time};

/// A fixed cause, with its phase and time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The cause.
    pub cause: Cause,
    /// The phase that the connection had reached.
    pub phase: Phase,
    /// When the cause was fixed.
    pub at: Time,
}

/// The progress of our goodbye and FIN.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum GoodbyeProgress {
    /// We sent no goodbye, or it was never written out.
    #[default]
    None,
    /// The goodbye was written to the socket, and our write side is shut.
    Written,
    /// The peer's kernel acknowledged everything, including our FIN.
    Acked,
    /// The peer answered with its own FIN.
    FinSeen,
}

impl GoodbyeProgress {
    /// Returns the stable label used in logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Written => "written",
            Self::Acked => "acked",
            Self::FinSeen => "fin_seen",
        }
    }
}

/// The mechanism that noticed a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detector {
    /// Our dead limit, which the peer's bytes reset.
    Heartbeat,
    /// The kernel's keepalive probes.
    Keepalive,
    /// The kernel's retransmissions.
    Retransmission,
}

impl Detector {
    /// Returns the stable label used in logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Keepalive => "keepalive",
            Self::Retransmission => "retransmission",
        }
    }
}

/// The content of the peer's goodbye.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerGoodbye {
    /// Whether the session is over; if not, it is paused and may be resumed.
    pub over: bool,
    /// The code on the wire: a cause of the layer (below 4096) or a code of the game.
    pub code: u16,
    /// The layer's cause in a server's goodbye: the cause of the code, or the cause behind a code of the game. `None`
    /// where the server did not send it, and for a client's goodbye.
    pub cause: Option<Cause>,
    /// The peer's advice. The advice of a server counts, and the advice of a client is ignored.
    pub advice: u8,
    /// The least delay before following the advice, in milliseconds.
    pub delay_ms: u32,
    /// The address to go to.
    pub address: String,
    /// A text for a person. Never a label.
    pub reason: String,
}

impl PeerGoodbye {
    /// A goodbye without content, as in some dialects.
    pub(crate) fn silent() -> Self {
        Self {
            over: true,
            code: 0,
            cause: None,
            advice: 0,
            delay_ms: 0,
            address: String::new(),
            reason: String::new(),
        }
    }

    /// The goodbye of a client, whose code is not a cause of the layer.
    pub(crate) fn of_client(goodbye: &Goodbye<'_>) -> Self {
        Self {
            cause: None,
            ..Self::from(goodbye)
        }
    }
}

/// The goodbye of a server.
impl From<&Goodbye<'_>> for PeerGoodbye {
    fn from(goodbye: &Goodbye<'_>) -> Self {
        Self {
            over: goodbye.over,
            code: goodbye.code,
            cause: Cause::from_code(goodbye.code).or(goodbye.game_cause),
            advice: goodbye.advice,
            delay_ms: goodbye.delay_ms,
            address: goodbye.address.clone().into_owned(),
            reason: goodbye.reason.clone().into_owned(),
        }
    }
}

/// The readings of the kernel and of our clocks when the cause of a connection's end was fixed. They are the facts on
/// which the cause is based. Afterwards the connection may linger.
///
/// Counts of bytes and frames are those of the whole connection. `farewell`, `lingered` and the fields that begin with
/// `late` are about the time after the cause was fixed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Evidence {
    /// From accept or connect to the moment the cause was fixed.
    pub age: Duration,
    /// From the last sign of life to the verdict, for silent causes.
    pub silent_for: Option<Duration>,
    /// How long this process itself stood still or was late in that time. The verdict came later by this time.
    pub own_stall: Duration,
    /// From the verdict on a silent peer to the first byte after it: the peer was alive. `None` where no byte came while
    /// we lingered.
    pub spoke_after: Option<Duration>,
    /// For how long the peer had been over its rate when the cause was fixed. `None` if it was within its rate.
    pub over_rate_for: Option<Duration>,
    /// From the moment the session joined to the moment the cause was fixed; zero where no session joined.
    pub live_for: Duration,
    /// Raw bytes in; `late_bytes_in` of them came after the cause was fixed.
    pub bytes_in: u64,
    /// Raw bytes out.
    pub bytes_out: u64,
    /// Data frames in.
    pub frames_in: u64,
    /// Data frames out, counted when their first byte is written.
    pub frames_out: u64,
    /// Age of the last byte that had come in.
    pub last_byte_in: Option<Duration>,
    /// Age of the last acknowledgement by the peer's kernel.
    pub last_ack_in: Option<Duration>,
    /// Age of the last pong.
    pub last_pong: Option<Duration>,
    /// Smoothed round trip: from the heartbeat where there is one, otherwise from the kernel.
    pub rtt: Option<Duration>,
    /// The smoothed deviation of the same round trip.
    pub rtt_variance: Option<Duration>,
    /// The offset of the peer's clock from ours, as the peer reported it.
    pub clock_offset: Option<ClockOffset>,
    /// Bytes that were queued here and never written.
    pub bytes_unsent: u64,
    /// Data frames whose writing had not begun at the end, or that came after the end. Frames out, unsent, dropped and
    /// replaced add up to all frames that were taken from the game.
    pub frames_unsent: u64,
    /// Data frames that were dropped while the session lived, as the oldest ones of a slow peer.
    pub frames_dropped: u64,
    /// Data frames that a newer one with the same key replaced before they began.
    pub frames_replaced: u64,
    /// Bytes that were written and never acknowledged by the peer's kernel (`SIOCOUTQ` minus our own FIN).
    pub bytes_unacked: Option<u64>,
    /// Data frames that were written and not acknowledged by the peer's session.
    pub frames_unacked: u64,
    /// Bytes read after we noticed the end.
    pub bytes_drained: u64,
    /// How many bytes of an unfinished frame have arrived, and how many it needs where its header was complete.
    pub partial_frame: Option<(u64, Option<u64>)>,
    /// The FIN bit: whether the kernel proves that the peer's FIN had arrived in order.
    pub fin: Option<bool>,
    /// The kernel's view.
    pub kernel: Option<KernelSample>,
    /// Whether a proxy is in between: the kernel's view, and what it proves, is that of the connection to the proxy.
    pub behind_proxy: bool,
    /// The mechanism that noticed the silence, for silent causes and kernel timeouts.
    pub detector: Option<Detector>,
    /// The progress of our goodbye and FIN.
    pub farewell: GoodbyeProgress,
    /// From the moment the cause was fixed to the moment the connection was closed.
    pub lingered: Duration,
    /// The raw bytes that were read in that time.
    pub late_bytes_in: u64,
    /// Whether the peer's FIN came in that time.
    pub late_fin: bool,
    /// The first error, if a call returned it in that time.
    pub late_error: Option<FirstError>,
}

/// The layer that a trail event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The socket and the kernel.
    Socket,
    /// The PROXY header.
    Proxy,
    /// TLS.
    Tls,
    /// The bytes of frames.
    Frame,
    /// The session's rules and timers.
    Session,
    /// The game's decisions.
    Game,
}

impl Layer {
    /// Returns the stable label used in logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Proxy => "proxy",
            Self::Tls => "tls",
            Self::Frame => "frame",
            Self::Session => "session",
            Self::Game => "game",
        }
    }
}

/// One step on the way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailEvent {
    /// When it was seen.
    pub at: Time,
    /// The layer that saw it.
    pub layer: Layer,
    /// The event, a stable snake-case word.
    pub what: &'static str,
}

/// The end of one connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ending {
    /// The cause, phase and time.
    pub verdict: Verdict,
    /// The number of this connection in its session, from 1; 0 if no session joined on it.
    pub connection: u32,
    /// The first error that any call had returned when the cause was fixed.
    pub first_error: Option<FirstError>,
    /// The evidence for the verdict.
    pub evidence: Evidence,
    /// The content of the peer's goodbye, where it sent one.
    pub peer_goodbye: Option<PeerGoodbye>,
    /// Our own decision that fixed the cause, even if its goodbye could not be written. `None` if the peer's end
    /// decided, or if we ended without a goodbye: a dead path, an abort, a wrong protocol.
    pub decided: Option<Close>,
    /// The events towards the end, oldest first, at most eight.
    pub trail: Vec<TrailEvent>,
    /// Whether the socket must be reset instead of closed, because a graceful close would reach no peer.
    pub abort: bool,
}

impl Ending {
    /// Creates the end of a connection whose task was dropped before its verdict: `verdict_missing`, with no evidence.
    #[must_use]
    pub fn without_verdict(phase: Phase, at: Time) -> Self {
        Self::without_evidence(Verdict {
            cause: Cause::VerdictMissing,
            phase,
            at,
        })
    }

    /// Creates the end of a connection that never had a task, with no evidence.
    #[must_use]
    pub fn without_evidence(verdict: Verdict) -> Self {
        Self {
            verdict,
            connection: 0,
            first_error: None,
            evidence: Evidence::default(),
            peer_goodbye: None,
            decided: None,
            trail: Vec::new(),
            abort: false,
        }
    }
}
