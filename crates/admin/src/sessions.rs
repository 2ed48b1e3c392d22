//! `/api/sessions/ID`: the state of a live session, and the ends of its connections. `/api/sessions` lists them.

pub(crate) mod list;
mod query;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use lastword_server::{Disconnect, Record, ServerHandle, SessionId, SessionStatus};
use serde::Serialize;
use tokio::time::timeout;

use crate::closes::Closes;
use query::link_label;

/// All that is known here of one session.
#[derive(Serialize)]
struct Known<'a> {
    session: SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    live: Option<Live<'a>>,
    /// The ends of its connections, newest first.
    closes: Vec<Record<'a>>,
}

/// A live session in flat fields, under the names that its record will have.
#[derive(Serialize)]
struct Live<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    player: Option<&'a str>,
    remote: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cohort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    /// `healthy`, `suspended`, or the diagnosis of the peer's silence.
    link: &'static str,
    /// How long it has waited for its player; absent while the player is here.
    #[serde(skip_serializing_if = "Option::is_none")]
    suspended_ms: Option<u64>,
    inbound_paused: bool,
    congested: bool,
    rate_limited: bool,
    age_ms: u64,
    live_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_us: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_byte_in_ms: Option<u64>,
    frames_in: u64,
    frames_out: u64,
    bytes_in: u64,
    bytes_out: u64,
    bytes_queued: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    bytes_unacked: Option<u64>,
}

/// Answers a request for one session.
pub(crate) async fn answer(
    State((server, closes)): State<(ServerHandle, Arc<Closes>)>,
    Path(id): Path<String>,
) -> Response {
    let session: SessionId = match id.parse() {
        Ok(session) => session,
        Err(error) => return (StatusCode::BAD_REQUEST, format!("{error}\n")).into_response(),
    };
    // A session that is about to end does not answer, but its record follows soon.
    let status = timeout(ANSWER_TIMEOUT, server.session_status(session)).await;
    let status = status.unwrap_or_default();
    let ended = closes.of_session(session).await;
    if status.is_none() && ended.is_empty() {
        return (StatusCode::NOT_FOUND, NOT_HERE).into_response();
    }
    let known = Known {
        session,
        live: status.as_ref().map(Live::from),
        closes: ended
            .iter()
            .map(|close: &Arc<Disconnect>| close.record())
            .collect(),
    };
    match serde_json::to_vec(&known) {
        Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json).into_response(),
        Err(error) => {
            tracing::error!(%error, "a session was not written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

impl<'a> From<&'a SessionStatus> for Live<'a> {
    fn from(status: &'a SessionStatus) -> Self {
        Self {
            player: status.player.as_deref(),
            remote: status.remote.to_string(),
            cohort: status.cohort.as_deref(),
            profile: status.profile.as_ref().map(|profile| profile.as_str()),
            link: link_label(status.suspended_for.is_some(), status.suspected),
            suspended_ms: status.suspended_for.map(millis),
            inbound_paused: status.inbound_paused,
            congested: status.congested,
            rate_limited: status.rate_limited,
            age_ms: millis(status.age),
            live_ms: millis(status.live_for),
            rtt_us: status.rtt.map(micros),
            last_byte_in_ms: status.last_byte_in.map(millis),
            frames_in: status.frames.0,
            frames_out: status.frames.1,
            bytes_in: status.bytes.0,
            bytes_out: status.bytes.1,
            bytes_queued: status.bytes_queued,
            bytes_unacked: status.bytes_unacked,
        }
    }
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

const ANSWER_TIMEOUT: Duration = Duration::from_secs(2);
const NOT_HERE: &str =
    "no session with this id is live here or among the last 10,000 ends of sessions\n";
