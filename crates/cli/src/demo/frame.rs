//! The content of the terminal at one moment: lines that fit into it, made from the state and the server's counts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lastword::Stats;
use lastword::evidence::Class;

use super::state::{DemoState, End, Tally};
use super::style::{CAUSE, CLASS, Style, WHO, column, cut, wrap};
use super::summary;

/// The parts that stay the same while the demo runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DemoInfo {
    pub(crate) game: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) started: Instant,
    /// How long the demo runs; `None` runs until a signal ends it.
    pub(crate) run_for: Option<Duration>,
}

/// The demo at one moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) info: &'a DemoInfo,
    pub(crate) state: &'a DemoState,
    pub(crate) stats: &'a Stats,
    pub(crate) now: Instant,
    pub(crate) style: Style,
}

impl DemoInfo {
    /// The address of the live page, and the command that asks for the records.
    pub(crate) fn links(&self) -> Vec<String> {
        self.admin.map_or_else(
            || vec!["no live page: leave --admin out to have one".to_owned()],
            |admin| {
                let (page, curl) = (
                    format!("live page http://{admin}/"),
                    format!("curl http://{admin}/api/closes"),
                );
                vec![page, curl]
            },
        )
    }

    /// Tells when the demo ends.
    pub(crate) fn until(&self) -> String {
        self.run_for.map_or_else(
            || "Ctrl-C ends it".to_owned(),
            |run_for| format!("ends after {run_for:?}, or by Ctrl-C"),
        )
    }
}

impl Frame<'_> {
    /// Returns the lines for a terminal of this size, without line breaks.
    pub(crate) fn lines(&self, width: usize, height: usize) -> Vec<String> {
        let mut lines = self.head(width);
        lines.push(String::new());
        lines.extend(self.causes(width));
        lines.push(String::new());
        if lines.len() + HEADED <= height {
            let (who, cause) = (column("who", WHO), column("cause", CAUSE));
            let evidence = fitting("evidence", width.saturating_sub(BEFORE_EVIDENCE));
            let heading = format!("{:TIME$} {who} {cause} {evidence}", "UTC");
            lines.push(self.style.dim(&cut(&heading, width)));
        }
        let room = height.saturating_sub(lines.len());
        let newest = self.state.newest().take(room);
        lines.extend(newest.map(|end| self.end(end, width)));
        lines.truncate(height);
        lines
    }

    fn head(&self, width: usize) -> Vec<String> {
        let Frame { info, state, .. } = self;
        let elapsed = clock(self.now.saturating_duration_since(info.started));
        let game = format!("game {}", info.game);
        let title = [TITLE.to_owned(), elapsed, game, info.until()];
        let mut lines = wrap(&title, GAP, width);
        if let Some(title) = lines.first_mut() {
            let rest = title.strip_prefix(TITLE).map(str::to_owned);
            *title = rest.map_or_else(|| title.clone(), |rest| self.style.bold(TITLE) + &rest);
        }
        lines.extend(wrap(&info.links(), GAP, width));
        lines.extend(wrap(&self.counts(), GAP, width));
        lines.extend(wrap(&state.survival.words(), GAP, width));
        lines.extend(wrap(&state.attacks.words(), GAP, width));
        lines.extend(wrap(&state.attacks.ended_words(), ", ", width));
        lines.extend(self.suspects(width));
        let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
        lines.extend(
            state
                .note
                .as_deref()
                .map(|note| wrap(&words(note), " ", width))
                .unwrap_or_default(),
        );
        let wrong = state
            .wrong
            .last()
            .map(|wrong| wrap(&words(wrong), " ", width));
        let wrong = wrong.unwrap_or_default().into_iter();
        lines.extend(wrong.map(|line| self.style.class(Class::Defect, &line)));
        lines
    }

    fn counts(&self) -> [String; 3] {
        let Frame { stats, state, .. } = self;
        let (open, opened) = (stats.connections_open, stats.connections_opened);
        let ended = summary::ended(stats);
        let equal = if opened == open + ended { "=" } else { "≠" };
        let sums = state.sums();
        [
            format!("{} sessions", stats.sessions_open),
            format!("{opened} opened {equal} {open} open + {ended} ended"),
            format!("{} played, {} recorded right", sums.endings(), sums.right),
        ]
    }

    /// Lists the suspect clients with their diagnoses. There is no line while no client is suspect.
    fn suspects(&self, width: usize) -> Vec<String> {
        let suspects = self.state.suspects();
        let mut suspects: Vec<_> = suspects
            .map(|(name, diagnosis)| format!("{name} {diagnosis}"))
            .collect();
        if let Some(first) = suspects.first_mut() {
            first.insert_str(0, "suspect: ");
        }
        wrap(&suspects, ", ", width)
    }

    /// A line for each class, or several where its causes do not fit into one.
    fn causes(&self, width: usize) -> Vec<String> {
        let a_line = (width.saturating_sub(CLASS) + GAP.len()) / (CELL + GAP.len());
        let mut lines = Vec::new();
        for class in Class::ALL {
            let of_class = self
                .state
                .tallies()
                .filter(|tally| tally.cause.class() == class);
            let cells: Vec<_> = of_class.map(|tally| self.cell(tally)).collect();
            for (n, cells) in cells.chunks(a_line.max(1)).enumerate() {
                let name = if n == 0 { class.label() } else { "" };
                let name = self.style.class(class, &column(name, CLASS));
                lines.push(name + &cells.join(GAP));
            }
        }
        lines
    }

    fn cell(&self, tally: &Tally) -> String {
        let since = self.now.saturating_duration_since(tally.last);
        let since = format!("{:>AGE$}", age(since));
        format!(
            "{}{:>COUNT$}{}",
            self.style
                .class(tally.cause.class(), &column(tally.cause.label(), CAUSE)),
            tally.count,
            self.style.dim(&since),
        )
    }

    fn end(&self, end: &End, width: usize) -> String {
        let close = &end.close;
        let room = width.saturating_sub(BEFORE_EVIDENCE);
        format!(
            "{} {} {} {}",
            self.style.dim(close.time()),
            column(&end.who(), WHO),
            self.style
                .class(close.cause.class(), &column(close.cause.label(), CAUSE)),
            fitting(close.evidence(), room),
        )
    }
}

/// Returns as many parts of the evidence as fit. It drops the first ones, the phase and the age, which say least.
fn fitting(evidence: &str, room: usize) -> &str {
    let mut rest = evidence;
    while rest.chars().count() > room {
        rest = rest.split_once(", ").map_or("", |(_, rest)| rest);
    }
    rest
}

/// Formats a time as minutes and seconds.
fn clock(time: Duration) -> String {
    let seconds = time.as_secs();
    format!("{}:{:02}", seconds / 60, seconds % 60)
}

fn age(since: Duration) -> String {
    match since.as_secs() {
        0 => "now".to_owned(),
        seconds @ 1..=99 => format!("{seconds}s"),
        seconds @ 100..=5_999 => format!("{}m", seconds / 60),
        seconds => format!("{}h", seconds / 3_600),
    }
}

const TIME: usize = 8;
const COUNT: usize = 5;
const AGE: usize = 4;
/// The width of the columns before the evidence, each with a space behind it.
const BEFORE_EVIDENCE: usize = TIME + WHO + CAUSE + 3;
const CELL: usize = CAUSE + COUNT + AGE;
const GAP: &str = "  ";
const TITLE: &str = "lastword demo";
/// The fewest lines below the causes that leave room for a heading.
const HEADED: usize = 8;

#[cfg(test)]
mod tests;
