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
//! kernel does not acknowledge our data. Our own stalls extend every limit.

mod deadlines;

use std::time::Duration;

use crate::acks::Acks;
use crate::inquiry::{self, Inquiry};
use crate::{Diagnosis, KernelSample, SWEEP, Silence, Time, Timing, Verdict, millis, to_millis};

/// How long our data may stay unacknowledged before the peer is suspect, even if the peer itself sends.
const STUCK_SUSPECT: Duration = Duration::from_millis(2_500);
/// The shortest time between two samples of a healthy session: one with each heartbeat of the shortest profile, late or
/// early.
const LOOK_INTERVAL: Duration = Duration::from_millis(750);
/// How long data may stay unacknowledged before the connection is sampled closely.
const STANDS: Duration = Duration::from_secs(1);
/// The lateness that does not count as our stall: one sweep of the deadlines, and the same again to wake the task.
const LATENESS: Duration = SWEEP.saturating_mul(2);

/// The liveness of one connection's peer.
#[derive(Debug)]
pub struct Liveness {
    timing: Timing,
    /// How much of the silence was our own stall.
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
    /// When we began to listen for the peer; each pause moves it later by its own length.
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
    /// A sample of the kernel is due.
    Sample,
}

/// The action that [`Liveness::on_timeout`] asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Act {
    /// Send a ping, then call [`Liveness::pinged`].
    Ping,
    /// Give the peer up.
    GiveUp(Verdict),
}

/// The facts known at one moment.
#[derive(Clone, Copy, Debug, Default)]
pub struct View {
    /// The kernel's sample; `None` where the system has none.
    pub sample: Option<KernelSample>,
    /// Our own stall since [`Liveness::silent_since`], as far as it was measured.
    pub stalled: Duration,
}

impl Liveness {
    /// Creates the liveness of a connection that is not live yet: nothing is due.
    ///
    /// `pings`: whether this end pings in each heartbeat in which it sent or received nothing, as a client does.
    /// `is_blind`: whether a proxy's kernel is at the other end of the wire, so that its answers say nothing about the
    /// peer.
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

    /// Notes that the session is live: from now on the peer owes its heartbeats.
    ///
    /// `write_progress` is how long the peer's kernel may acknowledge nothing while the peer sends
    /// ([`Silence::PeerNotReading`]); `None` is for ever.
    pub fn go_live(&mut self, now: Time, timing: Timing, write_progress: Option<Duration>) {
        self.timing = timing;
        self.acks.set_limit(write_progress);
        self.listened_since = now;
    }

    /// Notes that a byte from the peer was read: only this ends its silence.
    pub fn heard(&mut self, now: Time) {
        self.last_in = now;
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
    pub fn sampled(&mut self, now: Time, sample: Option<KernelSample>) -> Option<Verdict> {
        self.look(now, sample);
        self.not_reading(now, sample.as_ref())
    }

    /// Reacts to a passed deadline of [`Liveness::poll_timeout`]. Each call returns at most one action; the next
    /// deadline may have passed as well.
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

    /// Takes the change to report to the owner: the diagnosis of a suspect peer, or `None` where it is healthy again.
    pub fn poll_suspicion(&mut self) -> Option<Option<Diagnosis>> {
        let changed = self.told != self.suspicion;
        self.told = self.suspicion;
        changed.then_some(self.suspicion)
    }

    /// Returns whether a sample should be taken now that the connection is awake anyway.
    #[must_use]
    pub fn wants_sample(&self, now: Time) -> bool {
        let judges = self.timing.dead_ms > 0 || self.acks.has_limit();
        let rested = now.since(self.acks.last_sample()) >= LOOK_INTERVAL;
        // The verdict comes with this byte and does not wait for the next regular sample.
        let judged = self.taken_by() <= now && self.stuck_for(now) == Duration::ZERO;
        judges && !self.is_blind && (rested || judged)
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
        is_silent || self.silent_by() <= now || self.stuck_for(now) >= STANDS
    }

    /// Returns whether the peer is quiet and its kernel has acknowledged nothing since it was asked why, including this
    /// last sample. If so, a later answer may come from a host that no longer knows the connection.
    #[must_use]
    pub fn is_unanswered(&self, now: Time, last: Option<&KernelSample>) -> bool {
        let is_alive = match (&self.inquiry, self.is_silent, self.asked_quiet()) {
            (Some(inquiry), true, _) => inquiry.is_alive(now, last),
            (_, false, Some(asked)) => {
                last.is_some_and(|last| inquiry::is_answered(now, asked, last))
            }
            (None, true, _) | (_, false, None) => return false,
        };
        self.asks() && !self.is_blind && !is_alive
    }

    /// Returns when the last byte came.
    #[must_use]
    pub const fn last_in(&self) -> Time {
        self.last_in
    }

    /// Returns when the last ping was queued; [`Time::ORIGIN`] where none was.
    #[must_use]
    pub const fn last_ping(&self) -> Time {
        self.last_ping
    }

    /// Returns whether reading is paused.
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

    fn look(&mut self, now: Time, sample: Option<KernelSample>) {
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

    /// Excuses late samples: they show that we stalled.
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

    /// Judges a peer that sends but does not take our data although its kernel answers.
    fn not_reading(&self, now: Time, sample: Option<&KernelSample>) -> Option<Verdict> {
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
