//! What the demo says at its end: what was recorded, whether both laws held, and whether it was the truth.

use std::fmt;

use anyhow::anyhow;
use lastword::Stats;

use super::board::{Board, Tally};
use super::frame::{CAUSE, CLASS};

/// The end of a demo.
#[derive(Debug)]
pub(crate) struct Summary {
    tallies: Vec<Tally>,
    stats: Stats,
    played: u64,
    right: u64,
    /// Ends of the lab's server.
    in_lab: u64,
    laws_held: bool,
    wrong: Vec<String>,
}

impl Summary {
    /// Of a server that has ended.
    pub(crate) fn of(board: &Board, stats: Stats) -> Self {
        let never = board.waiting();
        let never = (never > 0).then(|| format!("{never} endings were never recorded"));
        Self {
            tallies: board.tallies().copied().collect(),
            played: board.played,
            right: board.right,
            in_lab: board.ended_in_lab,
            laws_held: stats.laws_hold() && !board.lab_broke_a_law,
            wrong: board.wrong.iter().cloned().chain(never).collect(),
            stats,
        }
    }

    /// An error where something is not as it has to be.
    pub(crate) fn verdict(&self) -> anyhow::Result<()> {
        if self.laws_held && self.wrong.is_empty() && self.right == self.played {
            return Ok(());
        }
        Err(anyhow!("not everything was recorded as what it was"))
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\n{:CAUSE$} {:CLASS$}{:>7}", "cause", "class", "count")?;
        for Tally { cause, count, .. } in &self.tallies {
            let (label, class) = (cause.label(), cause.class().label());
            writeln!(f, "{label:CAUSE$} {class:CLASS$}{count:>7}")?;
        }
        let Stats {
            connections_opened: opened,
            connections_open: open,
            sessions_joined: joined,
            sessions_open,
            disconnects,
            departures,
            ..
        } = &self.stats;
        let ended: u64 = disconnects.iter().map(|(.., count)| count).sum();
        let departed: u64 = departures.iter().map(|(_, count)| count).sum();
        let held = if self.laws_held {
            "both laws held"
        } else {
            "A LAW WAS BROKEN"
        };
        writeln!(
            f,
            "\n{opened} opened = {open} open + {ended} ended, {joined} joined = {sessions_open} open + {departed} \
             departed: {held}"
        )?;
        if self.in_lab > 0 {
            writeln!(f, "{} more in the lab of the cable", self.in_lab)?;
        }
        for words in &self.wrong {
            writeln!(f, "WRONG  {words}")?;
        }
        let (played, right) = (self.played, self.right);
        writeln!(f, "{played} endings, {right} recorded as what they were")
    }
}
