//! Limits how often the same kind of line is logged: a benchmark, a scanner or a lack of descriptors must not fill a disk.

use std::net::SocketAddr;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::Instant;

use crate::guard::{lock, logged};

/// The lines that are limited.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Limited {
    /// The ends of connections that never became a session.
    Closes,
    /// The failures of accept.
    AcceptErrors,
}

/// Counts the withheld lines. It logs their number each second, and at the end of the server.
#[derive(Debug)]
pub(crate) struct Limit {
    lines: Limited,
    listener: SocketAddr,
    bucket: Mutex<Bucket>,
    withheld: AtomicU64,
    some_are_withheld: Notify,
}

#[derive(Debug)]
struct Bucket {
    /// The most lines that may be written at once, and in each second after that.
    burst: f64,
    per_second: f64,
    tokens: f64,
    refilled: Instant,
}

impl Limit {
    pub(crate) fn new(lines: Limited, listener: SocketAddr) -> Self {
        let (burst, per_second) = match lines {
            Limited::Closes => (100.0, 10.0),
            Limited::AcceptErrors => (5.0, 1.0),
        };
        Self {
            lines,
            listener,
            bucket: Mutex::new(Bucket {
                burst,
                per_second,
                tokens: burst,
                refilled: Instant::now(),
            }),
            withheld: AtomicU64::new(0),
            some_are_withheld: Notify::new(),
        }
    }

    /// Whether one more line may be written. A line that may not is counted.
    pub(crate) fn allows(&self) -> bool {
        let mut bucket = lock(&self.bucket);
        let allowed = bucket.take(Instant::now());
        drop(bucket);
        if !allowed && self.withheld.fetch_add(1, Ordering::Relaxed) == 0 {
            self.some_are_withheld.notify_one();
        }
        allowed
    }

    /// Logs once a second how many lines were withheld in that second. It never ends.
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
        if withheld == 0 {
            return;
        }
        logged(|| match self.lines {
            Limited::Closes => tracing::info!(
                target: "lastword::close",
                withheld,
                listener = %self.listener,
                "more connections ended that never became a session: /api/closes and the metrics have them"
            ),
            Limited::AcceptErrors => tracing::warn!(
                withheld,
                listener = %self.listener,
                "accept failed more often: lastword_accept_errors_total counts each failure"
            ),
        });
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
        self.tokens = (self.tokens + passed.as_secs_f64() * self.per_second).min(self.burst);
        let allowed = self.tokens >= 1.0;
        if allowed {
            self.tokens -= 1.0;
        }
        allowed
    }
}

const PERIOD: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::log::Lines;

    fn allowed(limit: &Limit, asked: u32) -> usize {
        (0..asked).filter(|_| limit.allows()).count()
    }

    #[tokio::test(start_paused = true)]
    async fn a_hundred_lines_are_written_at_once_and_then_ten_a_second() {
        let listener = SocketAddr::from(([127, 0, 0, 1], 7_000));
        let limit = Limit::new(Limited::Closes, listener);
        assert_eq!(allowed(&limit, 37_070), 100);
        assert_eq!(limit.withheld.load(Ordering::Relaxed), 36_970);
        tokio::time::advance(Duration::from_millis(1_050)).await;
        assert_eq!(allowed(&limit, 100), 10);
        tokio::time::advance(Duration::from_secs(3_600)).await;
        assert_eq!(allowed(&limit, 1_000), 100, "it fills no further");
    }

    #[tokio::test(start_paused = true)]
    async fn failures_of_accept_are_written_five_times_and_then_counted() {
        let listener = SocketAddr::from(([127, 0, 0, 1], 7_000));
        let limit = Limit::new(Limited::AcceptErrors, listener);
        assert_eq!(allowed(&limit, 200), 5);
        tokio::time::advance(Duration::from_millis(1_050)).await;
        assert_eq!(allowed(&limit, 200), 1);
        let lines = Lines::default();
        tracing::subscriber::with_default(lines.subscriber(), || limit.tell());
        let text = lines.text();
        assert!(
            text.contains("WARN") && text.contains("withheld=394"),
            "{text}"
        );
    }
}
