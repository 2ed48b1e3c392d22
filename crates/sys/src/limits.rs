//! How many descriptors this process has open, how many it may have, and how much memory it takes.

/// Counts the open descriptors of this process; `None` on other systems than Linux, where they are not read yet.
#[must_use]
pub fn open_fds() -> Option<u64> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return proc_fs::stat_count().or_else(proc_fs::list_count);
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    None
}

/// Reads the soft limit of open descriptors (`RLIMIT_NOFILE`); `None` where it is unlimited or does not exist.
#[must_use]
pub fn max_fds() -> Option<u64> {
    #[cfg(unix)]
    return rlimit::soft();
    #[cfg(not(unix))]
    None
}

/// Reads the resident memory of this process, in bytes; `None` on other systems than Linux, where it is not read yet.
#[must_use]
pub fn memory_bytes() -> Option<u64> {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    return proc_fs::resident();
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    None
}

#[cfg(any(target_os = "linux", target_os = "android"))]
mod proc_fs {
    use std::fs;

    const DIR: &str = "/proc/self/fd";

    pub(super) fn resident() -> Option<u64> {
        let status = fs::read_to_string("/proc/self/status").ok()?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kib: u64 = line.trim().strip_suffix(" kB")?.trim().parse().ok()?;
        Some(kib * 1_024)
    }

    /// The size of the directory: the count from Linux 6.2 on, and 0 before. It takes one call for any count.
    pub(super) fn stat_count() -> Option<u64> {
        let count = fs::metadata(DIR).ok()?.len();
        (count > 0).then_some(count)
    }

    /// The entries of the directory, without the descriptor that reads the directory.
    pub(super) fn list_count() -> Option<u64> {
        let entries = fs::read_dir(DIR).ok()?.count();
        u64::try_from(entries).ok()?.checked_sub(1)
    }
}

#[cfg(unix)]
mod rlimit {
    #[allow(
        clippy::useless_conversion,
        reason = "rlim_t is narrower, or signed, on some systems"
    )]
    pub(super) fn soft() -> Option<u64> {
        let mut limit = libc::rlimit {
            rlim_cur: 0,
            rlim_max: 0,
        };
        // SAFETY: `limit` is the struct that the call fills, and the call may write to it.
        let status = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
        if status != 0 || limit.rlim_cur == libc::RLIM_INFINITY {
            return None;
        }
        u64::try_from(limit.rlim_cur).ok()
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::fs::File;
    use std::time::{Duration, Instant};

    use super::*;

    /// The count is of the whole process, and other tests open files meanwhile. So it is repeated until no other test
    /// interferes.
    #[test]
    fn an_opened_file_is_counted_both_by_the_size_and_by_the_entries() {
        if proc_fs::stat_count().is_none() {
            eprintln!("skipped: /proc/self/fd has no size before Linux 6.2");
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        loop {
            let before = open_fds().unwrap();
            let files: Vec<File> = (0..3).map(|_| File::open("/dev/null").unwrap()).collect();
            let with = [open_fds(), proc_fs::list_count()];
            drop(files);
            if (with, open_fds()) == ([Some(before + 3); 2], Some(before)) {
                return;
            }
            assert!(
                Instant::now() < deadline,
                "{before} before, {with:?} with 3 more"
            );
            std::thread::yield_now();
        }
    }
}
