//! Descriptors that are kept in reserve, for a port that must answer even when the process has no
//! other free descriptor.

use std::fs::File;
use std::io;
use std::sync::Mutex;

use crate::guard::lock;

/// Keeps some descriptors open, so that a port can still accept when the process, or its system, has no other free
/// descriptor.
///
/// Each of the server's own listeners has one descriptor in reserve, with which it turns away the waiting clients. An
/// extension with a port of its own should have a reserve, too. It calls [`Reserve::release_for`] when accept fails,
/// and [`Reserve::refill`] when a connection has ended.
#[derive(Debug)]
pub struct Reserve {
    kept: Mutex<Vec<File>>,
    size: usize,
}

impl Reserve {
    /// Keeps this many descriptors, or as many as there are.
    #[must_use]
    pub fn new(size: usize) -> Self {
        let reserve = Self {
            kept: Mutex::default(),
            size,
        };
        reserve.refill();
        reserve
    }

    /// Closes one descriptor if this error of accept says that none is free. Returns whether it closed one: then accept
    /// may succeed now.
    pub fn release_for(&self, error: &io::Error) -> bool {
        if !is_lack(error) {
            return false;
        }
        if let Some(kept) = lock(&self.kept).pop() {
            drop(kept);
            return true;
        }
        self.refill();
        false
    }

    /// Opens the released descriptors again, as far as descriptors are free.
    pub fn refill(&self) {
        let mut kept = lock(&self.kept);
        while kept.len() < self.size {
            let Ok(file) = File::open(NULL) else { return };
            kept.push(file);
        }
    }
}

/// Whether this process, or its system, has no free descriptor.
fn is_lack(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(EMFILE | ENFILE | WSAEMFILE))
}

pub(super) const EMFILE: i32 = 24;
pub(super) const ENFILE: i32 = 23;
pub(super) const WSAEMFILE: i32 = 10024;
const NULL: &str = if cfg!(windows) { "NUL" } else { "/dev/null" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_descriptor_is_released_once_and_only_for_a_lack_of_descriptors() {
        let reserve = Reserve::new(2);
        let lack = io::Error::from_raw_os_error(EMFILE);
        assert!(!reserve.release_for(&io::Error::from_raw_os_error(103)));
        assert!(reserve.release_for(&lack) && reserve.release_for(&lack));
        assert!(!reserve.release_for(&lack), "none is left");
        assert!(reserve.release_for(&lack), "it was refilled meanwhile");
    }
}
