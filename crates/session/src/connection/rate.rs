//! The peer's rate: over it reading pauses, and a peer that stays over it is ended.
//!
//! The wait for a token is a pause like the game's: no limit of the peer runs meanwhile. An end, noticed or decided, ends
//! the wait, so that everything that lies unread is read.

use std::time::Duration;

use super::{Connection, Rare};
use crate::close::Close;
use crate::ending::Layer;
use crate::rates::{RateStep, Rates};
use crate::{Cause, Limits, Link, Phase, Time};

impl Connection {
    /// Takes note that a read found nothing: everything that the peer has sent was read.
    pub(super) fn caught_up(&mut self) {
        if let Some((rates, _)) = self.rates() {
            rates.caught_up();
        }
    }

    /// Returns whether the peer is over its rate, so that it matters whether a read finds nothing.
    pub(super) fn is_over_rate(&self) -> bool {
        self.over_rate_since().is_some()
    }

    /// Returns the most bytes that one read may take. Of a peer that is not let in, or has a rate, bytes may have to wait:
    /// they then wait in the kernel and not here.
    pub(super) fn read_bytes_max(&self) -> usize {
        let may_wait = self.phase != Phase::Live || rates_of(&self.rare).is_some();
        if may_wait {
            SMALL_READ_BYTES
        } else {
            usize::MAX
        }
    }

    /// Whether bytes of the peer wait for its rate.
    pub(super) fn waits_for_rate(&self) -> bool {
        rates_of(&self.rare).is_some_and(Rates::waits)
    }

    /// Gives the peer of a session that begins its rate.
    pub(super) fn start_rates(&mut self, now: Time) {
        if let Some(rates) = Rates::new(now, &self.config.limits) {
            self.rare_mut().rates = Some(rates);
        }
    }

    /// Whether the next frame must wait. If it waits for the peer's rate, reading is paused from now on.
    pub(super) fn must_wait(&mut self, now: Time) -> bool {
        self.reads_no_further() || self.exceeds_rate(now)
    }

    /// After an end was noticed there is no rate: only so much is left as the kernel holds.
    fn exceeds_rate(&mut self, now: Time) -> bool {
        if !self.is_live() || self.end_noticed {
            return false;
        }
        let waits = self
            .rates()
            .is_some_and(|(rates, limits)| !rates.admits(now, limits));
        if waits {
            self.begins_pause(now);
        }
        waits
    }

    /// Charges a frame of any kind to the peer.
    pub(super) fn charge(&mut self, bytes: usize) {
        if let Some((rates, _)) = self.rates() {
            rates.charge(bytes);
        }
    }

    /// Charges one frame more for a ping, which we answer. Pings of the heartbeat cost nothing.
    pub(super) fn charge_ping(&mut self, now: Time) {
        let heartbeat = self.heartbeat();
        if let Some((rates, _)) = self.rates() {
            rates.charge_answer();
            rates.give_back_heartbeat(now, heartbeat);
        }
    }

    /// The pong of a dialect does not show which ping it answers: it costs nothing as often as a ping.
    pub(super) fn charge_pong_of_dialect(&mut self, now: Time) {
        let heartbeat = self.heartbeat();
        if let Some((rates, _)) = self.rates() {
            rates.give_back_heartbeat(now, heartbeat);
        }
    }

    /// The wire asks for this frame: it costs nothing.
    pub(super) fn charge_nothing(&mut self) {
        if let Some((rates, _)) = self.rates() {
            rates.give_back();
        }
    }

    /// Credits the time that delayed bytes which arrive now: time in which this process stood still, or an outage. All
    /// bytes of that time may arrive at once. `silence` is the time since the last byte, with the stall.
    pub(super) fn credit_rates(&mut self, silence: Duration, stalled: Duration, now: Time) {
        if rates_of(&self.rare).is_none() {
            return;
        }
        let since = self.liveness.silent_since();
        let is_outage = self.liveness.suspect_limit_at() <= now;
        let Some((rates, limits)) = self.rates() else {
            return;
        };
        if is_outage {
            rates.silence_ended(silence, since, now, limits);
        } else if stalled > Duration::ZERO {
            rates.silence_ended(stalled, now, now, limits);
        }
        rates.recover(now, limits);
    }

    /// The game took no frames: what the peer sent meanwhile arrives at once.
    pub(super) fn credit_pause(&mut self, paused: Time, now: Time) {
        if let Some((rates, limits)) = self.rates() {
            rates.not_reading(paused, now, limits);
        }
    }

    pub(super) fn on_rate_due(&mut self, now: Time) {
        let step = self
            .rates()
            .and_then(|(rates, limits)| rates.on_timeout(now, limits));
        match step {
            None => {}
            Some(RateStep::Read) => self.stops_waiting_for_rate(now),
            Some(RateStep::End) => {
                let exceeded = self
                    .rates()
                    .map_or("", |(rates, limits)| rates.exceeded(now, limits));
                self.note(now, Layer::Session, exceeded);
                self.decide(now, &Close::new(Cause::RateLimited));
            }
        }
    }

    /// Reading goes on, if the rate was the reason that it did not.
    pub(super) fn stops_waiting_for_rate(&mut self, now: Time) {
        let waited = self.rates().is_some_and(|(rates, _)| rates.stop_waiting());
        if waited {
            self.ends_pause(now);
        }
    }

    /// When the peer's rate wants to be looked at: not while the game takes no frames.
    pub(super) fn rate_by(&self) -> Time {
        match rates_of(&self.rare) {
            Some(rates) if !self.is_paused() => rates.due_at(&self.config.limits),
            _ => Time::NEVER,
        }
    }

    /// Whether the rate has a deadline of its own.
    pub(super) fn is_rate_limited(&self) -> bool {
        rates_of(&self.rare).is_some_and(Rates::is_limited)
    }

    pub(super) fn over_rate_since(&self) -> Option<Time> {
        rates_of(&self.rare)?.over_since()
    }

    pub(super) fn poll_rate(&mut self) -> Option<Link> {
        let (rates, _) = self.rates()?;
        Some(match rates.poll_limited()? {
            true => Link::RateLimited,
            false => Link::WithinRate,
        })
    }

    fn heartbeat(&self) -> Duration {
        Duration::from_millis(self.liveness.timing().heartbeat_ms.into())
    }

    fn rates(&mut self) -> Option<(&mut Rates, &Limits)> {
        let rates = self.rare.as_mut()?.rates.as_deref_mut()?;
        Some((rates, &self.config.limits))
    }
}

const SMALL_READ_BYTES: usize = 4 * 1024;

fn rates_of(rare: &Option<Box<Rare>>) -> Option<&Rates> {
    rare.as_ref()?.rates.as_deref()
}
