//! The state of the players' links: suspect peers, the time until a silence is noticed, and our own lateness.

use crate::grafana::{Board, FieldConfig, Panel, Unit};

pub(super) fn board() -> Board {
    let about = "The state of the players' links, and how soon a silence is noticed.";
    Board::new("lastword-links", "lastword / Links", about)
        .row(9, [(12, suspects_now()), (12, suspected())])
        .row(9, [(12, silent_ends()), (12, round_trips())])
        .row(9, [(8, suspended()), (8, returns()), (8, away())])
        .row(9, [(8, detection()), (8, against_bounds()), (8, bounds())])
        .row(8, [(12, stalls()), (12, lag())])
}

fn suspects_now() -> Panel {
    let about = "Sessions whose player is silent, by diagnosis. They may become healthy again.";
    Panel::areas("Suspects now, by diagnosis", Unit::Count, about)
        .with(FieldConfig::whole)
        .shows(
            "{{diagnosis}}",
            r#"sum by (diagnosis) (lastword_sessions_suspect{instance=~"$instance"})"#,
        )
}

fn suspected() -> Panel {
    let about = "Players that became suspect, by diagnosis. A changed diagnosis counts again.";
    Panel::areas("Suspicions, by diagnosis", Unit::PerSecond, about).shows(
        "{{diagnosis}}",
        r#"sum by (diagnosis) (rate(lastword_suspects_total{instance=~"$instance"}[$__rate_interval]))"#,
    )
}

fn silent_ends() -> Panel {
    let about = "Connections of live sessions that ended because of their path or their silence. Their players may come \
        back.";
    Panel::areas("Connections lost to the network or to silence", Unit::PerSecond, about).shows(
        "{{cause}}",
        r#"sum by (cause) (rate(lastword_disconnects_total{instance=~"$instance",phase="live",class=~"network|stuck"}[$__rate_interval]))"#,
    )
}

fn suspended() -> Panel {
    let about = "The share of each server's sessions that have lost their connection and wait for their player. An alert \
        fires where it rises by a tenth within three minutes.";
    Panel::lines("Suspended sessions, of all", Unit::Share, about).shows(
        "{{instance}}",
        r#"job_instance:lastword_sessions_suspended:ratio{instance=~"$instance"}"#,
    )
}

fn returns() -> Panel {
    let about = "Attempts of players to come back to their session. resumed and superseded: the player is back. All \
        others were refused.";
    Panel::areas("Returns, by outcome", Unit::PerSecond, about).shows(
        "{{outcome}}",
        r#"sum by (outcome) (rate(lastword_resumes_total{instance=~"$instance"}[$__rate_interval])) > 0"#,
    )
}

fn away() -> Panel {
    let quantile = |share: &str| {
        format!(
            r#"histogram_quantile({share}, sum by (le) (rate(lastword_resume_away_seconds_bucket{{instance=~"$instance"}}[$__rate_interval])))"#
        )
    };
    Panel::lines(
        "How long players were away",
        Unit::Seconds,
        "Time from the loss of a connection to the return of its player, of the players that came back.",
    )
    .shows("median", &quantile("0.5"))
    .shows("95 %", &quantile("0.95"))
}

fn round_trips() -> Panel {
    let quantile = |share: &str| {
        format!(
            r#"histogram_quantile({share}, sum by (le) (rate(lastword_heartbeat_rtt_seconds_bucket{{instance=~"$instance"}}[$__rate_interval])))"#
        )
    };
    Panel::lines(
        "Round trips",
        Unit::Seconds,
        "Time from a ping of the server to its pong, once in eight heartbeats of each session.",
    )
    .shows("median", &quantile("0.5"))
    .shows("95 %", &quantile("0.95"))
    .shows("99 %", &quantile("0.99"))
}

fn detection() -> Panel {
    let about = "Time from the last sign of life to the verdict, for the slowest hundredth of the past hour.";
    Panel::lines("How soon silence is noticed", Unit::Seconds, about).shows(
        "{{cause}}, {{profile}}",
        r#"max by (cause, profile) (job_instance_cause_profile:lastword_disconnect_detection_seconds:p99_1h{instance=~"$instance"}) > 0"#,
    )
}

fn against_bounds() -> Panel {
    let about = "The same, divided by the bound that follows from the configuration. Each bucket is up to 1.5 times \
        the one before, so a value below the dashed line may be in time.";
    Panel::lines("The same, of its bound", Unit::Share, about)
        .with(|look| look.limit("alert"))
        .shows(
            "{{cause}}, {{profile}}",
            r#"max by (cause, profile) (job_instance_cause_profile:lastword_disconnect_detection_seconds:p99_1h{instance=~"$instance"}) / max by (cause, profile) (lastword_detection_bound_seconds{instance=~"$instance"}) > 0"#,
        )
        .shows("alert", "vector(1.5)")
}

fn bounds() -> Panel {
    let about = "How long each silence may go unnoticed, from the configuration. Causes without a bound are left out.";
    Panel::table(
        "The bounds of detection",
        Unit::Seconds,
        about,
        &[("cause", "Cause"), ("profile", "Profile")],
        (
            "Bound",
            r#"max by (cause, profile) (lastword_detection_bound_seconds{instance=~"$instance"}) < Inf"#,
        ),
    )
}

fn stalls() -> Panel {
    let about = "Time of each minute in which the server's process itself was late: no CPU, a blocked worker, a \
        paused machine. It does not count as a silence of players.";
    Panel::lines("Own stalls, seconds a minute", Unit::Seconds, about).shows(
        "{{instance}}",
        r#"sum by (instance) (increase(lastword_local_stall_seconds_total{instance=~"$instance"}[1m]))"#,
    )
}

fn lag() -> Panel {
    let about = "The greatest lateness in the past half minute of the sweep that is due every 0.1 s; 1 to 3 ms is \
        usual.";
    Panel::lines("Runtime lag", Unit::Seconds, about).shows(
        "{{instance}}",
        r#"max by (instance) (lastword_runtime_lag_seconds{instance=~"$instance"})"#,
    )
}
