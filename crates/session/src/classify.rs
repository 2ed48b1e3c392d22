//! Decides the cause of an observed end from plain data. This is a pure function: it makes no call, reads no clock and
//! is the same on every system. Our own decisions never come here: a decision fixes its cause when it is taken.

mod codes;
mod evidence;
#[cfg(test)]
mod tests;

use std::io::ErrorKind;

use crate::{Call, Cause, Observation, Phase, System, Terminal};
use codes::Meaning;

/// Names the cause of an end that was observed, not decided.
///
/// The caller has first read the socket to its end and checked the data for broken rules: a broken rule takes
/// precedence over everything here. The cause is always one that [`Cause::phases`] lists for the observation's phase.
/// For an observation without an end (a living socket, no error) it is [`VerdictMissing`](Cause::VerdictMissing): the
/// caller has a defect.
#[must_use]
pub fn classify(observation: &Observation) -> Cause {
    let end = End::of(observation);
    RULES
        .iter()
        .filter_map(|rule| rule(observation, end))
        .find(|cause| cause.occurs_in(observation.phase))
        .unwrap_or(Cause::VerdictMissing)
}

/// The way in which the connection ended below the frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    /// The peer closed in order: all its data has arrived.
    Fin,
    /// The peer, its kernel, or a device on the path aborted the connection.
    Reset,
    /// The evidence names the cause directly.
    Named(Cause),
    /// Nothing was seen that ends a connection.
    Unseen,
}

impl End {
    fn of(observation: &Observation) -> Self {
        let fin = fin_seen(observation);
        if fin == Some(true) {
            // Any error reported after the FIN concerns only our outbound data.
            return Self::Fin;
        }
        if let Some(meaning) = telling_error(observation) {
            return Self::by_error(observation, meaning);
        }
        if fin.is_none() && observation.terminal == Terminal::Eof {
            return Self::Fin;
        }
        Self::by_evidence(observation)
    }

    fn by_error(observation: &Observation, meaning: Meaning) -> Self {
        let given_up = evidence::given_up(observation);
        match meaning {
            Meaning::Reset => Self::Reset,
            Meaning::Destroyed => Self::Named(Cause::SocketDestroyed),
            // A kernel that gave up is evidence by itself, even if its counters show nothing.
            Meaning::TimedOut | Meaning::Unreachable => {
                Self::Named(given_up.unwrap_or(Cause::PathDead))
            }
            Meaning::Unknown => Self::Named(given_up.unwrap_or(Cause::SocketError)),
        }
    }

    /// Decides without an error: another call consumed the error, or there was no error.
    ///
    /// A dead socket whose evidence fits no silence was reset: only a reset leaves no other trace. It is not a
    /// [`Cause::SocketError`], which stands for an error that was seen and is not in the table.
    fn by_evidence(observation: &Observation) -> Self {
        match observation.kernel {
            Some(kernel) if kernel.is_closed() => {
                evidence::given_up(observation).map_or(Self::Reset, Self::Named)
            }
            Some(_) => Self::Unseen,
            None if observation.terminal == Terminal::Open => Self::Unseen,
            None => Self::Reset,
        }
    }
}

/// Whether the peer's FIN arrived, where that is certain.
fn fin_seen(observation: &Observation) -> Option<bool> {
    // Winsock errors persist: on Windows, a read of 0 never means that another call consumed the error.
    let read_is_proof =
        observation.system == System::Windows && observation.terminal == Terminal::Eof;
    observation.fin.or_else(|| read_is_proof.then_some(true))
}

/// The meaning of the error that ended the connection: the first error that has one.
fn telling_error(observation: &Observation) -> Option<Meaning> {
    let first = observation.first_error;
    let first = first.and_then(|first| Meaning::of(observation.system, first.error));
    first.or_else(|| match observation.terminal {
        Terminal::Error(error) => Meaning::of(observation.system, error),
        Terminal::Eof | Terminal::Open => None,
    })
}

/// The cause that one rule gives for an end; `None` passes the end on to the next rule.
type Rule = fn(&Observation, End) -> Option<Cause>;

/// The rules by precedence: the first whose cause can occur in the phase wins.
const RULES: [Rule; 9] = [
    never_spoke,
    named_itself,
    reset_after_outage,
    inside_a_frame,
    tls_cut_short,
    refused_our_data,
    left_in_our_drain,
    without_a_proxy_header,
    fin_or_reset,
];

fn never_spoke(observation: &Observation, end: End) -> Option<Cause> {
    // Nothing is read before admission, even if the client sent something.
    let silent = !observation.has_spoken || observation.phase == Phase::Admission;
    (end != End::Unseen && silent).then_some(Cause::PeerProbe)
}

fn named_itself(observation: &Observation, end: End) -> Option<Cause> {
    match end {
        // The system's own word on this host's network is better than any counter.
        End::Named(Cause::PathDead) if observation.own_fault.is_some() => {
            Some(Cause::LocalNetworkDown)
        }
        End::Named(cause) => Some(cause),
        End::Fin | End::Reset | End::Unseen => None,
    }
}

fn reset_after_outage(observation: &Observation, end: End) -> Option<Cause> {
    (end == End::Reset && evidence::outage(observation)).then_some(Cause::ResetAfterOutage)
}

fn inside_a_frame(observation: &Observation, end: End) -> Option<Cause> {
    match end {
        End::Fin if observation.mid_frame => Some(Cause::PeerFinMidFrame),
        End::Reset if observation.mid_frame => Some(Cause::PeerResetMidFrame),
        End::Fin | End::Reset | End::Named(_) | End::Unseen => None,
    }
}

fn tls_cut_short(observation: &Observation, end: End) -> Option<Cause> {
    (end == End::Fin && observation.close_notify_missing).then_some(Cause::TlsTruncated)
}

fn refused_our_data(observation: &Observation, end: End) -> Option<Cause> {
    // Without the kernel's count we must assume that a failed write contained data.
    let refused = match observation.kernel {
        Some(_) => observation.refused_bytes > 0,
        None => observation.refused_bytes > 0 || write_failed(observation),
    };
    (end == End::Fin && refused).then_some(Cause::PeerClosedWhileSending)
}

/// Whether a write failed because the peer refused our data. After our own shutdown a broken pipe only shows that
/// shutdown.
fn write_failed(observation: &Observation) -> bool {
    observation.first_error.is_some_and(|first| {
        let broken_pipe = !observation.shut && first.error.kind == ErrorKind::BrokenPipe;
        let telling = Meaning::of(observation.system, first.error).is_some();
        first.call == Call::Write && (broken_pipe || telling)
    })
}

fn left_in_our_drain(observation: &Observation, end: End) -> Option<Cause> {
    (end == End::Fin && observation.drain_notice_written).then_some(Cause::Drained)
}

fn without_a_proxy_header(observation: &Observation, end: End) -> Option<Cause> {
    // The timeout of this phase is short, so an outage in it counts as the missing header that it caused.
    (end != End::Unseen && observation.phase == Phase::Proxy).then_some(Cause::ProxyHeaderInvalid)
}

fn fin_or_reset(_: &Observation, end: End) -> Option<Cause> {
    match end {
        End::Fin => Some(Cause::PeerFin),
        End::Reset => Some(Cause::PeerReset),
        End::Named(_) | End::Unseen => None,
    }
}
