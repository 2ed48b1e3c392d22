//! Decides when the next attempt to reach the server begins and where it goes, and when the attempts stop. It owns no
//! clock, no socket and no randomness: the caller passes them in.
//!
//! ```text
//!             begin              its time, or a wake             welcomed
//!     Idle ──────────► Waiting ─────────────────────► Dialling ──────────► Live
//!      ▲                  ▲                             │   │               │
//!      │                  └────────── failed ───────────┘   │               │
//!      └── failed: it is final, or time to give up; stopped ┘     lost      │
//!      └────────────────────────────────────────────────────────────────────┘
//! ```

#[cfg(test)]
mod tests;

use std::time::Duration;

use lastword_session::{Advice, Time};

use crate::{PeerGoodbye, ServerAddr};

/// The rules that a game sets.
#[derive(Clone, Debug)]
pub(crate) struct Rules {
    /// A series of attempts stops when its next attempt would begin later than this after the series began.
    pub(crate) give_up_after: Duration,
    /// The hosts to which a server may send us. They count only with TLS.
    pub(crate) redirect_hosts: Vec<String>,
    pub(crate) tls: bool,
}

/// The attempts of one client, from its first to its last connection.
#[derive(Debug)]
pub(crate) struct Retries {
    rules: Rules,
    state: State,
    /// How often we backed off since the last connection that lasted, or since the last wake.
    backed_off: u32,
    /// The next attempt begins at the later one of these two times: our own back-off, and the server's delay.
    not_before: Time,
    told_until: Time,
    /// The server of the next attempt, where a goodbye named an allowed one.
    elsewhere: Option<ServerAddr>,
    series_began: Time,
    /// When this series gives up after its beginning.
    give_up_after: Duration,
    attempts: u32,
    /// The machine woke, and no attempt has begun since.
    owed: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Idle,
    Waiting,
    Dialling,
    Live,
}

/// The next step of the caller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Begin an attempt: at this server, or without one at the server that the game named.
    Dial(Option<ServerAddr>),
    /// Nothing before this time.
    Wait(Time),
    /// Nothing: an attempt is under way, or none is wanted.
    Rest,
}

/// The consequence of a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Next {
    /// Another attempt.
    Retry {
        /// How many attempts of this series have failed.
        attempt: u32,
        /// The time until the next one.
        after: Duration,
    },
    /// None: the next one would begin too late.
    GiveUp,
    /// None: no other attempt can succeed, or the server does not want one.
    Refused,
}

impl Retries {
    /// Creates the machine. Nothing is wanted yet, and the first attempt will not wait.
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            give_up_after: rules.give_up_after,
            rules,
            state: State::Idle,
            backed_off: 0,
            not_before: Time::ORIGIN,
            told_until: Time::ORIGIN,
            elsewhere: None,
            series_began: Time::ORIGIN,
            attempts: 0,
            owed: false,
        }
    }

    /// The game wants a connection. A series of attempts begins, unless one is under way. It does not shorten a wait.
    /// `give_up_after` takes the place of the game's rule, for a session whose window ends.
    pub(crate) fn begin(&mut self, now: Time, give_up_after: Option<Duration>) {
        if self.state == State::Idle {
            self.state = State::Waiting;
            self.series_began = now;
            self.give_up_after = give_up_after.unwrap_or(self.rules.give_up_after);
            self.attempts = 0;
        }
    }

    /// The game wants no connection for now: the series is over.
    pub(crate) fn stopped(&mut self) {
        self.state = State::Idle;
    }

    /// Returns what to do now.
    pub(crate) fn poll(&mut self, now: Time) -> Step {
        if self.state != State::Waiting {
            return Step::Rest;
        }
        let at = self.next_at();
        if now < at {
            return Step::Wait(at);
        }
        self.state = State::Dialling;
        self.attempts = self.attempts.saturating_add(1);
        self.owed = false;
        Step::Dial(self.elsewhere.take())
    }

    /// The attempt failed. `is_final`: no other attempt can succeed. `told`: the server's goodbye. `random`: uniform over
    /// all values.
    pub(crate) fn failed(
        &mut self,
        now: Time,
        is_final: bool,
        told: Option<&PeerGoodbye>,
        random: u64,
    ) -> Next {
        self.back_off(now, told, random);
        self.state = State::Idle;
        if is_final || forbids(told) {
            return Next::Refused;
        }
        let at = self.next_at();
        if !self.owed && at.since(self.series_began) > self.give_up_after {
            return Next::GiveUp;
        }
        self.state = State::Waiting;
        Next::Retry {
            attempt: self.attempts,
            after: at.since(now),
        }
    }

    /// The attempt succeeded. The back-off goes on: only a connection that lasts ends it.
    pub(crate) fn welcomed(&mut self) {
        self.state = State::Live;
        self.owed = false;
    }

    /// The connection ended. `confirmed`: from the welcome to the last byte that came from the server.
    pub(crate) fn lost(
        &mut self,
        now: Time,
        confirmed: Duration,
        told: Option<&PeerGoodbye>,
        random: u64,
    ) {
        if confirmed >= LASTING {
            self.backed_off = 0;
        }
        self.back_off(now, told, random);
        self.state = State::Idle;
    }

    /// The machine woke after it had been asleep for this time. Our own back-off is over. The server's delay has run in
    /// that time. Another attempt always begins, however late it is: the server decides whether it is too late. A live
    /// connection is not touched.
    pub(crate) fn woke(&mut self, slept: Duration) {
        self.backed_off = 0;
        self.not_before = Time::ORIGIN;
        self.told_until = self.told_until.before(slept);
        self.owed = matches!(self.state, State::Waiting | State::Dialling);
    }

    fn next_at(&self) -> Time {
        self.not_before.max(self.told_until)
    }

    fn back_off(&mut self, now: Time, told: Option<&PeerGoodbye>, random: u64) {
        let limit = FIRST.saturating_mul(1 << self.backed_off.min(DOUBLINGS_MAX));
        self.backed_off = self.backed_off.saturating_add(1);
        self.not_before = now + part(limit.min(MOST), random);
        self.told_until = now;
        if let Some(told) = told {
            let least = told.delay.min(TOLD_MOST);
            let most = least.saturating_mul(2).min(TOLD_MOST);
            self.told_until = now + least + part(most - least, random);
        }
        self.elsewhere = told.and_then(|told| self.rules.elsewhere(told));
    }
}

impl Rules {
    /// Returns the server that a goodbye names, if we may go there. Without TLS anybody on the path can write a goodbye.
    fn elsewhere(&self, told: &PeerGoodbye) -> Option<ServerAddr> {
        if !self.tls || told.advice != Advice::Elsewhere {
            return None;
        }
        let server: ServerAddr = told.address.parse().ok()?;
        let host = server.host();
        let mut allowed = self.redirect_hosts.iter();
        let is_allowed = allowed.any(|allowed| allowed.eq_ignore_ascii_case(&host));
        is_allowed.then_some(server)
    }
}

/// Whether the server does not want another attempt.
fn forbids(told: Option<&PeerGoodbye>) -> bool {
    told.is_some_and(|told| told.advice == Advice::DoNot)
}

/// A random part of a time: uniform, from zero up to the time.
fn part(of: Duration, random: u64) -> Duration {
    let micros = u64::try_from(of.as_micros()).unwrap_or(u64::MAX);
    let part = (u128::from(micros) * u128::from(random)) >> 64;
    Duration::from_micros(u64::try_from(part).unwrap_or(u64::MAX))
}

/// The first wait is a random part of this time. Each later one may be twice as long.
const FIRST: Duration = Duration::from_millis(250);
/// The longest wait of our own. It is a random part of this time, so clients that lost one server together come back
/// evenly spread ("full jitter": Brooker, Exponential Backoff and Jitter, AWS 2015).
const MOST: Duration = Duration::from_secs(10);
/// More doublings than reach [`MOST`].
const DOUBLINGS_MAX: u32 = 16;
/// A connection that was heard for this long ends the back-off.
const LASTING: Duration = Duration::from_secs(10);
/// The longest wait that a server can ask for.
const TOLD_MOST: Duration = Duration::from_secs(5 * 60);
