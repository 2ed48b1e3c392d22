//! The values of `/metrics` that the two laws need.

use std::collections::BTreeMap;

use crate::AdminError;
use crate::http::Http;

/// The counts of one scrape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Scrape {
    /// Connections accepted.
    pub opened: u64,
    /// Connections open.
    pub open: u64,
    /// Ends by the labels of cause and phase. The cohorts are added up.
    pub disconnects: BTreeMap<(String, String), u64>,
    /// Sessions joined.
    pub joined: u64,
    /// Sessions open.
    pub sessions_open: u64,
    /// Sessions that wait for a new connection.
    pub suspended: u64,
    /// Departures by the label of their cause.
    pub departures: BTreeMap<String, u64>,
}

impl Scrape {
    pub(crate) async fn take(http: &mut Http) -> Result<Self, AdminError> {
        let answer = http.get("/metrics").await?;
        let text = String::from_utf8_lossy(&answer.body);
        Self::parse(&text).map_err(|missing| AdminError::NotOurs {
            addr: http.addr(),
            missing,
        })
    }

    /// Reads the text format of Prometheus.
    ///
    /// # Errors
    /// The name of a missing series.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let mut scrape = Self::default();
        let mut missing = NAMES.to_vec();
        for line in text.lines() {
            let Some(Sample {
                name,
                labels,
                value,
            }) = Sample::parse(line)
            else {
                continue;
            };
            missing.retain(|due| *due != name);
            let label = |key| label(labels, key).unwrap_or_default().to_owned();
            match name {
                OPENED => scrape.opened = value,
                OPEN => scrape.open = value,
                JOINED => scrape.joined = value,
                SESSIONS_OPEN => scrape.sessions_open = value,
                SUSPENDED => scrape.suspended = value,
                DISCONNECTS => {
                    let ending = (label("cause"), label("phase"));
                    *scrape.disconnects.entry(ending).or_default() += value;
                }
                DEPARTURES => *scrape.departures.entry(label("cause")).or_default() += value,
                _ => {}
            }
        }
        missing.first().map_or(Ok(scrape), |missing| Err(missing))
    }

    /// Returns the number of all ends.
    #[must_use]
    pub fn ended(&self) -> u64 {
        self.disconnects.values().sum()
    }

    /// Returns the number of all departures.
    #[must_use]
    pub fn departed(&self) -> u64 {
        self.departures.values().sum()
    }

    /// Returns the law that does not hold, if there is one.
    #[must_use]
    pub fn broken_law(&self) -> Option<String> {
        let (opened, open, ended) = (self.opened, self.open, self.ended());
        if opened != open + ended {
            return Some(format!("{opened} opened, but {open} open + {ended} ended"));
        }
        let (joined, departed) = (self.joined, self.departed());
        let (open, suspended) = (self.sessions_open, self.suspended);
        (joined != open + suspended + departed).then(|| {
            format!(
                "{joined} joined, but {open} open + {suspended} suspended + {departed} departed"
            )
        })
    }
}

/// One line of the text format.
struct Sample<'t> {
    name: &'t str,
    labels: &'t str,
    value: u64,
}

impl<'t> Sample<'t> {
    /// Returns `None` for comments, for parts of histograms, and for values that are not a count.
    fn parse(line: &'t str) -> Option<Self> {
        let (series, value) = line.rsplit_once(' ')?;
        let value = value.parse().ok()?;
        let (name, labels) = match series.split_once('{') {
            Some((name, labels)) => (name, labels.strip_suffix('}')?),
            None => (series, ""),
        };
        Some(Self {
            name,
            labels,
            value,
        })
    }
}

/// Returns the value of a label. The layer's labels hold no quotes and no commas.
fn label<'t>(labels: &'t str, key: &str) -> Option<&'t str> {
    let mut pairs = labels.split(',').filter_map(|pair| pair.split_once('='));
    let (_, value) = pairs.find(|(name, _)| *name == key)?;
    value.strip_prefix('"')?.strip_suffix('"')
}

const OPENED: &str = "lastword_connections_opened_total";
const OPEN: &str = "lastword_connections_open";
const DISCONNECTS: &str = "lastword_disconnects_total";
const JOINED: &str = "lastword_sessions_joined_total";
const SESSIONS_OPEN: &str = "lastword_sessions_open";
const SUSPENDED: &str = "lastword_sessions_suspended";
const DEPARTURES: &str = "lastword_departures_total";
const NAMES: [&str; 7] = [
    OPENED,
    OPEN,
    DISCONNECTS,
    JOINED,
    SESSIONS_OPEN,
    SUSPENDED,
    DEPARTURES,
];

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "\
# TYPE lastword_connections_opened_total counter
lastword_connections_opened_total 5
lastword_connections_open 1
lastword_disconnects_total{cause=\"peer_fin\",class=\"abrupt\",phase=\"live\",cohort=\"pc\"} 2
lastword_disconnects_total{cause=\"peer_fin\",class=\"abrupt\",phase=\"live\",cohort=\"none\"} 1
lastword_disconnects_total{cause=\"peer_probe\",class=\"normal\",phase=\"hello\",cohort=\"none\"} 1
lastword_sessions_joined_total 4
lastword_sessions_open 1
lastword_sessions_suspended 0
lastword_departures_total{cause=\"peer_fin\",class=\"abrupt\",cohort=\"none\"} 3
lastword_session_duration_seconds_sum 0.5
";

    #[test]
    fn a_page_of_metrics_is_added_up_over_cohorts() {
        let scrape = Scrape::parse(TEXT).unwrap();
        let fins = ("peer_fin".to_owned(), "live".to_owned());
        assert_eq!(scrape.disconnects[&fins], 3);
        assert_eq!((scrape.ended(), scrape.departed()), (4, 3));
        assert_eq!(scrape.broken_law(), None);
    }

    #[test]
    fn a_law_that_does_not_hold_is_reported_with_its_numbers() {
        let twice = TEXT.replace(
            "phase=\"hello\",cohort=\"none\"} 1",
            "phase=\"hello\",cohort=\"none\"} 2",
        );
        let told = Scrape::parse(&twice).unwrap().broken_law();
        assert_eq!(told.as_deref(), Some("5 opened, but 1 open + 5 ended"));
        let left = TEXT.replace("sessions_open 1", "sessions_open 0");
        let told = Scrape::parse(&left).unwrap().broken_law();
        assert_eq!(
            told.as_deref(),
            Some("4 joined, but 0 open + 0 suspended + 3 departed")
        );
    }

    #[test]
    fn a_foreign_page_is_reported_with_what_it_lacks() {
        assert_eq!(Scrape::parse("go_goroutines 7\n"), Err(OPENED));
    }
}
