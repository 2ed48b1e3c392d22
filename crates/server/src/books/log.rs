//! One structured line per close, made of the fields of its [`Record`](crate::Record): the important ones first,
//! counts and clocks last. Closes of peers that never spoke, and joins of sessions, are logged at debug level. A session
//! that departs while it waits for its player has a line of its own.
//! Connections that never became a session have a separate limit.

mod limit;

use std::time::Duration;

use lastword_keepalive::ProfileName;
use lastword_session::{Cause, Class};

use crate::books::record::{Departure, Disconnect, PeerTold, Steps, millis, rfc3339};
use crate::guard::logged;
use crate::player::{SessionIdentity, printable};

pub(crate) use limit::{Limit, Limited};

macro_rules! line {
    ($level:ident, $limit:expr, $disconnect:expr) => {
        if tracing::enabled!(target: "lastword::close", tracing::Level::$level)
            && may_be_written($limit, $disconnect)
        {
            let record = $disconnect.record();
            tracing::event!(
                target: "lastword::close",
                tracing::Level::$level,
                cause = record.cause,
                player = record.player.as_deref(),
                phase = record.phase,
                remote = %record.remote,
                remote_source = record.remote_source,
                behind_proxy = record.behind_proxy,
                words = record.words,
                our_code = record.our_code,
                our_reason = record.our_reason.as_deref(),
                peer_code = record.peer_code,
                peer_reason = record.peer_reason.as_deref(),
                session = record.session.map(tracing::field::display),
                class = record.class,
                initiator = record.initiator,
                profile = record.profile,
                listener = %record.listener,
                seq = record.seq,
                at = record.at,
                connection = record.connection,
                session_lives_on = record.session_lives_on,
                trail = (!record.trail.is_empty())
                    .then(|| tracing::field::display(Steps(&record.trail))),
                age_ms = record.age_ms,
                live_ms = record.live_ms,
                lingered_ms = record.lingered_ms,
                silent_ms = record.silent_ms,
                own_stall_ms = record.own_stall_ms,
                spoke_after_ms = record.spoke_after_ms,
                over_rate_ms = record.over_rate_ms,
                detector = record.detector,
                first_call = record.first_call,
                first_error = record.first_error.as_deref(),
                first_code = record.first_code,
                frames_undelivered = record.frames_undelivered,
                bytes_undelivered = record.bytes_undelivered,
                frames_unsent = record.frames_unsent,
                bytes_unsent = record.bytes_unsent,
                frames_dropped = record.frames_dropped,
                frames_replaced = record.frames_replaced,
                frames_unacked = record.frames_unacked,
                bytes_unacked = record.bytes_unacked,
                partial_have_bytes = record.partial_have_bytes,
                partial_need_bytes = record.partial_need_bytes,
                frames_in = record.frames_in,
                frames_out = record.frames_out,
                bytes_in = record.bytes_in,
                late_bytes_in = record.late_bytes_in,
                bytes_out = record.bytes_out,
                bytes_drained = record.bytes_drained,
                last_byte_in_ms = record.last_byte_in_ms,
                last_ack_in_ms = record.last_ack_in_ms,
                last_pong_ms = record.last_pong_ms,
                rtt_us = record.rtt_us,
                rtt_variance_us = record.rtt_variance_us,
                clock_offset_us = record.clock_offset_us,
                clock_error_us = record.clock_error_us,
                fin = record.fin,
                late_fin = record.late_fin,
                late_error = record.late_error.as_deref(),
                tcp_state = record.tcp_state,
                retransmits = record.retransmits,
                probes = record.probes,
                send_window_bytes = record.send_window_bytes,
                farewell = record.farewell,
                "closed"
            );
        }
    };
}

pub(crate) fn disconnect(limit: &Limit, disconnect: &Disconnect) {
    logged(|| match (disconnect.cause(), disconnect.cause().class()) {
        (Cause::PeerProbe, _) => line!(DEBUG, limit, disconnect),
        (_, Class::Defect) => line!(ERROR, limit, disconnect),
        (_, _) => line!(INFO, limit, disconnect),
    });
}

/// Logs that a session is over whose connection was lost before, with the field names of the line about a close. `unsent`
/// are the frames and bytes that waited for its player.
pub(crate) fn departure(departure: &Departure, away_for: Duration, unsent: (u64, u64)) {
    macro_rules! line {
        ($level:ident) => {
            tracing::event!(
                target: "lastword::departure",
                tracing::Level::$level,
                cause = departure.cause.label(),
                player = departure.player.as_deref().map(printable).as_deref(),
                away_ms = millis(away_for),
                lost_by = departure.ending.verdict.cause.label(),
                remote = %departure.remote,
                session = %departure.session,
                class = departure.cause.class().label(),
                at = rfc3339(departure.at),
                connection = departure.ending.connection,
                frames_unsent = unsent.0,
                bytes_unsent = unsent.1,
                frames_undelivered = departure.undelivered_frames,
                bytes_undelivered = departure.undelivered_bytes,
                "left"
            )
        };
    }
    logged(|| match departure.cause.class() == Class::Defect {
        true => line!(ERROR),
        false => line!(INFO),
    });
}

/// Ends of sessions and defects are never withheld.
fn may_be_written(limit: &Limit, disconnect: &Disconnect) -> bool {
    let is_unlimited = disconnect.has_joined() || disconnect.cause().class() == Class::Defect;
    is_unlimited || limit.allows()
}

/// Logs that a session joined, with the field names of the line about its close.
pub(crate) fn joined(identity: &SessionIdentity, profile: Option<ProfileName>) {
    logged(|| {
        tracing::debug!(
            target: "lastword::join",
            session = %identity.session,
            player = identity.player.as_deref().map(printable).as_deref(),
            remote = %identity.remote().addr,
            profile = profile.as_ref().map(ProfileName::as_str),
            "joined"
        );
    });
}

/// Logs a client's account of the end of its connection, with the field names of the record.
pub(crate) fn told(peer_told: &PeerTold) {
    logged(|| {
        let account = peer_told.told.account(peer_told.cause);
        tracing::info!(
            target: "lastword::told",
            told = account.told,
            told_words = account.told_words,
            cause = peer_told.cause.label(),
            player = peer_told.player.as_deref().map(printable).as_deref(),
            session = %peer_told.session,
            connection = peer_told.connection,
            seq = peer_told.seq,
            told_at = account.told_at,
            told_cause = account.told_cause.as_deref(),
            told_goodbye = account.told_goodbye,
            told_ended_ms = account.told_ended_ms,
            told_silence_ms = account.told_silence_ms,
            told_paused = account.told_paused,
            told_slept = account.told_slept,
            told_moved = account.told_moved,
            "the client told its side"
        );
    });
}

#[cfg(test)]
mod tests;
#[cfg(test)]
pub(crate) use tests::Lines;
