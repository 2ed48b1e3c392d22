//! A cable that is pulled again and again: a second server in a lab of namespaces, in a process of its own, whose ends
//! come here line by line.

#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod outages;

use super::board::Shared;

#[cfg(target_os = "linux")]
pub(crate) use lab::Cable;
#[cfg(target_os = "linux")]
pub(crate) use outages::play;

/// Nothing to pull.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(crate) struct Cable;

#[cfg(not(target_os = "linux"))]
impl Cable {
    pub(crate) fn pull(board: &Shared) -> Self {
        note(board, "it takes the network namespaces of Linux");
        Self
    }
}

fn note(board: &Shared, reason: &str) {
    board.with(|board| board.note = Some(format!("no cable to pull here: {reason}")));
}
