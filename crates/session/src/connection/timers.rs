//! When a session wants to be woken, why, and what a deadline that passed means.

use std::time::Duration;

use lastword_keepalive::{Due, SWEEP};

use super::{Close, Connection, Readings, State};
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
    /// When we ask the kernel about a peer that is silent or takes nothing.
    Sample,
    /// When we stop waiting to get our last words out, or for the peer's FIN after them.
    Linger,
    /// When we ask our kernel whether the peer's kernel has everything.
    Settle,
    /// When frames that the game does not take are given up.
    Delivery,
    /// At once: what is known waits for the kernel's readings.
    Readings,
}

impl Connection {
    /// When to hand in [`super::Input::Timeout`], and why; [`Time::NEVER`] where nothing is due.
    #[must_use]
    pub fn poll_timeout(&self) -> (Time, Timer) {
        let own = self.state_timeout();
        if !self.end_noticed && matches!(self.state, State::Hello | State::Auth | State::Live) {
            return own;
        }
        let delivery = self.delivery_timeout();
        if delivery.0 < own.0 { delivery } else { own }
    }

    fn state_timeout(&self) -> (Time, Timer) {
        let limits = &self.config.limits;
        match self.state {
            // The peer's end shows: no decision of this side can be the cause now.
            State::Hello | State::Auth | State::Live if self.end_noticed => {
                (Time::NEVER, Timer::Dead)
            }
            State::Hello => (self.by(Timer::Hello, limits.hello_timeout), Timer::Hello),
            State::Auth => (self.by(Timer::Auth, limits.auth_timeout), Timer::Auth),
            State::Live => self.live_timeout(),
            State::Answering { until, .. }
            | State::Closing { until, .. }
            | State::Lingering { until, .. }
            | State::Flushing { until } => (until, Timer::Linger),
            State::Settling { until, next, .. } if next < until => (next, Timer::Settle),
            State::Settling { until, .. } => (until, Timer::Linger),
            // The game's time for the rest is the delivery's.
            State::Delivering { .. } | State::Closed => (Time::NEVER, Timer::Linger),
        }
    }

    fn live_timeout(&self) -> (Time, Timer) {
        [
            (self.frame_by(), Timer::Frame),
            (self.age_by(), Timer::Age),
            (self.idle_by(), Timer::Idle),
            self.liveness_by(),
        ]
        .into_iter()
        .min_by_key(|(at, _)| *at)
        .unwrap_or((Time::NEVER, Timer::Dead))
    }

    pub(super) fn on_timeout(&mut self, now: Time, readings: Readings) {
        let (at, timer) = self.poll_timeout();
        if at > now || self.is_excused(timer, readings.stalled) {
            return;
        }
        match timer {
            Timer::Hello => self.decide(now, &Close::new(Cause::HelloTimeout)),
            Timer::Auth => self.decide(now, &Close::new(Cause::AuthTimeout)),
            Timer::Frame => self.decide(now, &Close::new(Cause::FrameTimeout)),
            Timer::Age => self.on_age(now, readings),
            Timer::Idle => {
                self.rare_mut().own_stall = now.since(at + SWEEP);
                self.decide(now, &Close::new(Cause::Idle));
            }
            Timer::Suspect | Timer::Dead | Timer::Heartbeat | Timer::Sample => {
                self.on_liveness_due(now, readings);
            }
            Timer::Linger => self.on_linger_over(now, readings),
            Timer::Settle => self.on_settle_due(now, readings),
            Timer::Delivery => self.on_delivery_over(now, readings),
            Timer::Readings => self.on_readings_due(now, readings),
        }
    }

    /// Returns when the next deadline began to count: the driver measures [`Readings::stalled`] from then.
    #[must_use]
    pub fn judged_since(&self) -> Time {
        let (_, timer) = self.poll_timeout();
        let silence = match &self.rare {
            Some(rare) if timer == Timer::Readings => rare.stalled_since,
            _ => None,
        };
        let since = silence.or_else(|| Some(self.excused(timer)?.0));
        since.unwrap_or_else(|| self.liveness.silent_since())
    }

    /// Whether more of our own stalls is known than this deadline was extended by: then it comes later. A silence is
    /// excused where it is judged.
    fn is_excused(&mut self, timer: Timer, stalled: Duration) -> bool {
        let Some((since, excused)) = self.excused(timer) else {
            return false;
        };
        if stalled <= excused {
            return false;
        }
        let rare = self.rare_mut();
        let place = if timer == Timer::Age {
            &mut rare.excused_out
        } else {
            &mut rare.excused_in
        };
        *place = (since, stalled);
        true
    }

    /// Since when this deadline counts, and what our own stalls added to it.
    fn excused(&self, timer: Timer) -> Option<(Time, Duration)> {
        let rare = self.rare.as_ref();
        let (since, excused) = match timer {
            Timer::Hello | Timer::Auth => (self.phase_since, rare.map(|rare| rare.excused_in)),
            Timer::Frame => (
                self.decoder.unfinished()?.0,
                rare.map(|rare| rare.excused_in),
            ),
            Timer::Age => (self.oldest()?, rare.map(|rare| rare.excused_out)),
            Timer::Idle
            | Timer::Suspect
            | Timer::Dead
            | Timer::Heartbeat
            | Timer::Sample
            | Timer::Linger
            | Timer::Settle
            | Timer::Delivery
            | Timer::Readings => return None,
        };
        let same = excused.filter(|(of, _)| *of == since);
        Some((since, same.map_or(Duration::ZERO, |(_, excused)| excused)))
    }

    fn by(&self, timer: Timer, limit: Duration) -> Time {
        self.excused(timer)
            .map_or(Time::NEVER, |(since, excused)| since + limit + excused)
    }

    /// A frame waits too long: for a peer that is slow, or on a path that does not answer. In an outage age
    /// does not count, since what the kernel can still carry is not lost.
    fn on_age(&mut self, now: Time, readings: Readings) {
        self.on_sampled(now, readings.kernel);
        if self.liveness.is_doubtful(now) {
            self.rare_mut().age_since = now;
        } else {
            self.decide(now, &Close::new(Cause::SendQueueStale));
        }
    }

    fn liveness_by(&self) -> (Time, Timer) {
        let (at, due) = self.liveness.poll_timeout(self.is_blocked());
        let timer = match due {
            Due::Suspect => Timer::Suspect,
            Due::Dead => Timer::Dead,
            Due::Ping => Timer::Heartbeat,
            Due::Sample => Timer::Sample,
        };
        (at, timer)
    }

    fn frame_by(&self) -> Time {
        match self.decoder.unfinished() {
            Some((_, bytes)) if !self.liveness.is_paused() => {
                self.by(Timer::Frame, self.config.limits.frame_timeout_for(bytes))
            }
            _ => Time::NEVER,
        }
    }

    /// Age does not count while the peer is suspect: the deadline moves behind the verdict on its silence.
    fn age_by(&self) -> Time {
        match self.config.limits.outbound_age_max {
            Some(age) if self.can_write() => {
                let by = self.by(Timer::Age, age);
                if by >= self.liveness.silent_by() {
                    by.max(self.liveness.judged_by() + GRACE)
                } else {
                    by
                }
            }
            _ => Time::NEVER,
        }
    }

    /// Since when the oldest frame has waited, silences of the peer left out.
    fn oldest(&self) -> Option<Time> {
        let oldest = self.queue.as_ref()?.oldest()?;
        let age_since = self.rare.as_ref().map(|rare| rare.age_since);
        Some(oldest.max(age_since.unwrap_or_default()))
    }

    fn idle_by(&self) -> Time {
        match self.config.limits.idle_timeout {
            Some(idle) if !self.liveness.is_paused() => self.last_data + idle,
            _ => Time::NEVER,
        }
    }
}

/// Long enough for the dead limit's verdict to come first.
const GRACE: Duration = Duration::from_secs(1);
