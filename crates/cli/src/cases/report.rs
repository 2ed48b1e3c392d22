//! A row and its judged outcome.

use serde::Serialize;

use super::judge::judge;
use super::observed::{Bare, in_words};
use super::outcome::Outcome;
use super::row::Row;

/// One row of the report.
#[derive(Clone, Debug, Serialize)]
pub(crate) struct Report {
    pub(crate) id: &'static str,
    pub(crate) title: &'static str,
    pub(crate) done: &'static str,
    pub(crate) expected_cause: &'static str,
    pub(crate) observed_cause: Option<&'static str>,
    /// The results of the calls on the bare socket, in order.
    pub(crate) recv: Option<String>,
    pub(crate) send: Option<String>,
    /// With the layer: payload bytes of the whole frames that were sent.
    pub(crate) sent_bytes: Option<u64>,
    pub(crate) delivered_bytes: Option<u64>,
    /// Payload bytes that arrived, as our kernel counts them.
    pub(crate) received_bytes: Option<u64>,
    /// `None` where the row was skipped.
    pub(crate) ok: Option<bool>,
    /// Why the row was skipped.
    pub(crate) skipped: Option<String>,
    /// Each difference from the documentation.
    pub(crate) wrong: Vec<String>,
    pub(crate) evidence: Option<String>,
    /// The run between bare sockets.
    pub(crate) bare: Option<Bare>,
    pub(crate) windows: &'static str,
    pub(crate) windows_measured: bool,
    pub(crate) why: &'static str,
}

impl Report {
    pub(crate) fn new(row: &'static Row, outcome: Outcome) -> Self {
        let unseen = Self::unseen(row);
        match outcome {
            Outcome::Skipped(reason) => Self {
                skipped: Some(reason),
                ..unseen
            },
            Outcome::Failed(error) => Self {
                ok: Some(false),
                wrong: vec![format!("the row did not finish: {error}")],
                ..unseen
            },
            Outcome::Ran(seen) => {
                let wrong = judge(row, &seen);
                let layer = seen.layer;
                Self {
                    expected_cause: row.ends.cause(layer.mid_frame).label(),
                    observed_cause: Some(layer.ending.cause.label()),
                    recv: in_words(&seen.bare.recv),
                    send: in_words(&seen.bare.send),
                    sent_bytes: Some(layer.sent),
                    delivered_bytes: Some(layer.delivered),
                    received_bytes: Some(layer.held),
                    ok: Some(wrong.is_empty()),
                    wrong,
                    evidence: Some(layer.evidence),
                    bare: Some(seen.bare),
                    ..unseen
                }
            }
        }
    }

    fn unseen(row: &Row) -> Self {
        Self {
            id: row.id,
            title: row.title,
            done: row.done,
            expected_cause: row.ends.cause(false).label(),
            observed_cause: None,
            recv: None,
            send: None,
            sent_bytes: None,
            delivered_bytes: None,
            received_bytes: None,
            ok: None,
            skipped: None,
            wrong: Vec::new(),
            evidence: None,
            bare: None,
            windows: row.windows,
            windows_measured: false,
            why: row.why,
        }
    }
}
