//! A question of the owner: is the peer there? A session that may resume does not wait for the dead limit.

use std::time::Duration;

use super::{Connection, Readings};
use crate::dialect::Framing;
use crate::ending::Layer;
use crate::{Cause, Time};

/// A question that was not answered yet.
#[derive(Clone, Copy, Debug)]
pub(super) struct Probe {
    /// How long the peer may be silent.
    limit: Duration,
    until: Time,
}

impl Connection {
    pub(super) fn on_probe(&mut self, now: Time) {
        let speaks = self.is_live() && !self.end_noticed && self.can_write();
        if !speaks || !matches!(self.config.framing, Framing::Native) {
            return;
        }
        self.ping(now);
        if self.stream.outlives() {
            let rtt = self.round_trip.rtt();
            let limit = rtt.map_or(MOST, |rtt| (rtt * 2).clamp(LEAST, MOST));
            let until = now + limit;
            self.rare_mut().probe = Some(Probe { limit, until });
        }
    }

    /// When the peer must have answered. While reading is paused, its answer may lie unread.
    #[inline]
    pub(super) fn probe_by(&self) -> Time {
        let probe = self.rare.as_ref().and_then(|rare| rare.probe);
        match probe {
            Some(probe) if !self.liveness.is_paused() => probe.until,
            _ => Time::NEVER,
        }
    }

    /// Bytes have come. They may be older than the question, so they only extend the time for the answer.
    #[inline]
    pub(super) fn is_heard_by_probe(&mut self, now: Time) {
        let rare = self.rare.as_mut();
        if let Some(probe) = rare.and_then(|rare| rare.probe.as_mut()) {
            probe.until = now + probe.limit;
        }
    }

    /// The pong to our last ping has come.
    pub(super) fn is_answered(&mut self) {
        if let Some(rare) = &mut self.rare {
            rare.probe = None;
        }
    }

    /// No answer: the session leaves this connection by a reset, and goes on over another one.
    pub(super) fn on_probe_due(&mut self, now: Time, readings: Readings) {
        let silent_for = now.since(self.liveness.silent_since());
        let rare = self.rare_mut();
        rare.probe = None;
        rare.silent_for = Some(silent_for);
        self.note(now, Layer::Session, "probe");
        self.close_abruptly(now, Cause::PeerSilent, readings);
    }
}

/// The bounds of twice the round trip. Without a round trip, the upper one counts.
const LEAST: Duration = Duration::from_millis(300);
const MOST: Duration = Duration::from_secs(2);
