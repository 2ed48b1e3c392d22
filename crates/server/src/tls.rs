//! TLS of the listeners: the files of their certificates, and the certificates that new connections get.

#[cfg(feature = "tls")]
mod certificates;
mod files;
#[cfg(feature = "tls")]
mod validity;
#[cfg(feature = "tls")]
mod warning;

use std::time::SystemTime;

use lastword_transport::{App, Driver};

#[cfg(feature = "tls")]
pub use certificates::{CertificateError, Certificates};
pub use files::CertificateFiles;
pub(crate) use files::Stamp;

/// TLS of one listener, if it has any.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Tls {
    #[cfg(feature = "tls")]
    certificates: Option<Certificates>,
}

#[cfg(feature = "tls")]
impl Tls {
    /// Reads the certificates; no files are no TLS. The error says what to do.
    pub(crate) fn read(files: &[CertificateFiles]) -> Result<Self, String> {
        if files.is_empty() {
            return Ok(Self::default());
        }
        let read = Certificates::from_files(files).map_err(|error| error.to_string());
        read.map(Self::from)
    }

    pub(crate) fn is_on(&self) -> bool {
        self.certificates.is_some()
    }

    /// When its first certificate expires, in seconds of Unix time.
    pub(crate) fn expires_at(&self) -> Option<u64> {
        self.certificates.as_ref()?.expires_at()
    }

    /// The certificates that clients refuse at this time, or within a week: each with its place, and in words.
    pub(crate) fn warnings(&self, now: SystemTime) -> Vec<(String, String)> {
        let certificates = self.certificates.as_ref();
        certificates.map_or_else(Vec::new, |certificates| certificates.warnings(now))
    }

    /// Puts TLS below a new connection, where the listener has it.
    pub(crate) fn secure<A: App>(&self, driver: Driver<A>) -> Driver<A> {
        match &self.certificates {
            None => driver,
            Some(certificates) => {
                let config = certificates.config();
                driver.with_tls(lastword_transport::Tls::server(config))
            }
        }
    }
}

#[cfg(feature = "tls")]
impl From<Certificates> for Tls {
    fn from(certificates: Certificates) -> Self {
        Self {
            certificates: Some(certificates),
        }
    }
}

#[cfg(not(feature = "tls"))]
impl Tls {
    pub(crate) fn read(files: &[CertificateFiles]) -> Result<Self, String> {
        match files.is_empty() {
            true => Ok(Self::default()),
            false => Err("this program has no TLS: build it with the feature `tls`".to_owned()),
        }
    }

    pub(crate) fn is_on(&self) -> bool {
        false
    }

    pub(crate) fn expires_at(&self) -> Option<u64> {
        None
    }

    pub(crate) fn warnings(&self, _now: SystemTime) -> Vec<(String, String)> {
        Vec::new()
    }

    pub(crate) fn secure<A: App>(&self, driver: Driver<A>) -> Driver<A> {
        driver
    }
}
