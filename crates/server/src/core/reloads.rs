//! Reloads the configuration: it is read again from its source, checked whole, and exchanged once.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};

use super::Core;
use super::admission::Rules;
use crate::config::{Config, Reload};
use crate::guard::{lock, logged};

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
    /// The address that overrides those of the configuration.
    listen_at: Option<SocketAddr>,
    /// Locked during a reload, so that two do not mix.
    config: Mutex<Config>,
    has_failed: AtomicBool,
}

impl Reloads {
    pub(crate) fn new(
        read: Option<ReadConfig>,
        config: Config,
        listen_at: Option<SocketAddr>,
    ) -> Self {
        Self {
            read,
            listen_at,
            config: Mutex::new(config),
            has_failed: AtomicBool::new(false),
        }
    }

    /// Reads the configuration, and checks it whole.
    fn read(&self, read: &ReadConfig) -> Result<Config, Vec<String>> {
        let mut new = read()?;
        if let Some(addr) = self.listen_at {
            new.listen_at(addr);
        }
        match new.validate() {
            Ok(()) => Ok(new),
            Err(errors) => Err(errors.iter().map(ToString::to_string).collect()),
        }
    }

    /// Whether the last reload succeeded, or there was none.
    pub(crate) fn is_successful(&self) -> bool {
        !self.has_failed.load(Ordering::Relaxed)
    }
}

impl Core {
    /// Reads the configuration, and takes over what a running server can change.
    pub(crate) fn reload(&self) -> Result<Reload, ReloadError> {
        let reloads = &self.reloads;
        let read = reloads.read.as_ref().ok_or(ReloadError::NoSource)?;
        let config = lock(&reloads.config);
        let new = reloads.read(read);
        reloads.has_failed.store(new.is_err(), Ordering::Relaxed);
        match new {
            Ok(new) => Ok(self.take_over(config, &new)),
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

    fn take_over(&self, mut config: MutexGuard<'_, Config>, new: &Config) -> Reload {
        let reload = config.reload(new);
        {
            // No connection is decided by new rules and gets old limits.
            let mut admission = lock(&self.admission);
            self.settings.reload(&config);
            admission.set_rules(Rules::new(&config));
        }
        let places = config.admission.connections_max;
        self.books.ledger.set_places(places.into());
        logged(|| tracing::info!("the configuration is reloaded: {reload}"));
        reload
    }
}
