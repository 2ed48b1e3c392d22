//! Frames and bytes of all sessions: added once a burst, read at a scrape.

use std::sync::atomic::{AtomicU64, Ordering};

use lastword_session::Traffic;

/// Totals since the server started: in, out.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Totals {
    pub(crate) frames: [u64; 2],
    pub(crate) bytes: [u64; 2],
}

/// The running totals.
#[derive(Debug, Default)]
pub(crate) struct TrafficTotals {
    frames: [AtomicU64; 2],
    bytes: [AtomicU64; 2],
}

impl TrafficTotals {
    pub(crate) fn add(&self, traffic: Traffic) {
        add(&self.frames, [traffic.frames_in, traffic.frames_out]);
        add(&self.bytes, [traffic.bytes_in, traffic.bytes_out]);
    }

    pub(crate) fn read(&self) -> Totals {
        Totals {
            frames: read(&self.frames),
            bytes: read(&self.bytes),
        }
    }
}

fn add(totals: &[AtomicU64; 2], counts: [u32; 2]) {
    for (total, count) in totals.iter().zip(counts) {
        total.fetch_add(u64::from(count), Ordering::Relaxed);
    }
}

fn read(totals: &[AtomicU64; 2]) -> [u64; 2] {
    totals.each_ref().map(|total| total.load(Ordering::Relaxed))
}
