//! Reads the records of closes in the order of their `seq`, from any position.

use std::net::SocketAddr;

use hyper::header::HeaderMap;
use lastword_session::{Cause, Phase};
use serde::Deserialize;

use crate::ending::{cause, phase};
use crate::http::Http;
use crate::{AdminError, Ending};

/// The fields of a record that judges need.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Record {
    /// The number of this end, counted by the server without a gap.
    pub seq: u64,
    /// Why the connection ended.
    #[serde(deserialize_with = "cause")]
    pub cause: Cause,
    /// How far the connection had come.
    #[serde(deserialize_with = "phase")]
    pub phase: Phase,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The session's id, if the client joined.
    pub session: Option<String>,
    /// The player's name or id, if a player with a name was let in.
    pub player: Option<String>,
    /// Data frames that the server received.
    pub frames_in: u64,
    /// Data frames that the game never took.
    #[serde(default)]
    pub frames_undelivered: u64,
    /// Time from the last sign of life to the verdict, for silent causes.
    pub silent_ms: Option<u64>,
    /// The part of that time in which the server itself was stalled.
    #[serde(default)]
    pub own_stall_ms: u64,
}

impl Record {
    /// Returns the cause and the phase of this end.
    #[must_use]
    pub const fn ending(&self) -> Ending {
        Ending {
            cause: self.cause,
            phase: self.phase,
        }
    }
}

/// Consecutive records.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// The records, oldest first.
    pub records: Vec<Record>,
    /// Records that left the server's ring before this request.
    pub missed: u64,
}

/// A position in the records of a server.
#[derive(Debug)]
pub(crate) struct Cursor {
    /// The last `seq` that was read.
    pub(crate) after: u64,
}

impl Cursor {
    /// Reads all records since the last call.
    pub(crate) async fn advance(&mut self, http: &mut Http) -> Result<Page, AdminError> {
        let mut page = Page::default();
        loop {
            let path = format!("/api/closes?after={}&limit={LIMIT}", self.after);
            let answer = http.get(&path).await?;
            let records = parse(http, &answer.body)?;
            page.missed += missed(&answer.headers);
            let newest = records.iter().map(|record| record.seq).max();
            // Also stops if a faulty server repeats the same records.
            let is_last = records.len() < LIMIT || newest <= Some(self.after);
            self.after = newest.map_or(self.after, |newest| newest.max(self.after));
            page.records.extend(records);
            if is_last {
                return Ok(page);
            }
        }
    }
}

/// Reads the records of one session.
pub(crate) async fn of_session(http: &mut Http, session: &str) -> Result<Vec<Record>, AdminError> {
    let answer = http.get(&format!("/api/closes?session={session}")).await?;
    parse(http, &answer.body)
}

fn parse(http: &Http, body: &[u8]) -> Result<Vec<Record>, AdminError> {
    serde_json::from_slice(body).map_err(|source| AdminError::Records {
        addr: http.addr(),
        source,
    })
}

fn missed(headers: &HeaderMap) -> u64 {
    let value = headers.get("x-lastword-missed");
    let count = value.and_then(|value| value.to_str().ok()?.parse().ok());
    count.unwrap_or(0)
}

const LIMIT: usize = 10_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_is_read_by_its_names_and_may_have_further_fields() {
        let json = r#"{"seq":7,"at":"2026","cause":"peer_reset","phase":"live","remote":"127.1.0.9:4000",
            "session":"00","frames_in":3,"frames_undelivered":1,"words":"…"}"#;
        let record: Record = serde_json::from_str(json).unwrap();
        assert_eq!(record.ending().to_string(), "peer_reset in live");
        assert_eq!(
            (record.seq, record.frames_in, record.frames_undelivered),
            (7, 3, 1)
        );
        assert_eq!(record.remote, "127.1.0.9:4000".parse().unwrap());
    }

    #[test]
    fn an_unknown_cause_is_an_error_that_names_it() {
        let json = r#"{"seq":7,"cause":"boredom","phase":"live","remote":"[::1]:1","frames_in":0}"#;
        let error = serde_json::from_str::<Record>(json).unwrap_err();
        assert!(
            error.to_string().contains("there is no cause `boredom`"),
            "{error}"
        );
    }
}
