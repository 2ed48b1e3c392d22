//! One structured line per close. What a client chose is escaped; what never spoke is logged at debug.

use lastword_session::{Cause, Class};

use crate::Disconnect;

macro_rules! line {
    ($level:ident, $disconnect:expr) => {{
        let disconnect = $disconnect;
        let (verdict, evidence) = (&disconnect.ending.verdict, &disconnect.ending.evidence);
        let first = disconnect.ending.first_error.as_ref();
        tracing::$level!(
            target: "lastword::close",
            seq = disconnect.seq,
            cause = verdict.cause.label(),
            class = verdict.cause.class().label(),
            initiator = verdict.cause.initiator().label(),
            phase = verdict.phase.label(),
            remote = %disconnect.remote,
            listener = %disconnect.listener,
            player = disconnect.player.as_deref().map(escaped),
            session = disconnect.session.map(tracing::field::display),
            connection = disconnect.connection,
            age_ms = millis(evidence.age),
            first_call = first.map(|first| first.call.label()),
            first_code = first.and_then(|first| first.error.code),
            frames_in = evidence.frames_in,
            frames_out = evidence.frames_out,
            bytes_in = evidence.bytes_in,
            bytes_out = evidence.bytes_out,
            bytes_drained = evidence.bytes_drained,
            bytes_unsent = evidence.bytes_unsent,
            bytes_unacked = evidence.bytes_unacked,
            silent_ms = evidence.silent_for.map(millis),
            rtt_us = evidence.rtt.map(micros),
            fin = evidence.fin,
            retransmits = evidence.kernel.map(|kernel| kernel.retransmits),
            probes = evidence.kernel.map(|kernel| kernel.probes),
            farewell = evidence.farewell.label(),
            detector = evidence.detector.map(|detector| detector.label()),
            peer_code = disconnect.ending.parting.as_ref().map(|parting| parting.code),
            "closed"
        );
    }};
}

pub(crate) fn disconnect(disconnect: &Disconnect) {
    match (disconnect.cause(), disconnect.cause().class()) {
        (Cause::PeerProbe, _) => line!(debug, disconnect),
        (_, Class::Defect) => line!(error, disconnect),
        (_, _) => line!(info, disconnect),
    }
}

/// Control characters of a name must not reach a terminal.
fn escaped(name: &str) -> String {
    name.escape_debug().to_string()
}

fn millis(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn micros(duration: std::time::Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}
