//! The summary of a watch: the ends by cause, what the kernel could not tell, the cost, and what nobody sees from outside.

use std::fmt;
use std::time::Duration;

use lastword_watch::{Certainty, Label, Pace, Totals};

/// The cost of a watch, and the ends that it missed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cost {
    pub(super) watched_for: Duration,
    /// Messages for which the kernel had no room.
    pub(super) lost: u32,
    pub(super) pace: Pace,
    /// Of the watcher's thread.
    pub(super) processor: Duration,
}

/// All ends, with the cost.
pub(super) struct Summary<'a> {
    pub(super) totals: &'a Totals,
    pub(super) cost: Cost,
}

impl fmt::Display for Summary<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [proven, inferred, unpolled] = Certainty::ALL.map(Certainty::name);
        writeln!(
            f,
            "\n{:25} {proven:>9} {inferred:>9} {unpolled:>9}",
            "cause"
        )?;
        for label in Label::all() {
            let counts = self.totals.by_certainty(label);
            if counts.iter().sum::<u64>() > 0 {
                let [proven, inferred, unpolled] = counts;
                writeln!(
                    f,
                    "{label:25} {proven:>9} {inferred:>9} {unpolled:>9}  {}",
                    label.sentence()
                )?;
            }
        }
        let Cost {
            watched_for,
            lost,
            pace,
            processor,
        } = self.cost;
        let share = 100.0 * processor.as_secs_f64() / watched_for.as_secs_f64().max(f64::EPSILON);
        writeln!(
            f,
            "\n{} ends in {watched_for:.1?}; {lost} more that the kernel could not tell; a poll every {:.2?}, {share:.2} % of \
             a core",
            self.totals.total(),
            pace.interval(),
        )?;
        write!(f, "{UNSEEN}")
    }
}

/// The limits of a look from outside.
const UNSEEN: &str = "
From outside nobody sees: whether a peer said goodbye, or stood inside a frame; that a client is frozen; why the server
closed. A server that embeds lastword records each of these.
";
