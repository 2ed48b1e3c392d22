//! The Linux kernel's counters of a dead connection, and the cause of its death that they show.

use crate::{Cause, KernelSample, Observation};

/// Whether some of our data or probes had been unanswered for longer than a round trip when the end came
/// (`docs/kernel.md`, fact 1.6).
///
/// Only a timer of the kernel proves this. Data in flight (`SIOCOUTQ`) may have been sent a moment ago. The last probe
/// may have been sent a moment ago, too: it counts as soon as it is sent. All three values survive the end, because the
/// kernel processes a reset before any acknowledgement in it.
pub(super) fn outage(observation: &Observation) -> bool {
    observation
        .kernel
        .is_some_and(|sample| sample.retransmits > 0 && sample.outq > 0 || sample.probes > 1)
}

/// The silence for which the kernel gave up the connection, where its counters show one.
pub(super) fn given_up(observation: &Observation) -> Option<Cause> {
    let dead = observation.kernel.filter(KernelSample::is_closed)?;
    // `SIOCOUTQ` counts our FIN as one byte, and the FIN is acknowledged last.
    let pending = dead.outq.saturating_sub(u32::from(observation.shut));
    let is_held_here = dead.never_left(None) || dead.is_held_back(&KernelSample::default());
    let cause = if pending > 0 && is_held_here {
        Cause::LocalNetworkDown
    } else if dead.retransmits > 0 {
        Cause::PathDead
    } else if pending > 0 && dead.is_window_shut() && dead.probes == 0 {
        // The window is closed and every probe was answered: the host is there, but its process does not read.
        Cause::PeerNotReading
    } else if dead.probes > 0 && (pending == 0 || dead.is_window_shut()) {
        Cause::PathDead
    } else {
        return None;
    };
    cause.occurs_in(observation.phase).then_some(cause)
}
