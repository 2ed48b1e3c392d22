//! Why sessions end: by class, by cause, by cohort, and the data that was lost with them.

use crate::grafana::{Board, FieldConfig, Panel, Unit};

pub(super) fn board() -> Board {
    let about = "Why sessions end. docs/runbook.md has an entry for each cause.";
    Board::new("lastword-causes", "lastword / Causes", about)
        .by_cohort()
        .row(10, [(12, by_class()), (12, lost_by_cause())])
        .row(11, [(12, live_causes()), (12, other_causes())])
        .row(8, [(12, by_cohort()), (12, game_closes())])
        .row(
            8,
            [
                (8, durations()),
                (8, undelivered_bytes()),
                (8, undelivered_frames()),
            ],
        )
}

fn by_class() -> Panel {
    let about = "Sessions that depart. normal: an ordinary end. abrupt: the client left without a goodbye. \
        network: the path failed. stuck: the client does not keep up. abuse: it broke a rule. operator: an operator \
        or the game ended it. defect: a fault of the server.";
    Panel::areas("Sessions that end, by class", Unit::PerSecond, about)
        .with(FieldConfig::classes_in_colour)
        .shows(
            "{{class}}",
            r#"sum by (class) (rate(lastword_departures_total{instance=~"$instance",cohort=~"$cohort"}[$__rate_interval]))"#,
        )
}

fn lost_by_cause() -> Panel {
    let about = "Sessions that departed against the players' will: all classes except normal and operator. A player that \
        came back has not departed; resume_expired is one that did not.";
    Panel::areas("Sessions lost, by cause", Unit::PerSecond, about).shows(
        "{{cause}}",
        r#"sum by (cause) (rate(lastword_departures_total{instance=~"$instance",cohort=~"$cohort",class!~"normal|operator"}[$__rate_interval])) > 0"#,
    )
}

fn live_causes() -> Panel {
    let about = "How many connections of live sessions ended in the time that is shown, by cause. Some of their players \
        may have come back. It is an estimate, as always with increase().";
    Panel::table(
        "Connections of sessions that ended",
        Unit::Count,
        about,
        &[("cause", "Cause"), ("class", "Class"), ("initiator", "Initiator")],
        (
            "Connections",
            r#"sum by (cause, class, initiator) (increase(lastword_disconnects_total{instance=~"$instance",phase="live",cohort=~"$cohort"}[$__range])) > 0"#,
        ),
    )
    .with(|look| look.whole().to_the_runbook("Cause"))
}

fn other_causes() -> Panel {
    let about = "How many connections ended before they became a session, by cause and phase.";
    Panel::table(
        "Connections that ended before a session",
        Unit::Count,
        about,
        &[("cause", "Cause"), ("class", "Class"), ("phase", "Phase")],
        (
            "Connections",
            r#"sum by (cause, class, phase) (increase(lastword_disconnects_total{instance=~"$instance",phase!="live"}[$__range])) > 0"#,
        ),
    )
    .with(|look| look.whole().to_the_runbook("Cause"))
}

fn by_cohort() -> Panel {
    let about = "Sessions that were lost for good (abrupt, network, stuck), by the cohort that the authenticator gave \
        the player.";
    Panel::areas("Sessions lost, by cohort", Unit::PerSecond, about).shows(
        "{{cohort}}",
        r#"sum by (cohort) (rate(lastword_departures_total{instance=~"$instance",cohort=~"$cohort",class=~"abrupt|network|stuck"}[$__rate_interval]))"#,
    )
}

fn game_closes() -> Panel {
    let about = "Ends that the game asked for, by cause and by the code that it sent; all undeclared codes count as \
        one.";
    Panel::areas("Ends that the game asked for", Unit::PerSecond, about).shows(
        "{{cause}} {{code}}",
        r#"sum by (cause, code) (rate(lastword_game_closes_total{instance=~"$instance"}[$__rate_interval])) > 0"#,
    )
}

fn durations() -> Panel {
    let quantile = |share: &str| {
        format!(
            r#"histogram_quantile({share}, sum by (le) (rate(lastword_session_duration_seconds_bucket{{instance=~"$instance"}}[$__rate_interval])))"#
        )
    };
    Panel::lines(
        "How long sessions were",
        Unit::Seconds,
        "Time from the join to the end, of the sessions that ended.",
    )
    .shows("median", &quantile("0.5"))
    .shows("95 %", &quantile("0.95"))
}

fn undelivered_bytes() -> Panel {
    let about = "in: bytes that reached the server and not the game. out: bytes that the player's kernel never \
        acknowledged.";
    Panel::lines("Bytes that were lost with an end", Unit::BytesPerSecond, about).shows(
        "{{direction}}",
        r#"sum by (direction) (rate(lastword_undelivered_bytes_total{instance=~"$instance"}[$__rate_interval]))"#,
    )
}

fn undelivered_frames() -> Panel {
    let about = "in: frames that reached the server and not the game. out: frames that never reached the wire.";
    Panel::lines("Frames that were lost with an end", Unit::PerSecond, about).shows(
        "{{direction}}",
        r#"sum by (direction) (rate(lastword_undelivered_frames_total{instance=~"$instance"}[$__rate_interval]))"#,
    )
}
