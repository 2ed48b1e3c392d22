//! The results of all scenes: a table for people, JSON for programs, and whether everything is right.

mod columns;

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

use anyhow::Context as _;
use serde::Serialize;

use crate::figures::Figures;
use crate::judge::{Judgement, Wrong};
use crate::setting::Setting;
use crate::{Run, Verdict, pool};

/// Plays a scene for each pair, such as a row and a setting, and reports the results. `jobs` scenes play at a time,
/// unless the command line names another number.
pub(crate) fn play<A: Sync, B: Sync>(
    run: &Run,
    jobs: usize,
    (firsts, seconds): (&[A], &[B]),
    play: impl Fn(&A, &B) -> Line + Sync,
) -> anyhow::Result<Verdict> {
    let scenes: Vec<_> = firsts
        .iter()
        .flat_map(|first| seconds.iter().map(move |second| (first, second)))
        .collect();
    let lines = pool::each(run.jobs.unwrap_or(jobs), &scenes, |(first, second)| {
        let line = play(first, second);
        line.announce();
        line
    });
    publish(&lines, run.json.as_deref())
}

/// The result of one scene.
#[derive(Debug, Serialize)]
pub(crate) struct Line {
    row: String,
    profile: String,
    rto_max: &'static str,
    trials: usize,
    /// Other measurements.
    #[serde(skip_serializing_if = "String::is_empty")]
    note: String,
    #[serde(flatten)]
    judgement: Judgement,
}

impl Line {
    /// The result of a scene that was played. A scene that could not be played counts as wrong.
    pub(crate) fn of(
        row: &str,
        setting: &Setting,
        trials: usize,
        played: anyhow::Result<Judgement>,
    ) -> Self {
        let judgement = played.unwrap_or_else(|error| {
            let mut judgement = Judgement::default();
            judgement.object("-", format!("it could not be played: {error:#}"));
            judgement
        });
        Self {
            row: row.to_owned(),
            profile: setting.profile.clone(),
            rto_max: setting.rto_max.label(),
            trials,
            note: String::new(),
            judgement,
        }
    }

    /// Adds other measurements.
    pub(crate) fn with_note(self, note: String) -> Self {
        Self { note, ..self }
    }

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
        let suspects = self.judgement.suspects.iter();
        let suspects: Vec<_> = suspects
            .map(|(diagnosis, count)| format!("{diagnosis} {count}"))
            .collect();
        if suspects.is_empty() {
            return self.note.clone();
        }
        format!("{} suspects: {}", self.note, suspects.join(", "))
    }

    fn cells(&self) -> Vec<String> {
        let judgement = &self.judgement;
        let causes = judgement.causes.iter();
        let causes: Vec<_> = causes
            .map(|(cause, count)| format!("{cause} {count}"))
            .collect();
        let seen = if causes.is_empty() {
            "nobody ended".to_owned()
        } else {
            causes.join(", ")
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

/// Prints the table, writes the file if one is wanted, and returns whether everything is right.
fn publish(lines: &[Line], json: Option<&Path>) -> anyhow::Result<Verdict> {
    if let Some(path) = json {
        let named = || path.display().to_string();
        let file = File::create(path).with_context(named)?;
        serde_json::to_writer_pretty(file, lines).with_context(named)?;
    }
    let wrong: usize = lines.iter().map(|line| line.judgement.wrong.len()).sum();
    let trials: usize = lines.iter().map(|line| line.trials).sum();
    let cells: Vec<_> = lines.iter().map(Line::cells).collect();
    let mut stdout = io::stdout().lock();
    write!(stdout, "{}", columns::table(&HEAD, &cells))?;
    writeln!(stdout, "{trials} trials, {wrong} wrong")?;
    Ok(if wrong == 0 {
        Verdict::Right
    } else {
        Verdict::Wrong
    })
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
