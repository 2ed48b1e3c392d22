//! Makes `docs/metrics.md` from the catalogue.

use std::fmt::Write;

use lastword_server::{Metric, MetricKind, MetricLabel};

/// Returns the text of the reference.
#[must_use]
pub fn text() -> String {
    let mut text = HEAD.to_owned();
    Metric::ALL.iter().for_each(|metric| row(&mut text, metric));
    text.push_str(LABELS);
    MetricLabel::ALL
        .iter()
        .for_each(|label| values(&mut text, *label));
    text.push_str(BUCKETS);
    Metric::ALL
        .iter()
        .for_each(|metric| buckets(&mut text, metric));
    text + RESERVED
}

fn row(text: &mut String, metric: &Metric) {
    let labels: Vec<_> = metric.labels.iter().map(|label| label.name()).collect();
    let labels = match labels.join("`, `") {
        none if none.is_empty() => "–".to_owned(),
        labels => format!("`{labels}`"),
    };
    let (kind, unit) = (metric.kind.label(), metric.unit.label());
    line(
        text,
        &format!(
            "| `{}` | {kind} | {unit} | {labels} | {} |",
            metric.name, metric.help
        ),
    );
}

fn values(text: &mut String, label: MetricLabel) {
    let with: Vec<_> = Metric::ALL
        .iter()
        .filter(|metric| metric.labels.contains(&label))
        .collect();
    let of: Vec<_> = with.iter().map(|metric| short(metric.name)).collect();
    let values = match label.values() {
        Some(values) if values.len() > MANY => {
            format!("{} of [causes.md](causes.md)", values.len())
        }
        Some(values) => format!("`{}`", values.join("`, `")),
        None => open(label).to_owned(),
    };
    line(
        text,
        &format!("| `{}` | {} | {values} |", label.name(), of.join(", ")),
    );
}

/// The source of a label's values, where the catalogue does not know them.
fn open(label: MetricLabel) -> &'static str {
    let known = OPEN.iter().find(|(open, _)| *open == label);
    known.map_or("of the library", |(_, values)| values)
}

fn buckets(text: &mut String, metric: &Metric) {
    if let MetricKind::Histogram { buckets } = metric.kind {
        let bounds: Vec<_> = buckets.iter().map(ToString::to_string).collect();
        line(
            text,
            &format!("| `{}` | {} |", metric.name, bounds.join(", ")),
        );
    }
}

fn short(name: &str) -> String {
    let short = name.strip_prefix("lastword_").unwrap_or(name);
    format!("`…{short}`")
}

fn line(text: &mut String, line: &str) {
    // Writing to a string cannot fail.
    writeln!(text, "{line}").ok();
}

const OPEN: [(MetricLabel, &str); 3] = [
    (
        MetricLabel::Cohort,
        "`none`, and those of `metrics.cohorts`: 16 at most",
    ),
    (
        MetricLabel::GameCode,
        "`undeclared`, and those of `metrics.game_codes`: 64 at most",
    ),
    (
        MetricLabel::Profile,
        "the profiles that players can have: 8 at most",
    ),
];

/// With more values than this, a table is hard to read.
const MANY: usize = 10;

const HEAD: &str = "\
<!-- Made by `cargo run -p lastword-generate` from crates/server/src/books/metrics/catalogue.rs: change that. -->
# Metrics

This page lists the series of the admin port's `/metrics`. A server emits the same into the game's own recorder. Names
and labels are stable. Every series that can be reached exists from the start, at 0. No label ever holds a player, an
address or a text. A server with a name (`Builder::name`) adds the label `server` to each series.

Two laws hold at every scrape of our own `/metrics`:

- `lastword_connections_opened_total` = `lastword_connections_open` + Σ `lastword_disconnects_total`
- `lastword_sessions_joined_total` = `lastword_sessions_open` + `lastword_sessions_suspended` + Σ `lastword_departures_total`

[`deploy/prometheus`](../deploy/prometheus) has rules and alerts for these, [`deploy/grafana`](../deploy/grafana)
dashboards, and [`runbook.md`](runbook.md) says what to do about each cause and alert.

| Name | Type | Unit | Labels | What |
|---|---|---|---|---|
";
const LABELS: &str = "
## Labels

| Label | Of | Values |
|---|---|---|
";
const BUCKETS: &str = "
## Buckets

From one second on, each bound of `lastword_disconnect_detection_seconds` is at most 1.5 times the one before. So a
quantile that is over 1.5 times `lastword_detection_bound_seconds` is never an artefact of the buckets.

| Histogram | Upper bounds, seconds |
|---|---|
";
const RESERVED: &str = "
## Reserved

These names and labels are kept for parts that are not built yet. Nothing emits them, so no rule or dashboard may ask for
them.

| Name | Type | Labels | What | With |
|---|---|---|---|---|
| `lastword_log_lines_suppressed_total` | counter | `cause` | Lines of closes that were not logged because too many had the same cause. | rates |
| `lastword_send_queue_bytes` | gauge | – | Bytes that wait to be written, in all sessions. | memory limits |
| `lastword_replay_bytes` | gauge | – | Bytes kept until the peer's session acknowledges them, in all sessions. | resume |
";
