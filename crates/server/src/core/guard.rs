//! Protection against panics in the game's code.

/// Runs the game's code so that its panic does not stop the caller.
pub(crate) fn guarded(panicked: &'static str, call: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err() {
        tracing::error!("{panicked}");
    }
}
