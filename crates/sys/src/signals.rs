//! Signals that this process ignores.

use std::ffi::c_int;
use std::mem::MaybeUninit;
use std::ptr;

/// Tells whether this process ignores the signal with this number, as a process that `nohup` started ignores `SIGHUP`.
#[must_use]
pub fn is_ignored(signal: c_int) -> bool {
    let mut action = MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: without a new action the call only writes the current one, to a struct of its own type.
    let status = unsafe { libc::sigaction(signal, ptr::null(), action.as_mut_ptr()) };
    // SAFETY: the struct is plain data: zeros are a valid value of it, and so is what the call wrote.
    let action = unsafe { action.assume_init() };
    status == 0 && action.sa_sigaction == libc::SIG_IGN
}

/// Ignores `SIGXFSZ`, whose default ends the process. A write beyond the largest size of a file (`RLIMIT_FSIZE`) then
/// returns `EFBIG`.
pub fn ignore_sigxfsz() {
    // SAFETY: the call installs the kernel's "ignore" and no function. For a valid signal it cannot fail.
    unsafe { libc::signal(libc::SIGXFSZ, libc::SIG_IGN) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ignored_signal_is_known_and_one_with_its_default_is_not() {
        assert!(!is_ignored(libc::SIGXFSZ));
        ignore_sigxfsz();
        assert!(is_ignored(libc::SIGXFSZ));
        assert!(!is_ignored(i32::MAX), "there is no such signal");
    }
}
