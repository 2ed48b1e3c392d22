//! Judges whether a peer is there, from the time and the kernel's samples: heartbeat, suspicion, inquiry and verdict.
//!
//! ```text
//!            silent for `suspect`, or stuck for 2.5 s         silent or stuck for `dead`
//!   Healthy ─────────────────────────────────────────► Suspect ───────────────────────────► Verdict
//!      ▲          a byte came, and nothing is stuck      │ ▲ the diagnosis changes
//!      └────────────────────────────────────────────────┘ └─ (sample every 250 ms, ping every second)
//!
//!   our data not taken for `write_progress`, and a byte came after that ────────────────────► Verdict
//! ```
//! A peer is *silent* when it sends no byte; the time in which we do not read is left out. A peer is *stuck* when its
//! kernel does not acknowledge our data. The clock stands still while this process does, so our own stall is
//! not a silence of the peer. Only what the kernel tells is compared on the real clock.

mod deadlines;

use std::time::Duration;

use crate::acks::Acks;
use crate::close_observation::{CloseObservation, SAMPLE_INTERVAL, STUCK_SUSPECT};
use crate::question::{Before, Question};
use crate::unsettled::Unsettled;
use crate::{
    Diagnosis, KernelSample, SWEEP, Silence, SilenceVerdict, Time, Timing, millis, to_millis,
};

/// The shortest time between two samples of a healthy session: one with each heartbeat of the shortest profile, late or
/// early.
const LOOK_INTERVAL: Duration = Duration::from_millis(750);
/// How long data may stay unacknowledged before the connection is sampled closely.
const STUCK_MIN: Duration = Duration::from_secs(1);

/// The liveness of one connection's peer.
#[derive(Debug)]
pub struct Liveness {
    timing: Timing,
    /// How far the clock is behind the real one: now, when the last byte came, and when the last ping was queued.
    behind_ms: u32,
    behind_heard_ms: u32,
    behind_ping_ms: u32,
    pings: bool,
    has_no_kernel_evidence: bool,
    is_paused: bool,
    /// The silence has passed the suspect limit.
    is_silent: bool,
    suspicion: Option<Diagnosis>,
    told: Option<Diagnosis>,
    /// [`KernelSample::losses`] at the last look before a silence.
    losses: u16,
    /// [`KernelSample::segments`] at the first look since the last byte, if there was one.
    segments: u16,
    has_segments: bool,
    last_in: Time,
    last_out: Time,
    last_ping: Time,
    /// When we began to listen for the peer; each pause moves it later by its own length.
    listened_since: Time,
    acks: Acks,
    unsettled: Unsettled,
    /// The kernel's give-up must be put off, and the driver was told so.
    is_held: bool,
    told_held: bool,
    inquiry: Option<Box<CloseObservation>>,
}

/// Why [`Liveness::on_timeout`] is due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimeoutReason {
    /// A silent peer becomes suspect.
    Suspect,
    /// A silent or stuck peer is given up.
    Dead,
    /// A ping is due.
    Ping,
    /// A sample of the kernel is due.
    Sample,
}

/// The action that [`Liveness::on_timeout`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LivenessAction {
    /// Send a ping, then call [`Liveness::pinged`].
    Ping,
    /// Give the peer up.
    GiveUp(SilenceVerdict),
}

impl Liveness {
    /// Creates the liveness of a connection that is not live yet: nothing is due.
    ///
    /// `pings`: whether this end pings in each heartbeat in which it sent or received nothing, as a client does.
    /// `has_no_kernel_evidence`: whether a proxy's kernel is at the other end of the wire, so that its answers say
    /// nothing about the peer.
    #[must_use]
    pub const fn new(now: Time, pings: bool, has_no_kernel_evidence: bool) -> Self {
        Self {
            timing: Timing {
                heartbeat_ms: 0,
                suspect_ms: 0,
                dead_ms: 0,
            },
            behind_ms: 0,
            behind_heard_ms: 0,
            behind_ping_ms: 0,
            pings,
            has_no_kernel_evidence,
            is_paused: false,
            is_silent: false,
            suspicion: None,
            told: None,
            losses: 0,
            segments: 0,
            has_segments: false,
            last_in: now,
            last_out: now,
            last_ping: Time::ORIGIN,
            listened_since: now,
            acks: Acks::new(now),
            unsettled: Unsettled::NONE,
            is_held: false,
            told_held: false,
            inquiry: None,
        }
    }

    /// Notes that the session is live: from now on the peer owes its heartbeats.
    ///
    /// `write_progress` is how long the peer's kernel may acknowledge nothing while the peer sends
    /// ([`Silence::PeerNotReading`]); `None` is for ever.
    pub fn go_live(&mut self, now: Time, timing: Timing, write_progress: Option<Duration>) {
        self.timing = timing;
        self.acks.set_limit(write_progress);
        self.listened_since = now;
        self.behind_heard_ms = self.behind_ms;
    }

    /// Returns the timing of the live session: all zero before it is live.
    #[must_use]
    pub const fn timing(&self) -> Timing {
        self.timing
    }

    /// Sets how far the clock is behind the real one: for how long in all this process has stood still. It never shrinks.
    pub fn stood_still(&mut self, total: Duration) {
        self.behind_ms = to_millis(total);
    }

    /// Notes that the silence begins now: what this process stood still before does not count as part of it.
    pub fn heard_before(&mut self) {
        self.behind_heard_ms = self.behind_ms;
    }

    /// Returns this moment on the real clock, which runs on while this process stands still.
    #[must_use]
    pub fn real(&self, now: Time) -> Time {
        now.after_ms(self.behind_ms)
    }

    /// Returns for how long this process stood still since the last byte came.
    #[must_use]
    pub fn stood_still_since_heard(&self) -> Duration {
        millis(self.behind_ms.saturating_sub(self.behind_heard_ms))
    }

    /// Notes that a byte from the peer was read: only this ends its silence.
    pub fn heard(&mut self, now: Time) {
        self.last_in = now;
        self.has_segments = false;
        self.behind_heard_ms = self.behind_ms;
        self.ends_silence(now);
    }

    /// Notes that our bytes went to the kernel.
    pub fn wrote(&mut self, now: Time) {
        self.last_out = now;
        self.acks.wrote(now);
    }

    /// Notes that a ping was queued.
    pub fn pinged(&mut self, now: Time) {
        self.last_ping = now;
        self.behind_ping_ms = self.behind_ms;
    }

    /// Notes that we stopped reading, so the peer cannot be heard.
    pub fn paused(&mut self) {
        self.is_paused = true;
    }

    /// Notes that reading goes on after this pause.
    ///
    /// A silence from before the pause goes on too: the bytes that the peer sent during the pause are read first.
    pub fn resumed(&mut self, now: Time, pause: Duration) {
        self.is_paused = false;
        self.listened_since = (self.silent_since() + pause).min(now);
        if let Some(inquiry) = &mut self.inquiry {
            inquiry.not_read(pause);
        }
    }

    /// Takes a sample between two deadlines.
    ///
    /// This is called where [`Liveness::wants_sample`] says so, or where a decision depends on whether the peer is
    /// stuck.
    pub fn sampled(&mut self, now: Time, sample: Option<KernelSample>) -> Option<SilenceVerdict> {
        self.look(now, sample);
        self.not_reading(now, sample.as_ref())
    }

    /// Reacts to a passed deadline of [`Liveness::poll_timeout`]. `sample` is the kernel's; `None` where the system has
    /// none. Each call returns at most one action; the next
    /// deadline may have passed as well.
    pub fn on_timeout(
        &mut self,
        now: Time,
        is_blocked: bool,
        sample: Option<KernelSample>,
    ) -> Option<LivenessAction> {
        let falls_silent = self.suspect_at() <= now;
        if falls_silent {
            self.on_silent(now);
        }
        if let Some(verdict) = self.sampled(now, sample) {
            return Some(LivenessAction::GiveUp(verdict));
        }
        if falls_silent {
            return self.asks().then_some(LivenessAction::Ping);
        }
        match self.poll_timeout(is_blocked) {
            (at, _) if at > now => None,
            (_, TimeoutReason::Dead) => Some(LivenessAction::GiveUp(self.verdict(now))),
            (_, TimeoutReason::Ping) => Some(LivenessAction::Ping),
            (_, TimeoutReason::Suspect | TimeoutReason::Sample) => None,
        }
    }

    /// Notes how many inquiries this process makes at once, this one included. The more there are, the less often each
    /// peer is sampled and pinged.
    pub fn set_inquiries(&mut self, at_once: u32) {
        if let Some(inquiry) = &mut self.inquiry {
            inquiry.at_once = at_once;
        }
    }

    /// Returns whether an inquiry goes on: the peer is silent, or acknowledges nothing.
    #[must_use]
    pub const fn has_inquiry(&self) -> bool {
        self.inquiry.is_some()
    }

    /// Returns whether the next sample may bring a verdict on a silence. Then the driver asks the system about this host's
    /// own network first.
    ///
    /// The diagnosis so far does not decide this. The sample may change it, and may show that the peer has been stuck for
    /// long.
    #[must_use]
    pub fn may_blame_path(&self, now: Time) -> bool {
        let may_be_due = self.dead_limit_at().min(self.stuck_limit_at()) <= now;
        may_be_due && !self.has_no_kernel_evidence
    }

    /// Takes the change to report to the owner: the diagnosis of a suspect peer, or `None` where it is healthy again.
    pub fn poll_suspicion(&mut self) -> Option<Option<Diagnosis>> {
        let changed = self.told != self.suspicion;
        self.told = self.suspicion;
        changed.then_some(self.suspicion)
    }

    /// Returns whether the network may be the reason for the peer's silence, as far as the evidence shows by now.
    #[must_use]
    pub const fn may_be_cut_off(&self) -> bool {
        match self.suspicion {
            None | Some(Diagnosis::Undecided | Diagnosis::PeerFrozen) => false,
            Some(
                Diagnosis::PathDead
                | Diagnosis::PathDeadOutbound
                | Diagnosis::LocalNetworkDown
                | Diagnosis::PeerSilent,
            ) => true,
        }
    }

    /// Takes the change of the kernel's own give-up: `true` where it must be put off, so that our dead limit decides, and
    /// `false` where it need not be any longer. `None`: as before.
    ///
    /// It is put off while some retransmission has been unsettled for a second, and only where the peer has a dead limit.
    pub fn poll_give_up(&mut self) -> Option<bool> {
        let changed = self.told_held != self.is_held;
        self.told_held = self.is_held;
        changed.then_some(self.is_held)
    }

    /// Returns whether a sample should be taken now that the connection is awake anyway.
    #[must_use]
    pub fn wants_sample(&self, now: Time) -> bool {
        let judges = self.timing.dead_ms > 0 || self.acks.has_limit();
        let rested = now.since(self.acks.last_sample()) >= LOOK_INTERVAL;
        // The verdict comes with this byte and does not wait for the next regular sample.
        let judged =
            || self.write_progress_deadline() <= now && self.stuck_for(now) == Duration::ZERO;
        judges && !self.has_no_kernel_evidence && (rested || judged())
    }

    /// Returns since when the peer has been silent as far as we know: the time in which we did not listen is left out.
    #[must_use]
    pub fn silent_since(&self) -> Time {
        self.last_in.max(self.listened_since)
    }

    /// Returns whether the peer is silent, or has acknowledged nothing for a second.
    ///
    /// If so, its silence decides, not a queue limit.
    #[must_use]
    pub fn is_doubtful(&self, now: Time) -> bool {
        let is_silent = self.is_silent && !self.is_paused;
        is_silent || self.suspect_limit_at() <= now || self.stuck_for(now) >= STUCK_MIN
    }

    /// Returns when the last byte came.
    #[must_use]
    pub const fn last_in(&self) -> Time {
        self.last_in
    }

    /// Returns when the last ping was queued, on the real clock; [`Time::ORIGIN`] where none was.
    #[must_use]
    pub fn last_ping_real(&self) -> Time {
        self.last_ping.after_ms(self.behind_ping_ms)
    }

    /// Returns whether reading is paused.
    #[must_use]
    pub const fn is_paused(&self) -> bool {
        self.is_paused
    }

    /// Returns whether bytes that come and go can only move the next deadline later.
    #[must_use]
    pub const fn is_calm(&self) -> bool {
        let is_watched = self.inquiry.is_some() || self.unsettled.is_seen();
        !is_watched && !self.is_silent && !self.is_paused
    }

    fn ends_silence(&mut self, now: Time) {
        if !self.is_silent && self.inquiry.is_none() && self.suspicion.is_none() {
            return;
        }
        self.is_silent = false;
        match (&mut self.inquiry, self.acks.waits_since()) {
            (Some(inquiry), Some(waits_since)) => inquiry.heard(now, waits_since),
            _ => self.inquiry = None,
        }
        self.review(now);
    }

    fn on_silent(&mut self, now: Time) {
        self.is_silent = true;
        let asked = match self.asked_quiet() {
            Some(_) => self.last_ping_real(),
            None => self.real(now),
        };
        let heard = self.silent_since().after_ms(self.behind_heard_ms);
        let before = Before {
            losses: self.losses,
            segments: self.has_segments.then_some(self.segments),
        };
        self.inquiry
            .get_or_insert_with(|| Box::new(CloseObservation::new()))
            .ask(Question::new(asked, heard, before));
        self.review(now);
    }

    fn look(&mut self, now: Time, sample: Option<KernelSample>) {
        let Some(sample) = sample.filter(|_| !self.has_no_kernel_evidence) else {
            self.has_no_kernel_evidence = true;
            return self.review(now);
        };
        let rested = now.since(self.acks.last_sample());
        let speaks = now.since(self.last_in) < SWEEP;
        // Without a dead limit only the kernel finds that the path is dead.
        self.is_held = self.timing.dead_ms > 0 && self.unsettled.sampled(rested, &sample, speaks);
        self.acks.sampled(now, &sample);
        if now.since(self.last_in) < SAMPLE_INTERVAL {
            self.losses = sample.losses();
        }
        if !self.has_segments {
            (self.segments, self.has_segments) = (sample.segments(), true);
        }
        let waits_since = self.acks.waits_since();
        let stands = waits_since.is_some_and(|since| now.since(since) >= STUCK_MIN);
        if stands && self.timing.dead_ms > 0 {
            self.inquiry
                .get_or_insert_with(|| Box::new(CloseObservation::new()));
        }
        let (real, limit_at) = (self.real(now), self.silence_limit_at());
        if let Some(inquiry) = &mut self.inquiry {
            inquiry.sampled(now, real, &sample, waits_since, limit_at);
            if !stands {
                inquiry.progressed();
            }
        }
        self.review(now);
        if !stands && self.suspicion.is_none() {
            self.inquiry = None;
        }
    }

    /// Updates the suspicion from the evidence so far.
    fn review(&mut self, now: Time) {
        let is_suspect = self.is_silent || self.stuck_for(now) >= STUCK_SUSPECT;
        let diagnosis = self.diagnosis(now);
        // Keep the last clear diagnosis when the evidence becomes vague.
        let is_vague = diagnosis == Diagnosis::Undecided;
        let named = self.suspicion.filter(|_| is_vague).unwrap_or(diagnosis);
        self.suspicion = is_suspect.then_some(named);
    }

    fn diagnosis(&self, now: Time) -> Diagnosis {
        match &self.inquiry {
            _ if self.has_no_kernel_evidence => Diagnosis::PeerSilent,
            Some(inquiry) => inquiry.diagnosis(now),
            None => Diagnosis::Undecided,
        }
    }

    fn verdict(&self, now: Time) -> SilenceVerdict {
        let mut silence = Silence::from(self.diagnosis(now));
        let stuck_since = self
            .inquiry
            .as_ref()
            .and_then(|inquiry| inquiry.stuck_since());
        let by_silence = self.dead_limit_at();
        let lasts = by_silence > now || silence == Silence::PathDeadOutbound;
        let (since, by, stood_still) = match stuck_since.filter(|_| lasts) {
            Some(since) => (since, self.give_up_stuck_at(), Duration::ZERO),
            None => {
                // The path worked again after an outage: no one cause explains the whole silence.
                if by_silence > self.silence_limit_at() {
                    silence = Silence::PeerSilent;
                }
                let stood_still = self.stood_still_since_heard();
                (self.silent_since(), by_silence, stood_still)
            }
        };
        SilenceVerdict {
            silence,
            since,
            stood_still,
            late: now.since(by + SWEEP),
        }
    }

    /// Judges a peer that sends but does not take our data: its kernel answers that there is no room.
    fn not_reading(&self, now: Time, sample: Option<&KernelSample>) -> Option<SilenceVerdict> {
        let by = self.write_progress_deadline();
        let talks = self.last_in >= by && !self.is_paused;
        let shut = |sample: &KernelSample| sample.is_window_shut() && !sample.is_overdue();
        let answers = sample.is_some_and(shut) && !self.has_no_kernel_evidence;
        (by <= now && talks && answers).then(|| SilenceVerdict {
            silence: Silence::PeerNotReading,
            since: self.acks.waits_since().unwrap_or(now),
            stood_still: Duration::ZERO,
            late: Duration::ZERO,
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
