//! The state that all connections under inquiry share: their number, and the system's answers about this host's own
//! network. A connection is under inquiry while its peer is silent or acknowledges nothing.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use lastword_session::{OwnFault, Time};
use lastword_sys::Ends;

use crate::Clock;

/// The connections of one table that are under inquiry.
#[derive(Debug, Default)]
pub(crate) struct Inquiries {
    count: AtomicU32,
    answers: Mutex<Vec<Answer>>,
}

/// One of them; dropping it counts the connection out.
#[derive(Debug)]
pub(crate) struct Inquiry {
    inquiries: Arc<Inquiries>,
    /// Kept here, because a dead socket no longer tells its peer.
    ends: Option<Ends>,
}

/// The system's answer for one local address.
#[derive(Debug)]
struct Answer {
    local: SocketAddr,
    namespace: u64,
    at: Time,
    fault: Option<OwnFault>,
}

impl Inquiries {
    pub(crate) fn add(this: &Arc<Self>, ends: Option<Ends>) -> Inquiry {
        this.count.fetch_add(1, Ordering::Relaxed);
        Inquiry {
            inquiries: Arc::clone(this),
            ends,
        }
    }

    /// Asks the system, at most once in [`KEPT`] for each local address: in a mass outage thousands of connections ask
    /// at once. It assumes that their routes use the same interface. The answer that a route is missing is not kept,
    /// since the route may be missing for this peer only.
    fn own_fault(
        &self,
        ends: &Ends,
        now: Time,
        ask: impl FnOnce(&Ends) -> Option<OwnFault>,
    ) -> Option<OwnFault> {
        let mut answers = self.answers.lock().unwrap_or_else(PoisonError::into_inner);
        answers.retain(|answer| now.since(answer.at) < KEPT);
        let known = answers
            .iter()
            .find(|answer| (answer.local, answer.namespace) == (ends.local, ends.namespace));
        if let Some(known) = known {
            return known.fault;
        }
        let fault = ask(ends);
        if fault != Some(OwnFault::NoRoute) {
            answers.push(Answer {
                local: ends.local,
                namespace: ends.namespace,
                at: now,
                fault,
            });
        }
        fault
    }
}

impl Inquiry {
    /// Returns how many connections are under inquiry, this one included.
    pub(crate) fn count(&self) -> u32 {
        self.inquiries.count.load(Ordering::Relaxed)
    }

    /// Returns the fault of this host's own network that the system reports.
    pub(crate) fn own_fault(&self) -> Option<OwnFault> {
        let ask = lastword_sys::own_fault;
        self.inquiries
            .own_fault(self.ends.as_ref()?, Clock::real(), ask)
    }
}

impl Drop for Inquiry {
    fn drop(&mut self) {
        self.inquiries.count.fetch_sub(1, Ordering::Relaxed);
    }
}

/// How long the system's answer is kept.
const KEPT: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn ends(local: u8) -> Ends {
        Ends {
            local: SocketAddr::from(([10, 0, 0, local], 0)),
            peer: SocketAddr::from(([192, 0, 2, 1], 9)),
            namespace: 1,
        }
    }

    #[test]
    fn many_connections_ask_the_system_once_a_second_for_each_local_address() {
        let inquiries = Inquiries::default();
        let mut asked = 0;
        let start = Time::from_micros(1);
        for ms in 0..3_000 {
            for local in [1, 2] {
                let now = start + Duration::from_millis(ms);
                let fault = inquiries.own_fault(&ends(local), now, |ends| {
                    asked += 1;
                    (ends.local.ip().to_string() == "10.0.0.1").then_some(OwnFault::NoCarrier)
                });
                assert_eq!(fault, (local == 1).then_some(OwnFault::NoCarrier));
            }
        }
        assert_eq!(asked, 6);
    }

    #[test]
    fn a_route_that_is_missing_for_one_peer_says_nothing_of_others() {
        let inquiries = Inquiries::default();
        let now = Time::from_micros(1);
        let banned = inquiries.own_fault(&ends(1), now, |_| Some(OwnFault::NoRoute));
        assert_eq!(banned, Some(OwnFault::NoRoute));
        assert_eq!(inquiries.own_fault(&ends(1), now, |_| None), None);
    }

    #[test]
    fn each_connection_counts_until_it_is_dropped() {
        let inquiries = Arc::default();
        let first = Inquiries::add(&inquiries, None);
        let second = Inquiries::add(&inquiries, None);
        assert_eq!((first.count(), second.own_fault()), (2, None));
        drop(second);
        assert_eq!(first.count(), 1);
    }
}
