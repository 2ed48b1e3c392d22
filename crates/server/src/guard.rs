//! Protection against panics of the game's code: they stop no caller, a lock that one of them poisoned still works, and
//! they do not fill the log.

mod repeated;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use repeated::withheld_before;

/// Runs the game's code so that its panic does not stop the caller.
pub(crate) fn guarded(panicked: &'static str, call: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err() {
        if let Some(withheld) = withheld_before(panicked) {
            tracing::error!(withheld, "{panicked}");
        }
    }
}

/// Locks a mutex, even if a thread panicked while it held the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
