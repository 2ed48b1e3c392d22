//! Limits how often connections that never became a session are logged: a benchmark or a scanner must not fill a disk.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::guard::lock;

/// Counts the withheld lines, and logs their number within a second, and at the end of the server.
#[derive(Debug)]
pub(crate) struct Limit {
    listener: SocketAddr,
    bucket: Mutex<Bucket>,
    withheld: AtomicU64,
    some_are_withheld: Notify,
}

#[derive(Debug)]
struct Bucket {
    tokens: f64,
    refilled: Instant,
}

impl Limit {
    pub(crate) fn new(listener: SocketAddr) -> Self {
        Self {
            listener,
            bucket: Mutex::new(Bucket {
                tokens: BURST,
                refilled: Instant::now(),
            }),
            withheld: AtomicU64::new(0),
            some_are_withheld: Notify::new(),
        }
    }

    /// Whether one more line may be written. A line that may not is counted.
    pub(super) fn allows(&self) -> bool {
        let mut bucket = lock(&self.bucket);
        let allowed = bucket.take(Instant::now());
        drop(bucket);
        if !allowed && self.withheld.fetch_add(1, Ordering::Relaxed) == 0 {
            self.some_are_withheld.notify_one();
        }
        allowed
    }

    /// Logs once a second how many lines were withheld since. It never ends.
    pub(crate) async fn tell_each_second(&self) {
        loop {
            self.some_are_withheld.notified().await;
            tokio::time::sleep(PERIOD).await;
            self.tell();
        }
    }

    /// Logs how many lines were withheld since the last call.
    pub(crate) fn tell(&self) {
        let withheld = self.withheld.swap(0, Ordering::Relaxed);
        if withheld > 0 {
            tracing::info!(
                target: "lastword::close",
                withheld,
                listener = %self.listener,
                "more connections ended that never became a session: /api/closes and the metrics have them"
            );
        }
    }
}

/// Connections may outlive the server's last moment, so their count is logged here.
impl Drop for Limit {
    fn drop(&mut self) {
        self.tell();
    }
}

impl Bucket {
    fn take(&mut self, now: Instant) -> bool {
        let passed = now.saturating_duration_since(self.refilled);
        self.refilled = now;
        self.tokens = (self.tokens + passed.as_secs_f64() * LINES_PER_SECOND).min(BURST);
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

/// The most lines that may be written at once.
const BURST: f64 = 100.0;
/// The most lines that may be written steadily.
const LINES_PER_SECOND: f64 = 10.0;
const PERIOD: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(limit: &Limit, asked: u32) -> usize {
        (0..asked).filter(|_| limit.allows()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_lines_are_written_at_once_and_then_ten_a_second() {
        let limit = Limit::new(SocketAddr::from(([127, 0, 0, 1], 7_000)));
        assert_eq!(allowed(&limit, 37_070), 100);
        assert_eq!(limit.withheld.load(Ordering::Relaxed), 36_970);
        tokio::time::advance(Duration::from_millis(1_050)).await;
        assert_eq!(allowed(&limit, 100), 10);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(allowed(&limit, 1_000), 100, "it fills no further");
    }
}
