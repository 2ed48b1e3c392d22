//! Standard error as a stream of lines: a pipe, a terminal, or a file to which other processes may write, too.

use std::io::{Stderr, Write};
use std::time::Duration;

/// A stream that does not take bytes at all times.
pub(super) trait Stream: Write {
    /// Waits until it takes bytes, or for [`RETRY_INTERVAL`].
    fn wait(&self);

    /// Removes the bytes that were written last, if they are still the end of a file. Returns whether they are removed.
    fn take_back(&mut self, written: usize) -> bool;
}

impl Stream for Stderr {
    fn wait(&self) {
        #[cfg(unix)]
        unix::wait_until_writable(self);
        // Other systems have no non-blocking standard error.
        #[cfg(not(unix))]
        std::thread::sleep(RETRY_INTERVAL);
    }

    fn take_back(&mut self, written: usize) -> bool {
        #[cfg(unix)]
        return unix::take_back(self, written).unwrap_or(false);
        #[cfg(not(unix))]
        return false;
    }
}

#[cfg(unix)]
mod unix {
    use std::fs::File;
    use std::io::{self, Seek, SeekFrom, Stderr};
    use std::os::fd::AsFd;
    use std::thread;

    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

    use super::RETRY_INTERVAL;

    pub(super) fn wait_until_writable(stderr: &Stderr) {
        let mut fds = [PollFd::new(stderr.as_fd(), PollFlags::POLLOUT)];
        let timeout = PollTimeout::try_from(RETRY_INTERVAL).unwrap_or(PollTimeout::ZERO);
        let polled = poll(&mut fds, timeout);
        let [fd] = fds;
        // Some systems cannot poll every kind of descriptor.
        let cannot = |events: PollFlags| events.contains(PollFlags::POLLNVAL);
        if polled.is_err() || fd.revents().is_none_or(cannot) {
            thread::sleep(RETRY_INTERVAL);
        }
    }

    /// Does nothing if another process has appended to the file meanwhile.
    pub(super) fn take_back(stderr: &Stderr, written: usize) -> io::Result<bool> {
        let mut file = File::from(stderr.as_fd().try_clone_to_owned()?);
        let metadata = file.metadata()?;
        let written = u64::try_from(written).unwrap_or(u64::MAX);
        let begin = metadata.len().checked_sub(written);
        let Some(begin) = begin.filter(|_| metadata.is_file()) else {
            return Ok(false);
        };
        if file.stream_position()? != metadata.len() {
            return Ok(false);
        }
        file.set_len(begin)?;
        file.seek(SeekFrom::Start(begin))?;
        Ok(true)
    }
}

/// Returns the line break that standard error lacks, if it is a file to which an earlier process wrote half a line.
pub(super) fn missing_line_break() -> &'static [u8] {
    #[cfg(target_os = "linux")]
    if ends_in_a_line().unwrap_or(false) {
        return b"\n";
    }
    b""
}

#[cfg(target_os = "linux")]
fn ends_in_a_line() -> std::io::Result<bool> {
    use std::fs::{self, File};
    use std::os::unix::fs::FileExt;

    // Standard error itself may be open for writing only.
    let path = "/proc/self/fd/2";
    let file = fs::metadata(path)?;
    let Some(last) = file.len().checked_sub(1).filter(|_| file.is_file()) else {
        return Ok(false);
    };
    let mut byte = [0];
    File::open(path)?.read_exact_at(&mut byte, last)?;
    Ok(byte != *b"\n")
}

/// Short compared with the time that the end of the process waits for the last lines.
pub(super) const RETRY_INTERVAL: Duration = Duration::from_millis(100);
