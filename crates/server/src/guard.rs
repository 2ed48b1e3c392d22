//! Protection against panics of the game's code and of its log subscriber. Such a panic stops no caller. A lock that it
//! poisoned still works. Repeated panics do not fill the log.

mod repeated;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Mutex, MutexGuard, PoisonError};

pub(crate) use repeated::withheld_before;

/// Runs the game's code so that its panic does not stop the caller.
pub(crate) fn guarded(panicked: &'static str, call: impl FnOnce()) {
    if catch_unwind(AssertUnwindSafe(call)).is_err() {
        if let Some(withheld) = withheld_before(panicked) {
            logged(|| tracing::error!(withheld, "{panicked}"));
        }
    }
}

/// Writes to the log so that a panic of its subscriber does not stop the caller. That line is lost.
pub(crate) fn logged(write: impl FnOnce()) {
    catch_unwind(AssertUnwindSafe(write)).unwrap_or_default();
}

/// Locks a mutex, even if a thread panicked while it held the lock.
pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
