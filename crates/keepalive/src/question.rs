//! Judges the answers to our questions to a silent peer. Its kernel answers or not, and the path was whole or lost
//! something. After an outage it computes how long the peer's own data may take.

use std::time::Duration;

use crate::bound::RETRY_MARGIN;
use crate::sample::TICK_MAX;
use crate::{Diagnosis, KernelSample, Time};

/// How long the peer's process has to answer once its kernel has acknowledged the question.
const OVERDUE: Duration = Duration::from_secs(1);

/// Our questions in one silence, and the answers of the peer's kernel.
#[derive(Clone, Debug)]
pub(crate) struct Question {
    /// When the peer was first asked, on the real clock, as the kernel's ages are.
    asked: Time,
    /// Since when the peer's kernel is known to acknowledge our questions.
    alive_since: Option<Time>,
    before: Before,
    last: Option<KernelSample>,
    /// Every question was answered in time, and no counter shows a loss.
    is_whole: bool,
    /// When the peer's last segment came, on the real clock.
    segment: Time,
    /// When the last segment before an outage came, on the real clock. `None`: our questions are answered.
    outage_since: Option<Time>,
    waits_until: Time,
}

/// The counters at the last look before the silence.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Before {
    /// [`KernelSample::losses`].
    pub(crate) losses: u16,
    /// [`KernelSample::segments`]; `None` where no look came after the last byte.
    pub(crate) segments: Option<u16>,
}

/// The state of our data at a sample.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answers {
    /// Our data has waited for longer than an answer takes.
    pub(crate) are_late: bool,
    /// The peer's kernel has just acknowledged our data, or none waits.
    pub(crate) came: bool,
}

impl Question {
    /// The peer was asked then. Its last byte came at `heard`.
    pub(crate) const fn new(asked: Time, heard: Time, before: Before) -> Self {
        Self {
            asked,
            alive_since: None,
            before,
            last: None,
            is_whole: true,
            segment: heard,
            outage_since: None,
            waits_until: Time::ORIGIN,
        }
    }

    /// Takes a sample, now, which is `real` on the real clock. The silence has the dead limit `limit_at`.
    pub(crate) fn sampled(
        &mut self,
        now: Time,
        real: Time,
        sample: &KernelSample,
        answers: Answers,
        limit_at: Time,
    ) {
        // Both times are real, as the kernel's ages are.
        if sample.last_ack_min() <= real.since(self.asked) {
            self.alive_since.get_or_insert(now);
        }
        self.is_whole &= sample.sees_losses() && !self.came_again(sample);
        if answers.are_late || self.shows_loss(sample) {
            self.is_whole = false;
            self.outage_since.get_or_insert(self.segment);
        }
        self.last = Some(*sample);
        let segment = real.before(sample.last_ack());
        if segment <= self.segment + TICK_MAX {
            return;
        }
        self.segment = segment;
        if answers.came {
            if let Some(since) = self.outage_since.take() {
                self.ends_outage(now, sample.last_ack(), segment.since(since), limit_at);
            }
        }
    }

    /// The peer's kernel answered again, so long ago. Its own next retry may lie as far ahead as the outage was long,
    /// since Linux doubles the time between two retries. Only an answer before the dead limit counts, so the wait ends.
    fn ends_outage(&mut self, now: Time, ago: Duration, outage: Duration, limit_at: Time) {
        if now.before(ago) <= limit_at {
            let left = (outage + RETRY_MARGIN).saturating_sub(ago);
            self.waits_until = self.waits_until.max(now + left);
        }
    }

    /// Whether something was lost, or sent again, since the sample before. A peer whose buffer is full takes no data, so
    /// what is sent again to a closed window shows no loss.
    fn shows_loss(&self, sample: &KernelSample) -> bool {
        let is_open = !sample.is_window_shut();
        match &self.last {
            None => is_open && sample.losses() != self.before.losses,
            Some(last) => {
                (is_open && sample.total_retrans != last.total_retrans)
                    || sample.dsack_dups != last.dsack_dups
                    // Data that arrives in order ends the silence: this is data out of order, or repeated data.
                    || sample.data_segs_in != last.data_segs_in
            }
        }
    }

    /// Whether data of the peer came again, or out of order, before the first question. The path was not whole, and it was
    /// no outage either: the peer's kernel was heard all the time.
    fn came_again(&self, sample: &KernelSample) -> bool {
        let before = self.before.segments.filter(|_| self.last.is_none());
        before.is_some_and(|segments| segments != sample.segments())
    }

    /// Until when the peer's own data may be on its way after an outage; [`Time::ORIGIN`] without one.
    pub(crate) const fn waits_until(&self) -> Time {
        self.waits_until
    }

    /// Returns the diagnosis for a peer whose kernel leaves nothing unanswered.
    pub(crate) fn diagnosis(&self, now: Time) -> Diagnosis {
        match self.alive_since {
            Some(alive) if now.since(alive) < OVERDUE => Diagnosis::Undecided,
            Some(_) if self.is_whole => Diagnosis::PeerFrozen,
            Some(_) => Diagnosis::PeerSilent,
            None => Diagnosis::Undecided,
        }
    }
}
