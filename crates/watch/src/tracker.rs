//! Each connection as the polls saw it, and the aborts of this host's programs that no end explains yet.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_sys::diag::{AbortCounters, TcpSocket, TcpState};

use crate::decide::{Aborts, Credit, Decision, Observed, Seen, States, decide};
use crate::label::Label;

/// The memory of a watcher: pure, without a clock and without the kernel.
#[derive(Debug, Default)]
pub struct Tracker {
    by_cookie: HashMap<u64, Known>,
    poll: u64,
    counters: Option<AbortCounters>,
    on_close: Unexplained,
    on_data: Unexplained,
}

#[derive(Debug)]
struct Known {
    seen: Seen,
    /// The number of the last poll that saw it.
    poll: u64,
}

/// Aborts that were counted, and whose message may still come.
#[derive(Debug, Default)]
struct Unexplained {
    aborts: u64,
    since: Duration,
}

/// A connection that has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The message of its death.
    pub dead: TcpSocket,
    /// Its state in the polls.
    pub seen: Option<Seen>,
    /// Why it ended.
    pub decision: Decision,
}

impl End {
    /// Returns the peer's address. `None` where the program reset the connection and no poll saw it before.
    #[must_use]
    pub fn peer(&self) -> Option<SocketAddr> {
        let told = (self.dead.peer.port() != 0).then_some(self.dead.peer);
        told.or_else(|| self.seen.map(|seen| seen.last.peer))
    }
}

impl Tracker {
    /// Begins a poll: what it saw is handed in by [`Tracker::saw`]. `resets_out` was read before.
    pub fn begin_poll(&mut self) {
        self.poll += 1;
    }

    /// The present poll saw this connection. `resets_out` was read before the poll.
    pub fn saw(&mut self, socket: &TcpSocket, resets_out: u64) {
        let poll = self.poll;
        let known = self.by_cookie.entry(socket.cookie).or_insert(Known {
            seen: Seen {
                last: *socket,
                states: States::default(),
                resets_out,
            },
            poll,
        });
        known.poll = poll;
        known.seen.last = *socket;
        known.seen.resets_out = resets_out;
        known.seen.states.add(socket.state);
    }

    /// Ends a poll. A program may hold a connection that was reset: no poll sees it then, and its message comes later. At
    /// most [`FORGOTTEN_MAX`] of these are remembered, the latest ones.
    pub fn end_poll(&mut self) {
        let poll = self.poll;
        let gone = self
            .by_cookie
            .values()
            .filter(|known| known.poll != poll)
            .count();
        if gone > FORGOTTEN_MAX {
            let mut polls: Vec<_> = self.by_cookie.values().map(|known| known.poll).collect();
            let (_, oldest, _) = polls.select_nth_unstable(gone / 2);
            let oldest = (*oldest).min(poll - 1);
            self.by_cookie.retain(|_, known| known.poll > oldest);
        }
    }

    /// Returns the number of connections that the last poll saw.
    #[must_use]
    pub fn living(&self) -> usize {
        self.by_cookie
            .values()
            .filter(|known| known.poll == self.poll)
            .count()
    }

    /// Returns whether the mini socket of this connection would make its end clearer.
    #[must_use]
    pub fn wants_mini(&self, dead: &TcpSocket) -> bool {
        let known = self.by_cookie.get(&dead.cookie);
        let decision = decide(&Observed {
            dead,
            seen: known.map(|known| &known.seen),
            mini: None,
            aborts: Aborts::default(),
            resets_out: 0,
            minis_missing: false,
        });
        decision.is_some_and(|decision| PEER_CLOSED.contains(&decision.label))
    }

    /// Takes the messages of one batch, each with the state of the mini socket that its connection left, and the counters that
    /// were read behind them. `now` is a time on any clock that only grows.
    pub fn batch(
        &mut self,
        now: Duration,
        dead: &[(TcpSocket, Option<TcpState>)],
        counters: AbortCounters,
    ) -> Vec<End> {
        let before = self.counters.replace(counters).unwrap_or(counters);
        self.on_close
            .count(now, counters.on_close - before.on_close);
        self.on_data.count(now, counters.on_data - before.on_data);

        let seen = |tracker: &mut Self, dead: &TcpSocket| {
            tracker
                .by_cookie
                .remove(&dead.cookie)
                .map(|known| known.seen)
        };
        let dead: Vec<_> = dead
            .iter()
            .map(|(dead, mini)| (dead, seen(self, dead), *mini))
            .collect();
        // Each kind of abort explains the deaths that its absence would leave open.
        let decided = |aborts, (dead, seen, mini): &(&TcpSocket, Option<Seen>, _)| {
            decide(&Observed {
                dead,
                seen: seen.as_ref(),
                mini: *mini,
                aborts,
                resets_out: counters.resets_out,
                minis_missing: counters.without_time_wait != before.without_time_wait,
            })
        };
        let candidates = |aborts: Aborts| {
            let differs = |end: &&_| decided(aborts, end) != decided(Aborts::default(), end);
            u64::try_from(dead.iter().filter(differs).count()).unwrap_or(u64::MAX)
        };
        let on_close = candidates(Aborts {
            on_close: Credit::All,
            on_data: Credit::None,
        });
        let on_data = candidates(Aborts {
            on_close: Credit::None,
            on_data: Credit::All,
        });
        let aborts = Aborts {
            on_close: self.on_close.spend(on_close),
            on_data: self.on_data.spend(on_data),
        };
        let ends = dead.iter().filter_map(|end| {
            let decision = decided(aborts, end)?;
            Some(End {
                dead: *end.0,
                seen: end.1,
                decision,
            })
        });
        ends.collect()
    }
}

impl Unexplained {
    fn count(&mut self, now: Duration, more: u64) {
        // The message follows within milliseconds. An older abort was of another port.
        if now.saturating_sub(self.since) > MESSAGE_WITHIN {
            self.aborts = 0;
        }
        if more > 0 {
            self.aborts += more;
            self.since = now;
        }
    }

    fn spend(&mut self, candidates: u64) -> Credit {
        let enough = self.aborts >= candidates;
        let credit = match self.aborts {
            0 => Credit::None,
            _ if enough => Credit::All,
            _ => Credit::Some,
        };
        self.aborts = self.aborts.saturating_sub(candidates);
        credit
    }
}

/// With a mini socket these would be [`Label::ServerClosed`].
const PEER_CLOSED: [Label; 2] = [Label::PeerFin, Label::PeerProbe];
/// So many connections are remembered that left the polls and whose message has not come.
pub const FORGOTTEN_MAX: usize = 100_000;
/// An abort is counted before its message is sent, which the kernel does a moment later.
const MESSAGE_WITHIN: Duration = Duration::from_millis(500);

#[cfg(test)]
mod tests;
