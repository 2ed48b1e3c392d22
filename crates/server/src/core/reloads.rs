//! Reloads the configuration: it is read again from its source, checked whole, and exchanged once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::Core;
use super::admission::Rules;
use crate::config::{Config, ConfigError, Reload};
use crate::guard::{lock, logged};
use crate::tls::{Stamp, Tls};

/// Reads the configuration of a server from its source. The error has one line for each mistake.
pub(crate) type ReadConfig = Box<dyn Fn() -> Result<Config, Vec<String>> + Send + Sync>;

/// Why a reload changed nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReloadError {
    /// The server does not know where its configuration comes from:
    /// [`Builder::reload_from`](crate::Builder::reload_from).
    #[error("this server was started without a configuration file, so nothing changes")]
    NoSource,
    /// The configuration cannot be read or breaks rules. There is one line for each mistake.
    #[error("the configuration is not valid, so nothing changes: {}", .0.join("; "))]
    Refused(Vec<String>),
}

/// The source of a server's configuration, and the configuration that is in effect.
pub(crate) struct Reloads {
    read: Option<ReadConfig>,
    /// The address that replaces the addresses of the configuration.
    listen_at: Option<SocketAddr>,
    /// Whether the certificates are those of the configuration; else the game gave them.
    reads_certificates: bool,
    /// Locked during a reload, so that two do not mix.
    current: Mutex<Current>,
    has_failed: AtomicBool,
    /// The certificates' files changed since they were read, and cannot be used.
    has_bad_files: AtomicBool,
}

/// The configuration that is in effect.
pub(crate) struct Current {
    pub(super) config: Config,
    /// The files of its certificates, just before they were read.
    pub(super) stamps: Vec<Stamp>,
}

impl Reloads {
    /// `stamps` are those of the configuration's certificates; `None` where the game gave the certificates.
    pub(crate) fn new(
        read: Option<ReadConfig>,
        config: Config,
        listen_at: Option<SocketAddr>,
        stamps: Option<Vec<Stamp>>,
    ) -> Self {
        Self {
            read,
            listen_at,
            reads_certificates: stamps.is_some(),
            current: Mutex::new(Current {
                config,
                stamps: stamps.unwrap_or_default(),
            }),
            has_failed: AtomicBool::new(false),
            has_bad_files: AtomicBool::new(false),
        }
    }

    /// Reads the configuration, and checks it whole. Returns what takes the place of the current one.
    fn read(&self, read: &ReadConfig, current: &Config) -> Result<Next, Vec<String>> {
        let mut new = read()?;
        if let Some(addr) = self.listen_at {
            new.listen_at(addr);
        }
        new.validate().map_err(lines)?;
        let mut config = current.clone();
        let reload = config.reload(&new);
        let stamps = config.certificate_stamps();
        let tls = self.reads_certificates.then(|| config.read_certificates());
        Ok(Next {
            tls: tls.transpose().map_err(lines)?,
            current: Current { config, stamps },
            reload,
        })
    }

    /// Whether there are files of certificates to look at. During a reload, which reads them, there are none.
    pub(super) fn has_files(&self) -> bool {
        let current = self.current.try_lock();
        self.reads_certificates && current.is_ok_and(|current| !current.stamps.is_empty())
    }

    /// The configuration in effect, if its certificates come from files.
    pub(super) fn with_certificates(&self) -> Option<MutexGuard<'_, Current>> {
        self.reads_certificates.then(|| lock(&self.current))
    }

    /// Notes whether certificates whose files changed can be used.
    pub(super) fn set_bad_files(&self, are_bad: bool) {
        self.has_bad_files.store(are_bad, Ordering::Relaxed);
    }

    /// Whether the last reload succeeded, or there was none; also that of changed certificates.
    pub(crate) fn is_successful(&self) -> bool {
        let failures = [&self.has_failed, &self.has_bad_files];
        !failures.iter().any(|failed| failed.load(Ordering::Relaxed))
    }
}

/// The values that a reload exchanges, read and checked whole.
struct Next {
    current: Current,
    /// TLS of each listener, if the configuration has the certificates.
    tls: Option<Vec<Tls>>,
    reload: Reload,
}

/// Logs a warning for each certificate that is not valid now, or not for another week.
pub(crate) fn warn_of_certificates(config: &Config, tls: &[Tls]) {
    for warning in config.certificate_warnings(tls) {
        logged(|| tracing::warn!("{warning}"));
    }
}

fn lines(errors: Vec<ConfigError>) -> Vec<String> {
    errors.iter().map(ToString::to_string).collect()
}

impl Core {
    /// Reads the configuration, and takes over what a running server can change.
    pub(crate) fn reload(&self) -> Result<Reload, ReloadError> {
        let reloads = &self.reloads;
        let read = reloads.read.as_ref().ok_or(ReloadError::NoSource)?;
        let current = lock(&reloads.current);
        let next = reloads.read(read, &current.config);
        reloads.has_failed.store(next.is_err(), Ordering::Relaxed);
        match next {
            Ok(next) => Ok(self.take_over(current, next)),
            Err(lines) => {
                for line in &lines {
                    logged(|| tracing::error!("{line}"));
                }
                let words = "the configuration is not valid, so nothing changes";
                logged(|| tracing::error!(errors = lines.len(), "{words}"));
                Err(ReloadError::Refused(lines))
            }
        }
    }

    fn take_over(&self, mut current: MutexGuard<'_, Current>, next: Next) -> Reload {
        let Next {
            current: new,
            tls,
            mut reload,
        } = next;
        *current = new;
        if tls.is_some() {
            self.reloads.set_bad_files(false);
        }
        let config = &current.config;
        warn_of_certificates(config, tls.as_deref().unwrap_or_default());
        let is_same = |tls: &Vec<Tls>| self.settings.live().has(tls);
        if !tls.as_ref().is_none_or(is_same) {
            reload.read_anew("listen.tls");
        }
        {
            // The lock prevents that a connection is decided by the new rules but gets the old
            // limits.
            let mut admission = lock(&self.admission);
            self.settings.reload(config, tls);
            admission.set_rules(Rules::new(config));
        }
        let places = config.admission.connections_max;
        self.books.ledger.set_places(places.into());
        logged(|| tracing::info!("the configuration is reloaded: {reload}"));
        reload
    }
}
