//! A disconnect as flat fields: the log line and the JSON of a record are both made of these, under the same names.

use std::borrow::Cow;
use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_session::{Close, Detector, Ending, SessionId};
use serde::Serialize;

use super::Disconnect;
use super::told::Account;
use super::units::{millis, rfc3339};
use crate::player::{RemoteSource, printable};

/// One ended connection in flat fields, with the units last. A field without a value is absent in the log line and in
/// JSON. In text that a peer chose, control and invisible characters are written as `<U+001B>`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[non_exhaustive]
pub struct Record<'a> {
    /// The number of this end in this server, from 1, without gaps.
    pub seq: u64,
    /// The time of the verdict: RFC 3339, UTC.
    pub at: String,
    /// The label of the [`crate::Cause`].
    pub cause: &'static str,
    /// The label of the [`crate::Class`], which tells an operator how to react.
    pub class: &'static str,
    /// The label of the [`crate::Initiator`]: the side whose act, state or broken rule made the end necessary.
    pub initiator: &'static str,
    /// The label of the [`crate::Phase`] that the connection had reached.
    pub phase: &'static str,
    /// The name of the liveness profile.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub profile: Option<&'a str>,
    /// The peer's address: behind a proxy, the one that its PROXY header names.
    pub remote: SocketAddr,
    /// Where that address is known from, if not from the socket alone: `proxy_header`, or `proxy` if it is the proxy's own.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote_source: Option<&'static str>,
    /// `true` if a proxy is in between: the fields about the kernel and its acknowledgements tell of the connection to the
    /// proxy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub behind_proxy: Option<bool>,
    /// The local address of the listener.
    pub listener: SocketAddr,
    /// The player's name or id, if a player with a name was let in.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub player: Option<Cow<'a, str>>,
    /// The session's id, if there was a session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session: Option<SessionId>,
    /// The number of this connection in its session, from 1; 0 if no session joined.
    pub connection: u32,
    /// `true` if the session outlives this end: it waits for its player, or has a newer connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub session_lives_on: Option<bool>,
    /// Time from accept to the moment the cause was fixed.
    pub age_ms: u64,
    /// Time from the session's join to the moment the cause was fixed; 0 if none joined.
    pub live_ms: u64,
    /// Time from the moment the cause was fixed to the moment the connection was closed.
    pub lingered_ms: u64,
    /// The call that returned the first error before the cause was fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_call: Option<&'static str>,
    /// The name of the first error: `ECONNRESET`; `errno 199` if the code has no name here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_error: Option<String>,
    /// The system's code of the first error.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub first_code: Option<i32>,
    /// Data frames in.
    pub frames_in: u64,
    /// Data frames out, by first byte.
    pub frames_out: u64,
    /// Raw bytes in.
    pub bytes_in: u64,
    /// Raw bytes in that came after the cause was fixed; they are part of `bytes_in`.
    pub late_bytes_in: u64,
    /// Raw bytes out.
    pub bytes_out: u64,
    /// Bytes read after the end had been noticed.
    pub bytes_drained: u64,
    /// Data frames received but never taken by the game.
    pub frames_undelivered: u64,
    /// Their payload bytes.
    pub bytes_undelivered: u64,
    /// Data frames queued here whose writing never began.
    pub frames_unsent: u64,
    /// Bytes queued here and never written.
    pub bytes_unsent: u64,
    /// Data frames that were dropped from the queue while the session lived, since the peer read slowly. Frames out,
    /// unsent, dropped and replaced add up to all frames that the game sent.
    pub frames_dropped: u64,
    /// Data frames that a newer one with the same key replaced in the queue.
    pub frames_replaced: u64,
    /// Data frames written but not acknowledged by the peer's session.
    pub frames_unacked: u64,
    /// Bytes written but never acknowledged by the peer's kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes_unacked: Option<u64>,
    /// Bytes received of the frame that was never completed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial_have_bytes: Option<u64>,
    /// The full length of that frame, if its header was complete.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partial_need_bytes: Option<u64>,
    /// Time from the last byte that came before the cause was fixed to that moment.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_byte_in_ms: Option<u64>,
    /// Time from the last acknowledgement by the peer's kernel to the moment the cause was fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_ack_in_ms: Option<u64>,
    /// Time from the last pong to the moment the cause was fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_pong_ms: Option<u64>,
    /// Time from the last sign of life to the verdict, for silent causes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub silent_ms: Option<u64>,
    /// The part of that time in which the server itself was stalled. The stall delayed the verdict.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub own_stall_ms: Option<u64>,
    /// Time from the verdict on a silent peer to the first byte after it: the peer was alive. Absent if no byte came while
    /// the connection lingered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spoke_after_ms: Option<u64>,
    /// For how long the peer had been over its rate when the cause was fixed. Absent if it was within its
    /// rate.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub over_rate_ms: Option<u64>,
    /// The detector of the silence: `heartbeat`, `keepalive`, `retransmission`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub detector: Option<&'static str>,
    /// The smoothed round trip: of the heartbeat if there is one, otherwise of the kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_us: Option<u64>,
    /// The smoothed deviation of the same round trip.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rtt_variance_us: Option<u64>,
    /// How far the peer's clock was ahead of the server's, as the peer reports it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_offset_us: Option<i64>,
    /// The largest possible error of that offset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clock_error_us: Option<u64>,
    /// Whether the kernel proves that the peer's FIN had arrived in order when the cause was fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fin: Option<bool>,
    /// `true` if the peer's FIN came after the cause was fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_fin: Option<bool>,
    /// The name of the first error, if a call returned it after the cause was fixed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub late_error: Option<String>,
    /// The kernel's state of the connection when the cause was fixed: `established`, `close`, `close_wait`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tcp_state: Option<&'static str>,
    /// Retransmissions of the oldest segment that was not acknowledged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retransmits: Option<u8>,
    /// Unanswered probes of the kernel.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probes: Option<u8>,
    /// The peer's window, if the kernel tells it (Linux 5.4).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_window_bytes: Option<u32>,
    /// How far our last frames came: `none`, `written`, `acked`, `fin_seen`.
    pub farewell: &'static str,
    /// The code that our own decision sent: this layer's below 4096, the game's from 4096 on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub our_code: Option<u16>,
    /// The words that our own decision sent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub our_reason: Option<Cow<'a, str>>,
    /// The code of the peer's goodbye.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_code: Option<u16>,
    /// The words of the peer's goodbye, if it had any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub peer_reason: Option<Cow<'a, str>>,
    /// The last steps before the end, oldest first, at most eight. In the log line they are one text:
    /// `socket:end_noticed@-12,game:close_after_end@-3`, with milliseconds after the `@`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub trail: Vec<Step>,
    /// The evidence in words.
    pub words: String,
    /// What the client told of this end when it came back to its session. The log has a line of its own for it.
    #[serde(flatten, skip_serializing_if = "Option::is_none")]
    pub told: Option<Account>,
}

/// One step towards an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Step {
    /// Milliseconds after the verdict; negative before it.
    pub at_ms: i64,
    /// The layer that saw it: `socket`, `proxy`, `frame`, `session`, `game`.
    pub layer: &'static str,
    /// The observed event.
    pub what: &'static str,
}

/// Steps as one text.
pub(crate) struct Steps<'a>(pub(crate) &'a [Step]);

impl fmt::Display for Steps<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (n, step) in self.0.iter().enumerate() {
            let comma = if n > 0 { "," } else { "" };
            write!(f, "{comma}{}:{}@{}", step.layer, step.what, step.at_ms)?;
        }
        Ok(())
    }
}

impl<'a> Record<'a> {
    pub(super) fn of(disconnect: &'a Disconnect) -> Self {
        let ending = &disconnect.ending;
        let (verdict, evidence, first) = (ending.verdict, &ending.evidence, ending.first_error);
        let (ours, theirs) = (ending.decided.as_ref(), ending.peer_goodbye.as_ref());
        let (cause, kernel) = (verdict.cause, evidence.kernel);
        Self {
            seq: disconnect.seq,
            at: rfc3339(disconnect.at),
            cause: cause.label(),
            class: cause.class().label(),
            initiator: cause.initiator().label(),
            phase: verdict.phase.label(),
            profile: disconnect.profile.as_ref().map(|profile| profile.as_str()),
            remote: disconnect.remote,
            remote_source: unusual(disconnect.remote_source),
            behind_proxy: evidence.behind_proxy.then_some(true),
            listener: disconnect.listener,
            player: disconnect.player.as_deref().map(printable),
            session: disconnect.session,
            connection: disconnect.connection,
            session_lives_on: disconnect.session_lives_on.then_some(true),
            age_ms: millis(evidence.age),
            live_ms: millis(evidence.live_for),
            lingered_ms: millis(evidence.lingered),
            first_call: first.map(|first| first.call.label()),
            first_error: first.map(|first| first.error.to_string()),
            first_code: first.and_then(|first| first.error.code),
            frames_in: evidence.frames_in,
            frames_out: evidence.frames_out,
            bytes_in: evidence.bytes_in,
            late_bytes_in: evidence.late_bytes_in,
            bytes_out: evidence.bytes_out,
            bytes_drained: evidence.bytes_drained,
            frames_undelivered: disconnect.undelivered_frames,
            bytes_undelivered: disconnect.undelivered_bytes,
            frames_unsent: evidence.frames_unsent,
            bytes_unsent: evidence.bytes_unsent,
            frames_dropped: evidence.frames_dropped,
            frames_replaced: evidence.frames_replaced,
            frames_unacked: evidence.frames_unacked,
            bytes_unacked: evidence.bytes_unacked,
            partial_have_bytes: evidence.partial_frame.map(|(have, _)| have),
            partial_need_bytes: evidence.partial_frame.and_then(|(_, need)| need),
            last_byte_in_ms: evidence.last_byte_in.map(millis),
            last_ack_in_ms: evidence.last_ack_in.map(millis),
            last_pong_ms: evidence.last_pong.map(millis),
            silent_ms: evidence.silent_for.map(millis),
            own_stall_ms: evidence.silent_for.map(|_| millis(evidence.own_stall)),
            spoke_after_ms: evidence.spoke_after.map(millis),
            over_rate_ms: evidence.over_rate_for.map(millis),
            detector: evidence.detector.map(Detector::label),
            rtt_us: evidence.rtt.map(micros),
            rtt_variance_us: evidence.rtt_variance.map(micros),
            clock_offset_us: evidence.clock_offset.map(|offset| offset.micros),
            clock_error_us: evidence.clock_offset.map(|offset| micros(offset.error)),
            fin: evidence.fin,
            late_fin: evidence.late_fin.then_some(true),
            late_error: evidence.late_error.map(|late| late.error.to_string()),
            tcp_state: kernel.and_then(|kernel| tcp_state(kernel.state)),
            retransmits: kernel.map(|kernel| kernel.retransmits),
            probes: kernel.map(|kernel| kernel.probes),
            send_window_bytes: kernel.and_then(|kernel| kernel.snd_wnd),
            farewell: evidence.farewell.label(),
            our_code: ours.map(Close::code),
            our_reason: our_words(ours),
            peer_code: theirs.map(|theirs| theirs.code),
            peer_reason: theirs.and_then(|theirs| words(&theirs.reason)),
            trail: steps(&disconnect.ending),
            words: disconnect.to_string(),
            told: disconnect.told.map(|told| told.account(cause)),
        }
    }
}

fn our_words(decided: Option<&Close>) -> Option<Cow<'_, str>> {
    words(decided?.message.reason())
}

fn unusual(source: RemoteSource) -> Option<&'static str> {
    (source != RemoteSource::Socket).then(|| source.label())
}

fn words(reason: &str) -> Option<Cow<'_, str>> {
    (!reason.is_empty()).then(|| printable(reason))
}

fn steps(ending: &Ending) -> Vec<Step> {
    let verdict = ending.verdict.at;
    let steps = ending.trail.iter().map(|event| {
        let after = i64::try_from(event.at.since(verdict).as_millis()).unwrap_or(i64::MAX);
        let before = i64::try_from(verdict.since(event.at).as_millis()).unwrap_or(i64::MAX);
        Step {
            at_ms: after - before,
            layer: event.layer.label(),
            what: event.what,
        }
    });
    steps.collect()
}

/// The state names of `include/net/tcp_states.h`, from 1.
fn tcp_state(state: u8) -> Option<&'static str> {
    const STATES: [&str; 12] = [
        "established",
        "syn_sent",
        "syn_recv",
        "fin_wait1",
        "fin_wait2",
        "time_wait",
        "close",
        "close_wait",
        "last_ack",
        "listen",
        "closing",
        "new_syn_recv",
    ];
    let index = usize::from(state).checked_sub(1)?;
    STATES.get(index).copied()
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
