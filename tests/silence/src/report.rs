//! The results of all scenes: a table for people, JSON for programs, and whether everything is right.

mod columns;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use lastword_netlab::Skip;
use serde::Serialize;

pub(crate) use columns::table;

use crate::figures::Figures;
use crate::judge::{Judgement, Wrong};
use crate::row::Row;
use crate::setting::Setting;
use crate::{Run, pool};

/// Plays each row under each setting, with this many sessions unless the row has a number of its own, and reports the
/// results. `jobs` scenes play at a time, unless the command line names another number.
pub(crate) fn play(
    run: &Run,
    jobs: usize,
    (rows, settings): (&[Row], &[Setting]),
    trials: usize,
    play: impl Fn(&Row, &Setting, usize) -> anyhow::Result<Judgement> + Sync,
) -> anyhow::Result<ExitCode> {
    let scenes: Vec<_> = rows
        .iter()
        .flat_map(|row| settings.iter().map(move |setting| (row, setting)))
        .collect();
    let lines = pool::each(run.jobs.unwrap_or(jobs), &scenes, |(row, setting)| {
        let played = play(row, setting, row.players(trials));
        let judgement = played.unwrap_or_else(|error| not_played(&error));
        let line = Line {
            row: row.name.clone(),
            profile: setting.profile.clone(),
            rto_max: setting.rto_max.label(),
            trials: if judgement.is_skipped {
                0
            } else {
                row.players(trials)
            },
            judgement,
        };
        line.announce();
        line
    });
    publish(&lines, run.json.as_deref())
}

/// Returns the judgement of a scene that could not be played: skipped where this machine lacks something, else wrong.
fn not_played(error: &anyhow::Error) -> Judgement {
    let mut judgement = Judgement::default();
    match Skip::within(error.as_ref()) {
        Some(skip) => {
            judgement.is_skipped = true;
            judgement.note = format!("skipped: {skip}");
        }
        None => judgement.report_wrong("-", format!("it could not be played: {error:#}")),
    }
    judgement
}

/// The result of one scene.
#[derive(Debug, Serialize)]
struct Line {
    row: String,
    profile: String,
    rto_max: &'static str,
    trials: usize,
    #[serde(flatten)]
    judgement: Judgement,
}

impl Line {
    /// Reports on standard error that the scene is done, and what is wrong with it.
    fn announce(&self) {
        let mut stderr = io::stderr().lock();
        let told = writeln!(stderr, "{}", self.cells().join("  "))
            .and_then(|()| self.explain(&mut stderr));
        // A failure to report progress does not matter.
        told.ok();
    }

    fn explain(&self, to: &mut impl io::Write) -> io::Result<()> {
        let wrong = &self.judgement.wrong;
        for Wrong {
            player,
            what,
            record,
        } in wrong.iter().take(EXPLAINED)
        {
            let words = record
                .as_ref()
                .and_then(|record| record.get("words")?.as_str());
            let words = words.unwrap_or_default();
            writeln!(to, "  wrong: {player} {what}: {words}")?;
        }
        match wrong.len().checked_sub(EXPLAINED) {
            Some(more) if more > 0 => writeln!(to, "  and {more} more"),
            _ => Ok(()),
        }
    }

    fn remark(&self) -> String {
        let Judgement { note, suspects, .. } = &self.judgement;
        if suspects.is_empty() {
            return note.clone();
        }
        format!("{note} suspects: {}", counted(suspects))
    }

    fn cells(&self) -> Vec<String> {
        let judgement = &self.judgement;
        let seen = if judgement.is_skipped {
            "not played".to_owned()
        } else if judgement.causes.is_empty() {
            "no session ended".to_owned()
        } else {
            counted(&judgement.causes)
        };
        let of = |pick: fn(Figures) -> u64| shown(judgement.measured_ms.map(pick));
        vec![
            self.row.clone(),
            self.profile.clone(),
            self.rto_max.to_owned(),
            self.trials.to_string(),
            seen,
            judgement.wrong.len().to_string(),
            of(|figures| figures.min),
            of(|figures| figures.median),
            of(|figures| figures.p999),
            of(|figures| figures.max),
            shown(judgement.bound_ms),
            shown(judgement.own_stall_ms.map(|figures| figures.max)),
            self.remark(),
        ]
    }
}

/// Prints the table, writes the file if one is wanted, and returns the exit code: whether everything is right.
fn publish(lines: &[Line], json: Option<&Path>) -> anyhow::Result<ExitCode> {
    if let Some(path) = json {
        let named = || path.display().to_string();
        let file = File::create(path).with_context(named)?;
        serde_json::to_writer_pretty(file, lines).with_context(named)?;
    }
    let wrong: usize = lines.iter().map(|line| line.judgement.wrong.len()).sum();
    let trials: usize = lines.iter().map(|line| line.trials).sum();
    let cells: Vec<_> = lines.iter().map(Line::cells).collect();
    let mut stdout = io::stdout().lock();
    write!(stdout, "{}", table(&HEAD, &cells))?;
    let skipped = lines.iter().filter(|line| line.judgement.is_skipped);
    let skipped = match skipped.count() {
        0 => String::new(),
        scenes => format!(", {scenes} scenes skipped"),
    };
    writeln!(stdout, "{trials} trials, {wrong} wrong{skipped}")?;
    Ok(if wrong == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn counted<K: Display, N: Display>(counts: &BTreeMap<K, N>) -> String {
    let counts = counts.iter().map(|(what, count)| format!("{what} {count}"));
    counts.collect::<Vec<_>>().join(", ")
}

fn shown(figure: Option<u64>) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| figure.to_string())
}

const HEAD: [&str; 13] = [
    "row", "profile", "rto_max", "trials", "seen", "wrong", "min ms", "median", "p99.9", "max",
    "bound", "stall", "",
];
/// How many wrong players are listed one by one; the file has all of them.
const EXPLAINED: usize = 5;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_that_this_machine_cannot_play_is_skipped_and_a_broken_one_is_wrong() {
        let skip = Skip::new("no nginx here");
        let inside = io::Error::new(io::ErrorKind::Unsupported, skip.clone());
        for error in [
            anyhow::Error::new(skip),
            anyhow::Error::new(inside).context("a delay"),
        ] {
            let judgement = not_played(&error);
            assert!(judgement.is_skipped && judgement.wrong.is_empty());
            assert_eq!(judgement.note, "skipped: no nginx here");
        }
        let judgement = not_played(&anyhow::anyhow!("the clients did not join"));
        assert_eq!((judgement.is_skipped, judgement.wrong.len()), (false, 1));
    }
}
