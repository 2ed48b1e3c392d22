//! The line of the connections that have more to do than one wake-up may do. A few of them are woken at a time, and in between
//! the runtime looks at its sockets and timers. So a client that says little waits for a few floods and not for all of them.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

/// The line of one table: the places of the connections, in their order.
#[derive(Debug, Default)]
pub(crate) struct Turns {
    line: Mutex<VecDeque<u32>>,
    /// The line is no longer empty, or the table is gone.
    changed: Notify,
}

impl Turns {
    /// Puts a place at the end of the line.
    pub(crate) fn push(&self, place: u32) {
        let mut line = self.lock();
        line.push_back(place);
        let is_first = line.len() == 1;
        drop(line);
        if is_first {
            self.changed.notify_one();
        }
    }

    /// Takes the first place out of the line.
    pub(crate) fn pop(&self) -> Option<u32> {
        self.lock().pop_front()
    }

    /// Waits until the line may have a first place, or the table is gone.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Ends the wait of [`Turns::changed`].
    pub(crate) fn close(&self) {
        self.changed.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<u32>> {
        self.line.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
