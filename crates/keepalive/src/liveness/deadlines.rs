//! When the liveness of a peer is to be looked at next, and why.

use std::time::Duration;

use super::{Due, Liveness, STANDS};
use crate::inquiry::{PING_INTERVAL, SAMPLE_INTERVAL};
use crate::{SWEEP, Time, Timing, millis};

impl Liveness {
    /// When to call [`Liveness::on_timeout`], and why; [`Time::NEVER`] where nothing is due. `is_blocked`: bytes wait
    /// that the kernel does not take.
    #[must_use]
    pub fn poll_timeout(&self, is_blocked: bool) -> (Time, Due) {
        [
            // Before the dead limit: at one instant a suspicion is told first.
            (self.suspect_by(), Due::Suspect),
            (self.dead_by(), Due::Dead),
            (self.ping_by(), Due::Ping),
            (self.sample_by(is_blocked), Due::Sample),
        ]
        .into_iter()
        .min_by_key(|(at, _)| *at)
        .unwrap_or((Time::NEVER, Due::Sample))
    }

    /// When a queue limit may close again: behind the verdict on a silence that has begun.
    #[must_use]
    pub fn judged_by(&self) -> Time {
        self.dead_by()
    }

    /// When the peer counts as silent if nothing comes; [`Time::NEVER`] where it never does, as while we do not listen.
    #[must_use]
    pub fn silent_by(&self) -> Time {
        match self.timing.suspect_ms {
            0 => Time::NEVER,
            _ if self.is_paused => Time::NEVER,
            ms => self.silent_since() + millis(ms) + millis(self.excused_ms),
        }
    }

    /// When the round trip is to be learnt again, whatever else is on the wire: at the first occasion, and once in
    /// eight heartbeats from then on; never without heartbeats.
    #[must_use]
    pub fn learns_by(&self) -> Time {
        let heartbeat = millis(self.timing.heartbeat_ms);
        match (self.timing.heartbeat_ms, self.last_ping) {
            (0, _) => Time::NEVER,
            (_, Time::ORIGIN) => self.first_lesson(heartbeat),
            (_, last_ping) => last_ping + heartbeat * HEARTBEATS_PER_LESSON,
        }
    }

    /// When the peer must have taken something of what waits for it.
    pub(super) fn taken_by(&self) -> Time {
        let excused = self.inquiry.as_ref().map(|inquiry| inquiry.excused());
        self.acks.limit_by() + excused.unwrap_or_default()
    }

    /// When the silence of a peer that counts as healthy is too long. One sweep may find the question and the suspicion
    /// due together. So a server asks the peer first, and gives it time to answer.
    pub(super) fn suspect_by(&self) -> Time {
        let silent_by = self.silent_by();
        match (self.is_silent, self.quiet_by(), self.asked_quiet()) {
            (true, _, _) => Time::NEVER,
            (false, Time::NEVER, _) => silent_by,
            (false, _, None) => Time::NEVER,
            (false, _, Some(asked)) => silent_by.max(asked + ANSWER_MIN),
        }
    }

    fn dead_by(&self) -> Time {
        self.silence_by().min(self.stuck_by())
    }

    pub(super) fn silence_by(&self) -> Time {
        match self.timing.dead_ms {
            0 => Time::NEVER,
            _ if self.is_paused => Time::NEVER,
            ms => self.silent_since() + millis(ms) + millis(self.excused_ms),
        }
    }

    pub(super) fn stuck_by(&self) -> Time {
        match (&self.inquiry, self.timing.dead_ms) {
            (None, _) | (_, 0) => Time::NEVER,
            (Some(inquiry), ms) => inquiry.stuck_by(millis(ms)),
        }
    }

    fn sample_by(&self, is_blocked: bool) -> Time {
        match &self.inquiry {
            _ if self.is_blind => Time::NEVER,
            Some(inquiry) => inquiry
                .last_sample()
                .map_or(Time::ORIGIN, |last| last + self.sample_interval()),
            None if is_blocked && self.timing.dead_ms > 0 => {
                self.acks.last_sample().max(self.last_out) + STANDS
            }
            None => Time::NEVER,
        }
    }

    /// A peer that is never given up is not worth four looks a second.
    pub(super) fn sample_interval(&self) -> Duration {
        match self.timing.dead_ms {
            0 => millis(self.timing.heartbeat_ms).max(STANDS),
            _ => SAMPLE_INTERVAL,
        }
    }

    /// Whether a silent peer is pinged; one in a debugger is left alone.
    pub(super) fn asks(&self) -> bool {
        self.timing.dead_ms > 0
    }

    /// A client pings in each heartbeat in which it sent nothing or received nothing, and now and then in others, to
    /// learn the round trip. A server pings while it does not read, so that the client hears it. It also asks a quiet peer
    /// before it suspects it, so that a client that only answers pings stays healthy. A silent peer is asked once a second.
    fn ping_by(&self) -> Time {
        if self.is_silent && self.asks() && !self.is_paused {
            let heartbeat = match self.timing.heartbeat_ms {
                0 => PING_INTERVAL,
                ms => millis(ms).max(SAMPLE_INTERVAL),
            };
            return self.last_ping + PING_INTERVAL.min(heartbeat);
        }
        let (quiet_since, learns_by) = match (self.pings, self.is_paused) {
            (true, _) => (self.last_in.min(self.last_out), self.learns_by()),
            (false, true) => (self.last_out, Time::NEVER),
            (false, false) => return self.asks_quiet_peer_by(),
        };
        match self.timing.heartbeat_ms {
            0 => Time::NEVER,
            ms => learns_by.min(quiet_since.max(self.last_ping) + millis(ms)),
        }
    }

    /// Half-way from the heartbeat, by which a client has spoken that pings of its own accord, to the suspicion; once in a
    /// silence.
    pub(super) fn asks_quiet_peer_by(&self) -> Time {
        match self.asked_quiet() {
            None if !self.is_silent && !self.is_paused => self.quiet_by(),
            None | Some(_) => Time::NEVER,
        }
    }

    /// When the peer was asked in this silence, where it was.
    pub(super) fn asked_quiet(&self) -> Option<Time> {
        Some(self.last_ping).filter(|asked| *asked >= self.quiet_by())
    }

    /// When a server asks a peer of which nothing came.
    fn quiet_by(&self) -> Time {
        let Timing {
            heartbeat_ms,
            suspect_ms,
            ..
        } = self.timing;
        if self.pings || heartbeat_ms == 0 || suspect_ms <= heartbeat_ms || !self.asks() {
            return Time::NEVER;
        }
        let quiet = millis(heartbeat_ms.midpoint(suspect_ms)) + millis(self.excused_ms);
        self.silent_since() + quiet
    }

    /// Who is asked by pings need not ask of its own accord: it joins its question to the first answer.
    fn first_lesson(&self, heartbeat: Duration) -> Time {
        match self.pings {
            true => self.listened_since + heartbeat,
            false => Time::ORIGIN,
        }
    }
}

/// How long a quiet peer that was asked has for its answer at least, before it is suspect.
const ANSWER_MIN: Duration = SWEEP;
/// A round trip is learnt once in so many heartbeats at least.
const HEARTBEATS_PER_LESSON: u32 = 8;
