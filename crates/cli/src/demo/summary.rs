//! The summary at the end of the demo: the recorded causes, whether both laws held, and whether every record was
//! right.

use std::fmt;

use anyhow::anyhow;
use lastword::Stats;

use super::state::{DemoState, Tally};
use super::style::{CAUSE, CLASS};
use super::sums::Sums;

/// The result of a demo.
#[derive(Debug)]
pub(crate) struct Summary {
    tallies: Vec<Tally>,
    stats: Stats,
    sums: Sums,
    survival: Vec<String>,
    attacks: Vec<String>,
    wrong: Vec<String>,
}

impl Summary {
    /// Builds the summary of a server that has ended.
    pub(crate) fn of(state: &DemoState, stats: Stats) -> Self {
        let sums = state.sums();
        let never = (sums.unrecorded > 0)
            .then(|| format!("{} endings were never recorded", sums.unrecorded));
        let (counted, told) = (ended(&stats), sums.ended());
        let untold = (counted != told)
            .then(|| format!("{counted} ends were counted, and {told} were told to the observer"));
        let wrong = state.wrong.iter().cloned().chain(never).chain(untold);
        Self {
            tallies: state.tallies().copied().collect(),
            sums,
            survival: state.survival.words(),
            attacks: attacks_in_lines(state),
            wrong: wrong.collect(),
            stats,
        }
    }

    /// Returns an error where a record was wrong or missing, or a law was broken.
    pub(crate) fn verdict(&self) -> anyhow::Result<()> {
        if self.stats.laws_hold() && self.wrong.is_empty() && self.sums.right == self.sums.endings()
        {
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
        if !self.survival.is_empty() {
            writeln!(f, "\n{}", self.survival.join(", "))?;
        }
        if !self.attacks.is_empty() {
            writeln!(f, "\n{}", self.attacks.join("\n"))?;
        }
        let Stats {
            connections_opened: opened,
            connections_open: open,
            sessions_joined: joined,
            sessions_open,
            departures,
            ..
        } = &self.stats;
        let ended = ended(&self.stats);
        let departed: u64 = departures.iter().map(|(_, count)| count).sum();
        let held = if self.stats.laws_hold() {
            "both laws held"
        } else {
            "A LAW WAS BROKEN"
        };
        writeln!(
            f,
            "\n{opened} opened = {open} open + {ended} ended, {joined} joined = {sessions_open} open + {departed} \
             departed: {held}"
        )?;
        for words in &self.wrong {
            writeln!(f, "WRONG  {words}")?;
        }
        writeln!(f, "{}", self.sums)
    }
}

/// Returns the lines about the attacks; none without an attack.
fn attacks_in_lines(state: &DemoState) -> Vec<String> {
    let mut lines = state.attacks.words();
    let ended = state.attacks.ended_words();
    if !ended.is_empty() {
        lines.push(ended.join(", "));
    }
    lines
}

/// Returns how many ends the server counted.
pub(crate) fn ended(stats: &Stats) -> u64 {
    stats.disconnects.iter().map(|(.., count)| count).sum()
}
