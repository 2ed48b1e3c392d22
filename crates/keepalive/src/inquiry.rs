//! The dense part of the evidence: what samples four times a second show while a peer is silent, or acknowledges
//! nothing. The rules and their constants are those of `docs/kernel.md`, section 4.

use std::time::Duration;

use crate::{Diagnosis, Sample, Time};

/// The time between two samples.
pub(crate) const SAMPLE_INTERVAL: Duration = Duration::from_millis(250);
/// The time between two pings to a silent peer.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(1);
/// How long something must be unanswered to say anything.
const UNANSWERED_MIN: Duration = Duration::from_secs(1);
/// How long it must be seen to be unanswered to end a connection, however long ago it was sent.
const UNANSWERED_SEEN: Duration = Duration::from_millis(1_500);
/// The kernel tells ages in whole ticks of its clock, up to one too many: 10 ms at the 100 Hz of the slowest kernels. An
/// acknowledgement that comes with the question seems to be older than it.
const JIFFY: Duration = Duration::from_millis(10);
/// How long a process has for its answer once its kernel has taken the question.
const OVERDUE: Duration = Duration::from_secs(1);
/// How long after the last answer segments may still be on their way here: what comes later left a living path.
const IN_FLIGHT: Duration = Duration::from_millis(1_500);

/// What is known of a peer that is looked at closely.
#[derive(Clone, Debug)]
pub(crate) struct Inquiry {
    /// When the peer was first asked why it is silent; `None`: it is not, but acknowledges nothing.
    asked: Option<Time>,
    sampled: Option<Time>,
    unanswered: Option<Unanswered>,
    /// Since when the peer's kernel is known to acknowledge what it is asked.
    alive_since: Option<Time>,
    waiting: Waiting,
}

/// How much of the time in which it took nothing is not held against a peer.
#[derive(Clone, Copy, Debug, Default)]
struct Waiting {
    excused: Duration,
    /// A silence was excused: the next one is not, so that nobody lives by keeping silent.
    is_excused: bool,
}

/// What left us, or should have, and was not answered at any sample since.
#[derive(Clone, Copy, Debug)]
struct Unanswered {
    since: Time,
    /// When it was seen first.
    seen: Time,
    first: Sample,
    last: Sample,
    /// `tcpi_segs_in` once nothing can be on its way any more that was sent before `since`.
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
            waiting: Waiting::default(),
        }
    }

    /// The peer is silent and is asked from now on.
    pub(crate) fn ask(&mut self, now: Time) {
        self.asked.get_or_insert(now);
    }

    /// The peer was heard. What waits for it has done so since `waits_since`.
    pub(crate) fn heard(&mut self, now: Time, waits_since: Time) {
        let was_silent = self.asked.take().is_some();
        self.alive_since = None;
        if was_silent && !self.waiting.is_excused {
            // What it can take it takes from now on.
            self.waiting = Waiting {
                excused: now.since(waits_since),
                is_excused: true,
            };
        }
    }

    /// Nobody here read for so long: a peer may read no more than it can write.
    pub(crate) fn not_read(&mut self, pause: Duration) {
        self.waiting.excused += pause;
    }

    /// What waited was taken, some of it.
    pub(crate) fn progressed(&mut self) {
        self.waiting = Waiting::default();
    }

    /// How much of the time in which it took nothing is not held against the peer.
    pub(crate) const fn excused(&self) -> Duration {
        self.waiting.excused
    }

    /// Takes a sample. `waits_since` is since when something waits without an acknowledgement, where something does.
    pub(crate) fn sampled(&mut self, now: Time, sample: &Sample, waits_since: Option<Time>) {
        if self.is_alive(now, Some(sample)) {
            self.alive_since.get_or_insert(now);
        }
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

    /// Since when, at the earliest, what is unanswered at this sample can have been: not at the sample before.
    fn unanswered_since(
        &self,
        now: Time,
        sample: &Sample,
        waits_since: Option<Time>,
    ) -> Option<Time> {
        let waits_since = waits_since.unwrap_or(now);
        let earliest = match (self.unanswered, self.sampled) {
            (Some(before), _) => before.since,
            (None, Some(sampled)) => sampled.max(waits_since),
            (None, None) if sample.unacked > 0 => waits_since,
            // A closed window waits for long, and its probes for a round trip.
            (None, None) => now,
        };
        // What a shut window answers moves no data.
        let answered = match sample.snd_wnd {
            0 => now.before(sample.last_ack),
            _ => Time::ORIGIN,
        };
        sample.is_unanswered().then_some(earliest.max(answered))
    }

    /// Time in which nobody could look is not the peer's.
    pub(crate) fn excuse(&mut self, now: Time, stall: Duration) {
        if let Some(unanswered) = &mut self.unanswered {
            unanswered.since = (unanswered.since + stall).min(now);
            unanswered.seen = (unanswered.seen + stall).min(now);
        }
    }

    pub(crate) const fn last_sample(&self) -> Option<Time> {
        self.sampled
    }

    /// Whether the peer's kernel acknowledged something after the peer was asked, by this sample or before it.
    pub(crate) fn is_alive(&self, now: Time, sample: Option<&Sample>) -> bool {
        let answers = |sample: &Sample| {
            let asked = self.asked;
            asked.is_some_and(|asked| is_answered(now, asked, sample))
        };
        self.alive_since.is_some() || sample.is_some_and(answers)
    }

    /// Since when something is unanswered that must have been answered by now.
    pub(crate) fn stuck_since(&self) -> Option<Time> {
        let unanswered = self.unanswered.filter(|now| now.last.is_overdue())?;
        Some(unanswered.since)
    }

    /// When the peer may be given up that has been stuck for `dead`: not at the first look, which may come behind a
    /// stall of ours or of this whole machine.
    pub(crate) fn stuck_by(&self, dead: Duration) -> Time {
        let stuck = self.unanswered.filter(|now| now.last.is_overdue());
        stuck.map_or(Time::NEVER, |stuck| {
            (stuck.since + dead).max(stuck.seen + UNANSWERED_SEEN)
        })
    }

    /// What the evidence says by now.
    pub(crate) fn diagnosis(&self, now: Time) -> Diagnosis {
        match (self.unanswered, self.alive_since) {
            (Some(unanswered), _) if unanswered.is_telling(now) => unanswered.diagnosis(),
            (_, Some(alive)) if now.since(alive) >= OVERDUE => Diagnosis::PeerFrozen,
            _ => Diagnosis::Undecided,
        }
    }
}

/// Whether the peer's kernel acknowledged something after this question.
pub(crate) fn is_answered(now: Time, asked: Time, sample: &Sample) -> bool {
    sample.last_ack < now.since(asked) + JIFFY
}

impl Unanswered {
    fn at(self, now: Time, sample: &Sample, since: Time) -> Self {
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
        if self.last.never_left() || self.never_left_again() {
            Diagnosis::LocalNetworkDown
        } else if self.heard {
            Diagnosis::PathDeadOutbound
        } else {
            Diagnosis::PathDead
        }
    }

    /// Retries count up, but no byte was sent again: this host has no way out to retry on.
    fn never_left_again(&self) -> bool {
        self.last.unacked > 0
            && self.last.retransmits > self.first.retransmits
            && self.last.bytes_retrans == self.first.bytes_retrans
    }
}
