//! Frames and bytes of all sessions: added once a burst, read at a scrape.

use std::sync::atomic::{AtomicU64, Ordering};

use lastword_session::Traffic;

/// Totals since the server started.
pub(crate) type Totals = Traffic;

/// The running totals.
#[derive(Debug, Default)]
pub(crate) struct TrafficTotals {
    frames_in: AtomicU64,
    frames_out: AtomicU64,
    bytes_in: AtomicU64,
    bytes_out: AtomicU64,
}

impl TrafficTotals {
    pub(crate) fn add(&self, traffic: Traffic) {
        self.frames_in.fetch_add(traffic.frames_in, Ordering::Relaxed);
        self.frames_out.fetch_add(traffic.frames_out, Ordering::Relaxed);
        self.bytes_in.fetch_add(traffic.bytes_in, Ordering::Relaxed);
        self.bytes_out.fetch_add(traffic.bytes_out, Ordering::Relaxed);
    }

    pub(crate) fn read(&self) -> Totals {
        Totals {
            frames_in: self.frames_in.load(Ordering::Relaxed),
            frames_out: self.frames_out.load(Ordering::Relaxed),
            bytes_in: self.bytes_in.load(Ordering::Relaxed),
            bytes_out: self.bytes_out.load(Ordering::Relaxed),
        }
    }
}
