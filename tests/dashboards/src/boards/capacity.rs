//! How much more the servers can take: against each limit, and what is refused at it.

use crate::grafana::{Board, FieldConfig, Panel, Unit};

pub(super) fn board() -> Board {
    let about = "How close the servers are to their limits, and what is refused at them.";
    Board::new("lastword-capacity", "lastword / Capacity", about)
        .row(9, [(12, connections()), (12, descriptors())])
        .row(9, [(12, refusals()), (12, accept_errors())])
        .row(8, [(8, paused()), (8, events()), (8, authentication())])
        .row(8, [(8, slow()), (8, dropped()), (8, draining())])
}

fn connections() -> Panel {
    Panel::lines(
        "Connections, of how many",
        Unit::Count,
        "Beyond the limit peers are refused as server_full.",
    )
    .with(|look| look.whole().limit("limit"))
    .shows(
        "{{instance}}",
        r#"sum by (instance) (lastword_connections_open{instance=~"$instance"})"#,
    )
    .shows(
        "limit",
        r#"max(lastword_connections_limit{instance=~"$instance"})"#,
    )
}

fn descriptors() -> Panel {
    Panel::lines(
        "Descriptors, of how many",
        Unit::Count,
        "At the limit accept fails, and nobody gets in.",
    )
    .with(|look| look.whole().limit("limit"))
    .shows(
        "{{instance}}",
        r#"max by (instance) (lastword_open_fds{instance=~"$instance"})"#,
    )
    .shows(
        "limit",
        r#"min(lastword_max_fds{instance=~"$instance"}) < Inf"#,
    )
}

fn refusals() -> Panel {
    let about = "Connections that were refused since the server, its authenticator or its operator could not take them.";
    Panel::areas("Refusals, by cause", Unit::PerSecond, about).shows(
        "{{cause}}",
        r#"sum by (cause) (rate(lastword_disconnects_total{instance=~"$instance",phase!="live",class=~"capacity|operator"}[$__rate_interval]))"#,
    )
}

fn accept_errors() -> Panel {
    let about = "Failures of accept. aborted is a peer that left before, interrupted a signal: these two are no fault.";
    Panel::areas("Accept errors, by kind", Unit::PerSecond, about).shows(
        "{{error}}",
        r#"sum by (error) (rate(lastword_accept_errors_total{instance=~"$instance"}[$__rate_interval]))"#,
    )
}

fn paused() -> Panel {
    let about = "Sessions whose reading is paused, since the game takes no more of their frames.";
    Panel::lines("Sessions that wait for the game", Unit::Count, about)
        .with(FieldConfig::whole)
        .shows(
            "{{instance}}",
            r#"sum by (instance) (lastword_inbound_paused_sessions{instance=~"$instance"})"#,
        )
}

fn events() -> Panel {
    Panel::lines(
        "Events that wait for a tick",
        Unit::Count,
        "Of tick loops; 0 elsewhere.",
    )
    .with(FieldConfig::whole)
    .shows(
        "{{instance}}",
        r#"sum by (instance) (lastword_event_queue_length{instance=~"$instance"})"#,
    )
}

fn authentication() -> Panel {
    let quantile = |share: &str| {
        format!(
            r#"histogram_quantile({share}, sum by (le) (rate(lastword_auth_duration_seconds_bucket{{instance=~"$instance"}}[$__rate_interval])))"#
        )
    };
    Panel::lines(
        "How long authentication takes",
        Unit::Seconds,
        "From the credentials to the authenticator's answer.",
    )
    .shows("median", &quantile("0.5"))
    .shows("99 %", &quantile("0.99"))
}

fn slow() -> Panel {
    let about = "Live sessions that ended since their player did not take what was sent.";
    Panel::areas("Slow consumers, by cause", Unit::PerSecond, about).shows(
        "{{cause}}",
        r#"sum by (cause) (rate(lastword_disconnects_total{instance=~"$instance",phase="live",cause=~"send_queue_full|send_queue_stale|peer_not_reading"}[$__rate_interval]))"#,
    )
}

fn dropped() -> Panel {
    let about = "Queued frames that were dropped, by the policy that did it.";
    Panel::lines("Frames dropped by queues", Unit::PerSecond, about).shows(
        "{{policy}}",
        r#"sum by (policy) (rate(lastword_frames_dropped_total{instance=~"$instance"}[$__rate_interval]))"#,
    )
}

fn draining() -> Panel {
    Panel::lines("Draining", Unit::Count, "1 while a server drains.")
        .with(FieldConfig::whole)
        .shows(
            "{{instance}}",
            r#"max by (instance) (lastword_draining{instance=~"$instance"})"#,
        )
}
