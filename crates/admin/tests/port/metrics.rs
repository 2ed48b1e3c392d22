use std::collections::BTreeSet;
use std::net::SocketAddr;

use lastword_admin::{Admin, AdminExt};
use lastword_server::{Cause, Config, Diagnosis, KernelAbilities, Player, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::http::get;
use crate::server::{Silent, beat, join, start, within};

/// The sum of all series with this name.
pub(crate) fn sum(metrics: &str, name: &str) -> u64 {
    let values = metrics.lines().filter_map(|line| {
        let (series, value) = line.rsplit_once(' ')?;
        let is_of = series == name
            || series
                .strip_prefix(name)
                .is_some_and(|rest| rest.starts_with('{'));
        is_of.then(|| value.parse::<u64>().unwrap())
    });
    values.sum()
}

#[tokio::test]
async fn they_are_prometheus_text_with_every_series_from_the_start() {
    let (_server, admin) = start().await;
    let answer = get(admin, "/metrics").await;
    assert_eq!(answer.status, 200);
    assert!(
        answer
            .head
            .contains("content-type: text/plain; version=0.0.4"),
        "{}",
        answer.head
    );

    let zero = answer.body.lines().any(|line| {
        line.starts_with("lastword_disconnects_total{cause=\"path_dead\"") && line.ends_with(" 0")
    });
    assert!(zero, "{}", answer.body);
    assert!(
        answer
            .body
            .contains("\nlastword_connections_opened_total 0\n")
    );
    assert!(
        answer
            .body
            .contains("\n# TYPE lastword_connections_open gauge\n")
    );
}

#[tokio::test]
async fn declared_codes_and_ends_that_never_occurred_have_a_series_too() {
    let mut config = Config::default();
    config.metrics.game_codes = vec![4_096, 4_100];
    let builder = Server::builder().config(config).listen("127.0.0.1:0");
    let server = builder.admin("127.0.0.1:0").serve(|_: &Player| Silent);
    let admin = server.await.unwrap().admin_addr().unwrap();
    let shown = get(admin, "/metrics").await.body;
    for cause in ["kicked", "closed_by_game", "auth_rejected"] {
        for code in ["4096", "4100", "undeclared"] {
            let line = format!("lastword_game_closes_total{{cause=\"{cause}\",code=\"{code}\"}} 0");
            assert!(
                shown.lines().any(|shown| shown == line),
                "{line} in {shown}"
            );
        }
    }
    for diagnosis in Diagnosis::ALL {
        let line = format!("lastword_suspects_total{{diagnosis=\"{diagnosis}\"}} 0");
        assert!(
            shown.lines().any(|shown| shown == line),
            "{line} in {shown}"
        );
    }
    for metric in [
        "inbound_paused_sessions",
        "rate_limited_sessions",
        "rate_limits_total",
    ] {
        let line = format!("\nlastword_{metric} 0\n");
        assert!(shown.contains(&line), "{line} in {shown}");
    }
}

#[tokio::test]
async fn the_bound_of_every_silent_cause_is_what_the_configuration_reaches() {
    let (_server, admin) = start().await;
    let told = get(admin, "/metrics").await.body;
    let told = told
        .lines()
        .filter(|line| line.starts_with("lastword_detection_bound_seconds{"));
    let (config, kernel) = (Config::default(), KernelAbilities::probe());
    let profiles = config.profiles();
    let causes = Cause::ALL.into_iter();
    let silent = causes.filter(|cause| cause.is_silent() && cause.is_produced());
    let expected = silent.flat_map(|cause| {
        let (config, profiles) = (&config, &profiles);
        profiles.iter().map(move |profile| {
            let bound = config.reach(cause, profile, kernel).bound();
            let bound = bound.map_or(f64::INFINITY, |at| at.as_secs_f64());
            let name = profile.name;
            format!(
                "lastword_detection_bound_seconds{{cause=\"{cause}\",profile=\"{name}\"}} {bound}"
            )
        })
    });
    let expected: BTreeSet<_> = expected.collect();
    assert!(expected.iter().any(|line| line.ends_with(" 15.1")));
    assert_eq!(told.map(str::to_owned).collect::<BTreeSet<_>>(), expected);
}

#[tokio::test]
async fn no_histogram_is_a_summary() {
    let (server, admin) = start().await;
    let mut player = join(&server).await;
    beat(&mut player).await;
    player
        .write_all(&[0, 0, 9, 6, 1, 0, 0, 0, 0, 0, 0, 0, 0])
        .await
        .unwrap();
    drop(player);
    let metrics = within("the end", async {
        loop {
            let metrics = get(admin, "/metrics").await.body;
            if metrics.contains("lastword_session_duration_seconds_count 1") {
                return metrics;
            }
        }
    })
    .await;
    let types = metrics
        .lines()
        .filter_map(|line| line.strip_prefix("# TYPE ")?.split_once(' '));
    let kinds: BTreeSet<_> = types.map(|(_, kind)| kind).collect();
    assert_eq!(kinds, BTreeSet::from(["counter", "gauge", "histogram"]));
    assert!(
        metrics.contains("lastword_session_duration_seconds_bucket{le=\"86400\"} 1"),
        "{metrics}"
    );
    assert!(
        metrics.contains("lastword_auth_duration_seconds_bucket{le=\"0.001\"}"),
        "{metrics}"
    );
    assert!(
        metrics.contains("lastword_heartbeat_rtt_seconds_bucket{le=\"5\"} 1"),
        "{metrics}"
    );
}

#[tokio::test]
async fn a_session_of_less_than_a_second_counts_as_brief_and_a_longer_one_does_not() {
    let mut config = Config::default();
    config.timeouts.idle_ms = 1_000;
    let builder = Server::builder().config(config).listen("127.0.0.1:0");
    let server = builder.admin("127.0.0.1:0").serve(|_: &Player| Silent);
    let server = server.await.unwrap();
    let admin = server.admin_addr().unwrap();

    let brief = |metrics: &str, cause: &str, class: &str| {
        let labels = format!("{{cause=\"{cause}\",class=\"{class}\"}}");
        sum(metrics, &format!("lastword_brief_sessions_total{labels}"))
    };
    within("a brief session", async {
        // On a busy machine a session may last a second and not count as brief.
        while brief(&get(admin, "/metrics").await.body, "peer_fin", "abrupt") == 0 {
            drop(join(&server).await);
        }
    })
    .await;
    let mut stays = join(&server).await;
    let mut rest = Vec::new();
    within("the idle limit", stays.read_to_end(&mut rest))
        .await
        .unwrap();
    drop(stays);
    let idle = "lastword_departures_total{cause=\"idle\",class=\"stuck\",cohort=\"none\"}";
    let metrics = within("the end of the one that stayed", async {
        loop {
            let metrics = get(admin, "/metrics").await.body;
            if sum(&metrics, idle) == 1 {
                return metrics;
            }
        }
    })
    .await;
    assert_eq!(brief(&metrics, "idle", "stuck"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn at_every_scrape_of_either_port_the_laws_hold() {
    let admin = Admin::new("127.0.0.1:0").metrics_listen("127.0.0.1:0");
    let server = Server::builder().listen("127.0.0.1:0").admin_with(admin);
    let server = server.serve(|_: &Player| Silent).await.unwrap();
    let ports = [server.admin_addr().unwrap(), server.metrics_addr().unwrap()];
    let comings_and_goings = async {
        loop {
            drop(join(&server).await);
            drop(TcpStream::connect(server.local_addr()).await.unwrap());
        }
    };
    let scrapes = ports.map(|port| {
        tokio::spawn(async move {
            let mut seen = BTreeSet::new();
            while seen.len() < 30 {
                seen.insert(scrape_and_check(port).await);
            }
        })
    });
    let scrapes = within("different scrapes", async {
        for scrapes in scrapes {
            scrapes.await.unwrap();
        }
    });
    tokio::select! {
        biased;
        () = scrapes => {}
        () = comings_and_goings => {}
    }
}

/// Checks both laws; returns the numbers opened, ended, joined and departed.
async fn scrape_and_check(admin: SocketAddr) -> [u64; 4] {
    let metrics = get(admin, "/metrics").await.body;
    let sum = |name| sum(&metrics, name);
    let opened = sum("lastword_connections_opened_total");
    let ended = sum("lastword_disconnects_total");
    assert_eq!(opened, sum("lastword_connections_open") + ended);
    let joined = sum("lastword_sessions_joined_total");
    let departed = sum("lastword_departures_total");
    assert_eq!(joined, sum("lastword_sessions_open") + departed);
    [opened, ended, joined, departed]
}

#[tokio::test]
async fn two_servers_in_one_process_do_not_mix() {
    let (busy, busy_admin) = start().await;
    let (_idle, idle_admin) = start().await;
    let _player = join(&busy).await;
    let busy = get(busy_admin, "/metrics").await.body;
    let idle = get(idle_admin, "/metrics").await.body;
    assert_eq!(sum(&busy, "lastword_sessions_open"), 1);
    assert_eq!(sum(&idle, "lastword_sessions_open"), 0);
    assert_eq!(sum(&idle, "lastword_connections_opened_total"), 0);
}
