//! Snapshots of the books, one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use lastword_server::ServerHandle;

/// Takes one snapshot after the other on a thread of its own, and checks the laws in each.
pub(crate) struct Auditor {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<u64>,
}

impl Auditor {
    pub(crate) fn start(servers: Vec<ServerHandle>) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let audit = move || {
            let mut snapshots = 0;
            while !stopped.load(Ordering::Relaxed) {
                for server in &servers {
                    let stats = server.stats();
                    assert!(stats.laws_hold(), "{stats:?}");
                    snapshots += 1;
                }
                // Gives the clients a turn, too.
                std::thread::park_timeout(Duration::from_millis(1));
            }
            snapshots
        };
        Self {
            stop,
            thread: std::thread::spawn(audit),
        }
    }

    /// Returns how many snapshots there were.
    pub(crate) fn stop(self) -> u64 {
        self.stop.store(true, Ordering::Relaxed);
        self.thread
            .join()
            .expect("both laws hold in every snapshot")
    }
}
