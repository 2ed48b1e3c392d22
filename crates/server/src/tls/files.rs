//! The files of one certificate, and how their change is noticed.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::Deserialize;

/// A certificate with those that lead to its root, and its key: two files in PEM.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CertificateFiles {
    /// The file of the certificate.
    pub certificate: PathBuf,
    /// The file of its private key.
    pub key: PathBuf,
}

/// The state of a file, which is another one after a change. `None` where it cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp(Option<(SystemTime, u64)>);

impl CertificateFiles {
    /// The states of both files. To notice each change, they are taken before the files are read.
    pub(crate) fn stamps(&self) -> [Stamp; 2] {
        [&self.certificate, &self.key].map(|path| Stamp::of(path))
    }
}

impl Stamp {
    fn of(path: &Path) -> Self {
        let file = fs::metadata(path);
        let state = file.and_then(|file| Ok((file.modified()?, file.len())));
        Self(state.ok())
    }
}
