//! The state of the demo: every recorded end and every ending of a client, each compared with the other.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use lastword::{Cause, Observer};
use lastword_load::{Ending, Expected};

use super::close::Close;
use super::sums::Sums;

/// The board, shared by all its writers and readers.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<Board>>);

/// All ends and endings so far.
#[derive(Debug, Default)]
pub(crate) struct Board {
    causes: BTreeMap<u16, Tally>,
    /// The last ends, oldest first.
    ends: VecDeque<End>,
    /// Counts every end, except those in `unrecorded`.
    sums: Sums,
    /// Clients whose record has not arrived yet.
    unrecorded: Vec<(SocketAddr, Part)>,
    /// Sends the name of each lab client when its end is recorded. Dropping it ends the lab.
    pub(crate) to_lab: Option<Sender<String>>,
    /// The first mismatches, in words.
    pub(crate) wrong: Vec<String>,
    /// The names of the suspect clients of the lab, each with its diagnosis.
    suspects: BTreeMap<String, String>,
    /// Why there is no cable to pull.
    pub(crate) note: Option<String>,
    /// Players of the crowd that joined and whose end is not known yet.
    pub(crate) staying: usize,
    /// Whether the demo is ending, so that further players do not join.
    pub(crate) is_closing: bool,
}

/// How often a cause was recorded, and when it was last recorded.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tally {
    pub(crate) cause: Cause,
    pub(crate) count: u64,
    pub(crate) last: Instant,
}

/// The ending of one client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) name: String,
    /// The cause and phase that must be recorded.
    pub(crate) truth: Ending,
    /// Whether the client is in the lab, which reports the ending before it happens.
    pub(crate) in_lab: bool,
}

/// How an end is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fate {
    Right,
    Wrong,
    CutShort,
    Others,
}

/// A recorded end, with the client's part once that is known.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// The number of this end, counted from 1.
    pub(crate) n: u64,
    pub(crate) close: Close,
    pub(crate) part: Option<Part>,
    fate: Fate,
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
    /// Counts one more player of the crowd, unless the demo is ending. Returns whether the player
    /// may join.
    pub(crate) fn comes(&mut self) -> bool {
        self.staying += usize::from(!self.is_closing);
        !self.is_closing
    }

    /// Adds a record.
    pub(crate) fn closed(&mut self, close: Close, now: Instant) {
        let (cause, code) = (close.cause, close.cause.code());
        let tally = self.causes.entry(code).or_insert(Tally {
            cause,
            count: 0,
            last: now,
        });
        tally.count += 1;
        tally.last = now;
        if let Some(player) = &close.player {
            self.suspects.remove(player);
        }
        let mut waiting = self.unrecorded.iter();
        let part = waiting
            .position(|(local, _)| *local == close.remote)
            .map(|index| self.unrecorded.swap_remove(index).1);
        let fate = match &part {
            Some(part) => self.judge(part, &close),
            None if self.is_closing => Fate::CutShort,
            None => Fate::Others,
        };
        *self.count_of(fate) += 1;
        if self.ends.len() == ENDS_MAX {
            self.ends.pop_front();
        }
        self.ends.push_back(End {
            n: self.sums.ended(),
            close,
            part,
            fate,
        });
    }

    /// Adds the ending of the client at this address. A client of the lab is added before its ending, others after
    /// it.
    pub(crate) fn played(&mut self, local: SocketAddr, part: Part) {
        let mut ends = self.ends.iter().enumerate().rev();
        let found = ends.find(|(_, end)| end.close.remote == local && end.part.is_none());
        let Some((index, end)) = found else {
            self.unrecorded.push((local, part));
            return;
        };
        let (close, before) = (end.close.clone(), end.fate);
        let fate = self.judge(&part, &close);
        *self.count_of(before) -= 1;
        *self.count_of(fate) += 1;
        if let Some(end) = self.ends.get_mut(index) {
            (end.part, end.fate) = (Some(part), fate);
        }
    }

    /// Counts the ends of aborted clients as cut short, also where the record came first.
    pub(crate) fn broken_off(&mut self, is_ours: impl Fn(IpAddr) -> bool) {
        let mut count = 0;
        for end in &mut self.ends {
            if end.fate == Fate::Others && is_ours(end.close.remote.ip()) {
                end.fate = Fate::CutShort;
                count += 1;
            }
        }
        self.sums.others -= count;
        self.sums.cut_short += count;
    }

    /// Returns the sums of all ends.
    pub(crate) fn sums(&self) -> Sums {
        Sums {
            unrecorded: u64::try_from(self.waiting()).unwrap_or(u64::MAX),
            ..self.sums
        }
    }

    /// Notes the diagnosis of a suspect client; `None` where it is healthy again.
    pub(crate) fn suspected(&mut self, name: String, diagnosis: Option<String>) {
        match diagnosis {
            Some(diagnosis) => self.suspects.insert(name, diagnosis),
            None => self.suspects.remove(&name),
        };
    }

    /// The suspect clients and their diagnoses.
    pub(crate) fn suspects(&self) -> impl Iterator<Item = (&str, &str)> {
        let suspects = self.suspects.iter();
        suspects.map(|(name, diagnosis)| (name.as_str(), diagnosis.as_str()))
    }

    /// Notes a mismatch.
    pub(crate) fn complain(&mut self, words: String) {
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(words);
        }
    }

    /// The number of clients whose record has not arrived yet.
    pub(crate) fn waiting(&self) -> usize {
        let here = self.unrecorded.iter().filter(|(_, part)| !part.in_lab);
        here.count()
    }

    /// The recorded causes, in the order of their codes.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.causes.values()
    }

    /// The last ends, newest first.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &End> {
        self.ends.iter().rev()
    }

    /// The ends after number `n`, oldest first.
    pub(crate) fn after(&self, n: u64) -> impl Iterator<Item = &End> {
        self.ends.iter().skip_while(move |end| end.n <= n)
    }

    /// Decides how an end is counted, and reports the end of a lab client to the lab.
    fn judge(&mut self, part: &Part, close: &Close) -> Fate {
        if let Some(to_lab) = self.to_lab.as_ref().filter(|_| part.in_lab) {
            // If this fails, the lab has already ended.
            to_lab.send(part.name.clone()).ok();
        }
        let recorded = close.ending();
        // The demo ended before this client did, so the record says nothing about the client.
        let is_broken_off =
            self.is_closing && (part.in_lab || OF_A_DRAIN.contains(&recorded.cause));
        let fate = match Expected::from(part.truth).flaw(recorded) {
            None => Fate::Right,
            Some(_) if is_broken_off => Fate::CutShort,
            Some(flaw) => {
                self.complain(format!("{} was {flaw}: {}", part.name, close.words));
                Fate::Wrong
            }
        };
        let is_judged = fate == Fate::Right || fate == Fate::Wrong;
        self.sums.in_lab += u64::from(part.in_lab && is_judged);
        fate
    }

    fn count_of(&mut self, fate: Fate) -> &mut u64 {
        match fate {
            Fate::Right => &mut self.sums.right,
            Fate::Wrong => &mut self.sums.wrong,
            Fate::CutShort => &mut self.sums.cut_short,
            Fate::Others => &mut self.sums.others,
        }
    }
}

impl End {
    /// Names the client: by its player, else by its ending, else by its address.
    pub(crate) fn who(&self) -> String {
        let part = self.part.as_ref().map(|part| part.name.clone());
        let player = self.close.player.clone();
        player
            .or(part)
            .unwrap_or_else(|| self.close.remote.to_string())
    }
}

/// More than a drain ends at once, so that each end is still here when its client reports.
const ENDS_MAX: usize = 4_000;
const WRONG_MAX: usize = 20;
/// The possible causes of an end in the demo's own drain.
const OF_A_DRAIN: [Cause; 3] = [Cause::Drained, Cause::DrainExpired, Cause::RefusedDraining];

#[cfg(test)]
mod tests {
    use lastword::evidence::Phase;

    use super::*;

    #[test]
    fn a_client_and_its_record_meet_in_either_order() {
        let mut board = Board::default();
        board.closed(close(1, Cause::PeerFin), Instant::now());
        board.played(addr(1), part(Cause::PeerFin));
        board.played(addr(2), part(Cause::PeerReset));
        assert_eq!(
            (board.sums().endings(), board.sums().right, board.waiting()),
            (2, 1, 1)
        );
        board.closed(close(2, Cause::PeerReset), Instant::now());
        let expected = Sums {
            right: 2,
            ..Sums::default()
        };
        assert_eq!(board.sums(), expected);
        assert!(board.wrong.is_empty() && board.ends.iter().all(|end| end.part.is_some()));
    }

    #[test]
    fn a_record_that_is_not_the_truth_is_told_and_counted_as_wrong() {
        let mut board = Board::default();
        board.played(addr(1), part(Cause::PeerFin));
        board.closed(close(1, Cause::PeerReset), Instant::now());
        assert_eq!((board.sums().wrong, board.sums().right), (1, 0));
        let told = "way was recorded as peer_reset in live, truth is peer_fin in live: words";
        assert_eq!(board.wrong, [told]);
    }

    #[test]
    fn an_address_that_comes_again_is_another_client() {
        let mut board = Board::default();
        for cause in [Cause::PeerFin, Cause::PeerReset] {
            board.closed(close(1, cause), Instant::now());
            board.played(addr(1), part(cause));
        }
        assert_eq!((board.sums().endings(), board.sums().right), (2, 2));
    }

    #[test]
    fn an_end_that_the_demo_cut_short_is_neither_right_nor_wrong() {
        let mut board = Board::default();
        // The record came first, and its client never reports.
        board.closed(close(1, Cause::Kicked), Instant::now());
        board.closed(close(9, Cause::PeerFin), Instant::now());
        board.is_closing = true;
        // The client was aborted before its record.
        board.closed(close(2, Cause::PeerFin), Instant::now());
        // The client is in the lab, and the cable has had no effect yet.
        let in_lab = Part {
            in_lab: true,
            ..part(Cause::PathDead)
        };
        board.played(addr(3), in_lab.clone());
        board.played(addr(4), in_lab.clone());
        board.closed(close(3, Cause::PeerFin), Instant::now());
        board.closed(close(4, Cause::PathDead), Instant::now());
        // The client was told that the server leaves, and did not leave in time.
        board.played(addr(5), part(Cause::Drained));
        board.closed(close(5, Cause::DrainExpired), Instant::now());
        board.broken_off(|ip| ip == addr(1).ip());
        let expected = Sums {
            right: 1,
            in_lab: 1,
            cut_short: 4,
            others: 1,
            ..Sums::default()
        };
        assert_eq!(board.sums(), expected);
        assert_eq!(board.sums().ended(), 6);
        assert!(board.wrong.is_empty(), "{:?}", board.wrong);
        // A drain cannot cause this end, so it is wrong even now.
        board.played(addr(6), part(Cause::PeerFin));
        board.closed(close(6, Cause::PeerReset), Instant::now());
        assert_eq!((board.sums().wrong, board.wrong.len()), (1, 1));
    }

    #[test]
    fn the_lab_hears_of_the_ends_of_its_own_clients() {
        let mut board = Board::default();
        let (to_lab, heard) = std::sync::mpsc::channel();
        board.to_lab = Some(to_lab);
        for (n, in_lab) in [(1, true), (2, false)] {
            let cause = Cause::PathDead;
            board.closed(close(n, cause), Instant::now());
            let part = Part {
                in_lab,
                ..part(cause)
            };
            board.played(addr(n), part);
        }
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["way"]);
    }

    fn part(cause: Cause) -> Part {
        Part {
            name: "way".to_owned(),
            truth: Ending::live(cause),
            in_lab: false,
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
