use super::*;

fn check(query: &str) -> Result<Labels, QueryError> {
    Known::default().check(query)
}

#[test]
fn the_labels_of_an_answer_are_worked_out() {
    let disconnects = "lastword_disconnects_total";
    for (query, labels) in [
        ("lastword_connections_open".to_owned(), &["instance", "job"][..]),
        (format!("sum by (class) (rate({disconnects}[5m]))"), &["class"]),
        (format!("sum({disconnects})"), &[]),
        (
            format!("sum by (job, class) ({disconnects}) / on (job) group_left () sum by (job) ({disconnects})"),
            &["class", "job"],
        ),
        (
            "histogram_quantile(0.9, sum by (le, cause) (lastword_disconnect_detection_seconds_bucket))".to_owned(),
            &["cause"],
        ),
        (format!("topk(5, sum by (cause) ({disconnects})) > 0"), &["cause"]),
    ] {
        assert_eq!(check(&query), Ok(names(labels.iter().copied())), "{query}");
    }
}

#[test]
fn a_query_for_an_unknown_metric_or_label_is_an_error() {
    for (query, words) in [
        (
            "lastword_connections_opend",
            "there is no metric `lastword_connections_opend`",
        ),
        (
            "lastword_connections_open_sum",
            "there is no metric `lastword_connections_open_sum`",
        ),
        (
            "lastword_replay_bytes",
            "there is no metric `lastword_replay_bytes`",
        ),
        (
            "lastword_connections_open{class=\"defect\"}",
            "`lastword_connections_open` has no label `class`",
        ),
        (
            "lastword_disconnects_total{class=\"defct\"}",
            "label `class` of `lastword_disconnects_total` never has the value `defct`",
        ),
        (
            "lastword_disconnects_total{cause=~\"peer_fin|peer_rst\"}",
            "label `cause` of `lastword_disconnects_total` never has the value `peer_rst`",
        ),
        (
            "sum by (clas) (lastword_disconnects_total)",
            "`lastword_disconnects_total` has no label `clas`",
        ),
        (
            "histogram_quantile(0.9, lastword_auth_duration_seconds_sum)",
            "`lastword_auth_duration_seconds_sum` has no label `le`",
        ),
        (
            "sum by (job) (lastword_open_fds) / on (instance) sum by (instance) (lastword_max_fds)",
            "`sum by (job) (lastword_open_fds)` has no label `instance`",
        ),
    ] {
        let error = check(query).map_err(|error| error.to_string());
        assert_eq!(error, Err(words.to_owned()), "{query}");
    }
    assert!(matches!(check("sum("), Err(QueryError::NoQuery(..))));
}

#[test]
fn the_compared_vectors_of_an_alert_are_those_below_its_comparisons() {
    let open = "lastword_connections_open";
    for (query, vectors) in [
        (format!("{open} > 5"), vec![open.to_owned()]),
        (
            format!("(2 * {open} > lastword_max_fds) and {open} < 3"),
            vec![
                format!("2 * {open}"),
                "lastword_max_fds".to_owned(),
                open.to_owned(),
            ],
        ),
        (format!("absent({open})"), vec![open.to_owned()]),
    ] {
        assert_eq!(compared(&query), Ok(vectors), "{query}");
    }
}
