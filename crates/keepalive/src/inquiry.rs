//! The dense part of the evidence: samples taken four times a second while a peer is silent or acknowledges nothing.
//! The rules and their constants are validated in `docs/kernel.md`, section 4.

use std::time::Duration;

use crate::{Diagnosis, KernelSample, Time};

/// The time between two samples.
pub(crate) const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);
/// The time between two pings to a silent peer.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(1);
/// How long data must be unanswered before that says anything.
const UNANSWERED_MIN: Duration = Duration::from_secs(1);
/// How long we must have seen data unanswered before it ends a connection, however long ago the data was sent.
const UNANSWERED_SEEN: Duration = Duration::from_millis(1_500);
/// How long the peer's process has to answer once its kernel has acknowledged the question.
const OVERDUE: Duration = Duration::from_secs(1);
/// How long after the last answer segments may still be on their way here. A segment that arrives later proves a living
/// path.
const IN_FLIGHT: Duration = Duration::from_millis(1_500);

/// The findings of the close observation of a peer so far.
#[derive(Clone, Debug)]
pub(crate) struct Inquiry {
    /// When the peer was first asked why it is silent, on the real clock. `None`: it is not silent, but acknowledges
    /// nothing.
    asked: Option<Time>,
    sampled: Option<Time>,
    unanswered: Option<Unanswered>,
    /// Since when the peer's kernel is known to acknowledge our questions.
    alive_since: Option<Time>,
    /// The kernel has every counter that shows a loss on the path.
    sees_losses: bool,
    waiting: Waiting,
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
    /// When we first saw it unanswered.
    seen: Time,
    first: KernelSample,
    last: KernelSample,
    /// `tcpi_segs_in` from the moment when no segment sent before `since` can still be on its way.
    segs_in: Option<u32>,
    heard: bool,
}

impl Inquiry {
    pub(crate) fn new() -> Self {
        Self {
            asked: None,
            sampled: None,
            unanswered: None,
            alive_since: None,
            sees_losses: false,
            waiting: Waiting::default(),
        }
    }

    /// Notes that the peer is silent and was asked then, on the real clock.
    pub(crate) fn ask(&mut self, real: Time) {
        self.asked.get_or_insert(real);
    }

    /// Notes a byte from the peer. Data has waited for its acknowledgement since `waits_since`.
    pub(crate) fn heard(&mut self, now: Time, waits_since: Time) {
        let was_silent = self.asked.take().is_some();
        self.alive_since = None;
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
    /// without an acknowledgement, if any has.
    pub(crate) fn sampled(
        &mut self,
        now: Time,
        real: Time,
        sample: &KernelSample,
        waits_since: Option<Time>,
    ) {
        if self.is_answered(real, sample) {
            self.alive_since.get_or_insert(now);
        }
        self.sees_losses = sample.sees_losses();
        let since = self.unanswered_since(now, sample, waits_since);
        self.unanswered = match (since, self.unanswered) {
            (None, _) => None,
            (Some(since), Some(before)) if waits_since.is_none_or(|at| at <= before.since) => {
                Some(before.at(now, sample, since.min(before.since)))
            }
            (Some(since), _) => Some(Unanswered {
                since,
                seen: now,
                first: *sample,
                last: *sample,
                segs_in: None,
                heard: false,
            }),
        };
        self.sampled = Some(now);
    }

    /// The earliest time since which the data unanswered at this sample can have been so; it was not at the sample
    /// before.
    fn unanswered_since(
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

    /// Whether the peer's kernel acknowledged something after the peer was asked. Both times are real, as the kernel's
    /// ages are.
    fn is_answered(&self, real: Time, sample: &KernelSample) -> bool {
        self.asked
            .is_some_and(|asked| sample.last_ack_min() <= real.since(asked))
    }

    /// Since when something has been unanswered for longer than an answer takes.
    pub(crate) fn stuck_since(&self) -> Option<Time> {
        let unanswered = self.unanswered.filter(|now| now.last.is_overdue())?;
        Some(unanswered.since)
    }

    /// When a peer that has been stuck for `dead` may be given up. This is never at the first look, which may follow a
    /// stall of this process or of the whole machine.
    pub(crate) fn stuck_by(&self, dead: Duration) -> Time {
        let stuck = self.unanswered.filter(|now| now.last.is_overdue());
        stuck.map_or(Time::NEVER, |stuck| {
            (stuck.since + dead).max(stuck.seen + UNANSWERED_SEEN)
        })
    }

    /// Returns the diagnosis that the evidence supports by now.
    pub(crate) fn diagnosis(&self, now: Time) -> Diagnosis {
        match (self.unanswered, self.alive_since) {
            (Some(unanswered), _) if unanswered.is_telling(now) => unanswered.diagnosis(),
            (_, Some(alive)) if now.since(alive) >= OVERDUE && self.sees_losses => {
                Diagnosis::PeerFrozen
            }
            _ => Diagnosis::Undecided,
        }
    }
}

impl Unanswered {
    fn at(self, now: Time, sample: &KernelSample, since: Time) -> Self {
        let settled = now.since(since) >= IN_FLIGHT;
        Self {
            since,
            seen: self.seen,
            first: self.first,
            last: *sample,
            segs_in: self.segs_in.or(settled.then_some(sample.segs_in)),
            heard: self.heard
                || self
                    .segs_in
                    .is_some_and(|segs_in| segs_in != sample.segs_in),
        }
    }

    fn is_telling(&self, now: Time) -> bool {
        self.last.is_overdue() && now.since(self.since) >= UNANSWERED_MIN
    }

    fn diagnosis(&self) -> Diagnosis {
        if self.last.never_left(Some(&self.first)) {
            Diagnosis::LocalNetworkDown
        } else if self.heard {
            Diagnosis::PathDeadOutbound
        } else {
            Diagnosis::PathDead
        }
    }
}
