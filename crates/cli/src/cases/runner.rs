//! Runs the rows with real processes and real sockets. The rows of S1 run in a lab of namespaces. Linux only: the
//! documented results are those of Linux, and the rows ask the Linux kernel for its state.

mod bare;
mod broken_pipe;
mod layer;
mod lingers;
mod outage;
mod patience;
mod peer;
mod sandbox;
mod script;

use std::panic;
use std::thread;

use super::observed::{Bare, Layer, Observed};
use super::outcome::Outcome;
use super::row::{Action, Row};
use super::table::ROWS;
use patience::on_one_thread;

pub(crate) use sandbox::run_lab_rows;

/// Runs every row: the rows of the lab all at once, and meanwhile the other rows one after the other.
pub(super) fn run_rows() -> Vec<(&'static Row, Outcome)> {
    thread::scope(|scope| {
        let in_the_lab = scope.spawn(sandbox::run_rows);
        let mut outcomes: Vec<_> = ROWS
            .iter()
            .filter_map(|row| Some((row, on_loopback(row.action)?)))
            .map(|(row, observed)| (row, observed.into()))
            .collect();
        outcomes.extend(
            in_the_lab
                .join()
                .unwrap_or_else(|payload| panic::resume_unwind(payload)),
        );
        outcomes.sort_by_key(|(row, _)| ROWS.iter().position(|other| other.id == row.id));
        outcomes
    })
}

/// Runs a row between this process and another one on loopback; `None` where the row needs the
/// lab.
fn on_loopback(action: Action) -> Option<anyhow::Result<Observed>> {
    Some(match action {
        Action::Outage(_) => return None,
        Action::Script(script) => both(|| script::bare(&script), script::layer(&script)),
        Action::Lingering => both(lingers::bare, lingers::layer()),
    })
}

fn both(
    bare: impl FnOnce() -> anyhow::Result<Bare>,
    layer: impl Future<Output = anyhow::Result<Layer>>,
) -> anyhow::Result<Observed> {
    Ok(Observed {
        bare: bare()?,
        layer: on_one_thread(layer)?,
    })
}
