//! A peer's silence: the input of the liveness machine, and the cause of each of its verdicts.

use lastword_keepalive::{LivenessAction, Silence, SilenceVerdict};

use super::state::State;
use super::{Connection, Readings};
use crate::bucket::Rate;
use crate::close::Close;
use crate::dialect::Framing;
use crate::ending::Layer;
use crate::wire::Ping;
use crate::{Cause, KernelSample, Link, Terminal, Time, classify};

impl Connection {
    /// Takes the next change of the link for the owner. The driver asks between [`Connection::bytes_arrived`] and the
    /// frames of these bytes, so that the owner hears of the peer first. [`Connection::poll_output`] yields it too.
    pub(super) fn poll_link(&mut self) -> Option<Link> {
        let link = match self.liveness.poll_suspicion() {
            Some(Some(diagnosis)) => Some(Link::Suspect(diagnosis)),
            Some(None) => Some(Link::Healthy),
            None => self.poll_congestion().or_else(|| self.poll_rate()),
        };
        // The link of a session that is ending does not change.
        link.filter(|_| self.is_live())
    }

    /// Whether [`Input::Sampled`](super::Input::Sampled) is due, now that the connection is awake anyway.
    pub(super) fn wants_sample(&self, now: Time) -> bool {
        self.is_live() && !self.end_noticed && self.liveness.wants_sample(now)
    }

    /// Whether a live session is under inquiry: its peer is silent, or acknowledges nothing.
    #[must_use]
    pub fn has_inquiry(&self) -> bool {
        self.is_live() && self.liveness.has_inquiry()
    }

    /// Whether these readings may bring a verdict on a silence, or show that the kernel gave the path up. Then the driver
    /// first asks the system about this host's own network ([`Readings::own_fault`]).
    pub(super) fn may_blame_path(&self, now: Time, readings: &Readings) -> bool {
        let by_silence =
            || self.is_live() && !self.end_noticed && self.liveness.may_blame_path(now);
        let by_kernel = || {
            let given_up = self.observe(Terminal::Open, *readings);
            classify(&given_up) == Cause::PathDead
        };
        self.is_undecided() && (by_silence() || by_kernel())
    }

    pub(super) fn on_sampled(&mut self, now: Time, sample: Option<KernelSample>) {
        // After the peer's end no decision of this side counts.
        if !self.is_live() || self.end_noticed {
            return;
        }
        // The peer gets a goodbye that says so, and its own end is read later.
        if let Some(verdict) = self.liveness.sampled(now, sample) {
            self.give_up(now, verdict, Readings::default());
        }
    }

    pub(super) fn on_liveness_due(&mut self, now: Time, readings: Readings) {
        let is_blocked = self.is_blocked();
        let act = self.liveness.on_timeout(now, is_blocked, readings.kernel);
        self.liveness.set_inquiries(readings.inquiries);
        match act {
            None => {}
            Some(LivenessAction::Ping) => self.ping(now),
            Some(LivenessAction::GiveUp(verdict)) => self.give_up(now, verdict, readings),
        }
    }

    /// Whether bytes wait that the kernel does not take.
    pub(super) fn is_blocked(&self) -> bool {
        self.can_write() && !self.queue_is_empty()
    }

    /// Gives the peer up: with a reset where no peer hears us, else with a goodbye. The game first takes the bytes that lie
    /// unread, here or behind a pause.
    fn give_up(&mut self, now: Time, verdict: SilenceVerdict, readings: Readings) {
        let silence = match (verdict.silence, readings.own_fault) {
            (
                Silence::PathDead
                | Silence::PathDeadOutbound
                | Silence::PeerSilent
                | Silence::LocalNetworkDown,
                Some(fault),
            ) => {
                self.note(now, Layer::Socket, fault.label());
                Silence::LocalNetworkDown
            }
            (silence, _) => silence,
        };
        let (cause, limit) = match silence {
            Silence::PathDead => (Cause::PathDead, None),
            Silence::PathDeadOutbound => (Cause::PathDeadOutbound, None),
            Silence::LocalNetworkDown => (Cause::LocalNetworkDown, None),
            Silence::PeerFrozen => (Cause::PeerFrozen, Some("dead_limit")),
            Silence::PeerSilent => (Cause::PeerSilent, Some("dead_limit")),
            Silence::PeerNotReading => (Cause::PeerNotReading, Some("write_progress")),
        };
        let rare = self.rare_mut();
        rare.silent_for = Some(now.since(verdict.since) + verdict.stood_still);
        rare.own_stall = verdict.stood_still + verdict.late;
        match limit {
            Some(limit) => {
                self.note(now, Layer::Session, limit);
                self.decide(now, &Close::new(cause));
            }
            None if self.liveness.is_paused() || self.has_unread() => {
                self.deliver_the_rest(now, cause, &readings);
            }
            None => self.close_abruptly(now, cause, readings),
        }
    }

    /// A peer that was given up as silent speaks again while we linger.
    pub(super) fn notes_late_word(&mut self, now: Time) {
        let (State::Closing { verdict, .. } | State::Lingering { verdict, .. }) = *self.state
        else {
            return;
        };
        if matches!(verdict.cause, Cause::PeerSilent | Cause::PeerFrozen) {
            let after = now.since(verdict.at);
            self.rare_mut().spoke_after.get_or_insert(after);
        }
    }

    /// A ping that can no longer be sent counts as sent: another one could not be sent either. Nor is one queued behind more
    /// than the outbound cap: a server that sets a short heartbeat and reads nothing must not fill its client's memory.
    pub(super) fn ping(&mut self, now: Time) {
        self.liveness.pinged(now);
        let full = self.refused_bytes() > self.config.limits.outbound_bytes_max;
        if full || !self.can_write() {
            return;
        }
        let ping = Ping {
            clock_us: self.liveness.real(now).as_micros(),
            received: self.stream.tell_received(),
        };
        let queue = self.stream.queue_mut();
        queue.push_control(|out| match &self.config.framing {
            Framing::Native => ping.encode(out),
            Framing::Dialect(dialect) => {
                dialect.write_ping(out);
            }
        });
    }

    /// The game takes no frames for now. This pause takes the place of a wait for the peer's rate.
    pub(super) fn on_paused(&mut self, now: Time) {
        self.stops_waiting_for_rate(now);
        self.begins_pause(now);
    }

    pub(super) fn on_resumed(&mut self, now: Time) {
        if self.is_paused() {
            let paused = self.ends_pause(now);
            self.credit_pause(paused, now);
        }
    }

    pub(super) fn begins_pause(&mut self, now: Time) {
        if !self.liveness.is_paused() {
            self.rare_mut().paused = now;
            self.liveness.paused();
        }
    }

    /// The time in which we did not read is not the peer's fault: it counts for no deadline and refills the ping
    /// bucket. Returns when it began.
    pub(super) fn ends_pause(&mut self, now: Time) -> Time {
        self.ends_silence(now);
        let real = self.liveness.real(now);
        let rare = self.rare_mut();
        rare.resumed = real;
        let paused = rare.paused;
        let pause = now.since(paused);
        self.liveness.resumed(now, pause);
        self.last_data = (self.last_data + pause).min(now);
        self.decoder.postpone(now, pause);
        let rate = Rate::of_pings(self.liveness.timing());
        self.pings.not_reading(paused, now, rate);
        paused
    }

    /// A silence is over: what waited through it is as old as the end of the silence. An unfinished frame has the rest of
    /// its time, if the network may have held the frame up.
    pub(super) fn ends_silence(&mut self, now: Time) {
        if self.liveness.is_doubtful(now) {
            self.rare_mut().age_since = now;
        }
        if self.liveness.may_be_cut_off() {
            let silence = now.since(self.liveness.silent_since());
            self.decoder.postpone(now, silence);
        }
    }
}
