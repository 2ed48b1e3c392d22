//! The decision: a pure function of what was observed of one end.
//!
//! Each rule is from measurements (`docs/watch.md`): deaths of every kind, on Linux 6.18, over IPv4 and IPv6. The first rule
//! that applies decides.

use lastword_sys::diag::{TcpCounters, TcpSocket, TcpState};

use crate::label::{Certainty, Label};

/// The facts about a connection that ended.
#[derive(Clone, Copy, Debug)]
pub struct Observed<'a> {
    /// The message of its death.
    pub dead: &'a TcpSocket,
    /// Its state in the polls; `None` where it was younger than one poll.
    pub seen: Option<&'a Seen>,
    /// The state of the mini socket that it left, looked up right after the message.
    pub mini: Option<TcpState>,
    /// The counters of the network namespace, against the deaths that look like this one.
    pub aborts: Aborts,
    /// How many resets this host has sent by now, for whichever connection.
    pub resets_out: u64,
    /// Whether some closes left no mini socket since there were too many of them.
    pub minis_missing: bool,
}

/// A connection, as the polls saw it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Seen {
    /// As the last poll saw it.
    pub last: TcpSocket,
    /// All states in which it was seen.
    pub states: States,
    /// How many resets this host had sent by the last poll.
    pub resets_out: u64,
}

/// A set of states.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct States(u16);

impl States {
    /// Adds a state.
    pub fn add(&mut self, state: TcpState) {
        self.0 |= 1 << state as u16;
    }

    /// Returns whether one of these is in the set.
    #[must_use]
    pub fn any(self, states: &[TcpState]) -> bool {
        states.iter().any(|state| self.0 & 1 << *state as u16 != 0)
    }
}

impl<const N: usize> From<[TcpState; N]> for States {
    fn from(states: [TcpState; N]) -> Self {
        let mut set = Self::default();
        for state in states {
            set.add(state);
        }
        set
    }
}

/// How many aborts of this host's programs the counters have that no other message explains.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Aborts {
    /// Closed with unread bytes.
    pub on_close: Credit,
    /// Data came for a closed socket.
    pub on_data: Credit,
}

/// The number of aborts against the number of deaths that one of them would explain.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Credit {
    /// There was none.
    #[default]
    None,
    /// There were fewer.
    Some,
    /// There was one for each.
    All,
}

/// The answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decision {
    /// Why it ended.
    pub label: Label,
    /// How sure that is.
    pub certainty: Certainty,
}

/// Decides why a connection ended. `None` where the message is about no connection: a listener, or a socket that never had
/// a peer.
#[must_use]
pub fn decide(observed: &Observed<'_>) -> Option<Decision> {
    let end = End::new(observed)?;
    let (label, certainty) = end.addressed().unwrap_or_else(|| match end.fin_acked {
        true => end.in_order(),
        false => end.broken(),
    });
    Some(Decision { label, certainty })
}

/// The same as values that the rules ask for.
struct End<'a> {
    dead: &'a TcpSocket,
    counters: TcpCounters,
    since: Option<Since>,
    seen: Option<&'a Seen>,
    mini: Option<TcpState>,
    aborts: Aborts,
    /// This host has sent a reset, on whichever connection, since the last poll.
    resets_sent: bool,
    minis_missing: bool,
    /// Our FIN was acknowledged.
    fin_acked: bool,
}

/// The differences to the last poll.
#[derive(Clone, Copy)]
struct Since {
    was_established: bool,
    bytes_received: u64,
    segs_in: u32,
    segs_out: u32,
    data_segs_in: u32,
    /// Bytes that were acknowledged or wait.
    queued: i128,
}

type Answer = (Label, Certainty);

impl<'a> End<'a> {
    fn new(observed: &Observed<'a>) -> Option<Self> {
        let dead = observed.dead;
        let counters = dead.counters?;
        let is_listener = dead.peer.port() == 0 && counters.snd_wnd == 0;
        if is_listener {
            return None;
        }
        let seen = observed.seen;
        let since = seen.and_then(|seen| Since::between(&seen.last, dead, &counters));
        Some(Self {
            dead,
            counters,
            since,
            seen,
            mini: observed.mini,
            aborts: observed.aborts,
            resets_sent: seen.is_none_or(|seen| seen.resets_out != observed.resets_out),
            minis_missing: observed.minis_missing,
            fin_acked: counters.bytes_acked
                > counters.bytes_sent.saturating_sub(counters.bytes_retrans),
        })
    }

    fn was(&self, states: &[TcpState]) -> bool {
        self.seen.is_some_and(|seen| seen.states.any(states))
    }

    /// [`Certainty::Inferred`], unless no poll saw the connection.
    fn likely(&self, label: Label) -> Answer {
        match self.seen {
            Some(_) => (label, Certainty::Inferred),
            None => (label, Certainty::Unpolled),
        }
    }

    /// The rule for a connection that lost its addresses: the program reset it.
    fn addressed(&self) -> Option<Answer> {
        (self.dead.peer.port() == 0).then_some((Label::ServerAborted, Certainty::Proven))
    }

    /// The peer's FIN came, for sure: a state shows it, or the byte for which no segment with data came.
    fn fin_is_proven(&self) -> bool {
        self.was(&[TcpState::CloseWait, TcpState::LastAck]) || self.fin_came_alone()
    }

    fn fin_came_alone(&self) -> bool {
        self.since
            .is_some_and(|since| since.bytes_received == 1 && since.data_segs_in == 0)
    }

    fn peer_closed(&self) -> Label {
        match self.counters.bytes_received {
            1 => Label::PeerProbe,
            _ => Label::PeerFin,
        }
    }

    /// Both ends closed, and our FIN was acknowledged.
    fn in_order(&self) -> Answer {
        let closed_first = [TcpState::FinWait1, TcpState::FinWait2, TcpState::Closing];
        if self.mini.is_some() || self.was(&closed_first) {
            return (Label::ServerClosed, Certainty::Proven);
        }
        if self.was(&[TcpState::CloseWait, TcpState::LastAck]) {
            return (self.peer_closed(), Certainty::Proven);
        }
        if self.fin_came_alone() {
            // It is an answer to our FIN where a mini socket stands.
            return match self.minis_missing {
                true => self.likely(self.peer_closed()),
                false => (self.peer_closed(), Certainty::Proven),
            };
        }
        // The peer's FIN would have counted as a byte.
        if self.counters.bytes_received == 0 {
            return (Label::ServerClosed, Certainty::Proven);
        }
        let nothing_came = self
            .since
            .is_some_and(|since| since.was_established && since.bytes_received == 0);
        if nothing_came {
            return (Label::ServerClosed, Certainty::Proven);
        }
        if self.aborts.on_data != Credit::None && self.dead.unread == 0 {
            return self.likely(Label::ServerClosed);
        }
        self.likely(self.peer_closed())
    }

    /// Our FIN was not acknowledged, or never sent.
    fn broken(&self) -> Answer {
        let counters = &self.counters;
        let is_silent = self.since.is_none_or(|since| since.segs_in == 0);
        let tried_again = counters.retransmits > 0 || counters.probes > 0;
        let nothing_left = counters.retransmits == 0
            && counters.probes > 0
            && self.dead.unacked > 0
            && counters.notsent >= self.dead.unacked;
        if is_silent && nothing_left && counters.snd_wnd > 0 {
            return self.surely(Label::LocalNetworkDown);
        }
        let shut = counters.snd_wnd == 0 && self.dead.unacked > 0 && counters.probes == 0;
        if shut && self.since.is_some_and(|since| since.segs_in == 0) {
            return self.surely(Label::PeerNotReading);
        }
        if is_silent && tried_again {
            return self.surely(Label::PathDead);
        }
        self.closed_or_reset(tried_again)
    }

    fn closed_or_reset(&self, tried_again: bool) -> Answer {
        let fin_waits = self.since.is_some_and(|since| since.queued == 1);
        if self.was(&[TcpState::FinWait1]) || fin_waits {
            return (Label::ServerClosed, Certainty::Inferred);
        }
        if self.dead.unread > 0 && !self.reset_is_proven() {
            match self.aborts.on_close {
                Credit::All => return self.likely(Label::ServerAborted),
                Credit::Some => return self.likely(Label::ResetOrAbort),
                Credit::None => {}
            }
        }
        if self.fin_is_proven() {
            return (Label::PeerClosedWhileSending, Certainty::Proven);
        }
        let only_left = |since: Since| since.segs_in == 0 && since.segs_out > 0;
        if self.since.is_some_and(only_left) {
            return (Label::SocketDestroyed, Certainty::Inferred);
        }
        let label = match tried_again {
            true => Label::ResetAfterOutage,
            false => Label::PeerReset,
        };
        match self.reset_is_proven() {
            true => (label, Certainty::Proven),
            false => self.likely(label),
        }
    }

    /// A reset came in, and none can have left: nothing left this socket, or this host has sent no reset at all. A reset is a
    /// segment without data.
    fn reset_is_proven(&self) -> bool {
        self.since.is_some_and(|since| {
            let came = since.segs_in > since.data_segs_in;
            since.was_established && came && (since.segs_out == 0 || !self.resets_sent)
        })
    }

    /// [`Certainty::Proven`], if a poll saw the connection.
    fn surely(&self, label: Label) -> Answer {
        match self.seen {
            Some(_) => (label, Certainty::Proven),
            None => (label, Certainty::Unpolled),
        }
    }
}

impl Since {
    fn between(last: &TcpSocket, dead: &TcpSocket, now: &TcpCounters) -> Option<Self> {
        let before = last.counters?;
        let queued = |counters: &TcpCounters, socket: &TcpSocket| {
            i128::from(counters.bytes_acked) + i128::from(socket.unacked)
        };
        Some(Self {
            was_established: last.state == TcpState::Established,
            bytes_received: now.bytes_received.saturating_sub(before.bytes_received),
            segs_in: now.segs_in.wrapping_sub(before.segs_in),
            segs_out: now.segs_out.wrapping_sub(before.segs_out),
            data_segs_in: now.data_segs_in.wrapping_sub(before.data_segs_in),
            queued: queued(now, dead) - queued(&before, last),
        })
    }
}

#[cfg(test)]
mod tests;
