//! The state of the demo: every recorded end, compared with the ending of its client.

use std::collections::{BTreeMap, VecDeque};
use std::mem;
use std::net::{IpAddr, SocketAddr};
use std::sync::mpsc::Sender;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use lastword::{Cause, Observer};
use lastword_load::{Ending, Expected, Pairs};

use super::attacks::{Attacks, is_attacker};
use super::close::Close;
use super::sums::Sums;
use super::survival::Survival;

/// The state, shared by everything that changes or shows it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shared(Arc<Mutex<DemoState>>);

/// All ends and endings so far.
#[derive(Debug, Default)]
pub(crate) struct DemoState {
    causes: BTreeMap<u16, Tally>,
    /// The last ends, oldest first.
    ends: VecDeque<End>,
    /// Counts every end.
    sums: Sums,
    /// The attacks, and how long the players waited meanwhile.
    pub(crate) attacks: Attacks,
    /// The player whose connection is cut again and again.
    pub(crate) survival: Survival,
    /// Pairs each client with the number of its end, by its address.
    pairs: Pairs<SocketAddr, ClientEnding, u64>,
    /// Sends the name of each lab client when its end is recorded. Dropping it ends the lab.
    pub(crate) to_lab: Option<Sender<String>>,
    /// The first mismatches, in words.
    pub(crate) wrong: Vec<String>,
    /// The names of the suspect clients of the lab, each with its diagnosis.
    suspects: BTreeMap<String, String>,
    /// Why there is no cable to pull.
    pub(crate) note: Option<String>,
    /// Honest players that joined and whose end is not known yet.
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
pub(crate) struct ClientEnding {
    pub(crate) name: String,
    /// The cause and phase that must be recorded.
    pub(crate) expected: Ending,
    pub(crate) origin: Origin,
}

/// Where a client comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A player of this process.
    Here,
    /// The lab, which reports the ending before it happens.
    Lab,
    /// An attacker of this process.
    Attacker,
}

/// How an end is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum EndResult {
    Right,
    Wrong,
    CutShort,
    Others,
}

/// A recorded end, with the ending of its client once that is known.
#[derive(Clone, Debug)]
pub(crate) struct End {
    /// The number of this end, counted from 1.
    pub(crate) n: u64,
    pub(crate) close: Close,
    pub(crate) client: Option<ClientEnding>,
    result: EndResult,
}

impl Shared {
    pub(crate) fn with<R>(&self, work: impl FnOnce(&mut DemoState) -> R) -> R {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Observer for Shared {
    fn disconnected(&self, disconnect: &Arc<lastword::Disconnect>) {
        let close = Close::of(disconnect);
        self.with(|state| state.closed(close, Instant::now()));
    }
}

impl DemoState {
    /// Counts one more honest player, unless the demo is ending. Returns whether the player may join.
    pub(crate) fn may_join(&mut self) -> bool {
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
        // The result while its client is not known.
        let result = if self.is_closing {
            EndResult::CutShort
        } else {
            EndResult::Others
        };
        *self.count_of(result) += 1;
        let (n, remote) = (self.sums.ended(), close.remote);
        self.ends.push_back(End {
            n,
            close,
            client: None,
            result,
        });
        if let Some((client, n)) = self.pairs.add_record(remote, n) {
            self.judge(client, n);
        }
        if self.ends.len() > ENDS_MAX {
            self.forget_oldest();
        }
    }

    /// Adds the ending of the client at this address. A client of the lab is added before its ending, others after
    /// it.
    pub(crate) fn played(&mut self, local: SocketAddr, client: ClientEnding) {
        if let Some((client, n)) = self.pairs.add_client(local, client) {
            self.judge(client, n);
        }
    }

    /// Counts the ends of aborted clients as cut short, also where the record came first.
    pub(crate) fn broken_off(&mut self, is_ours: impl Fn(IpAddr) -> bool) {
        let mut count = 0;
        for end in &mut self.ends {
            if end.result == EndResult::Others && is_ours(end.close.remote.ip()) {
                end.result = EndResult::CutShort;
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
    pub(crate) fn report_wrong(&mut self, words: String) {
        if self.wrong.len() < WRONG_MAX {
            self.wrong.push(words);
        }
    }

    /// The number of clients whose record has not arrived yet.
    pub(crate) fn waiting(&self) -> usize {
        let here = self.pairs.clients();
        let here = here.filter(|client| client.origin != Origin::Lab);
        here.count()
    }

    /// The recorded causes, in the order of their codes.
    pub(crate) fn tallies(&self) -> impl Iterator<Item = &Tally> {
        self.causes.values()
    }

    /// The last ends, newest first, without those of attackers.
    pub(crate) fn newest(&self) -> impl Iterator<Item = &End> {
        self.ends.iter().rev().filter(|end| !end.is_of_attacker())
    }

    /// The ends after number `n`, oldest first, without those of attackers.
    pub(crate) fn after(&self, n: u64) -> impl Iterator<Item = &End> {
        let after = self.ends.iter().skip_while(move |end| end.n <= n);
        after.filter(|end| !end.is_of_attacker())
    }

    /// Compares end number `n` with its client, counts it anew, and reports the end of a lab client to the lab.
    fn judge(&mut self, client: ClientEnding, n: u64) {
        let Some(end) = self.ends.iter_mut().rev().find(|end| end.n == n) else {
            return;
        };
        let in_lab = client.origin == Origin::Lab;
        if let Some(to_lab) = self.to_lab.as_ref().filter(|_| in_lab) {
            // If this fails, the lab has already ended.
            to_lab.send(client.name.clone()).ok();
        }
        // The demo ended before this client did, so the record says nothing about the client.
        let is_broken_off = self.is_closing && (in_lab || OF_A_DRAIN.contains(&end.close.cause));
        let deviation = Expected::from(client.expected).deviation(end.close.ending());
        let (result, wrong) = match deviation {
            None => (EndResult::Right, None),
            Some(_) if is_broken_off => (EndResult::CutShort, None),
            Some(deviation) => {
                let words = format!("{} was {deviation}: {}", client.name, end.close.words);
                (EndResult::Wrong, Some(words))
            }
        };
        let is_judged = result == EndResult::Right || result == EndResult::Wrong;
        match client.origin {
            Origin::Here => {}
            Origin::Lab => self.sums.in_lab += u64::from(is_judged),
            Origin::Attacker => {
                self.sums.of_attackers += u64::from(is_judged);
                self.attacks.ended(end.close.cause);
            }
        }
        end.client = Some(client);
        let before = mem::replace(&mut end.result, result);
        *self.count_of(before) -= 1;
        *self.count_of(result) += 1;
        if let Some(words) = wrong {
            self.report_wrong(words);
        }
    }

    /// Drops the oldest end, so that a demo that runs for days keeps only the last ones.
    fn forget_oldest(&mut self) {
        if let Some(oldest) = self.ends.pop_front().filter(|end| end.client.is_none()) {
            self.pairs.take_record(oldest.close.remote);
        }
    }

    fn count_of(&mut self, result: EndResult) -> &mut u64 {
        match result {
            EndResult::Right => &mut self.sums.right,
            EndResult::Wrong => &mut self.sums.wrong,
            EndResult::CutShort => &mut self.sums.cut_short,
            EndResult::Others => &mut self.sums.others,
        }
    }
}

impl End {
    /// Whether an attacker had this end. The record may come before its client reports, so the address tells as well.
    fn is_of_attacker(&self) -> bool {
        let client = self.client.as_ref();
        let is_known = client.is_some_and(|client| client.origin == Origin::Attacker);
        is_known || is_attacker(self.close.remote.ip())
    }

    /// Names the client: by its player, else by its ending, else by its address.
    pub(crate) fn who(&self) -> String {
        let client = self.client.as_ref().map(|client| client.name.clone());
        let player = self.close.player.clone();
        player
            .or(client)
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
        let mut state = DemoState::default();
        state.closed(close(1, Cause::PeerFin), Instant::now());
        state.played(addr(1), client(Cause::PeerFin));
        state.played(addr(2), client(Cause::PeerReset));
        assert_eq!(
            (state.sums().endings(), state.sums().right, state.waiting()),
            (2, 1, 1)
        );
        state.closed(close(2, Cause::PeerReset), Instant::now());
        let expected = Sums {
            right: 2,
            ..Sums::default()
        };
        assert_eq!(state.sums(), expected);
        assert!(state.wrong.is_empty() && state.ends.iter().all(|end| end.client.is_some()));
    }

    #[test]
    fn a_record_that_is_not_the_truth_is_told_and_counted_as_wrong() {
        let mut state = DemoState::default();
        state.played(addr(1), client(Cause::PeerFin));
        state.closed(close(1, Cause::PeerReset), Instant::now());
        assert_eq!((state.sums().wrong, state.sums().right), (1, 0));
        let told = "way was recorded as peer_reset in live, truth is peer_fin in live: words";
        assert_eq!(state.wrong, [told]);
    }

    #[test]
    fn an_address_that_comes_again_is_another_client() {
        let mut state = DemoState::default();
        for cause in [Cause::PeerFin, Cause::PeerReset] {
            state.closed(close(1, cause), Instant::now());
            state.played(addr(1), client(cause));
        }
        assert_eq!((state.sums().endings(), state.sums().right), (2, 2));
    }

    #[test]
    fn an_end_that_the_demo_cut_short_is_neither_right_nor_wrong() {
        let mut state = DemoState::default();
        // The record came first, and its client never reports.
        state.closed(close(1, Cause::Kicked), Instant::now());
        state.closed(close(9, Cause::PeerFin), Instant::now());
        state.is_closing = true;
        // The client was aborted before its record.
        state.closed(close(2, Cause::PeerFin), Instant::now());
        // The client is in the lab, and the cable has had no effect yet.
        let in_lab = ClientEnding {
            origin: Origin::Lab,
            ..client(Cause::PathDead)
        };
        state.played(addr(3), in_lab.clone());
        state.played(addr(4), in_lab.clone());
        state.closed(close(3, Cause::PeerFin), Instant::now());
        state.closed(close(4, Cause::PathDead), Instant::now());
        // The client was told that the server leaves, and did not leave in time.
        state.played(addr(5), client(Cause::Drained));
        state.closed(close(5, Cause::DrainExpired), Instant::now());
        state.broken_off(|ip| ip == addr(1).ip());
        let expected = Sums {
            right: 1,
            in_lab: 1,
            cut_short: 4,
            others: 1,
            ..Sums::default()
        };
        assert_eq!(state.sums(), expected);
        assert_eq!(state.sums().ended(), 6);
        assert!(state.wrong.is_empty(), "{:?}", state.wrong);
        // A drain cannot cause this end, so it is wrong even now.
        state.played(addr(6), client(Cause::PeerFin));
        state.closed(close(6, Cause::PeerReset), Instant::now());
        assert_eq!((state.sums().wrong, state.wrong.len()), (1, 1));
    }

    #[test]
    fn the_lab_hears_of_the_ends_of_its_own_clients() {
        let mut state = DemoState::default();
        let (to_lab, heard) = std::sync::mpsc::channel();
        state.to_lab = Some(to_lab);
        for (n, origin) in [(1, Origin::Lab), (2, Origin::Here), (3, Origin::Attacker)] {
            let cause = Cause::PathDead;
            state.closed(close(n, cause), Instant::now());
            let client = ClientEnding {
                origin,
                ..client(cause)
            };
            state.played(addr(n), client);
        }
        assert_eq!(heard.try_iter().collect::<Vec<_>>(), ["way"]);
    }

    #[test]
    fn an_attacker_is_judged_and_counted_by_cause_and_is_not_among_the_last_ends() {
        let mut state = DemoState::default();
        let attacker = |cause| ClientEnding {
            origin: Origin::Attacker,
            ..client(cause)
        };
        for (n, cause) in [
            (1, Cause::HelloTimeout),
            (2, Cause::RateLimited),
            (3, Cause::PeerFin),
        ] {
            state.closed(close(n, cause), Instant::now());
        }
        state.played(addr(1), attacker(Cause::HelloTimeout));
        state.played(addr(2), attacker(Cause::WrongProtocol));
        let expected = Sums {
            right: 1,
            wrong: 1,
            of_attackers: 2,
            others: 1,
            ..Sums::default()
        };
        assert_eq!(state.sums(), expected);
        let shown: Vec<_> = state.newest().map(|end| end.n).collect();
        let lines: Vec<_> = state.after(0).map(|end| end.n).collect();
        assert_eq!((shown, lines), (vec![3], vec![3]));
    }

    #[test]
    fn an_end_that_is_forgotten_is_not_paired() {
        let mut state = DemoState::default();
        state.closed(close(1, Cause::PeerFin), Instant::now());
        for _ in 0..ENDS_MAX {
            state.closed(close(2, Cause::PeerReset), Instant::now());
        }
        state.played(addr(1), client(Cause::PeerFin));
        assert_eq!((state.ends.len(), state.waiting()), (ENDS_MAX, 1));
    }

    fn client(cause: Cause) -> ClientEnding {
        ClientEnding {
            name: "way".to_owned(),
            expected: Ending::live(cause),
            origin: Origin::Here,
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
