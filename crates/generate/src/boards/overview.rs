//! The first look: the present sessions, the ends, and whether anything is wrong.

use crate::grafana::{Board, FieldConfig, Panel, Unit};

pub(super) fn board() -> Board {
    let about = "Which players are connected, which left, and whether anything is wrong.";
    Board::new("lastword-overview", "lastword / Overview", about)
        .row(
            4,
            [
                (4, open()),
                (4, lost_now()),
                (4, joined()),
                (4, defects()),
                (4, unaccounted()),
                (4, down()),
            ],
        )
        .row(9, [(12, sessions()), (12, by_class())])
        .row(9, [(12, share_lost()), (12, not_live())])
        .row(8, [(12, comings()), (12, traffic())])
}

fn open() -> Panel {
    Panel::figure(
        "Sessions open",
        Unit::Count,
        "Players with a live connection, now.",
    )
    .with(FieldConfig::whole)
    .shows(
        "open",
        r#"sum(lastword_sessions_open{instance=~"$instance"})"#,
    )
}

fn lost_now() -> Panel {
    let about = "The share of sessions that were lost for good in the past minute (abrupt, network, stuck), on the server \
        with the largest share. An alert fires at 10 % of one class. The runbook says which ends count \
        (LastwordSessionsLost).";
    Panel::figure("Lost in a minute", Unit::Share, about)
        .with(|look| look.red_from(0.1))
        .shows(
            "lost",
            r#"max(sum by (instance) (job_instance_class:lastword_sessions_lost:ratio1m{instance=~"$instance"}))"#,
        )
}

fn joined() -> Panel {
    Panel::figure(
        "Joined in an hour",
        Unit::Count,
        "Sessions that joined in the past hour.",
    )
    .with(FieldConfig::whole)
    .shows(
        "joined",
        r#"sum(increase(lastword_sessions_joined_total{instance=~"$instance"}[1h]))"#,
    )
}

fn defects() -> Panel {
    let about = "Connections of the past hour that ended by a fault of the game, of its use of this library, or of \
        the library. Look at each of them.";
    Panel::figure("Defects in an hour", Unit::Count, about)
        .with(|look| look.whole().red_from(1.0))
        .shows("defects", r#"sum(increase(lastword_disconnects_total{instance=~"$instance",class="defect"}[1h]))"#)
}

fn unaccounted() -> Panel {
    let about = "Connections and sessions that the counters do not account for: always 0.";
    Panel::figure("Unaccounted for", Unit::Count, about)
        .with(|look| look.whole().red_from(1.0))
        .shows(
            "connections",
            r#"sum(abs(job_instance:lastword_connections_unaccounted:difference{instance=~"$instance"}))"#,
        )
        .shows(
            "sessions",
            r#"sum(abs(job_instance:lastword_sessions_unaccounted:difference{instance=~"$instance"}))"#,
        )
}

fn down() -> Panel {
    Panel::figure("Servers down, draining", Unit::Count, "Servers that are not scraped, and servers that drain.")
        .with(|look| look.whole().red_from(1.0))
        .shows("down", r#"count(up{job="lastword",instance=~"$instance"}) - sum(up{job="lastword",instance=~"$instance"})"#)
        .shows("draining", r#"sum(lastword_draining{instance=~"$instance"})"#)
}

fn sessions() -> Panel {
    Panel::areas(
        "Sessions open, by server",
        Unit::Count,
        "Players with a live connection.",
    )
    .with(FieldConfig::whole)
    .shows(
        "{{instance}}",
        r#"sum by (instance) (lastword_sessions_open{instance=~"$instance"})"#,
    )
}

fn by_class() -> Panel {
    let about = "Sessions that depart, by class: the class says what an operator can do. A player that came back has not \
        departed.";
    Panel::areas("Sessions that end, by class", Unit::PerSecond, about)
        .with(FieldConfig::classes_in_colour)
        .shows(
            "{{class}}",
            r#"sum by (class) (rate(lastword_departures_total{instance=~"$instance"}[$__rate_interval]))"#,
        )
}

fn share_lost() -> Panel {
    let about = "The share of a minute's sessions that was lost in that minute, on the server with the largest share.";
    Panel::lines("Share of the sessions that were lost in a minute", Unit::Share, about)
        .with(|look| look.classes_in_colour().limit("alert"))
        .shows(
            "{{class}}",
            r#"max by (class) (job_instance_class:lastword_sessions_lost:ratio1m{instance=~"$instance"})"#,
        )
        .shows("alert", "vector(0.1)")
}

fn not_live() -> Panel {
    let about = "Connections that end before they become a session: probes, scans, refusals. They do not count in \
        the shares of lost sessions.";
    Panel::areas("Ends before a session, by cause", Unit::PerSecond, about).shows(
        "{{cause}}",
        r#"sum by (cause) (rate(lastword_disconnects_total{instance=~"$instance",phase!="live"}[$__rate_interval])) > 0"#,
    )
}

fn comings() -> Panel {
    Panel::lines(
        "Comings and goings",
        Unit::PerSecond,
        "Connections accepted, sessions joined, sessions departed.",
    )
    .shows(
        "accepted",
        r#"sum(rate(lastword_connections_opened_total{instance=~"$instance"}[$__rate_interval]))"#,
    )
    .shows(
        "joined",
        r#"sum(rate(lastword_sessions_joined_total{instance=~"$instance"}[$__rate_interval]))"#,
    )
    .shows(
        "departed",
        r#"sum(rate(lastword_departures_total{instance=~"$instance"}[$__rate_interval]))"#,
    )
}

fn traffic() -> Panel {
    Panel::lines("Traffic", Unit::BytesPerSecond, "Raw bytes on the sockets, from players and to them.").shows(
        "{{direction}}",
        r#"sum by (direction) (rate(lastword_bytes_total{instance=~"$instance"}[$__rate_interval]))"#,
    )
}
