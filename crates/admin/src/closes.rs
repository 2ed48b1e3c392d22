//! `/api/closes`: the last records of closes as a JSON array.

mod array;
pub(crate) mod query;
mod ring;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lastword_server::{Disconnect, Observer, SessionId};
use tokio::sync::Mutex;

use array::Array;
use query::{Query, Refused};
use ring::{Found, Ring};

/// The last 10,000 closes of one server.
#[derive(Debug, Default)]
pub(crate) struct Closes {
    ring: Ring,
    /// One search at a time: more would only wait for each other, on a thread each.
    turn: Arc<Mutex<()>>,
}

impl Observer for Closes {
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        self.ring.push(Arc::clone(disconnect));
    }
}

/// Answers with the records that the query asks for.
pub(crate) async fn answer(
    State(closes): State<Arc<Closes>>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = match Query::parse(query.as_deref().unwrap_or_default()) {
        Ok(query) => query,
        Err(refused) => return refused.into_response(),
    };
    let turn = Arc::clone(&closes.turn).lock_owned().await;
    let found = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        closes.find(&query)
    });
    found.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the closes were not searched");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

/// What came behind a close.
#[derive(Debug)]
pub(crate) struct Followed {
    /// Oldest first.
    pub(crate) closes: Vec<Arc<Disconnect>>,
    /// Those that are gone.
    pub(crate) missed: u64,
    /// Where to go on.
    pub(crate) last: u64,
}

impl Closes {
    /// The number of the newest one.
    pub(crate) fn last(&self) -> u64 {
        self.ring.last()
    }

    /// The next ones behind `after`, not much beyond `until`.
    pub(crate) fn follow(&self, after: u64, until: Option<u64>, limit: usize) -> Followed {
        let left = until.map_or(u64::MAX, |until| until.saturating_sub(after));
        let limit = limit.min(usize::try_from(left).unwrap_or(usize::MAX));
        match self.ring.after(after, limit, |_| true) {
            Ok(Found {
                closes,
                missed,
                last,
            }) => Followed {
                closes,
                missed,
                last,
            },
            Err(beyond) => Followed {
                closes: Vec::new(),
                missed: 0,
                last: beyond.last,
            },
        }
    }

    /// The ends of one session's connections, newest first.
    pub(crate) async fn of_session(self: &Arc<Self>, session: SessionId) -> Vec<Arc<Disconnect>> {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let closes = Arc::clone(self);
        let found = tokio::task::spawn_blocking(move || {
            let _turn = turn;
            let is_its = |close: &Disconnect| close.session == Some(session);
            closes.ring.newest(CONNECTIONS_MAX, is_its)
        });
        found.await.unwrap_or_else(|error| {
            tracing::error!(%error, "the closes were not searched");
            Vec::new()
        })
    }

    fn find(&self, query: &Query) -> Response {
        let Some(after) = query.after else {
            let found = self.ring.newest(query.limit, |close| query.asks_for(close));
            return (missed(0), json(found)).into_response();
        };
        let found = self
            .ring
            .after(after, query.limit, |close| query.asks_for(close));
        match found {
            Ok(Found {
                closes,
                missed: count,
                last,
            }) => (missed(count), [(LAST, last.to_string())], json(closes)).into_response(),
            Err(beyond) => Refused::beyond_the_last(after, beyond.last).into_response(),
        }
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        (StatusCode::BAD_REQUEST, format!("{self}\n")).into_response()
    }
}

fn missed(count: u64) -> [(HeaderName, String); 1] {
    [(MISSED, count.to_string())]
}

fn json(closes: Vec<Arc<Disconnect>>) -> Response {
    let body = Body::new(Array::new(closes));
    ([(header::CONTENT_TYPE, "application/json")], body).into_response()
}

/// Connections of one session that are looked for.
const CONNECTIONS_MAX: usize = 32;
const MISSED: HeaderName = HeaderName::from_static("x-lastword-missed");
/// Where to go on.
pub(crate) const LAST: HeaderName = HeaderName::from_static("x-lastword-last");
