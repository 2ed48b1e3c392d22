//! What the demo knows: every end that was recorded, and every ending that was played, held against each other.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use lastword::{Cause, Observer};
use lastword_load::Ending;

use super::close::Close;

/// The board, as all who write on it and read it have it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<Board>>);

/// Everything so far.
#[derive(Debug, Default)]
pub(crate) struct Board {
    causes: BTreeMap<u16, Tally>,
    /// The last ends, oldest first.
    ends: VecDeque<End>,
    /// Ends in all.
    pub(crate) ended: u64,
    /// Those of them that the lab's server had.
    pub(crate) ended_in_lab: u64,
    pub(crate) lab_broke_a_law: bool,
    /// Clients whose record did not come yet.
    unrecorded: Vec<(SocketAddr, Part)>,
    /// Endings that were played to their end.
    pub(crate) played: u64,
    /// Those of them that were recorded as what they were.
    pub(crate) right: u64,
    /// What does not fit, the first of it.
    pub(crate) wrong: Vec<String>,
    /// Who is suspect in the lab, and of what.
    suspects: BTreeMap<String, String>,
    /// Why there is no cable to pull.
    pub(crate) note: Option<String>,
    /// Players of the crowd who came and whose end is not known yet.
    pub(crate) staying: usize,
    /// Nobody is to come any more.
    pub(crate) is_closing: bool,
}

/// How often a cause was recorded, and when last.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) cause: Cause,
    pub(crate) count: u64,
    pub(crate) last: Instant,
}

/// What a client did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// What has to be recorded of it.
    pub(crate) truth: Ending,
}

/// An end, and the client's side of it as soon as that is known.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// Counts the ends from 1.
    pub(crate) n: u64,
    pub(crate) close: Close,
    pub(crate) part: Option<Part>,
}

impl Shared {
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut Board) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Shared {
    fn disconnected(&self, disconnect: &Arc<lastword::Disconnect>) {
        let close = Close::of(disconnect);
        self.with(|board| board.closed(close, Instant::now()));
    }
}

impl Board {
    /// Lets one more of the crowd come, unless nobody is to.
    pub(crate) fn comes(&mut self) -> bool {
        self.staying += usize::from(!self.is_closing);
        !self.is_closing
    }

    /// Takes a record.
    pub(crate) fn closed(&mut self, close: Close, now: Instant) {
        self.ended += 1;
        let (cause, code) = (close.cause, close.cause.code());
        let tally = self.causes.entry(code).or_insert(Tally {
            cause,
            count: 0,
            last: now,
        });
        tally.count += 1;
        tally.last = now;
        let mut waiting = self.unrecorded.iter();
        let part = waiting
            .position(|(local, _)| *local == close.remote)
            .map(|index| self.unrecorded.swap_remove(index).1);
        if let Some(part) = &part {
            self.judge(part, &close);
        }
        if self.ends.len() == ENDS_MAX {
            self.ends.pop_front();
        }
        self.ends.push_back(End {
            n: self.ended,
            close,
            part,
        });
    }

    /// Takes what the client at this address did, once it has done it.
    pub(crate) fn played(&mut self, local: SocketAddr, part: Part) {
        self.played += 1;
        let end = self
            .ends
            .iter_mut()
            .rev()
            .find(|end| end.close.remote == local && end.part.is_none());
        let Some(end) = end else {
            self.unrecorded.push((local, part));
            return;
        };
        end.part = Some(part.clone());
        let close = end.close.clone();
        self.judge(&part, &close);
    }

    /// Notes what somebody is suspected of; `None`: nothing any more.
    pub(crate) fn suspected(&mut self, name: String, diagnosis: Option<String>) {
        match diagnosis {
            Some(diagnosis) => self.suspects.insert(name, diagnosis),
            None => self.suspects.remove(&name),
        };
    }

    /// Who is suspect, and of what.
    pub(crate) fn suspects(&self) -> impl Iterator<Item = (&str, &str)> {
        let suspects = self.suspects.iter();
        suspects.map(|(name, diagnosis)| (name.as_str(), diagnosis.as_str()))
    }

    /// Notes that something is not as it has to be.
    pub(crate) fn complain(&mut self, words: String) {
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(words);
        }
    }

    /// Clients whose record did not come yet.
    pub(crate) fn waiting(&self) -> usize {
        self.unrecorded.len()
    }

    /// What was recorded, by the causes' codes.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.causes.values()
    }

    /// The last ends, newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &End> {
        self.ends.iter().rev()
    }

    /// The ends behind number `n`, oldest first.
    pub(crate) fn after(&self, n: u64) -> impl Iterator<Item = &End> {
        self.ends.iter().skip_while(move |end| end.n <= n)
    }

    fn judge(&mut self, part: &Part, close: &Close) {
        let (truth, recorded) = (part.truth, close.ending());
        if truth == recorded {
            self.right += 1;
        } else {
            let words = format!(
                "{} was recorded as {recorded}, and was {truth}: {}",
                part.name, close.words
            );
            self.complain(words);
        }
    }
}

impl End {
    /// Whoever it was: the player, or else what the client did, or else where it came from.
    pub(crate) fn who(&self) -> String {
        let part = self.part.as_ref().map(|part| part.name.clone());
        let player = self.close.player.clone();
        player
            .or(part)
            .unwrap_or_else(|| self.close.remote.to_string())
    }
}

/// More than a drain ends at once, so that each is still here when its client tells of it.
const ENDS_MAX: usize = 4_000;
const WRONG_MAX: usize = 20;

#[cfg(test)]
mod tests {
    use lastword::Phase;

    use super::*;

    #[test]
    fn a_client_and_its_record_meet_in_either_order() {
        let mut board = Board::default();
        board.closed(close(1, Cause::PeerFin), Instant::now());
        board.played(addr(1), part(Cause::PeerFin));
        board.played(addr(2), part(Cause::PeerReset));
        assert_eq!((board.played, board.right, board.waiting()), (2, 1, 1));
        board.closed(close(2, Cause::PeerReset), Instant::now());
        assert_eq!((board.played, board.right, board.waiting()), (2, 2, 0));
        assert!(board.wrong.is_empty() && board.ends.iter().all(|end| end.part.is_some()));
    }

    #[test]
    fn a_record_that_is_not_the_truth_is_told_and_not_counted() {
        let mut board = Board::default();
        board.played(addr(1), part(Cause::PeerFin));
        board.closed(close(1, Cause::PeerReset), Instant::now());
        assert_eq!((board.played, board.right), (1, 0));
        let told = "way was recorded as peer_reset in live, and was peer_fin in live: words";
        assert_eq!(board.wrong, [told]);
    }

    #[test]
    fn an_address_that_comes_again_is_another_client() {
        let mut board = Board::default();
        for cause in [Cause::PeerFin, Cause::PeerReset] {
            board.closed(close(1, cause), Instant::now());
            board.played(addr(1), part(cause));
        }
        assert_eq!((board.played, board.right), (2, 2));
    }

    fn part(cause: Cause) -> Part {
        Part {
            name: "way".to_owned(),
            truth: Ending {
                cause,
                phase: Phase::Live,
            },
        }
    }

    fn close(n: u8, cause: Cause) -> Close {
        Close {
            at: "2026-11-22T22:41:28.525Z".to_owned(),
            cause,
            phase: Phase::Live,
            remote: addr(n),
            player: None,
            words: "words".to_owned(),
        }
    }

    fn addr(n: u8) -> SocketAddr {
        ([127, 1, 0, n], 4_000).into()
    }
}
