//! `/api/closes`: the last records of closes as a JSON array.

mod query;
mod ring;

use std::sync::Arc;

use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lastword_server::{Disconnect, Observer};
use serde::Serializer;
use tokio::sync::Mutex;

use query::{Query, Refused};
use ring::{Found, Ring};

/// The last 10,000 closes of one server.
#[derive(Debug, Default)]
pub(crate) struct Closes {
    ring: Ring,
    /// One answer at a time: a long one takes tens of megabytes while it is written.
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
    let rendered = tokio::task::spawn_blocking(move || {
        let _turn = turn;
        closes.render(&query)
    });
    rendered.await.unwrap_or_else(|error| {
        tracing::error!(%error, "the closes were not rendered");
        StatusCode::INTERNAL_SERVER_ERROR.into_response()
    })
}

impl Closes {
    fn render(&self, query: &Query) -> Response {
        let Some(after) = query.after else {
            let found = self.ring.newest(query.limit, |close| query.asks_for(close));
            return (missed(0), json(&found)).into_response();
        };
        let found = self
            .ring
            .after(after, query.limit, |close| query.asks_for(close));
        match found {
            Ok(Found {
                closes,
                missed: count,
                last,
            }) => (missed(count), [(LAST, last.to_string())], json(&closes)).into_response(),
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

fn json(closes: &[Arc<Disconnect>]) -> Response {
    let mut body = Vec::with_capacity(closes.len() * RECORD_BYTES);
    let records = closes.iter().map(|close| close.record());
    match serde_json::Serializer::new(&mut body).collect_seq(records) {
        Ok(()) => ([(header::CONTENT_TYPE, "application/json")], body).into_response(),
        Err(error) => {
            tracing::error!(%error, "a record was not written");
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

const MISSED: HeaderName = HeaderName::from_static("x-lastword-missed");
const LAST: HeaderName = HeaderName::from_static("x-lastword-last");
/// About what a record takes as text.
const RECORD_BYTES: usize = 1_200;
