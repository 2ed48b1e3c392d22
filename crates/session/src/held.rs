//! The memory that all sessions without a connection may hold together.

use std::sync::atomic::{AtomicUsize, Ordering};

/// The bytes of frames that all sessions without a connection hold, and how many they may hold together. Clones of one
/// configuration share it.
#[derive(Debug)]
pub struct HeldBytes {
    max: usize,
    held: AtomicUsize,
}

impl HeldBytes {
    /// Nothing is held. `max` is in bytes.
    #[must_use]
    pub const fn new(max: usize) -> Self {
        Self {
            max,
            held: AtomicUsize::new(0),
        }
    }

    /// Counts this many bytes more, if they fit. Returns whether they did.
    #[must_use]
    pub fn take(&self, bytes: usize) -> bool {
        let more = |held: usize| held.checked_add(bytes).filter(|sum| *sum <= self.max);
        let taken = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, more);
        taken.is_ok()
    }

    /// Counts `to` bytes in place of `from`. Returns whether all of them fit still.
    pub fn change(&self, from: usize, to: usize) -> bool {
        let change = |held: usize| Some(held.saturating_sub(from).saturating_add(to));
        let before = self
            .held
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, change);
        let held = before.unwrap_or_else(|held| held);
        held.saturating_sub(from).saturating_add(to) <= self.max
    }

    /// Returns the bytes that are held now.
    #[must_use]
    pub fn now(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_is_taken_than_fits_and_what_is_freed_can_be_taken_again() {
        let held = HeldBytes::new(100);
        assert!(held.take(60) && !held.take(41) && held.take(40));
        assert!(!held.change(60, 61), "more than fits");
        assert!(held.change(61, 0));
        assert_eq!(held.now(), 40);
    }
}
