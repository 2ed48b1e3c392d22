//! `/api/closes`: the last records of closes as a JSON array.

mod array;
pub(crate) mod query;
mod ring;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lastword_server::{Disconnect, Observer, PeerTold, SessionId};
use tokio::sync::Mutex;

use array::Array;
use query::{ClosesQuery, InvalidQuery};
use ring::Ring;

pub(crate) use ring::Found;

/// The last closes of one server: 10,000 ends of sessions, and 10,000 ends of connections that never became a
/// session.
#[derive(Debug, Default)]
pub(crate) struct Closes {
    ring: Ring,
    /// Only one search runs at a time: parallel ones would only wait for each other, each on its own thread.
    turn: Arc<Mutex<()>>,
}

impl Observer for Closes {
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        self.ring.push(Arc::clone(disconnect));
    }

    fn peer_told(&self, peer_told: &PeerTold) {
        self.ring.told(peer_told.seq, peer_told.told);
    }
}

/// Answers with the records that match the query.
pub(crate) async fn answer(
    State(closes): State<Arc<Closes>>,
    RawQuery(query): RawQuery,
) -> Response {
    let query = match ClosesQuery::parse(query.as_deref().unwrap_or_default()) {
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

impl Closes {
    /// The number of the newest record.
    pub(crate) fn last(&self) -> u64 {
        self.ring.last()
    }

    /// The next records after `after`, up to `until`.
    pub(crate) fn follow(&self, after: u64, until: Option<u64>, limit: usize) -> Found {
        let until = until.unwrap_or(u64::MAX);
        let found = self.ring.after(after, until, limit, |_| true);
        found.unwrap_or_else(|beyond| Found {
            closes: Vec::new(),
            missed: 0,
            last: beyond.last,
        })
    }

    /// The newest records up to `until`: at most `of_each` of sessions and as many of other connections.
    pub(crate) fn recent(&self, until: Option<u64>, of_each: usize) -> Found {
        self.ring.recent(until.unwrap_or(u64::MAX), of_each)
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

    fn find(&self, query: &ClosesQuery) -> Response {
        let Some(after) = query.after else {
            let found = self.ring.newest(query.limit, |close| query.asks_for(close));
            return (missed(0), json(found)).into_response();
        };
        let found = self
            .ring
            .after(after, u64::MAX, query.limit, |close| query.asks_for(close));
        match found {
            Ok(Found {
                closes,
                missed: count,
                last,
            }) => (missed(count), [(LAST, last.to_string())], json(closes)).into_response(),
            Err(beyond) => InvalidQuery::beyond_the_last(after, beyond.last).into_response(),
        }
    }
}

impl IntoResponse for InvalidQuery {
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

/// The most connections of one session that are looked for.
const CONNECTIONS_MAX: usize = 32;
const MISSED: HeaderName = HeaderName::from_static("x-lastword-missed");
/// The number after which the next request continues.
pub(crate) const LAST: HeaderName = HeaderName::from_static("x-lastword-last");

#[cfg(test)]
mod tests {
    use super::ring::tests::close_of;
    use super::*;

    /// A server with a hundred players and then a flood of other connections.
    fn flooded() -> Closes {
        let closes = Closes::default();
        (1..=37_070).for_each(|seq| closes.disconnected(&close_of(seq, seq <= 100)));
        closes
    }

    /// The headers of an answer: the number of missed records, and where to continue.
    fn headers(answer: &Response) -> (u64, u64) {
        let number = |name| answer.headers()[name].to_str().unwrap().parse().unwrap();
        (number(MISSED), number(LAST))
    }

    #[test]
    fn a_follower_that_is_far_behind_is_told_what_it_missed_and_goes_on() {
        let closes = flooded();
        let ask = |query: &str| headers(&closes.find(&ClosesQuery::parse(query).unwrap()));
        assert_eq!(ask("after=0&limit=1"), (0, 1));
        assert_eq!(ask("after=99&limit=2"), (26_970, 27_071));
        assert_eq!(ask("after=5000&limit=1"), (22_070, 27_071));
        assert_eq!(ask("after=26814&limit=1"), (256, 27_071));
        let nothing_matches = "after=0&cause=idle&limit=1";
        assert_eq!(ask(nothing_matches), (26_970, 37_070));
    }

    #[test]
    fn a_viewer_is_told_of_the_last_players_behind_a_flood_of_strangers() {
        let closes = flooded();
        let is_player = |found: &Found| {
            let closes = found.closes.iter();
            closes.filter(|close| close.has_joined()).count()
        };
        let first = closes.recent(None, 500);
        assert_eq!((is_player(&first), first.closes.len()), (100, 600));
        assert_eq!(first.last, 37_070);

        let back = closes.follow(50, None, 500);
        assert_eq!((is_player(&back), back.closes.len()), (50, 500));
        assert_eq!((back.missed, back.last), (26_970, 27_520));
        let of_another_run = closes.follow(u64::MAX, None, 500);
        assert_eq!(of_another_run.last, 37_070);
    }
}
