//! Checks a query against the catalogue: names, labels and their values. It works out the labels of the answer, so it
//! finds a grouping, a join or a legend that uses a missing label.

mod error;
mod infer;

use std::collections::{BTreeMap, BTreeSet};

use lastword_server::{Metric, MetricKind, MetricLabel};
use promql_parser::label::{MatchOp, Matcher};
use promql_parser::parser::{self, Expr, VectorSelector};

pub use error::QueryError;

use crate::rules::Rule;

/// The names of labels.
pub type Labels = BTreeSet<String>;

/// The names that a query may use: the catalogue, the labels that Prometheus adds, and the recording rules.
#[derive(Clone, Debug, Default)]
pub struct Known {
    recorded: BTreeMap<String, Labels>,
}

impl Known {
    /// Combines the catalogue with the series that these rules record, in their order.
    ///
    /// # Errors
    /// A rule asks for something that is not known.
    pub fn with_rules(rules: &[Rule]) -> Result<Self, QueryError> {
        let mut known = Self::default();
        for rule in rules {
            let labels = known.check(&rule.expr)?;
            if let Some(record) = &rule.record {
                known.recorded.insert(record.clone(), labels);
            }
        }
        Ok(known)
    }

    /// Checks a query, and returns the labels of its answer.
    ///
    /// # Errors
    /// The query does not parse, or asks for a metric, a label or a label value that does not exist.
    pub fn check(&self, query: &str) -> Result<Labels, QueryError> {
        self.labels_of(&parse(query)?)
    }

    /// Returns the labels of the selected series.
    fn selected(&self, selector: &VectorSelector) -> Result<Labels, QueryError> {
        let name = selector.name.clone().unwrap_or_default();
        let labels = self.labels_of_series(&name)?;
        for matcher in &selector.matchers.matchers {
            if !labels.contains(&matcher.name) {
                return Err(QueryError::NoLabel(name, matcher.name.clone()));
            }
            check_value(&name, matcher)?;
        }
        Ok(labels)
    }

    fn labels_of_series(&self, name: &str) -> Result<Labels, QueryError> {
        if let Some(labels) = self.recorded.get(name) {
            return Ok(labels.clone());
        }
        if name == "up" {
            return Ok(names(TARGET));
        }
        let metric =
            Metric::of_series(name).ok_or_else(|| QueryError::NoMetric(name.to_owned()))?;
        let own = metric.labels.iter().map(|label| label.name());
        let le = (is_histogram(metric) && name.ends_with("_bucket")).then_some("le");
        Ok(names(own.chain(TARGET).chain(le)))
    }
}

/// Returns the vectors that a query compares. While an alert does not fire, its own answer is empty, but these vectors
/// are not empty.
///
/// # Errors
/// The query does not parse.
pub fn compared(query: &str) -> Result<Vec<String>, QueryError> {
    let expr = parse(query)?;
    let mut vectors = Vec::new();
    infer::compared(&expr, &mut vectors);
    Ok(vectors.iter().map(ToString::to_string).collect())
}

fn parse(query: &str) -> Result<Expr, QueryError> {
    parser::parse(&expand(query)).map_err(|why| QueryError::NoQuery(query.to_owned(), why))
}

/// The labels that Prometheus adds to every series.
const TARGET: [&str; 2] = ["job", "instance"];

/// Replaces Grafana's variables by values, so that the text is a valid query.
#[must_use]
pub fn expand(query: &str) -> String {
    [
        ("$__rate_interval", "20s"),
        ("$__range", "1m"),
        ("$__interval", "5s"),
        ("$instance", ".+"),
        ("$cohort", ".+"),
    ]
    .iter()
    .fold(query.to_owned(), |query, (variable, value)| {
        query.replace(variable, value)
    })
}

fn check_value(series: &str, matcher: &Matcher) -> Result<(), QueryError> {
    let Some(allowed) = values(series, &matcher.name) else {
        return Ok(());
    };
    let words = match &matcher.op {
        MatchOp::Equal | MatchOp::NotEqual => vec![matcher.value.as_str()],
        MatchOp::Re(_) | MatchOp::NotRe(_) => matcher.value.split('|').collect(),
    };
    let unknown = words.into_iter().find(|word| !allowed.contains(word));
    unknown.map_or(Ok(()), |word| {
        let label = matcher.name.clone();
        Err(QueryError::NoValue(
            series.to_owned(),
            label,
            word.to_owned(),
        ))
    })
}

/// Returns every value that the label can have in this series, or `None` where the values are not known.
fn values(series: &str, label: &str) -> Option<Vec<&'static str>> {
    let labels = match Metric::of_series(series) {
        Some(metric) => metric.labels,
        None => &MetricLabel::ALL,
    };
    labels.iter().find(|known| known.name() == label)?.values()
}

fn is_histogram(metric: &Metric) -> bool {
    matches!(metric.kind, MetricKind::Histogram { .. })
}

fn names<'a>(names: impl IntoIterator<Item = &'a str>) -> Labels {
    names.into_iter().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests;
