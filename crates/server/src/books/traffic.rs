//! Running totals of all live sessions: frames and bytes, added once a burst; suspect, paused, congested and
//! rate-limited sessions; round trips.
//! The laws of the books do not cover these, so they need no lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use lastword_session::{Diagnosis, Traffic};

/// Totals since the server started: in and out.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Totals {
    pub(crate) frames: [u64; 2],
    pub(crate) bytes: [u64; 2],
    /// How often a peer became suspect, by [`Diagnosis::ALL`].
    pub(crate) suspects: [u64; Diagnosis::ALL.len()],
    /// Sessions whose peer is suspect now, by [`Diagnosis::ALL`].
    pub(crate) suspected: [u64; Diagnosis::ALL.len()],
    /// Sessions whose reading is paused now.
    pub(crate) paused: u64,
    /// Sessions that are congested now.
    pub(crate) congested: u64,
    /// Frames that a policy of the outbound queue dropped, or a newer one replaced.
    pub(crate) dropped: u64,
    pub(crate) replaced: u64,
    /// How often a peer went over its rate.
    pub(crate) rate_limits: u64,
    /// Sessions whose peer is over its rate now.
    pub(crate) rate_limited: u64,
    /// Our answered pings, and the sum of their round trips in microseconds.
    pub(crate) round_trips: [u64; 2],
}

/// The running totals.
#[derive(Debug, Default)]
pub(crate) struct TrafficTotals {
    frames: [AtomicU64; 2],
    bytes: [AtomicU64; 2],
    suspects: [AtomicU64; Diagnosis::ALL.len()],
    suspected: [AtomicU64; Diagnosis::ALL.len()],
    paused: AtomicU64,
    congested: AtomicU64,
    dropped: AtomicU64,
    replaced: AtomicU64,
    rate_limits: AtomicU64,
    rate_limited: AtomicU64,
    round_trips: [AtomicU64; 2],
}

impl TrafficTotals {
    pub(crate) fn add(&self, traffic: Traffic) {
        add(&self.frames, [traffic.frames_in, traffic.frames_out]);
        add(&self.bytes, [traffic.bytes_in, traffic.bytes_out]);
        // Most sessions never have one.
        if traffic.frames_dropped + traffic.frames_replaced > 0 {
            self.dropped
                .fetch_add(traffic.frames_dropped, Ordering::Relaxed);
            self.replaced
                .fetch_add(traffic.frames_replaced, Ordering::Relaxed);
        }
    }

    /// Counts a change of a session's diagnosis from `before` to `after`; `None` is healthy.
    pub(crate) fn suspect(&self, before: Option<Diagnosis>, after: Option<Diagnosis>) {
        if let Some(count) = before.and_then(|before| of(&self.suspected, before)) {
            count.fetch_sub(1, Ordering::Relaxed);
        }
        let Some(after) = after else { return };
        for counts in [&self.suspected, &self.suspects] {
            if let Some(count) = of(counts, after) {
                count.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// Counts a session whose reading pauses (`true`), or continues or ends (`false`). Each pause must be undone once.
    pub(crate) fn paused(&self, pauses: bool) {
        count(&self.paused, pauses);
    }

    /// Counts a session that is congested (`true`), or flows again or ends (`false`). Each must be undone once.
    pub(crate) fn congested(&self, congested: bool) {
        count(&self.congested, congested);
    }

    /// Counts a session whose peer goes over its rate (`true`), or is within it again or ends (`false`). Each `true` must
    /// be undone once.
    pub(crate) fn rate_limited(&self, limited: bool) {
        if limited {
            self.rate_limits.fetch_add(1, Ordering::Relaxed);
            self.rate_limited.fetch_add(1, Ordering::Relaxed);
        } else {
            self.rate_limited.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts the answer to one of our pings.
    pub(crate) fn round_trip(&self, rtt: Duration) {
        let micros = u64::try_from(rtt.as_micros()).unwrap_or(u64::MAX);
        add(&self.round_trips, [1, micros]);
    }

    pub(crate) fn read(&self) -> Totals {
        Totals {
            frames: read(&self.frames),
            bytes: read(&self.bytes),
            suspects: read(&self.suspects),
            suspected: read(&self.suspected),
            paused: self.paused.load(Ordering::Relaxed),
            congested: self.congested.load(Ordering::Relaxed),
            dropped: self.dropped.load(Ordering::Relaxed),
            replaced: self.replaced.load(Ordering::Relaxed),
            rate_limits: self.rate_limits.load(Ordering::Relaxed),
            rate_limited: self.rate_limited.load(Ordering::Relaxed),
            round_trips: read(&self.round_trips),
        }
    }
}

fn of(counts: &[AtomicU64; Diagnosis::ALL.len()], diagnosis: Diagnosis) -> Option<&AtomicU64> {
    let mut kinds = Diagnosis::ALL.iter().zip(counts);
    kinds.find_map(|(kind, count)| (*kind == diagnosis).then_some(count))
}

fn count(sessions: &AtomicU64, one_more: bool) {
    match one_more {
        true => sessions.fetch_add(1, Ordering::Relaxed),
        false => sessions.fetch_sub(1, Ordering::Relaxed),
    };
}

fn add(totals: &[AtomicU64; 2], counts: [u64; 2]) {
    for (total, count) in totals.iter().zip(counts) {
        total.fetch_add(count, Ordering::Relaxed);
    }
}

fn read<const N: usize>(totals: &[AtomicU64; N]) -> [u64; N] {
    totals.each_ref().map(|total| total.load(Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suspects_are_counted_by_diagnosis_and_pauses_and_rate_limits_until_they_end() {
        let totals = TrafficTotals::default();
        for diagnosis in Diagnosis::ALL {
            totals.suspect(None, Some(diagnosis));
            totals.suspect(None, Some(diagnosis));
            totals.suspect(Some(diagnosis), None);
        }
        assert_eq!(totals.read().suspects, [2; Diagnosis::ALL.len()]);
        assert_eq!(totals.read().suspected, [1; Diagnosis::ALL.len()]);
        totals.paused(true);
        totals.paused(true);
        totals.paused(false);
        assert_eq!(totals.read().paused, 1);
        totals.rate_limited(true);
        totals.rate_limited(false);
        totals.rate_limited(true);
        let read = totals.read();
        assert_eq!((read.rate_limits, read.rate_limited), (2, 1));
    }

    #[test]
    fn round_trips_are_counted_and_summed() {
        let totals = TrafficTotals::default();
        totals.round_trip(Duration::from_millis(3));
        totals.round_trip(Duration::from_micros(40));
        assert_eq!(totals.read().round_trips, [2, 3_040]);
    }
}
