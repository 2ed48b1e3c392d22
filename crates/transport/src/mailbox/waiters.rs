//! The tasks that wait for room in one connection's outbound queue.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

/// One task's place among the waiters; no two of the process are the same, so that a place which was cleared
/// is nobody else's later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

impl Place {
    pub(super) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// Wakers, each in its place. Those that leave come out, to be woken or dropped where no lock is held: that may
/// run code of their tasks.
#[derive(Debug, Default)]
pub(super) struct Waiters(Vec<(Place, Waker)>);

impl Waiters {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.0.iter().any(|(taken, _)| *taken == place)
    }

    /// Leaves a waker in a place. Returns the one that lay there.
    pub(super) fn leave(&mut self, place: Place, waker: Waker) -> Option<Waker> {
        match self.0.iter_mut().find(|(taken, _)| *taken == place) {
            Some((_, own)) => Some(std::mem::replace(own, waker)),
            None => {
                self.0.push((place, waker));
                None
            }
        }
    }

    /// Clears a place, whether or not somebody waits there.
    pub(super) fn remove(&mut self, place: Place) -> Option<Waker> {
        let at = self.0.iter().position(|(taken, _)| *taken == place)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Wakes everybody.
    pub(super) fn wake(self) {
        for (_, waker) in self.0 {
            waker.wake();
        }
    }
}
