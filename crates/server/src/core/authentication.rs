//! The authenticator, and how many checks it runs at a time.

use std::sync::Arc;

use tokio::sync::Semaphore;

use crate::player::{AuthResult, Credentials, DynAuthenticator};

/// Checks the credentials of peers that ask to be let in.
pub(crate) struct Authentication {
    authenticator: Arc<dyn DynAuthenticator>,
    permits: Semaphore,
}

impl Authentication {
    pub(crate) fn new(authenticator: Arc<dyn DynAuthenticator>, checks_max: u32) -> Self {
        let permits = usize::try_from(checks_max).unwrap_or(usize::MAX);
        Self {
            authenticator,
            permits: Semaphore::new(permits.min(Semaphore::MAX_PERMITS)),
        }
    }

    /// The wait for a permit counts towards the same auth timeout.
    pub(crate) async fn check(&self, credentials: Credentials) -> AuthResult {
        let _permit = self.permits.acquire().await;
        Arc::clone(&self.authenticator).check(credentials).await
    }
}
