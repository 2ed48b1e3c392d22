//! The tasks that wait for room in one connection's outbound queue.

use std::sync::atomic::{AtomicU64, Ordering};
use std::task::Waker;

/// One task's place among the waiters. It is unique in the process, so that a cleared place never belongs to another
/// task later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place(u64);

impl Place {
    pub(super) fn new() -> Self {
        static LAST: AtomicU64 = AtomicU64::new(0);
        Self(LAST.fetch_add(1, Ordering::Relaxed))
    }
}

/// Wakers, each in its place. A removed waker is returned, so that it is woken or dropped without the lock, since both
/// may run code of its task.
#[derive(Debug, Default)]
pub(super) struct Waiters(Vec<(Place, Waker)>);

impl Waiters {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn has(&self, place: Place) -> bool {
        self.0.iter().any(|(taken, _)| *taken == place)
    }

    /// Puts a waker in a place. Returns the previous one.
    pub(super) fn leave(&mut self, place: Place, waker: Waker) -> Option<Waker> {
        match self.0.iter_mut().find(|(taken, _)| *taken == place) {
            Some((_, own)) => Some(std::mem::replace(own, waker)),
            None => {
                self.0.push((place, waker));
                None
            }
        }
    }

    /// Clears a place, whether or not a task waits there.
    pub(super) fn remove(&mut self, place: Place) -> Option<Waker> {
        let at = self.0.iter().position(|(taken, _)| *taken == place)?;
        Some(self.0.swap_remove(at).1)
    }

    /// Wakes all waiters.
    pub(super) fn wake(self) {
        for (_, waker) in self.0 {
            waker.wake();
        }
    }
}
