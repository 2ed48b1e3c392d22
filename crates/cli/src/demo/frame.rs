//! What stands on the terminal at a time: lines that fit into it, made of the board and the server's counts.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lastword::{Class, Stats};

use super::board::{Board, End, Tally};
use super::style::{Style, column, cut};

/// What does not change while the demo runs.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Scene {
    pub(crate) game: SocketAddr,
    pub(crate) admin: Option<SocketAddr>,
    pub(crate) started: Instant,
    /// How long it runs; otherwise until it is told to end.
    pub(crate) run_for: Option<Duration>,
}

/// One moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frame<'a> {
    pub(crate) scene: &'a Scene,
    pub(crate) board: &'a Board,
    pub(crate) stats: &'a Stats,
    pub(crate) now: Instant,
    pub(crate) style: Style,
}

impl Scene {
    /// How to ask for the records.
    pub(crate) fn curl(&self) -> String {
        self.admin.map_or_else(
            || "no admin port: leave --admin out to have one".to_owned(),
            |admin| format!("curl http://{admin}/api/closes"),
        )
    }

    /// How it ends.
    pub(crate) fn until(&self) -> String {
        self.run_for.map_or_else(
            || "Ctrl-C ends it".to_owned(),
            |run_for| format!("ends after {run_for:?}, or by Ctrl-C"),
        )
    }
}

impl Frame<'_> {
    /// The lines of a terminal of this size, without their ends.
    pub(crate) fn lines(&self, width: usize, height: usize) -> Vec<String> {
        let mut lines = self.head(width);
        lines.push(String::new());
        lines.extend(self.causes(width));
        lines.push(String::new());
        if lines.len() + HEADED <= height {
            let (who, cause) = (column("who", WHO), column("cause", CAUSE));
            let heading = format!("{:TIME$} {who} {cause} evidence", "UTC");
            lines.push(self.style.dim(&cut(&heading, width)));
        }
        let room = height.saturating_sub(lines.len());
        let newest = self.board.newest().take(room);
        lines.extend(newest.map(|end| self.end(end, width)));
        lines.truncate(height);
        lines
    }

    fn head(&self, width: usize) -> Vec<String> {
        let Frame { scene, board, .. } = self;
        let title = "lastword demo";
        let elapsed = clock(self.now.saturating_duration_since(scene.started));
        let rest = format!("  {elapsed}  game {}  {}", scene.game, scene.until());
        let rest = cut(&rest, width.saturating_sub(title.len()));
        let mut lines = vec![
            self.style.bold(title) + &rest,
            cut(&scene.curl(), width),
            cut(&self.counts(), width),
        ];
        lines.extend(self.suspects().map(|suspects| cut(&suspects, width)));
        lines.extend(board.note.as_deref().map(|note| cut(note, width)));
        lines.extend(
            board
                .wrong
                .last()
                .map(|words| self.style.class(Class::Defect, &cut(words, width))),
        );
        lines
    }

    fn counts(&self) -> String {
        let Frame { stats, board, .. } = self;
        let (open, opened) = (stats.connections_open, stats.connections_opened);
        let ended: u64 = stats.disconnects.iter().map(|(.., count)| count).sum();
        let lab = board.ended_in_lab;
        let equal = if opened == open + ended { "=" } else { "≠" };
        format!(
            "{} sessions  {} opened {equal} {open} open + {} ended  {} played, {} recorded right",
            stats.sessions_open,
            opened + lab,
            ended + lab,
            board.played,
            board.right,
        )
    }

    /// Who is silent at this moment, and what it looks like; a line that is there as soon as somebody is.
    fn suspects(&self) -> Option<String> {
        let suspects = self.board.suspects();
        let suspects: Vec<_> = suspects
            .map(|(name, diagnosis)| format!("{name} {diagnosis}"))
            .collect();
        (!suspects.is_empty()).then(|| format!("suspect: {}", suspects.join(", ")))
    }

    /// A class a line, or more where its causes need them.
    fn causes(&self, width: usize) -> Vec<String> {
        let a_line = (width.saturating_sub(CLASS) + GAP.len()) / (CELL + GAP.len());
        let mut lines = Vec::new();
        for class in Class::ALL {
            let of_class = self
                .board
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
        let used = TIME + WHO + CAUSE + 3;
        let room = width.saturating_sub(used);
        let evidence = match close.evidence().split_once(", ") {
            // How far it came and how old it was is the least of it.
            Some((_, rest)) if room < ROOMY => rest,
            _ => close.evidence(),
        };
        format!(
            "{} {} {} {}",
            self.style.dim(close.time()),
            column(&end.who(), WHO),
            self.style
                .class(close.cause.class(), &column(close.cause.label(), CAUSE)),
            cut(evidence, room),
        )
    }
}

/// Minutes and seconds.
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
/// The longest name of a way.
pub(crate) const WHO: usize = 17;
/// The longest label of a cause.
pub(crate) const CAUSE: usize = 25;
pub(crate) const CLASS: usize = 10;
const COUNT: usize = 5;
const AGE: usize = 4;
const CELL: usize = CAUSE + COUNT + AGE;
const GAP: &str = "  ";
/// Lines below the causes with which there is room for a heading.
const HEADED: usize = 8;
/// Where the whole evidence has room.
const ROOMY: usize = 60;

#[cfg(test)]
mod tests;
