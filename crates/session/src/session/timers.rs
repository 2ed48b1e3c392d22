//! When a session wants to be woken, why, and what a deadline that passed means.

use std::time::Duration;

use lastword_keepalive::{LastSample, Silence};

use super::{Close, Readings, Role, Session, State, millis};
use crate::dialect::Framing;
use crate::ending::Layer;
use crate::wire::Ping;
use crate::{Cause, Time};

/// Why a session wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Timer {
    /// When the first frame must be complete.
    Hello,
    /// When the authenticator must have answered.
    Auth,
    /// When the frame that has begun must be complete.
    Frame,
    /// When the oldest waiting frame is too old.
    Age,
    /// When the game's last frame is too long ago.
    Idle,
    /// When a silent peer becomes suspect.
    Suspect,
    /// When a silent peer is given up.
    Dead,
    /// When a ping is due.
    Heartbeat,
    /// When we stop waiting to get our last words out, or for the peer's FIN after them.
    Linger,
}

impl Session {
    /// When to hand in [`super::Input::Timeout`], and why; [`Time::NEVER`] where nothing is due.
    #[must_use]
    pub fn poll_timeout(&self) -> (Time, Timer) {
        let limits = &self.config.limits;
        match self.state {
            // The peer's end shows: nothing of ours can be the cause any more.
            State::Hello | State::Auth | State::Live if self.end_noticed && self.wants_read() => {
                (Time::NEVER, Timer::Dead)
            }
            State::Hello => (self.phase_since + limits.hello_timeout, Timer::Hello),
            State::Auth => (self.phase_since + limits.auth_timeout, Timer::Auth),
            State::Live => self.live_timeout(),
            State::Closing { until, .. }
            | State::Lingering { until, .. }
            | State::Flushing { until }
            | State::Settling { until } => (until, Timer::Linger),
            // The driver gives the rest up before; this is for one that does not.
            State::Delivering { verdict } => {
                let handed_over = self.last_data.max(verdict.at);
                let until = handed_over + limits.delivery_timeout + limits.linger_timeout;
                (until, Timer::Linger)
            }
            State::Closed => (Time::NEVER, Timer::Linger),
        }
    }

    fn live_timeout(&self) -> (Time, Timer) {
        [
            (self.frame_by(), Timer::Frame),
            (self.age_by(), Timer::Age),
            (self.idle_by(), Timer::Idle),
            // Before the dead limit: at one instant a suspicion is told first.
            (self.suspect_by(), Timer::Suspect),
            (self.dead_by(), Timer::Dead),
            (self.ping_by(), Timer::Heartbeat),
        ]
        .into_iter()
        .min_by_key(|(at, _)| *at)
        .unwrap_or((Time::NEVER, Timer::Dead))
    }

    pub(super) fn on_timeout(&mut self, now: Time, readings: Readings) {
        let (at, timer) = self.poll_timeout();
        if at > now {
            return;
        }
        match timer {
            Timer::Hello => self.decide(now, &Close::new(Cause::HelloTimeout)),
            Timer::Auth => self.decide(now, &Close::new(Cause::AuthTimeout)),
            Timer::Frame => self.decide(now, &Close::new(Cause::FrameTimeout)),
            Timer::Age => self.on_age(now, readings),
            Timer::Idle => self.decide(now, &Close::new(Cause::Idle)),
            Timer::Suspect => self.on_suspect(),
            Timer::Dead => self.on_dead(now, readings),
            Timer::Heartbeat => self.ping(now),
            Timer::Linger => self.on_linger_over(now, readings),
        }
    }

    /// A frame waits too long: for a peer that is slow, or on a path that does not answer. In an outage age
    /// does not count, since what the kernel can still carry is not lost.
    fn on_age(&mut self, now: Time, readings: Readings) {
        match self.silence_by(readings) {
            Silence::PathDead => self.age_since = now,
            Silence::PeerSilent => self.decide(now, &Close::new(Cause::SendQueueStale)),
        }
    }

    /// Nothing came for the dead limit. While we do not read, only the kernel can prove a path dead.
    fn on_dead(&mut self, now: Time, readings: Readings) {
        match self.silence_by(readings) {
            Silence::PathDead if self.paused => self.deliver_the_rest(now, Cause::PathDead),
            Silence::PathDead => self.close_abruptly(now, Cause::PathDead, readings),
            Silence::PeerSilent if self.paused => {
                self.on_resumed(now);
                self.on_paused(now);
            }
            Silence::PeerSilent => {
                self.note(now, Layer::Session, "dead_limit");
                self.decide(now, &Close::new(Cause::PeerSilent));
            }
        }
    }

    /// What a silence is, by the kernel's last word on it; behind a proxy that word is about the proxy.
    fn silence_by(&self, readings: Readings) -> Silence {
        let kernel = readings.kernel.filter(|_| !self.config.behind_proxy);
        lastword_keepalive::verdict(kernel.map(|kernel| LastSample {
            retransmits: kernel.retransmits,
            probes: kernel.probes,
        }))
    }

    pub(super) fn ping(&mut self, now: Time) {
        self.last_ping = now;
        let ping = Ping {
            clock_us: now.as_micros(),
            received: self.received,
        };
        let queue = self.queue.get_or_insert_default();
        queue.push_control(|out| match &self.config.framing {
            Framing::Native => ping.encode(out),
            Framing::Dialect(dialect) => {
                dialect.write_ping(out);
            }
        });
    }

    pub(super) fn on_paused(&mut self, now: Time) {
        if !self.paused {
            self.paused = true;
            self.reading_changed = now;
        }
    }

    /// Time in which we did not read is nobody's fault: it counts for no deadline and refills the bucket.
    pub(super) fn on_resumed(&mut self, now: Time) {
        if !self.paused {
            return;
        }
        self.heard(now);
        let paused = self.reading_changed;
        let pause = now.since(paused);
        self.paused = false;
        self.reading_changed = now;
        self.last_data = (self.last_data + pause).min(now);
        self.decoder.postpone(now, pause);
        self.bucket.not_reading(paused, now);
    }

    /// A silence is over: what waited through it is as old as the end of the silence.
    pub(super) fn heard(&mut self, now: Time) {
        if self.is_suspect(now) {
            self.age_since = now;
        }
    }

    /// Whether the peer has been silent so long that its silence, and no queue limit, is to decide.
    pub(super) fn is_suspect(&self, now: Time) -> bool {
        self.timing.suspect_ms > 0
            && now.since(self.silent_since()) >= millis(self.timing.suspect_ms)
    }

    /// Since when the peer has been silent as far as we know: not while we did not listen.
    pub(super) fn silent_since(&self) -> Time {
        self.last_in.max(self.reading_changed)
    }

    fn frame_by(&self) -> Time {
        match self.decoder.unfinished() {
            Some((begun, bytes)) if !self.paused => {
                begun + self.config.limits.frame_timeout_for(bytes)
            }
            _ => Time::NEVER,
        }
    }

    /// Age does not count while the peer is suspect: the deadline moves behind the verdict on its silence.
    fn age_by(&self) -> Time {
        let oldest = self.queue.as_ref().and_then(|queue| queue.oldest());
        match (oldest, self.config.limits.outbound_age_max) {
            (Some(oldest), Some(age)) if self.can_write() => {
                let by = oldest.max(self.age_since) + age;
                let suspect = self.silent_since() + millis(self.timing.suspect_ms);
                let judged = self.timing.suspect_ms > 0 && by >= suspect;
                if judged {
                    by.max(self.dead_by() + GRACE)
                } else {
                    by
                }
            }
            _ => Time::NEVER,
        }
    }

    fn idle_by(&self) -> Time {
        match self.config.limits.idle_timeout {
            Some(idle) if !self.paused => self.last_data + idle,
            _ => Time::NEVER,
        }
    }

    fn dead_by(&self) -> Time {
        match self.timing.dead_ms {
            0 => Time::NEVER,
            ms => self.silent_since() + millis(ms),
        }
    }

    /// A client pings in each interval in which it sent nothing or received nothing, and now and then in others, to
    /// learn the round trip; a server only while it does not read, so that the client hears it.
    fn ping_by(&self) -> Time {
        let (quiet_since, learn_by) = match self.role {
            Role::Client => (self.last_in.min(self.last_out), self.learn_by()),
            Role::Server if self.paused => (self.last_out, Time::NEVER),
            Role::Server => return Time::NEVER,
        };
        match self.timing.heartbeat_ms {
            0 => Time::NEVER,
            _ if !self.can_write() => Time::NEVER,
            ms => learn_by.min(quiet_since.max(self.last_ping) + millis(ms)),
        }
    }
}

/// Long enough for the dead limit's verdict to come first.
const GRACE: Duration = Duration::from_secs(1);
