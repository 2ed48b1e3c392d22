//! When to look at a peer's liveness next, and why.

use std::time::Duration;

use super::{Liveness, STUCK_MIN, TimeoutReason};
use crate::close_observation::{PING_INTERVAL, SAMPLE_INTERVAL};
use crate::{SWEEP, Time, Timing, millis};

impl Liveness {
    /// Returns when to call [`Liveness::on_timeout`], and why; [`Time::NEVER`] where nothing is due. `is_blocked`:
    /// bytes wait that the kernel does not take.
    #[must_use]
    pub fn poll_timeout(&self, is_blocked: bool) -> (Time, TimeoutReason) {
        // First, so that a suspicion at the same instant as the dead limit is reported before it.
        let mut next = (self.suspect_at(), TimeoutReason::Suspect);
        for (at, due) in [
            (self.verdict_at(), TimeoutReason::Dead),
            (self.ping_at(), TimeoutReason::Ping),
            (self.sample_at(is_blocked), TimeoutReason::Sample),
        ] {
            if at < next.0 {
                next = (at, due);
            }
        }
        next
    }

    /// Returns when a queue limit may close again: after the verdict on a silence that has begun.
    #[must_use]
    pub fn judged_at(&self) -> Time {
        self.verdict_at()
    }

    /// Returns when the peer counts as silent if no byte comes; [`Time::NEVER`] where it never does, or while we do not
    /// listen.
    #[must_use]
    pub fn suspect_limit_at(&self) -> Time {
        match self.timing.suspect_ms {
            0 => Time::NEVER,
            _ if self.is_paused => Time::NEVER,
            ms => self.silent_since().after_ms(ms),
        }
    }

    /// Returns when the round trip must be measured again, regardless of other traffic.
    ///
    /// The first measurement is due as early as possible, and one in every eight heartbeats follows; [`Time::NEVER`]
    /// without heartbeats.
    #[must_use]
    pub fn rtt_ping_at(&self) -> Time {
        let heartbeat = millis(self.timing.heartbeat_ms);
        match (self.timing.heartbeat_ms, self.last_ping) {
            (0, _) => Time::NEVER,
            (_, Time::ORIGIN) => self.first_lesson(heartbeat),
            (_, last_ping) => last_ping + heartbeat * HEARTBEATS_PER_LESSON,
        }
    }

    /// When the peer must have acknowledged some of the waiting data.
    pub(super) fn write_progress_deadline(&self) -> Time {
        let excused = self.inquiry.as_ref().map(|inquiry| inquiry.excused());
        self.acks.no_progress_limit_at() + excused.unwrap_or_default()
    }

    /// When the silence of a healthy peer becomes too long. One sweep may find the question and the suspicion due
    /// together. So a server asks the peer first, and gives it time to answer.
    pub(super) fn suspect_at(&self) -> Time {
        if self.is_silent {
            return Time::NEVER;
        }
        match self.quiet_ping_at() {
            Time::NEVER => self.suspect_limit_at(),
            quiet_ping_at if self.last_ping < quiet_ping_at => Time::NEVER,
            _ => self.suspect_limit_at().max(self.last_ping + ANSWER_MIN),
        }
    }

    fn verdict_at(&self) -> Time {
        self.dead_limit_at().min(self.give_up_stuck_at())
    }

    /// When a silent peer is given up: at the dead limit, or later where its own data may still be on its way after an
    /// outage.
    pub(super) fn dead_limit_at(&self) -> Time {
        let waits_until = self.inquiry.as_ref().map(|inquiry| inquiry.waits_until());
        self.silence_limit_at().max(waits_until.unwrap_or_default())
    }

    /// When the silence reaches the dead limit.
    pub(super) fn silence_limit_at(&self) -> Time {
        match self.timing.dead_ms {
            0 => Time::NEVER,
            _ if self.is_paused => Time::NEVER,
            ms => self.silent_since().after_ms(ms),
        }
    }

    pub(super) fn give_up_stuck_at(&self) -> Time {
        match (&self.inquiry, self.timing.dead_ms) {
            (None, _) | (_, 0) => Time::NEVER,
            (Some(inquiry), ms) => inquiry.give_up_stuck_at(millis(ms)),
        }
    }

    /// When waiting data reaches the dead limit, whether the samples so far prove that the peer is stuck or not.
    pub(super) fn stuck_limit_at(&self) -> Time {
        let waits_since = self.inquiry.as_ref().and_then(|it| it.unanswered_since());
        match (waits_since, self.timing.dead_ms) {
            (None, _) | (_, 0) => Time::NEVER,
            (Some(since), ms) => since.after_ms(ms),
        }
    }

    fn sample_at(&self, is_blocked: bool) -> Time {
        match &self.inquiry {
            _ if self.has_no_kernel_evidence => Time::NEVER,
            Some(inquiry) => inquiry
                .last_sample()
                .map_or(Time::ORIGIN, |last| last + self.sample_interval()),
            None if is_blocked && self.timing.dead_ms > 0 => {
                let blocked_at = self.acks.last_sample().max(self.last_out) + STUCK_MIN;
                blocked_at.min(self.confirms_at())
            }
            None => self.confirms_at(),
        }
    }

    /// When an unsettled retransmission has stood long enough to put the kernel's give-up off.
    fn confirms_at(&self) -> Time {
        let left = self.unsettled.left();
        left.map_or(Time::NEVER, |left| self.acks.last_sample() + left)
    }

    /// A peer that is never given up does not need four samples a second.
    pub(super) fn sample_interval(&self) -> Duration {
        match self.timing.dead_ms {
            0 => millis(self.timing.heartbeat_ms).max(STUCK_MIN),
            _ => self.stretched(SAMPLE_INTERVAL),
        }
    }

    /// An interval of the inquiry. It grows with the number of inquiries, so that all of them together cost as much as
    /// [`FULL_RATE_INQUIRIES`]. It grows only so far that the rules still see enough samples.
    fn stretched(&self, interval: Duration) -> Duration {
        let at_once = self.inquiry.as_ref().map_or(0, |inquiry| inquiry.at_once);
        let span_ms = self.timing.dead_ms.saturating_sub(self.timing.suspect_ms);
        let longest = millis(span_ms) / INTERVALS_MIN;
        (interval * at_once / FULL_RATE_INQUIRIES)
            .min(longest)
            .max(interval)
    }

    /// Whether a silent peer is pinged; a peer in a debugger is left alone.
    pub(super) fn asks(&self) -> bool {
        self.timing.dead_ms > 0
    }

    /// A client pings in each heartbeat in which it sent nothing or received nothing. Now and then it pings in others,
    /// to measure the round trip. A server pings while it does not read, so that the client hears it. It also asks a
    /// quiet peer before it suspects it, so that a client that only answers pings stays healthy. A silent peer is asked
    /// once a second.
    fn ping_at(&self) -> Time {
        if self.is_silent && self.asks() && !self.is_paused {
            let heartbeat = match self.timing.heartbeat_ms {
                0 => PING_INTERVAL,
                ms => millis(ms).max(SAMPLE_INTERVAL),
            };
            return self.last_ping + self.stretched(PING_INTERVAL.min(heartbeat));
        }
        let (quiet_since, rtt_ping_at) = match (self.pings, self.is_paused) {
            (true, _) => (self.last_in.min(self.last_out), self.rtt_ping_at()),
            (false, true) => (self.last_out, Time::NEVER),
            (false, false) => return self.asks_quiet_peer_at(),
        };
        match self.timing.heartbeat_ms {
            0 => Time::NEVER,
            ms => rtt_ping_at.min(quiet_since.max(self.last_ping) + millis(ms)),
        }
    }

    /// When a server asks a quiet peer: half-way from the heartbeat to the suspicion, once in a silence. A client that
    /// pings on its own has sent a byte by the heartbeat.
    pub(super) fn asks_quiet_peer_at(&self) -> Time {
        let quiet_ping_at = self.quiet_ping_at();
        if self.is_silent || self.is_paused || self.last_ping >= quiet_ping_at {
            return Time::NEVER;
        }
        quiet_ping_at
    }

    /// When the peer was asked in this silence, if it was.
    pub(super) fn asked_quiet(&self) -> Option<Time> {
        Some(self.last_ping).filter(|asked| *asked >= self.quiet_ping_at())
    }

    /// When a server asks a peer from which no byte came.
    fn quiet_ping_at(&self) -> Time {
        let Timing {
            heartbeat_ms,
            suspect_ms,
            ..
        } = self.timing;
        if self.pings || heartbeat_ms == 0 || suspect_ms <= heartbeat_ms || !self.asks() {
            return Time::NEVER;
        }
        self.silent_since() + millis(heartbeat_ms.midpoint(suspect_ms))
    }

    /// A server adds its first ping to its first pong. A client has none to answer, so it starts one heartbeat after it
    /// went live.
    fn first_lesson(&self, heartbeat: Duration) -> Time {
        match self.pings {
            true => self.listened_since + heartbeat,
            false => Time::ORIGIN,
        }
    }
}

/// The least time that a quiet peer has to answer our question before it is suspect.
const ANSWER_MIN: Duration = SWEEP;
/// How many inquiries go on at once before each peer is sampled and pinged less often.
const FULL_RATE_INQUIRIES: u32 = 10_000;
/// The least number of intervals between the suspicion and the dead limit. The rules compare a sample of the first two
/// seconds, one from the middle and the last one.
const INTERVALS_MIN: u32 = 4;
/// The round trip is measured at least once in this many heartbeats.
const HEARTBEATS_PER_LESSON: u32 = 8;
