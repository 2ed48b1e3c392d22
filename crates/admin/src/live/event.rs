//! An event of the stream: a snapshot, the seconds that changed, and the closes since the previous event.

use axum::body::Bytes;

use super::tally::Second;
use crate::closes::Found;

/// A snapshot, which any number of events can contain.
#[derive(Clone, Debug, Default)]
pub(super) struct Moment {
    /// The snapshot as JSON.
    pub(super) json: String,
    /// When it was made, in seconds since 1970.
    pub(super) second: u64,
    /// The server has ended: no snapshot follows.
    pub(super) ended: bool,
}

/// A server-sent event, and the positions between which it reports.
#[derive(Debug, Default)]
pub(super) struct Event {
    pub(super) moment: Moment,
    /// The event begins after this close …
    pub(super) after: u64,
    /// … and ends with this close.
    pub(super) last: u64,
    pub(super) text: Bytes,
}

impl Event {
    /// Builds an event. It contains the closes up to `closes.last`.
    pub(super) fn new(
        run: u64,
        moment: Moment,
        history: &[Second],
        after: u64,
        closes: &Found,
    ) -> Result<Self, serde_json::Error> {
        let (json, last) = (&moment.json, closes.last);
        let mut text =
            format!("id: {run}-{last}\ndata: {{\"snapshot\":{json},\"history\":").into_bytes();
        serde_json::to_writer(&mut text, &rows(history))?;
        let missed = closes.missed;
        text.extend_from_slice(
            format!(",\"missed\":{missed},\"last\":{last},\"closes\":[").as_bytes(),
        );
        for (n, close) in closes.closes.iter().enumerate() {
            if n > 0 {
                text.push(b',');
            }
            serde_json::to_writer(&mut text, &close.record())?;
        }
        text.extend_from_slice(b"]}\n\n");
        Ok(Self {
            moment,
            after,
            last,
            text: text.into(),
        })
    }

    /// Whether there is no event: none was made yet, or there were no viewers for a while.
    pub(super) fn is_none(&self) -> bool {
        self.text.is_empty()
    }
}

/// A viewer's position, from the id of its last event; `None` if that was in another run of the server.
pub(super) fn position(id: &str, run: u64) -> Option<u64> {
    let (of, last) = id.split_once('-')?;
    (of.parse() == Ok(run)).then(|| last.parse().ok()).flatten()
}

/// The rows of the history: a second, its ends of sessions' connections by class, those of other connections by class, and
/// its lost sessions.
fn rows(history: &[Second]) -> Vec<Vec<u64>> {
    let row = |each: &Second| {
        let counts = each.live.iter().chain(&each.early).chain([&each.lost]);
        std::iter::once(each.second)
            .chain(counts.map(|count| u64::from(*count)))
            .collect()
    };
    history.iter().map(row).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_position_is_known_in_its_own_run_only() {
        assert_eq!(position("7-12", 7), Some(12));
        for id in ["8-12", "7-", "-12", "12", "", "7-x"] {
            assert_eq!(position(id, 7), None, "{id}");
        }
    }

    #[test]
    fn an_event_is_one_line_of_json_and_says_where_to_go_on() {
        let history = [Second {
            second: 5,
            live: [1; 8],
            early: [0; 8],
            lost: 0,
        }];
        let moment = Moment {
            json: "{}".to_owned(),
            second: 5,
            ended: false,
        };
        let closes = Found {
            closes: Vec::new(),
            missed: 2,
            last: 12,
        };
        let event = Event::new(7, moment, &history, 9, &closes).unwrap();
        let text = String::from_utf8(event.text.to_vec()).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!((lines.len(), lines[0], lines[2]), (3, "id: 7-12", ""));
        let json: serde_json::Value = serde_json::from_str(&lines[1]["data: ".len()..]).unwrap();
        assert_eq!(
            (&json["missed"], &json["history"][0][0]),
            (&2.into(), &5.into())
        );
        assert_eq!((event.after, event.last), (9, 12));
    }
}
