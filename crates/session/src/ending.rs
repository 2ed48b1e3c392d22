//! The record of one connection's end: the verdict and the evidence for it.

use std::time::Duration;

use crate::session::Close;
use crate::wire::{Goodbye, cut_reason};
use crate::{Advice, Cause, ClockOffset, FirstError, KernelSample, Phase, Time};

/// A cause that was fixed, where and when.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Why.
    pub cause: Cause,
    /// How far the connection had come.
    pub phase: Phase,
    /// When it was fixed.
    pub at: Time,
}

/// How far our last words came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Farewell {
    /// We said none, or it was never written out.
    #[default]
    None,
    /// Written to the socket.
    Written,
    /// The peer's kernel acknowledged everything, our FIN included.
    Acked,
    /// The peer answered with its own FIN.
    FinSeen,
}

impl Farewell {
    /// The stable label used in logs.
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

/// What noticed a silence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detector {
    /// Our dead limit on the peer's bytes.
    Heartbeat,
    /// The kernel's keepalive probes.
    Keepalive,
    /// The kernel's retransmissions.
    Retransmission,
}

impl Detector {
    /// The stable label used in logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Heartbeat => "heartbeat",
            Self::Keepalive => "keepalive",
            Self::Retransmission => "retransmission",
        }
    }
}

/// What the peer's goodbye said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// Whether the session is over; clear: paused, to be resumed.
    pub over: bool,
    /// The code on the wire: a cause of the layer (below 4096) or the game's.
    pub code: u16,
    /// The cause by the layer, of a server's goodbye: that of the code, or the one behind a code of the game. `None`
    /// where the server did not say it, and for a client's goodbye.
    pub cause: Option<Cause>,
    /// What the peer advises (a server's; a client's is ignored).
    pub advice: u8,
    /// The least delay before following the advice, ms.
    pub delay_ms: u32,
    /// Where to go.
    pub address: String,
    /// Words for a person. Never a label.
    pub reason: String,
}

impl Parting {
    /// A goodbye without words, as a dialect may have it.
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

    /// The goodbye of a client, whose code is no cause of the layer.
    pub(crate) fn of_client(goodbye: &Goodbye<'_>) -> Self {
        Self {
            cause: None,
            ..Self::from(goodbye)
        }
    }
}

/// The goodbye of a server.
impl From<&Goodbye<'_>> for Parting {
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

/// What our own decision to end a connection said, or would have said to a peer that could still hear it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// The code on the wire: a cause of the layer (below 4096) or the game's.
    pub code: u16,
    /// What the peer was told to do next.
    pub advice: Advice,
    /// Words for a person, cut to 512 bytes as they are on the wire. Never a label.
    pub reason: String,
}

impl From<&Close> for Decided {
    fn from(close: &Close) -> Self {
        Self {
            code: close.code,
            advice: close.advice,
            reason: cut_reason(&close.reason).to_owned(),
        }
    }
}

/// The readings of the kernel and of our clocks when a connection ended. Its ages are those of the moment at which the cause
/// was fixed: our linger after a decision does not count.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Evidence {
    /// From accept or connect to the moment the cause was fixed.
    pub age: Duration,
    /// From the last sign of life to the verdict, for silent causes.
    pub silent_for: Option<Duration>,
    /// How much of that was a stall of our own, which was excused: the verdict came so much later.
    pub own_stall: Duration,
    /// From the moment the session joined to the moment the cause was fixed; zero where none joined.
    pub live_for: Duration,
    /// Raw bytes in.
    pub bytes_in: u64,
    /// Raw bytes out.
    pub bytes_out: u64,
    /// Data frames in.
    pub frames_in: u64,
    /// Data frames out, by first byte.
    pub frames_out: u64,
    /// Age of the last byte in; zero for one that came later.
    pub last_byte_in: Option<Duration>,
    /// Age of the last acknowledgement by the peer's kernel; zero for one that came later.
    pub last_ack_in: Option<Duration>,
    /// Age of the last pong.
    pub last_pong: Option<Duration>,
    /// Smoothed round trip: the heartbeat's where there is one, else the kernel's.
    pub rtt: Option<Duration>,
    /// The smoothed deviation of the same round trip.
    pub rtt_variance: Option<Duration>,
    /// How far the peer's clock was ahead of ours, by its own word.
    pub clock_offset: Option<ClockOffset>,
    /// Bytes queued here and never written.
    pub bytes_unsent: u64,
    /// Data frames queued here and never begun, those dropped by our decision included.
    pub frames_unsent: u64,
    /// Bytes written and never acknowledged by the peer's kernel (`SIOCOUTQ` less our own FIN).
    pub bytes_unacked: Option<u64>,
    /// Data frames written and not acknowledged by the peer's session.
    pub frames_unacked: u64,
    /// Bytes read after the end had been noticed.
    pub bytes_drained: u64,
    /// Bytes here of an unfinished frame, and how many it needs where its header was complete.
    pub partial_frame: Option<(u64, Option<u64>)>,
    /// The FIN bit: whether the kernel proves that the peer's FIN arrived in order.
    pub fin: Option<bool>,
    /// The kernel's view at the end.
    pub kernel: Option<KernelSample>,
    /// What noticed the silence, for silent causes and kernel time-outs.
    pub detector: Option<Detector>,
    /// How far our last words came.
    pub farewell: Farewell,
}

/// The layer that a trail event belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layer {
    /// The socket and the kernel.
    Socket,
    /// The bytes of frames.
    Frame,
    /// The session's rules and timers.
    Session,
    /// The game's decisions.
    Game,
}

impl Layer {
    /// The stable label used in logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Socket => "socket",
            Self::Frame => "frame",
            Self::Session => "session",
            Self::Game => "game",
        }
    }
}

/// One step on the way to the end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrailEvent {
    /// When.
    pub at: Time,
    /// Where it was seen.
    pub layer: Layer,
    /// What was seen, a stable snake-case word.
    pub what: &'static str,
}

/// The end of one connection.
#[derive(Clone, Debug, PartialEq)]
pub struct Ending {
    /// Why, where and when.
    pub verdict: Verdict,
    /// The first error by whichever call.
    pub first_error: Option<FirstError>,
    /// What there is to show for it.
    pub evidence: Evidence,
    /// What the peer's goodbye said, where it said one.
    pub parting: Option<Parting>,
    /// What the decision of ours said that fixed the cause, whether or not it could be written. `None` where the
    /// peer's end decided, and where we ended it without a word: a dead path, an abort, a wrong protocol.
    pub decided: Option<Decided>,
    /// What happened towards the end, oldest first, at most eight.
    pub trail: Vec<TrailEvent>,
    /// The socket is to be reset, not closed: nobody is there to be polite to.
    pub abort: bool,
}

impl Ending {
    /// The end of a connection whose task was dropped before its verdict: `verdict_missing`, with no evidence.
    #[must_use]
    pub fn without_verdict(phase: Phase, at: Time) -> Self {
        Self {
            verdict: Verdict {
                cause: Cause::VerdictMissing,
                phase,
                at,
            },
            first_error: None,
            evidence: Evidence::default(),
            parting: None,
            decided: None,
            trail: Vec::new(),
            abort: false,
        }
    }
}
