//! One structured line per close, made of the fields of its [`Record`]. Two kinds of line are at debug: closes of peers
//! that never spoke, and sessions that joined.

use lastword_session::{Cause, Class};

use crate::Disconnect;
use crate::core::Core;
use crate::record::{Steps, printable};
use crate::seat::Seat;

macro_rules! line {
    ($level:ident, $disconnect:expr) => {
        if tracing::enabled!(target: "lastword::close", tracing::Level::$level) {
            let record = $disconnect.record();
            tracing::event!(
                target: "lastword::close",
                tracing::Level::$level,
                seq = record.seq,
                at = record.at,
                cause = record.cause,
                class = record.class,
                initiator = record.initiator,
                phase = record.phase,
                profile = record.profile,
                remote = %record.remote,
                listener = %record.listener,
                player = record.player.as_deref(),
                session = record.session.map(tracing::field::display),
                connection = record.connection,
                age_ms = record.age_ms,
                live_ms = record.live_ms,
                first_call = record.first_call,
                first_code = record.first_code,
                frames_in = record.frames_in,
                frames_out = record.frames_out,
                bytes_in = record.bytes_in,
                bytes_out = record.bytes_out,
                bytes_drained = record.bytes_drained,
                frames_undelivered = record.frames_undelivered,
                bytes_undelivered = record.bytes_undelivered,
                frames_unsent = record.frames_unsent,
                bytes_unsent = record.bytes_unsent,
                frames_unacked = record.frames_unacked,
                bytes_unacked = record.bytes_unacked,
                partial_have_bytes = record.partial_have_bytes,
                partial_need_bytes = record.partial_need_bytes,
                last_byte_in_ms = record.last_byte_in_ms,
                last_ack_in_ms = record.last_ack_in_ms,
                last_pong_ms = record.last_pong_ms,
                silent_ms = record.silent_ms,
                own_stall_ms = record.own_stall_ms,
                detector = record.detector,
                rtt_us = record.rtt_us,
                rtt_variance_us = record.rtt_variance_us,
                clock_offset_us = record.clock_offset_us,
                clock_error_us = record.clock_error_us,
                fin = record.fin,
                tcp_state = record.tcp_state,
                retransmits = record.retransmits,
                probes = record.probes,
                send_window_bytes = record.send_window_bytes,
                farewell = record.farewell,
                our_code = record.our_code,
                our_reason = record.our_reason.as_deref(),
                peer_code = record.peer_code,
                peer_reason = record.peer_reason.as_deref(),
                trail = (!record.trail.is_empty())
                    .then(|| tracing::field::display(Steps(&record.trail))),
                words = record.words,
                "closed"
            );
        }
    };
}

pub(crate) fn disconnect(disconnect: &Disconnect) {
    match (disconnect.cause(), disconnect.cause().class()) {
        (Cause::PeerProbe, _) => line!(DEBUG, disconnect),
        (_, Class::Defect) => line!(ERROR, disconnect),
        (_, _) => line!(INFO, disconnect),
    }
}

/// Under the names that the line of its close will have.
pub(crate) fn joined(core: &Core, seat: &Seat) {
    tracing::debug!(
        target: "lastword::join",
        session = %seat.session,
        player = printable(&seat.player).as_ref(),
        remote = %seat.remote,
        profile = core.profile(seat.profile).map(|profile| profile.name.as_str()),
        "joined"
    );
}

#[cfg(test)]
mod tests;
