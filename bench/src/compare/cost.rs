//! CPU per message: rounds in which every subject does every shape once, and ratios within each round.

use anyhow::{Context, Result};
use serde::Serialize;

use super::run::{Ready, Run};
use super::table::{Table, number};
use super::{Compare, Mean, Shape, Spread};
use crate::subject::Subject;

/// The result of one subject with one shape.
#[derive(Debug, Serialize)]
pub(super) struct Cost {
    shape: Shape,
    subject: Subject,
    cpu_seconds_per_million: Spread,
    /// The medians of this subject's cost over that of a baseline in the same round.
    ratios: Vec<Ratio>,
    messages_per_second: Spread,
    /// The share of its core that the server used; near 1, the server was the limit.
    busy: Spread,
    runs: Vec<Run>,
}

#[derive(Debug, Clone, Copy, Serialize)]
struct Ratio {
    baseline: Subject,
    ratio: f64,
    /// The mean of the rounds' ratios, and its limits of 95 %. `None` with a single round.
    mean: Option<Mean>,
}

/// The runs of one subject with one shape, one per round.
struct Cell {
    shape: Shape,
    subject: Subject,
    runs: Vec<Run>,
}

const BASELINES: [Subject; 4] = [
    Subject::Epoll,
    Subject::Raw,
    Subject::RawTls,
    Subject::FramedSend,
];

/// Runs all rounds.
pub(super) fn measure(compare: &Compare) -> Result<Vec<Cost>> {
    let mut cells = cells(compare);
    for round in 0..compare.rounds {
        eprintln!("round {} of {}", round + 1, compare.rounds);
        for cell in &mut cells {
            let run = Ready::start(compare, cell.subject, cell.shape)
                .and_then(|mut ready| ready.run())
                .with_context(|| format!("{} with {}", cell.subject, cell.shape))?;
            cell.runs.push(run);
        }
        // Rotates the order, so that no subject always follows the same one.
        cells.rotate_left(1);
    }
    cells.sort_by_key(|cell| position(compare, cell));
    cells
        .iter()
        .map(|cell| summary(cell, &cells).context("a cell without a run"))
        .collect()
}

/// Shows all costs as one table.
pub(super) fn table(costs: &[Cost]) -> Table {
    let names = ["connections x depth x bytes", "subject"];
    let mut table = Table::new(
        names,
        [
            "CPU s per million",
            "min",
            "max",
            "vs epoll",
            "vs raw",
            "vs raw-tls",
            "vs framed-send",
            "vs no resume",
            "mean, 95 %",
            "messages/s",
            "busy",
        ],
    );
    for cost in costs {
        let [epoll, raw, raw_tls, framed_send] =
            BASELINES.map(|baseline| number(cost.ratio(baseline), 2));
        let off = cost.subject.without_resume();
        let off = off.and_then(|off| cost.ratio_to(off));
        let cpu = cost.cpu_seconds_per_million;
        table.row(
            [cost.shape.to_string(), cost.subject.to_string()],
            [
                number(Some(cpu.median), 3),
                number(Some(cpu.min), 3),
                number(Some(cpu.max), 3),
                epoll,
                raw,
                raw_tls,
                framed_send,
                number(off.map(|ratio| ratio.ratio), 2),
                off.and_then(|ratio| ratio.mean)
                    .map_or_else(|| String::from("-"), |mean| mean.to_string()),
                number(Some(cost.messages_per_second.median), 0),
                number(Some(cost.busy.median), 2),
            ],
        );
    }
    table
}

impl Cost {
    fn ratio(&self, baseline: Subject) -> Option<f64> {
        self.ratio_to(baseline).map(|ratio| ratio.ratio)
    }

    fn ratio_to(&self, baseline: Subject) -> Option<Ratio> {
        let mut ratios = self.ratios.iter();
        ratios.find(|ratio| ratio.baseline == baseline).copied()
    }
}

fn cells(compare: &Compare) -> Vec<Cell> {
    let cell = |shape, subject| Cell {
        shape,
        subject,
        runs: Vec::new(),
    };
    let row = |shape: &Shape| {
        compare
            .subjects
            .iter()
            .map(|subject| cell(*shape, *subject))
            .collect::<Vec<_>>()
    };
    compare.shapes.iter().flat_map(row).collect()
}

/// The position in the user's lists: by shape, then by subject.
fn position(compare: &Compare, cell: &Cell) -> (Option<usize>, Option<usize>) {
    let shape = compare.shapes.iter().position(|shape| *shape == cell.shape);
    let subject = compare
        .subjects
        .iter()
        .position(|subject| *subject == cell.subject);
    (shape, subject)
}

fn summary(cell: &Cell, cells: &[Cell]) -> Option<Cost> {
    let spread = |of: fn(&Run) -> f64| Spread::of(cell.runs.iter().map(of));
    Some(Cost {
        shape: cell.shape,
        subject: cell.subject,
        cpu_seconds_per_million: spread(Run::cpu_seconds_per_million)?,
        ratios: ratios(cell, cells),
        messages_per_second: spread(|run| run.messages as f64 / run.seconds)?,
        busy: spread(|run| run.server_cpu_seconds / run.seconds)?,
        runs: cell.runs.clone(),
    })
}

/// Other load changes between rounds, but hardly within one. So ratios are formed within each round, and then their
/// median.
fn ratios(cell: &Cell, cells: &[Cell]) -> Vec<Ratio> {
    let same_shape = cells.iter().filter(|other| other.shape == cell.shape);
    let is_baseline = |other: &&Cell| {
        BASELINES.contains(&other.subject) || cell.subject.without_resume() == Some(other.subject)
    };
    // TLS is not compared with what has none.
    let baselines = same_shape
        .filter(is_baseline)
        .filter(|other| other.subject.has_tls() == cell.subject.has_tls());
    baselines
        .filter_map(|baseline| {
            let ratios = ratios_of_rounds(cell, baseline);
            Some(Ratio {
                baseline: baseline.subject,
                ratio: Spread::of(ratios.iter().copied())?.median,
                mean: Mean::of(&ratios),
            })
        })
        .collect()
}

fn ratios_of_rounds(cell: &Cell, baseline: &Cell) -> Vec<f64> {
    let pairs = cell.runs.iter().zip(&baseline.runs);
    pairs
        .map(|(run, base)| run.cpu_seconds_per_million() / base.cpu_seconds_per_million())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_ratios_within_rounds() {
        let shape = Shape {
            connections: 1,
            depth: 1,
            payload_bytes: 64,
        };
        let cell = |subject, cpu: [f64; 3]| Cell {
            shape,
            subject,
            runs: cpu
                .map(|cpu| Run {
                    messages: 1000,
                    seconds: 1.0,
                    server_cpu_seconds: cpu,
                })
                .to_vec(),
        };
        // The machine was ten times slower in the last round, for both.
        let cells = [
            cell(Subject::Raw, [1.0, 2.0, 20.0]),
            cell(Subject::FramedFeed, [3.0, 4.0, 40.0]),
        ];
        let ratios = ratios(&cells[1], &cells);
        assert_eq!(ratios.len(), 1);
        assert_eq!((ratios[0].baseline, ratios[0].ratio), (Subject::Raw, 2.0));
    }
}
