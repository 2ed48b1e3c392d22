//! The cost of a connection that comes and goes at once: with TLS, mostly its handshake.

use std::time::Duration;

use anyhow::{Context, Result, bail};
use serde::Serialize;

use super::table::{Table, number};
use super::{Compare, Spread};
use crate::process::{self, Process};
use crate::report::Report;
use crate::subject::Subject;

/// The connections of one subject.
#[derive(Debug, Serialize)]
pub(super) struct Handshakes {
    subject: Subject,
    /// The server's CPU time for one connection, over the rounds.
    cpu_milliseconds: Spread,
    /// One client, which opens a connection after the other.
    per_second: Spread,
}

struct Run {
    cpu_milliseconds: f64,
    per_second: f64,
}

/// Runs all rounds.
pub(super) fn measure(compare: &Compare) -> Result<Vec<Handshakes>> {
    let mut runs: Vec<(Subject, Vec<Run>)> = Vec::new();
    runs.extend(
        compare
            .subjects
            .iter()
            .map(|subject| (*subject, Vec::new())),
    );
    for _ in 0..compare.rounds {
        for (subject, runs) in &mut runs {
            runs.push(run(compare, *subject).with_context(|| subject.to_string())?);
        }
    }
    let spread = |runs: &[Run], of: fn(&Run) -> f64| Spread::of(runs.iter().map(of));
    let rows = runs.iter().filter_map(|(subject, runs)| {
        Some(Handshakes {
            subject: *subject,
            cpu_milliseconds: spread(runs, |run| run.cpu_milliseconds)?,
            per_second: spread(runs, |run| run.per_second)?,
        })
    });
    Ok(rows.collect())
}

/// Shows all as one table.
pub(super) fn table(all: &[Handshakes]) -> Table {
    let mut table = Table::new(
        ["subject"],
        [
            "CPU ms each",
            "min",
            "max",
            "by one client a second",
            "a second of CPU",
        ],
    );
    for handshakes in all {
        let cpu = handshakes.cpu_milliseconds;
        table.row(
            [handshakes.subject.to_string()],
            [
                number(Some(cpu.median), 3),
                number(Some(cpu.min), 3),
                number(Some(cpu.max), 3),
                number(Some(handshakes.per_second.median), 0),
                number(Some(1e3 / cpu.median), 0),
            ],
        );
    }
    table
}

fn run(compare: &Compare, subject: Subject) -> Result<Run> {
    let server = subject.start(compare.server_core)?;
    let arguments = [
        server.addr.clone(),
        String::from("--knock"),
        String::from("--controlled"),
        format!("--seconds={}", compare.seconds),
    ];
    let arguments = [&arguments[..], &subject.wire()].concat();
    let mut load = Process::spawn(&process::path_of("load")?, &arguments, compare.load_core)?;
    load.wait_until_ready(TIMEOUT)?;
    let before = server.process.cpu_time()?;
    load.go()?;
    let timeout = Duration::try_from_secs_f64(compare.seconds)? + TIMEOUT;
    let report = load.wait_for_report(timeout)?;
    let cpu = server.process.cpu_time()?.saturating_sub(before);
    let Report::Done { messages, seconds } = report else {
        bail!("the load generator reports {report:?} instead of its result");
    };
    Ok(Run {
        cpu_milliseconds: cpu.as_secs_f64() * 1e3 / messages as f64,
        per_second: messages as f64 / seconds,
    })
}

const TIMEOUT: Duration = Duration::from_secs(60);
