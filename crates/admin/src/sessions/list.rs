//! `/api/sessions`: the live sessions, a page at a time.

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use lastword_server::{ServerHandle, SessionId, SessionInfo};
use serde::Serialize;
use tokio::sync::Mutex;

use super::query::{SessionsQuery, link_label};
use super::{micros, millis};
use crate::closes::LAST;

/// Reads the list of one server.
#[derive(Clone)]
pub(crate) struct List {
    server: ServerHandle,
    /// Only one search runs at a time: parallel ones would only wait for each other, each on its own thread.
    turn: Arc<Mutex<()>>,
}

impl List {
    pub(crate) fn new(server: ServerHandle) -> Self {
        Self {
            server,
            turn: Arc::default(),
        }
    }
}

/// Answers with the sessions that match the query.
pub(crate) async fn answer(State(list): State<List>, RawQuery(query): RawQuery) -> Response {
    let List { server, turn } = list;
    let query = query.unwrap_or_default();
    let query = match SessionsQuery::parse(&query, &profiles(&server)) {
        Ok(query) => query,
        Err(refused) => return refused.into_response(),
    };
    let turn = turn.lock_owned().await;
    let found = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        Page::read(&server, &query).into_response()
    });
    found.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the sessions were not searched");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

/// A page of the list.
struct Page {
    sessions: Vec<SessionInfo>,
    /// The cursor of the next page; `None` on the last page.
    last: Option<SessionId>,
}

impl Page {
    fn read(server: &ServerHandle, query: &SessionsQuery) -> Self {
        let mut sessions = Vec::new();
        let mut after = query.after;
        loop {
            let part = server.sessions_after(after, PART);
            let Some(end) = part.last().map(|session| session.session) else {
                break;
            };
            after = Some(end);
            sessions.extend(part.into_iter().filter(|session| query.asks_for(session)));
            // One more session than the page has: so there is another page.
            if sessions.len() > query.limit {
                break;
            }
        }
        let more = sessions.len() > query.limit;
        sessions.truncate(query.limit);
        let last = sessions.last().filter(|_| more);
        let last = last.map(|session| session.session);
        Self { sessions, last }
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let rows: Vec<_> = self.sessions.iter().map(Row::from).collect();
        let json = match serde_json::to_vec(&rows) {
            Ok(json) => ([(header::CONTENT_TYPE, "application/json")], json),
            Err(error) => {
                tracing::error!(%error, "the sessions were not written");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        };
        match self.last {
            Some(last) => ([(LAST, last.to_string())], json).into_response(),
            None => json.into_response(),
        }
    }
}

/// A session in flat fields, with the same names as in `/api/sessions/ID` and in its record.
#[derive(Serialize)]
struct Row<'a> {
    session: SessionId,
    #[serde(skip_serializing_if = "Option::is_none")]
    player: Option<String>,
    remote: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    cohort: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<&'a str>,
    link: &'static str,
    congested: bool,
    rate_limited: bool,
    live_ms: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    rtt_us: Option<u64>,
}

impl<'a> From<&'a SessionInfo> for Row<'a> {
    fn from(info: &'a SessionInfo) -> Self {
        Self {
            session: info.session,
            player: info.player_shown().map(Into::into),
            remote: info.remote.to_string(),
            cohort: info.cohort.as_deref(),
            profile: info.profile.as_ref().map(|profile| profile.as_str()),
            link: link_label(info.suspended, info.suspected),
            congested: info.congested,
            rate_limited: info.rate_limited,
            live_ms: millis(info.live_for),
            rtt_us: info.rtt.map(micros),
        }
    }
}

/// The names of the configuration's profiles, each once.
fn profiles(server: &ServerHandle) -> Vec<&str> {
    let mut names: Vec<_> = server
        .detection_bounds()
        .iter()
        .map(|bound| bound.profile.as_str())
        .collect();
    names.dedup();
    names
}

/// The most sessions that are read at once, which limits the memory for a large server.
const PART: usize = 512;
