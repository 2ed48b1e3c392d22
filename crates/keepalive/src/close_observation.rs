//! The dense part of the evidence: samples taken four times a second while a peer is silent or acknowledges nothing.
//! The rules and their constants are validated in `docs/kernel.md`, section 4.

use std::time::Duration;

use crate::question::{Answers, Question};
use crate::{Diagnosis, KernelSample, Time};

/// The time between two samples.
pub(crate) const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);
/// The time between two pings to a silent peer.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(1);
/// How long data must be unanswered before that says anything.
const UNANSWERED_MIN: Duration = Duration::from_secs(1);
/// How long we must have seen data unanswered before it ends a connection, however long ago the data was sent.
const UNANSWERED_SEEN: Duration = Duration::from_millis(1_500);
/// How long our data may stay unacknowledged before the peer is suspect, even if the peer itself sends. In so long a
/// time without progress a kernel with a steady stream of new data may retry nothing (`docs/kernel.md`, fact 4.8).
pub(crate) const STUCK_SUSPECT: Duration = Duration::from_millis(2_500);
/// How long an answer to a question may take, besides the round trip: the time to the next question, and a delayed
/// acknowledgement.
const ANSWER_MAX: Duration = Duration::from_millis(1_300);
/// From this time on, retries that do not leave this host are counted apart from those that do.
const SETTLED: Duration = Duration::from_secs(2);
/// How long after the last answer segments may still be on their way here. A segment that arrives later proves a living
/// path.
const IN_FLIGHT: Duration = Duration::from_millis(1_500);

/// The findings of the close observation of a peer so far.
#[derive(Clone, Debug)]
pub(crate) struct CloseObservation {
    /// `None`: the peer is not silent, but acknowledges nothing.
    question: Option<Question>,
    sampled: Option<Time>,
    unanswered: Option<Unanswered>,
    waiting: Waiting,
    /// How many inquiries this process makes at once.
    pub(crate) at_once: u32,
}

/// How much of the time without progress does not count against the peer.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    excused: Duration,
    /// One silence was excused. The next is not, so that a peer cannot evade the limit by repeated silences.
    is_excused: bool,
}

/// Data or a probe that left us, or should have left, and was not answered at any sample since.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    since: Time,
    /// When we first saw it unanswered, and when last.
    seen: Time,
    sampled: Time,
    first: KernelSample,
    /// The first sample from [`SETTLED`] on.
    settled: Option<KernelSample>,
    last: KernelSample,
    /// At every sample, a segment was on its way to an open window.
    is_in_flight: bool,
    /// `tcpi_segs_in` from the moment when no segment sent before `since` can still be on its way.
    segs_in: Option<u32>,
    heard: bool,
}

impl CloseObservation {
    pub(crate) fn new() -> Self {
        Self {
            question: None,
            sampled: None,
            unanswered: None,
            waiting: Waiting::default(),
            at_once: 1,
        }
    }

    /// Notes that the peer is silent and was asked.
    pub(crate) fn ask(&mut self, question: Question) {
        self.question.get_or_insert(question);
    }

    /// Notes a byte from the peer. Data has waited for its acknowledgement since `waits_since`.
    pub(crate) fn heard(&mut self, now: Time, waits_since: Time) {
        let was_silent = self.question.take().is_some();
        if was_silent && !self.waiting.is_excused {
            // The peer has the full limit again to take our data, from now on.
            self.waiting = Waiting {
                excused: now.since(waits_since),
                is_excused: true,
            };
        }
    }

    /// Excuses a pause in which we did not read: a peer may stop reading while it cannot write.
    pub(crate) fn not_read(&mut self, pause: Duration) {
        self.waiting.excused += pause;
    }

    /// Notes that some of the waiting data was acknowledged.
    pub(crate) fn progressed(&mut self) {
        self.waiting = Waiting::default();
    }

    /// How much of the time without progress does not count against the peer.
    pub(crate) const fn excused(&self) -> Duration {
        self.waiting.excused
    }

    /// Takes a sample, now, which is `real` on the real clock. `waits_since` is the time since which data has waited
    /// without an acknowledgement, if any has. A silence has the dead limit `limit_at`.
    pub(crate) fn sampled(
        &mut self,
        now: Time,
        real: Time,
        sample: &KernelSample,
        waits_since: Option<Time>,
        limit_at: Time,
    ) {
        let since = self.earliest_unanswered(now, sample, waits_since);
        self.unanswered = match (since, self.unanswered) {
            (None, _) => None,
            (Some(since), Some(before)) if waits_since.is_none_or(|at| at <= before.since) => {
                Some(before.at(now, sample, since.min(before.since)))
            }
            (Some(since), _) => Some(Unanswered::new(now, sample, since)),
        };
        self.sampled = Some(now);
        let answers = Answers {
            are_late: self.is_late(now, sample, waits_since),
            came: self.unanswered.is_none_or(|since| since.seen == now),
        };
        if let Some(question) = &mut self.question {
            question.sampled(now, real, sample, answers, limit_at);
        }
    }

    /// Whether our data waits for longer than its answer takes.
    fn is_late(&self, now: Time, sample: &KernelSample, waits_since: Option<Time>) -> bool {
        let is_telling = self.unanswered.is_some_and(|it| it.is_telling(now));
        let answer_max = ANSWER_MAX + sample.round_trip();
        let waits = waits_since.is_some_and(|since| now.since(since) > answer_max);
        is_telling || (sample.is_in_flight() && waits)
    }

    /// The earliest time since which the data unanswered at this sample can have been so; it was not at the sample
    /// before.
    fn earliest_unanswered(
        &self,
        now: Time,
        sample: &KernelSample,
        waits_since: Option<Time>,
    ) -> Option<Time> {
        let waits_since = waits_since.unwrap_or(now);
        let earliest = match (self.unanswered, self.sampled) {
            (Some(before), _) => before.since,
            (None, Some(sampled)) => sampled.max(waits_since),
            (None, None) if sample.unacked > 0 => waits_since,
            // Data may wait long behind a closed window, but its probes wait only for a round trip.
            (None, None) => now,
        };
        // An answer from behind a closed window moves no data, so `bytes_acked` does not show it.
        let answered = if sample.is_window_shut() {
            now.before(sample.last_ack_min())
        } else {
            Time::ORIGIN
        };
        sample.is_unanswered().then_some(earliest.max(answered))
    }

    pub(crate) const fn last_sample(&self) -> Option<Time> {
        self.sampled
    }

    /// Until when the data of a silent peer may be on its way after an outage.
    pub(crate) fn waits_until(&self) -> Time {
        let question = self.question.as_ref();
        question.map_or(Time::ORIGIN, Question::waits_until)
    }

    /// Since when something has been unanswered, as far as the samples show.
    pub(crate) fn unanswered_since(&self) -> Option<Time> {
        self.unanswered.map(|unanswered| unanswered.since)
    }

    /// Since when something has been unanswered for longer than an answer takes.
    pub(crate) fn stuck_since(&self) -> Option<Time> {
        let stuck = self.unanswered.filter(Unanswered::is_stuck)?;
        Some(stuck.since)
    }

    /// When a peer that has been stuck for `dead` may be given up. This is never at the first look, which may follow a
    /// stall of this process or of the whole machine.
    pub(crate) fn give_up_stuck_at(&self, dead: Duration) -> Time {
        let stuck = self.unanswered.filter(Unanswered::is_stuck);
        stuck.map_or(Time::NEVER, |stuck| {
            (stuck.since + dead).max(stuck.seen + UNANSWERED_SEEN)
        })
    }

    /// Returns the diagnosis that the evidence supports by now.
    pub(crate) fn diagnosis(&self, now: Time) -> Diagnosis {
        match (self.unanswered, &self.question) {
            (Some(unanswered), _) if unanswered.is_telling(now) => unanswered.diagnosis(),
            (_, Some(question)) => question.diagnosis(now),
            (_, None) => Diagnosis::Undecided,
        }
    }
}

impl Unanswered {
    const fn new(now: Time, sample: &KernelSample, since: Time) -> Self {
        Self {
            since,
            seen: now,
            sampled: now,
            first: *sample,
            settled: None,
            last: *sample,
            is_in_flight: sample.is_in_flight(),
            segs_in: None,
            heard: false,
        }
    }

    fn at(self, now: Time, sample: &KernelSample, since: Time) -> Self {
        let settled = now.since(since) >= IN_FLIGHT;
        let is_settled = now.since(since) >= SETTLED;
        Self {
            since,
            sampled: now,
            settled: self.settled.or(is_settled.then_some(*sample)),
            last: *sample,
            is_in_flight: self.is_in_flight && sample.is_in_flight(),
            segs_in: self.segs_in.or(settled.then_some(sample.segs_in)),
            heard: self.heard
                || self
                    .segs_in
                    .is_some_and(|segs_in| segs_in != sample.segs_in),
            ..self
        }
    }

    /// Whether it has been unanswered for longer than an answer takes: the kernel has retried it, or it was on its way
    /// to an open window all the time.
    fn is_stuck(&self) -> bool {
        let stands = self.is_in_flight && self.sampled.since(self.seen) >= STUCK_SUSPECT;
        stands || self.last.is_overdue()
    }

    fn is_telling(&self, now: Time) -> bool {
        self.is_stuck() && now.since(self.since) >= UNANSWERED_MIN
    }

    fn diagnosis(&self) -> Diagnosis {
        let is_held_back = |settled| self.last.is_held_back(settled);
        if self.last.never_left(Some(&self.first))
            || self.settled.as_ref().is_some_and(is_held_back)
        {
            Diagnosis::LocalNetworkDown
        } else if self.heard {
            Diagnosis::PathDeadOutbound
        } else {
            Diagnosis::PathDead
        }
    }
}
