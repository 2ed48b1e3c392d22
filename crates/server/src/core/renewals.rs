//! Notices that a file of a certificate has changed, and gives new connections the renewed certificates.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::spawn_blocking;
use tokio::time::{MissedTickBehavior, interval};

use super::Core;
use super::reloads::warn_of_certificates;
use crate::guard::logged;

/// Looks at the files until the server ends.
pub(crate) async fn watch(core: Arc<Core>) {
    let mut ticks = interval(PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            biased;
            () = core.shutdown.ended.wait() => return,
            _ = ticks.tick() => {}
        }
        if !core.reloads.has_files() {
            continue;
        }
        let core = Arc::clone(&core);
        // Files can be slow. A runtime that shuts down refuses work.
        spawn_blocking(move || core.renew()).await.ok();
    }
}

impl Core {
    /// Reads the certificates again if a file has changed since it was read. Where they cannot be used, such as a
    /// certificate whose key is not renewed yet, the current ones stay, until a file changes again.
    fn renew(&self) {
        let Some(mut current) = self.reloads.with_certificates() else {
            return;
        };
        let stamps = current.config.certificate_stamps();
        if stamps == current.stamps {
            return;
        }
        current.stamps = stamps;
        let config = &current.config;
        let read = config.read_certificates();
        self.reloads.set_bad_files(read.is_err());
        match read {
            Ok(tls) => {
                warn_of_certificates(config, &tls);
                if self.settings.renew(config, tls) {
                    logged(|| tracing::info!("the certificates are renewed"));
                }
            }
            Err(errors) => {
                for error in errors {
                    logged(|| tracing::error!("{error}; the certificates stay as they are"));
                }
            }
        }
    }
}

const PERIOD: Duration = Duration::from_secs(2);
