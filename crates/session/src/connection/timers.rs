//! When a session wants to be woken, why, and what a deadline that passed means.

use std::time::Duration;

use lastword_keepalive::{SWEEP, TimeoutReason};

use super::state::State;
use super::{Calm, Connection, Readings};
use crate::close::Close;
use crate::{Cause, ProxyFault, Time};

/// Why a session wants to be woken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Timer {
    /// When the PROXY header must be complete.
    Proxy,
    /// When the TLS handshake must be complete.
    Tls,
    /// When the first frame must be complete.
    Hello,
    /// When the authenticator must have answered.
    Auth,
    /// When the frame that has begun must be complete.
    Frame,
    /// When the oldest waiting frame is half as old as it may be: the session is congested. And when it is too old.
    Age,
    /// When the game's last frame is too long ago.
    Idle,
    /// When a silent peer becomes suspect.
    Suspect,
    /// When a silent peer is given up.
    Dead,
    /// When a ping is due.
    Heartbeat,
    /// When we ask the kernel about a peer that is silent or takes nothing, or about an old retransmission.
    Sample,
    /// When we stop waiting to get our last words out, or for the peer's FIN after them.
    Linger,
    /// When we ask our kernel whether the peer's kernel has everything.
    Settle,
    /// When frames that the game does not take are given up.
    Delivery,
    /// When there is a token for a peer over its rate, when it has been over its rate for too long, or when it is within
    /// its rate again.
    Rate,
    /// When frames of the peer must be acknowledged.
    Ack,
    /// When a peer that was asked by [`super::Input::Probe`] must have answered.
    Probe,
    /// At once: what is known waits for the kernel's readings.
    Readings,
}

impl Connection {
    /// When to hand in [`super::Input::Timeout`], and why; [`Time::NEVER`] where nothing is due.
    pub(super) fn poll_timeout(&self) -> (Time, Timer) {
        let own = self.state_timeout();
        if !self.is_ending() {
            return own;
        }
        let delivery = self.delivery_timeout();
        if delivery.0 < own.0 { delivery } else { own }
    }

    /// Returns whether the session is live and nothing waits. As long as this holds, the deadline can only move later: one
    /// that was asked for meanwhile is still no later than the next.
    pub(super) fn calm(&self) -> Calm {
        let nothing_waits = self.queue_is_empty() && self.decoder.unfinished().is_none();
        let is_calm =
            self.liveness.is_calm() && !self.is_rate_limited() && self.probe_by() == Time::NEVER;
        if !self.is_live() || self.end_noticed || !nothing_waits || !is_calm {
            return Calm::No;
        }
        // One that was due at once went out before.
        match self.stream.owes_ack() {
            false => Calm::WithoutAck,
            true if self.can_write() => Calm::WithAck,
            true => Calm::No,
        }
    }

    fn state_timeout(&self) -> (Time, Timer) {
        match *self.state {
            // The peer's end shows: no decision of this side can be the cause now.
            State::Proxy { .. }
            | State::Tls { .. }
            | State::Hello { .. }
            | State::Auth { .. }
            | State::Live
                if self.end_noticed =>
            {
                (Time::NEVER, Timer::Dead)
            }
            State::Proxy { until } => (until, Timer::Proxy),
            State::Tls { until } => (until, Timer::Tls),
            State::Hello { until } => (until, Timer::Hello),
            State::Auth { until, .. } => (until, Timer::Auth),
            State::Live => self.live_timeout(),
            State::Answering { verdict, for_ms }
            | State::Closing { verdict, for_ms }
            | State::Lingering { verdict, for_ms } => {
                let time = Duration::from_millis(for_ms.into());
                (verdict.at + time, Timer::Linger)
            }
            State::Flushing { until } => (until, Timer::Linger),
            State::Settling { until, next, .. } if next < until => (next, Timer::Settle),
            State::Settling { until, .. } => (until, Timer::Linger),
            // The game's time for the rest is the delivery's.
            State::Delivering { .. } | State::Closed => (Time::NEVER, Timer::Linger),
        }
    }

    fn live_timeout(&self) -> (Time, Timer) {
        let mut next = self.liveness_by();
        for (at, timer) in [
            (self.rate_by(), Timer::Rate),
            (self.ack_by(), Timer::Ack),
            (self.probe_by(), Timer::Probe),
            (self.idle_by(), Timer::Idle),
            (self.age_by(), Timer::Age),
            (self.frame_by(), Timer::Frame),
        ] {
            // At the same instant, a frame comes first, then age, idleness, a probe, an ack, the rate, and last the silence.
            if at <= next.0 && at != Time::NEVER {
                next = (at, timer);
            }
        }
        next
    }

    pub(super) fn on_timeout(&mut self, now: Time, readings: Readings) {
        let (at, timer) = self.poll_timeout();
        if at > now {
            return;
        }
        match timer {
            Timer::Proxy => self.on_proxy_header(now, Err(ProxyFault::Late)),
            Timer::Tls => self.close_silently(now, Cause::TlsTimeout),
            Timer::Hello => self.decide(now, &Close::new(Cause::HelloTimeout)),
            Timer::Auth => self.decide(now, &Close::new(Cause::AuthTimeout)),
            Timer::Frame => self.decide(now, &Close::new(Cause::FrameTimeout)),
            Timer::Age => self.on_age(now, readings),
            Timer::Idle => {
                self.note_silence(now, Cause::Idle);
                self.rare_mut().own_stall += now.since(at + SWEEP);
                self.decide(now, &Close::new(Cause::Idle));
            }
            Timer::Suspect | Timer::Dead | Timer::Heartbeat | Timer::Sample => {
                self.on_liveness_due(now, readings);
            }
            Timer::Rate => self.on_rate_due(now),
            Timer::Ack => self.queue_ack(),
            Timer::Probe => self.on_probe_due(now, readings),
            Timer::Linger => self.on_linger_over(now, readings),
            Timer::Settle => self.on_settle_due(now, readings),
            Timer::Delivery => self.on_delivery_over(now, readings),
            Timer::Readings => self.on_readings_due(now, readings),
        }
    }

    /// A frame waits long, or too long: for a peer that is slow, or on a path that does not answer. In an outage age
    /// does not count, since what the kernel can still carry is not lost.
    fn on_age(&mut self, now: Time, readings: Readings) {
        if !self.told_congested() {
            return self.becomes_congested();
        }
        self.on_sampled(now, readings.kernel);
        let Some(age) = self.config.limits.outbound_age_max else {
            return;
        };
        if self.liveness.is_doubtful(now) {
            self.rare_mut().age_since = now;
            return;
        }
        self.drop_aged(now, age);
        // Now the oldest one is kept until it is written.
        if self.oldest().is_some_and(|oldest| now.since(oldest) >= age) {
            self.decide(now, &Close::new(Cause::SendQueueStale));
        }
    }

    fn liveness_by(&self) -> (Time, Timer) {
        let (at, due) = self.liveness.poll_timeout(self.is_blocked());
        let timer = match due {
            TimeoutReason::Suspect => Timer::Suspect,
            TimeoutReason::Dead => Timer::Dead,
            TimeoutReason::Ping => Timer::Heartbeat,
            TimeoutReason::Sample => Timer::Sample,
        };
        (at, timer)
    }

    /// A frame's time does not run out while the network may be the reason: the deadline moves behind the verdict on the
    /// silence.
    fn frame_by(&self) -> Time {
        match self.decoder.unfinished() {
            Some((since, _)) if !self.liveness.is_paused() => {
                let by = since + self.config.limits.frame_timeout;
                match self.liveness.may_be_cut_off() {
                    true => by.max(self.liveness.judged_at() + GRACE),
                    false => by,
                }
            }
            _ => Time::NEVER,
        }
    }

    /// Age does not count while the peer is suspect: the deadline moves behind the verdict on its silence.
    fn age_by(&self) -> Time {
        match (self.config.limits.outbound_age_max, self.oldest()) {
            (Some(age), Some(oldest)) if self.can_write() => {
                let by = self.next_age(age).map_or(Time::NEVER, |age| oldest + age);
                if by >= self.liveness.suspect_limit_at() {
                    by.max(self.liveness.judged_at() + GRACE)
                } else {
                    by
                }
            }
            _ => Time::NEVER,
        }
    }

    /// Since when the oldest frame has waited, silences of the peer left out.
    pub(super) fn oldest(&self) -> Option<Time> {
        let oldest = self.stream.queue.as_ref()?.oldest()?;
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
