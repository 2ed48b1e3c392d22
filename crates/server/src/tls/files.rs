//! The files of one certificate.

use std::path::PathBuf;

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
