//! The fence around the game's code.

/// Runs the game's code where its panic must not stop what comes after it.
pub(crate) fn guarded(panicked: &'static str, call: impl FnOnce()) {
    if std::panic::catch_unwind(std::panic::AssertUnwindSafe(call)).is_err() {
        tracing::error!("{panicked}");
    }
}
