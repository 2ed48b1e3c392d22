use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;

use lastword::client::Client;
use lastword_generate::query::{compared, expand};
use lastword_generate::{boards, rules};
use lastword_server::{Metric, MetricKind};
use serde_json::Value;

use crate::command::{Running, config_file, lastword, serve};
use crate::metrics::page;
use crate::player::Player;
use crate::prometheus::Prometheus;

/// Queries that need more history than a run of seconds has, with the reason.
const NEED_A_PAST: &[(&str, &str)] = &[(
    "job_instance_class:lastword_departures:rate5m_avg1h",
    "it is of the hour that ended five minutes ago",
)];

#[test]
fn a_real_prometheus_answers_every_query_of_every_rule_and_panel_after_a_storm() {
    let quick = "[liveness]\nprofile = \"quick\"\n[liveness.profiles.quick]\nheartbeat_ms = 200\nsuspect_ms = 300\ndead_ms = 2800\n";
    let config = config_file("dashboards", quick);
    let serving = serve(&["--game", "storm", "--config", config.to_str().unwrap()]);
    let admin = serving.admin.unwrap();
    let prometheus = match Prometheus::start("dashboards", admin) {
        Ok(prometheus) => prometheus,
        Err(skip) => return skip.report("dashboards with a real Prometheus").unwrap(),
    };
    // The first scrape precedes the storm, because an increase needs an earlier value.
    prometheus.wait_until("the first scrapes", || is_scraped(&prometheus, 2.0));
    // The heartbeats of this client give round trips, and the frozen players give silences.
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let honest = runtime.block_on(Client::connect(serving.game, "ann"));
    let frozen: Vec<_> = (0..3).map(|_| Player::join(serving.game)).collect();
    let ended = storm(serving.game, admin);
    assert_eq!(ended.0, Some(0), "{}", ended.1);
    let back = Player::join_and_come_back(serving.game);
    prometheus.wait_until("scrapes of the storm", || is_scraped(&prometheus, 16.0));

    let unanswered: Vec<_> = queries()
        .into_iter()
        .map(|query| (prometheus.query(&query), query))
        .filter(|(answer, _)| !answer.as_ref().is_ok_and(|answer| is_of_use(answer)))
        .collect();
    assert_eq!(unanswered, [], "{unanswered:#?}");
    assert_the_laws_held(&prometheus);
    drop((honest.unwrap(), back, frozen));
    // The storm causes panics in handlers.
    assert!(prometheus.alerts().contains(&"LastwordDefect".to_owned()));
}

#[test]
fn the_page_has_the_series_of_the_catalogue_with_its_labels_and_no_others() {
    let serving = serve(&[]);
    let mut shown: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    let page = page(serving.admin.unwrap());
    for line in page.lines().filter(|line| line.starts_with("lastword_")) {
        let series = line.rsplit_once(' ').unwrap().0;
        let (name, labels) = series.split_once('{').unwrap_or((series, ""));
        let metric = Metric::of_series(name).unwrap_or_else(|| panic!("{name} is in no catalogue"));
        let names = labels
            .split("\",")
            .filter_map(|label| label.split_once("=\""));
        let names = names.map(|(name, _)| name).filter(|name| *name != "le");
        shown.entry(metric.name).or_default().extend(names);
        if let MetricKind::Histogram { buckets } = metric.kind {
            let bounds = page.matches(&format!("{}_bucket", metric.name)).count();
            assert_eq!(bounds % (buckets.len() + 1), 0, "{name}");
        }
    }
    let expected = Metric::ALL.iter().map(|metric| {
        let labels = metric.labels.iter().map(|label| label.name());
        (metric.name, labels.collect())
    });
    assert_eq!(shown, expected.collect());
}

/// Whether the answer has a value that is a number.
fn is_of_use(answer: &[Value]) -> bool {
    answer.iter().any(|series| series["value"][1] != "NaN")
}

fn is_scraped(prometheus: &Prometheus, times: f64) -> bool {
    let scrapes = prometheus.value("count_over_time(lastword_sessions_open[5m])");
    scrapes.is_some_and(|scrapes| scrapes >= times)
}

/// A storm of six seconds, with connections that end in every way without a long wait.
fn storm(game: SocketAddr, admin: SocketAddr) -> (Option<i32>, String) {
    let (game, admin) = (game.to_string(), admin.to_string());
    let ways = include_str!("../../../../config/storm/smoke.toml");
    let scenario = config_file("dashboards_storm", format!("rate_per_second = 100\n{ways}"));
    let (process, _stdout) = Running::start(lastword(&[
        "storm",
        "--server",
        &game,
        "--admin",
        &admin,
        "--scenario",
        scenario.to_str().unwrap(),
        "--connections",
        "600",
    ]));
    let ended = process.end();
    (ended.status, ended.stderr)
}

/// Every query. For an alert, which has no result while all is well, the compared expressions.
fn queries() -> Vec<String> {
    let panels = boards::all().into_iter().flat_map(|board| board.panels);
    let targets = panels.flat_map(|panel| panel.targets);
    let mut queries: Vec<_> = targets.map(|target| expand(&target.expr)).collect();
    for rule in rules::all().unwrap() {
        match rule.alert {
            Some(_) => queries.extend(compared(&rule.expr).unwrap()),
            None => queries.push(rule.record.unwrap()),
        }
    }
    assert!(queries.len() > 80, "{queries:#?}");
    let needs_a_past = |query: &String| NEED_A_PAST.iter().any(|(part, _)| query.contains(part));
    queries.retain(|query| !needs_a_past(query));
    queries
}

fn assert_the_laws_held(prometheus: &Prometheus) {
    for of in ["connections", "sessions"] {
        let difference = format!("job_instance:lastword_{of}_unaccounted:difference");
        for extreme in ["min", "max"] {
            let most = prometheus.value(&format!("{extreme}_over_time({difference}[5m])"));
            assert_eq!(most, Some(0.0), "{extreme} {difference}");
        }
    }
}
