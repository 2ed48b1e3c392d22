//! A cable that is unplugged again and again, in a lab of namespaces. A separate process runs the clients there. It
//! passes a listening socket of the lab to the demo's server.

#[cfg(target_os = "linux")]
mod lab;
#[cfg(target_os = "linux")]
mod outages;
#[cfg(target_os = "linux")]
mod passing;

#[cfg(not(target_os = "linux"))]
use lastword::ServerHandle;

use super::state::Shared;

#[cfg(target_os = "linux")]
pub(crate) use lab::Cable;
#[cfg(target_os = "linux")]
pub(crate) use outages::{is_in_lab, play};

/// There is no cable on this system.
#[cfg(not(target_os = "linux"))]
#[derive(Debug)]
pub(crate) struct Cable;

#[cfg(not(target_os = "linux"))]
impl Cable {
    pub(crate) fn pull(state: &Shared, _server: &ServerHandle) -> Self {
        note(state, "it takes the network namespaces of Linux");
        Self
    }
}

/// There is no lab on this system.
#[cfg(not(target_os = "linux"))]
pub(crate) const fn is_in_lab(_player: &str) -> bool {
    false
}

fn note(state: &Shared, reason: &str) {
    state.with(|state| state.note = Some(format!("no cable to pull here: {reason}")));
}
