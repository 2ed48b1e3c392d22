//! The book of a watcher: how many connections ended, and how.

use std::collections::BTreeMap;

use crate::label::{Certainty, Label};
use crate::tracker::End;

/// The ends so far, by port, label and certainty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals(BTreeMap<(u16, Label, Certainty), u64>);

impl Totals {
    /// Nothing has ended. Each label and certainty of these ports is there, with 0.
    #[must_use]
    pub fn of(ports: &[u16]) -> Self {
        let zeros = ports.iter().flat_map(|port| {
            Label::all().flat_map(move |label| {
                Certainty::ALL.map(|certainty| ((*port, label, certainty), 0))
            })
        });
        Self(zeros.collect())
    }

    /// Counts an end.
    pub fn add(&mut self, end: &End) {
        let decision = end.decision;
        let key = (end.dead.local.port(), decision.label, decision.certainty);
        *self.0.entry(key).or_default() += 1;
    }

    /// Returns each count with its port, label and certainty, in the order of these.
    pub fn all(&self) -> impl Iterator<Item = (u16, Label, Certainty, u64)> {
        let all = self.0.iter();
        all.map(|((port, label, certainty), count)| (*port, *label, *certainty, *count))
    }

    /// Returns how many ends had this label, with each certainty, over all ports.
    #[must_use]
    pub fn by_certainty(&self, wanted: Label) -> [u64; Certainty::ALL.len()] {
        Certainty::ALL.map(|sure| {
            let all = self.all();
            let these =
                all.filter(|(_, label, certainty, _)| (*label, *certainty) == (wanted, sure));
            these.map(|(.., count)| count).sum()
        })
    }

    /// Returns how many ends there were.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.0.values().sum()
    }
}

#[cfg(test)]
mod tests {
    use lastword_sys::diag::{TcpSocket, TcpState};

    use super::*;
    use crate::decide::Decision;

    fn end(port: u16, label: Label, certainty: Certainty) -> End {
        let dead = TcpSocket {
            state: TcpState::Close,
            local: ([127, 0, 0, 1], port).into(),
            peer: ([127, 0, 0, 1], 9).into(),
            cookie: 1,
            unread: 0,
            unacked: 0,
            uid: 0,
            inode: 0,
            counters: None,
        };
        End {
            dead,
            seen: None,
            decision: Decision { label, certainty },
        }
    }

    #[test]
    fn every_label_of_every_port_is_there_from_the_begin() {
        let totals = Totals::of(&[7_000, 7_001]);
        let each = Label::all().count() * Certainty::ALL.len();
        assert_eq!(totals.all().count(), 2 * each);
        assert_eq!(totals.total(), 0);
    }

    #[test]
    fn ends_are_counted_by_port_label_and_certainty() {
        let mut totals = Totals::of(&[1, 2]);
        let before = totals.all().count();
        for (port, certainty) in [
            (1, Certainty::Proven),
            (2, Certainty::Proven),
            (2, Certainty::Unpolled),
        ] {
            totals.add(&end(port, Label::PeerReset, certainty));
        }
        totals.add(&end(1, Label::PeerFin, Certainty::Inferred));
        assert_eq!(totals.by_certainty(Label::PeerReset), [2, 0, 1]);
        assert_eq!(totals.by_certainty(Label::PeerFin), [0, 1, 0]);
        let at_two = totals.all().filter(|(port, ..)| *port == 2);
        assert_eq!(at_two.map(|(.., count)| count).sum::<u64>(), 2);
        assert_eq!((totals.total(), totals.all().count()), (4, before));
    }
}
