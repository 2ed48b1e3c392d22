//! How much more the servers can take: the use of each limit, and the refusals at it.

use crate::grafana::{Board, FieldConfig, Panel, Unit};

pub(super) fn board() -> Board {
    let about = "How close the servers are to their limits, and what they refuse.";
    Board::new("lastword-capacity", "lastword / Capacity", about)
        .row(9, [(12, connections()), (12, of_the_limits())])
        .row(9, [(12, refusals()), (12, accept_errors())])
        .row(
            8,
            [
                (6, paused()),
                (6, rate_limited()),
                (6, events()),
                (6, authentication()),
            ],
        )
        .row(
            8,
            [
                (6, slow()),
                (6, congested()),
                (6, dropped()),
                (6, draining()),
            ],
        )
}

fn connections() -> Panel {
    Panel::lines(
        "Connections, of how many",
        Unit::Count,
        "On all chosen servers, with their limit.",
    )
    .with(|look| look.whole().limit("limit"))
    .shows(
        "open",
        r#"sum(lastword_connections_open{instance=~"$instance"})"#,
    )
    .shows(
        "limit",
        r#"sum(lastword_connections_limit{instance=~"$instance"})"#,
    )
}

fn of_the_limits() -> Panel {
    let about = "Beyond the limit of connections, peers are refused as server_full. At the limit of descriptors, \
        accept fails.";
    Panel::lines(
        "Connections and descriptors, of each server's limit",
        Unit::Share,
        about,
    )
    .with(|look| look.limit("alert"))
    .shows(
        "{{instance}} connections",
        r#"job_instance:lastword_connections:ratio{instance=~"$instance"}"#,
    )
    .shows(
        "{{instance}} descriptors",
        r#"job_instance:lastword_fds:ratio{instance=~"$instance"}"#,
    )
    .shows("alert", "vector(0.9)")
}

fn refusals() -> Panel {
    let about = "Connections that were refused because of their address, because a limit was reached, because the \
        authenticator did not answer, or because the server drains.";
    Panel::areas("Refusals, by cause", Unit::PerSecond, about).shows(
        "{{cause}}",
        r#"sum by (cause) (rate(lastword_disconnects_total{instance=~"$instance",cause=~"server_full|auth_timeout|auth_unavailable|address_denied|address_limit|overloaded|refused_draining"}[$__rate_interval]))"#,
    )
}

fn accept_errors() -> Panel {
    let about = "Failures of accept. aborted is a peer that left before it was accepted, interrupted is a signal: \
        neither is a fault.";
    Panel::areas("Accept errors, by kind", Unit::PerSecond, about).shows(
        "{{error}}",
        r#"sum by (error) (rate(lastword_accept_errors_total{instance=~"$instance"}[$__rate_interval]))"#,
    )
}

fn paused() -> Panel {
    let about = "Sessions whose reading is paused because the game does not take their frames.";
    Panel::lines("Sessions that wait for the game", Unit::Count, about)
        .with(FieldConfig::whole)
        .shows(
            "{{instance}}",
            r#"sum by (instance) (lastword_inbound_paused_sessions{instance=~"$instance"})"#,
        )
}

fn rate_limited() -> Panel {
    let about = "Sessions whose peer is over its rate, so that its frames wait.";
    Panel::lines("Sessions over their rate", Unit::Count, about)
        .with(FieldConfig::whole)
        .shows(
            "{{instance}}",
            r#"sum by (instance) (lastword_rate_limited_sessions{instance=~"$instance"})"#,
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
        "Time from the credentials to the authenticator's answer.",
    )
    .shows("median", &quantile("0.5"))
    .shows("99 %", &quantile("0.99"))
}

fn slow() -> Panel {
    let about =
        "Connections of live sessions that ended because their player did not read the data.";
    Panel::areas("Slow consumers, by cause", Unit::PerSecond, about).shows(
        "{{cause}}",
        r#"sum by (cause) (rate(lastword_disconnects_total{instance=~"$instance",phase="live",cause=~"send_queue_full|send_queue_stale|peer_not_reading"}[$__rate_interval]))"#,
    )
}

fn congested() -> Panel {
    let about = "Sessions whose player reads more slowly than the game sends. The game was told; what happens next is \
        the policy of each message.";
    Panel::lines("Congested sessions", Unit::Count, about)
        .with(FieldConfig::whole)
        .shows(
            "{{instance}}",
            r#"sum by (instance) (lastword_sessions_congested{instance=~"$instance"})"#,
        )
}

fn dropped() -> Panel {
    let about = "Queued frames that were not written for a slow player: at the end of its session (close), as the \
        oldest ones (drop_oldest), or because a newer one replaced them (latest).";
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
