//! A gate in front of the relay's threads: while it is shut, none of them moves a packet.

use std::sync::{Condvar, Mutex, PoisonError};

/// The gate; it is open at first.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    is_shut: Mutex<bool>,
    opened: Condvar,
}

impl Gate {
    pub(crate) fn shut(&self) {
        self.set(true);
    }

    pub(crate) fn open(&self) {
        self.set(false);
        self.opened.notify_all();
    }

    /// Returns as soon as the gate is open.
    pub(crate) fn pass(&self) {
        let is_shut = self.is_shut.lock().unwrap_or_else(PoisonError::into_inner);
        let open = self.opened.wait_while(is_shut, |is_shut| *is_shut);
        drop(open.unwrap_or_else(PoisonError::into_inner));
    }

    fn set(&self, is_shut: bool) {
        *self.is_shut.lock().unwrap_or_else(PoisonError::into_inner) = is_shut;
    }
}
