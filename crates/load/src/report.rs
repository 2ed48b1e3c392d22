//! The result of a storm, for people and for machines.

use std::fmt;
use std::net::SocketAddr;
use std::time::Duration;

use serde::Serialize;

use crate::judge::{Figures, Judge};
use crate::{Ending, Findings, Kind, Scenario};

/// The result of a storm.
#[derive(Clone, Debug, Serialize)]
#[non_exhaustive]
pub struct Report {
    /// Whether nothing is wrong, as [`Report::is_right`] returns it.
    pub right: bool,
    /// Whether the storm was stopped before every connection began.
    pub stopped: bool,
    /// The server that players joined.
    pub server: SocketAddr,
    /// The admin port with the records.
    pub admin: SocketAddr,
    /// The seed of all random choices.
    pub seed: u64,
    /// Connections that the scenario asks for.
    pub connections: u32,
    /// Connections that were made.
    pub connected: u64,
    /// The seconds from the first connect until the last client had left.
    pub seconds: f64,
    /// Data frames that clients sent.
    pub frames: u64,
    /// Data frames that came back unchanged.
    pub echoed: u64,
    /// Data frames that the server received, according to its records.
    pub received: u64,
    /// Records that were read.
    pub records: u64,
    /// Records of connections that do not belong to the storm.
    pub strangers: u64,
    /// Scrapes at which both laws were checked.
    pub scrapes: u64,
    /// How often each way was played.
    pub ways: Vec<(&'static str, u64)>,
    /// The confusion matrix, without its empty cells.
    pub matrix: Vec<Cell>,
    /// The mismatches.
    pub findings: Findings,
}

/// How often a truth was recorded as an ending.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Cell {
    /// The truth: how the client ended.
    pub truth: Ending,
    /// The ending that the server recorded.
    pub recorded: Ending,
    /// The number of such connections.
    pub count: u64,
}

impl Report {
    pub(crate) fn new(
        (server, admin): (SocketAddr, SocketAddr),
        scenario: &Scenario,
        judge: Judge,
        played: Duration,
        stopped: bool,
    ) -> Self {
        let Figures {
            connected,
            frames,
            echoed,
            records,
            received,
            strangers,
            scrapes,
        } = judge.figures;
        let cells = judge.matrix.into_values();
        let cells = cells.map(|(truth, recorded, count)| Cell {
            truth,
            recorded,
            count,
        });
        Self {
            right: judge.findings.is_empty(),
            stopped,
            server,
            admin,
            seed: scenario.seed,
            connections: scenario.connections,
            connected,
            seconds: played.as_secs_f64(),
            frames,
            echoed,
            received,
            records,
            strangers,
            scrapes,
            ways: judge.ways.into_iter().collect(),
            matrix: cells.collect(),
            findings: judge.findings,
        }
    }

    /// Tells whether every cause was right, nothing was lost or counted twice, both laws held, and no client met a
    /// fault. A stopped storm can be right, too, for the connections that it played.
    #[must_use]
    pub fn is_right(&self) -> bool {
        self.findings.is_empty()
    }

    /// Returns the verdict in one line.
    #[must_use]
    pub fn verdict(&self) -> String {
        let (judged, wrong) = (self.judged(), self.findings.count(Kind::WrongCause));
        let rest: Vec<_> = self
            .findings
            .iter()
            .filter(|(kind, _)| **kind != Kind::WrongCause)
            .map(|(kind, finding)| format!(", {kind}: {}", finding.count))
            .collect();
        let laws = if self.findings.count(Kind::LawBroken) == 0 {
            ", both laws intact"
        } else {
            ""
        };
        format!(
            "{judged} connections judged, {wrong} wrong causes{laws}{}",
            rest.concat()
        )
    }

    fn judged(&self) -> u64 {
        self.matrix.iter().map(|cell| cell.count).sum()
    }

    fn figures(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            connections,
            connected,
            seconds,
            frames,
            echoed,
            received,
            records,
            strangers,
            scrapes,
            ..
        } = self;
        writeln!(
            f,
            "connections  {connected} of {connections} in {seconds:.1} s"
        )?;
        writeln!(
            f,
            "frames       {frames} sent, {received} received, {echoed} seen to come back"
        )?;
        writeln!(
            f,
            "records      {records} read, {strangers} of them from other clients"
        )?;
        writeln!(f, "scrapes      {scrapes}, both laws checked at each")
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<36} {:<36} {:>11}",
            "truth", "recorded", "connections"
        )?;
        for cell in &self.matrix {
            let (truth, recorded) = (cell.truth.to_string(), cell.recorded.to_string());
            let mark = if cell.truth == cell.recorded {
                ""
            } else {
                "  WRONG"
            };
            writeln!(f, "{truth:<36} {recorded:<36} {:>11}{mark}", cell.count)?;
        }
        writeln!(f)?;
        self.figures(f)?;
        for (kind, finding) in &self.findings {
            writeln!(f, "\n{kind}: {}", finding.count)?;
            for example in &finding.examples {
                writeln!(f, "  {example}")?;
            }
        }
        let right = if self.is_right() { "right" } else { "WRONG" };
        let stopped = if self.stopped { ", stopped early" } else { "" };
        writeln!(f, "\n{right}{stopped}: {}", self.verdict())
    }
}
