//! Judges whether a peer is there: heartbeat, suspicion, inquiry and verdict, from the time and the kernel's samples.
//!
//! ```text
//!            silent for `suspect`, or stuck for 2.5 s         silent or stuck for `dead`
//!   Healthy ─────────────────────────────────────────► Suspect ───────────────────────────► Verdict
//!      ▲          a byte came, and nothing is stuck      │ ▲ the diagnosis changes
//!      └────────────────────────────────────────────────┘ └─ (sample every 250 ms, ping every second)
//!
//!   nothing of ours taken for `write_progress`, and a byte came after that ─────────────────► Verdict
//! ```
//! *Silent* is a peer of whom no byte came; not while nobody reads. *Stuck* is what its kernel does not acknowledge.
//! Our own stalls extend every limit.

mod deadlines;

use std::time::Duration;

use crate::acks::Acks;
use crate::inquiry::{self, Inquiry};
use crate::{Diagnosis, SWEEP, Sample, Silence, Time, Timing, Verdict, millis, to_millis};

/// How long nothing of ours may be acknowledged before the peer is suspect, bytes of its own or not.
const STUCK_SUSPECT: Duration = Duration::from_millis(2_500);
/// How often a session is looked at that nothing is wrong with, at most: with each heartbeat of the shortest profile, late or
/// early.
const LOOK_INTERVAL: Duration = Duration::from_millis(750);
/// How long nothing may be acknowledged before it is looked at closely.
const STANDS: Duration = Duration::from_secs(1);
/// Lateness of our own that is no stall: a sweep of the deadlines, and as much for the way to the task.
const LATENESS: Duration = SWEEP.saturating_mul(2);

/// The liveness of one connection's peer.
#[derive(Debug)]
pub struct Liveness {
    timing: Timing,
    /// How much of the silence was a stall of ours.
    excused_ms: u32,
    pings: bool,
    is_blind: bool,
    is_paused: bool,
    /// The silence has passed the suspect limit.
    is_silent: bool,
    suspicion: Option<Diagnosis>,
    told: Option<Diagnosis>,
    last_in: Time,
    last_out: Time,
    last_ping: Time,
    /// Nobody listened for the peer before that, or for so long in all: a pause moves it.
    listened_since: Time,
    acks: Acks,
    inquiry: Option<Box<Inquiry>>,
}

/// Why [`Liveness::on_timeout`] is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Due {
    /// A silent peer becomes suspect.
    Suspect,
    /// A silent or stuck peer is given up.
    Dead,
    /// A ping is due.
    Ping,
    /// The kernel is to be asked.
    Sample,
}

/// What [`Liveness::on_timeout`] leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Send a ping, and say so by [`Liveness::pinged`].
    Ping,
    /// Give the peer up.
    GiveUp(Verdict),
}

/// What is known at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// The kernel's word; `None` where the system has none.
    pub sample: Option<Sample>,
    /// Own stall since [`Liveness::silent_since`], as far as it was measured.
    pub stalled: Duration,
}

impl Liveness {
    /// The liveness of a connection that is not live yet: nothing is due. `pings`: of its own accord in each
    /// heartbeat in which it sent or received nothing, as a client does. `is_blind`: the kernel at the other end
    /// of the wire is a proxy's, and its word says nothing of the peer.
    #[must_use]
    pub const fn new(now: Time, pings: bool, is_blind: bool) -> Self {
        Self {
            timing: Timing {
                heartbeat_ms: 0,
                suspect_ms: 0,
                dead_ms: 0,
            },
            excused_ms: 0,
            pings,
            is_blind,
            is_paused: false,
            is_silent: false,
            suspicion: None,
            told: None,
            last_in: now,
            last_out: now,
            last_ping: Time::ORIGIN,
            listened_since: now,
            acks: Acks::new(now),
            inquiry: None,
        }
    }

    /// The session is live: from now on the peer owes its heartbeats. `write_progress` is how long its kernel may
    /// take nothing of ours while the peer talks ([`Silence::PeerNotReading`]); `None` is for ever.
    pub fn go_live(&mut self, now: Time, timing: Timing, write_progress: Option<Duration>) {
        self.timing = timing;
        self.acks.set_limit(write_progress);
        self.listened_since = now;
    }

    /// A byte of the peer was read: the only thing that ends its silence.
    pub fn heard(&mut self, now: Time) {
        self.last_in = now;
        self.ends_silence(now);
    }

    /// Bytes of ours went to the kernel.
    pub fn wrote(&mut self, now: Time) {
        self.last_out = now;
        self.acks.wrote(now);
    }

    /// A ping was queued.
    pub fn pinged(&mut self, now: Time) {
        self.last_ping = now;
    }

    /// Nobody reads: the peer cannot be heard.
    pub fn paused(&mut self) {
        self.is_paused = true;
    }

    /// Reading goes on after this pause, and so does a silence from before it: what the peer said in it is read first.
    pub fn resumed(&mut self, now: Time, pause: Duration) {
        self.is_paused = false;
        self.listened_since = (self.silent_since() + pause).min(now);
        if let Some(inquiry) = &mut self.inquiry {
            inquiry.not_read(pause);
        }
    }

    /// Takes a sample between two deadlines: where [`Liveness::wants_sample`] says so, or where what is to be done
    /// depends on whether the peer is stuck.
    pub fn sampled(&mut self, now: Time, sample: Option<Sample>) -> Option<Verdict> {
        self.look(now, sample);
        self.not_reading(now, sample.as_ref())
    }

    /// A deadline of [`Liveness::poll_timeout`] has passed. One thing comes of each call; the next deadline may
    /// have passed as well.
    pub fn on_timeout(&mut self, now: Time, is_blocked: bool, view: &View) -> Option<Act> {
        self.excuse(now, view.stalled);
        self.excuse_late(now);
        let falls_silent = self.suspect_by() <= now;
        if falls_silent {
            self.on_silent(now);
        }
        if let Some(verdict) = self.sampled(now, view.sample) {
            return Some(Act::GiveUp(verdict));
        }
        if falls_silent {
            return self.asks().then_some(Act::Ping);
        }
        match self.poll_timeout(is_blocked) {
            (at, _) if at > now => None,
            (_, Due::Dead) => Some(Act::GiveUp(self.verdict(now))),
            (_, Due::Ping) => Some(Act::Ping),
            (_, Due::Suspect | Due::Sample) => None,
        }
    }

    /// Takes the change that the owner is to be told: the diagnosis of a suspect peer, or `None`: healthy again.
    pub fn poll_suspicion(&mut self) -> Option<Option<Diagnosis>> {
        let changed = self.told != self.suspicion;
        self.told = self.suspicion;
        changed.then_some(self.suspicion)
    }

    /// Whether a sample is due now that the connection is awake anyway.
    #[must_use]
    pub fn wants_sample(&self, now: Time) -> bool {
        let judges = self.timing.dead_ms > 0 || self.acks.has_limit();
        let rested = now.since(self.acks.last_sample()) >= LOOK_INTERVAL;
        // With this very byte, and not with the next sample in its turn.
        let judged = self.taken_by() <= now && self.stuck_for(now) == Duration::ZERO;
        judges && !self.is_blind && (rested || judged)
    }

    /// Since when the peer has been silent as far as we know: the time in which we did not listen is left out.
    #[must_use]
    pub fn silent_since(&self) -> Time {
        self.last_in.max(self.listened_since)
    }

    /// Whether the peer is silent, or acknowledges nothing for a second, so that its silence and no queue limit is
    /// to decide.
    #[must_use]
    pub fn is_doubtful(&self, now: Time) -> bool {
        let is_silent = self.is_silent && !self.is_paused;
        is_silent || self.silent_by() <= now || self.stuck_for(now) >= STANDS
    }

    /// Whether the peer is quiet and its kernel has acknowledged nothing since it was asked why, by this last sample
    /// either. A host that knows of no connection may answer then.
    #[must_use]
    pub fn is_unanswered(&self, now: Time, last: Option<&Sample>) -> bool {
        let is_alive = match (&self.inquiry, self.is_silent, self.asked_quiet()) {
            (Some(inquiry), true, _) => inquiry.is_alive(now, last),
            (_, false, Some(asked)) => {
                last.is_some_and(|last| inquiry::is_answered(now, asked, last))
            }
            (None, true, _) | (_, false, None) => return false,
        };
        self.asks() && !self.is_blind && !is_alive
    }

    /// When the last byte came.
    #[must_use]
    pub const fn last_in(&self) -> Time {
        self.last_in
    }

    /// When the last ping was queued; [`Time::ORIGIN`] where none was.
    #[must_use]
    pub const fn last_ping(&self) -> Time {
        self.last_ping
    }

    /// Whether nobody reads.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.is_paused
    }

    fn ends_silence(&mut self, now: Time) {
        self.is_silent = false;
        self.excused_ms = 0;
        match (&mut self.inquiry, self.acks.waits_since()) {
            (Some(inquiry), Some(waits_since)) => inquiry.heard(now, waits_since),
            _ => self.inquiry = None,
        }
        self.review(now);
    }

    /// Our own lateness with the question or the suspicion does not count as peer silence.
    fn excuse_late(&mut self, now: Time) {
        let late = now.since(self.asks_quiet_peer_by().min(self.suspect_by()));
        if late > LATENESS {
            self.excused_ms = self.excused_ms.saturating_add(to_millis(late));
        }
    }

    fn on_silent(&mut self, now: Time) {
        self.is_silent = true;
        let asked = self.asked_quiet().unwrap_or(now);
        self.inquiry
            .get_or_insert_with(|| Box::new(Inquiry::new()))
            .ask(asked);
        self.review(now);
    }

    fn look(&mut self, now: Time, sample: Option<Sample>) {
        let Some(sample) = sample.filter(|_| !self.is_blind) else {
            self.is_blind = true;
            return self.review(now);
        };
        self.excuse_gap(now);
        self.acks.sampled(now, &sample);
        let waits_since = self.acks.waits_since();
        let stands = waits_since.is_some_and(|since| now.since(since) >= STANDS);
        if stands && self.timing.dead_ms > 0 {
            self.inquiry.get_or_insert_with(|| Box::new(Inquiry::new()));
        }
        if let Some(inquiry) = &mut self.inquiry {
            inquiry.sampled(now, &sample, waits_since);
            if !stands {
                inquiry.progressed();
            }
        }
        self.review(now);
        if !stands && self.suspicion.is_none() {
            self.inquiry = None;
        }
    }

    /// Samples that come late tell of a stall of ours.
    fn excuse_gap(&mut self, now: Time) {
        let last = self
            .inquiry
            .as_ref()
            .and_then(|inquiry| inquiry.last_sample());
        let late = last.map_or(Duration::ZERO, |last| {
            now.since(last + self.sample_interval())
        });
        if late > LATENESS {
            self.acks.excuse(now, late);
            if let Some(inquiry) = &mut self.inquiry {
                inquiry.excuse(now, late);
            }
        }
    }

    fn excuse(&mut self, now: Time, stalled: Duration) {
        let silence = now.since(self.silent_since());
        self.excused_ms = self.excused_ms.max(to_millis(stalled.min(silence)));
    }

    /// What the peer is suspected of by now.
    fn review(&mut self, now: Time) {
        let is_suspect = self.is_silent || self.stuck_for(now) >= STUCK_SUSPECT;
        let diagnosis = self.diagnosis(now);
        // What was known is not told away by what is no longer clear.
        let is_vague = diagnosis == Diagnosis::Undecided;
        let named = self.suspicion.filter(|_| is_vague).unwrap_or(diagnosis);
        self.suspicion = is_suspect.then_some(named);
    }

    fn diagnosis(&self, now: Time) -> Diagnosis {
        match &self.inquiry {
            _ if self.is_blind => Diagnosis::PeerSilent,
            Some(inquiry) => inquiry.diagnosis(now),
            None => Diagnosis::Undecided,
        }
    }

    fn verdict(&self, now: Time) -> Verdict {
        let silence = Silence::from(self.diagnosis(now));
        let stuck_since = self
            .inquiry
            .as_ref()
            .and_then(|inquiry| inquiry.stuck_since());
        let by_silence = self.silence_by();
        let stuck =
            stuck_since.filter(|_| by_silence > now || silence == Silence::PathDeadOutbound);
        let (since, by) = match stuck {
            Some(since) => (since, self.stuck_by()),
            None => (self.silent_since(), by_silence),
        };
        let excused = match stuck {
            Some(_) => Duration::ZERO,
            None => millis(self.excused_ms),
        };
        Verdict {
            silence,
            since,
            own_stall: excused + now.since(by + SWEEP),
        }
    }

    /// A peer that talks, and takes nothing although its kernel is there.
    fn not_reading(&self, now: Time, sample: Option<&Sample>) -> Option<Verdict> {
        let by = self.taken_by();
        let talks = self.last_in >= by && !self.is_paused;
        let answers = sample.is_some_and(|sample| !sample.is_overdue()) && !self.is_blind;
        (by <= now && talks && answers).then(|| Verdict {
            silence: Silence::PeerNotReading,
            since: self.acks.waits_since().unwrap_or(now),
            own_stall: Duration::ZERO,
        })
    }

    fn stuck_for(&self, now: Time) -> Duration {
        let since = self
            .inquiry
            .as_ref()
            .and_then(|inquiry| inquiry.stuck_since());
        since.map_or(Duration::ZERO, |since| now.since(since))
    }
}
