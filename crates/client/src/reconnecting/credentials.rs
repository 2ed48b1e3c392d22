//! Where a client that reconnects gets its credentials: asked at each login.

use std::fmt;
use std::pin::Pin;

use bytes::Bytes;

type Fetched = Pin<Box<dyn Future<Output = Result<Bytes, NoCredentials>> + Send>>;

/// The game's function that fetches credentials.
pub(crate) struct Fetch(Box<dyn Fn() -> Fetched + Send + Sync>);

/// Why there are no credentials for a login.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("there are no credentials: {words}")]
pub struct NoCredentials {
    words: String,
    may_try_again: bool,
}

impl NoCredentials {
    /// The credentials cannot be had now: a ticket service does not answer. Another attempt follows.
    #[must_use]
    pub fn for_now(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            may_try_again: true,
        }
    }

    /// There will be none: the player has logged out, or has no account. The attempts end.
    #[must_use]
    pub fn for_good(words: impl Into<String>) -> Self {
        Self {
            words: words.into(),
            may_try_again: false,
        }
    }

    pub(crate) fn may_try_again(&self) -> bool {
        self.may_try_again
    }
}

impl Fetch {
    pub(crate) fn of<F>(fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Result<Bytes, NoCredentials>> + Send + 'static,
    {
        Self(Box::new(move || Box::pin(fetch())))
    }

    /// The same credentials at each login.
    pub(crate) fn fixed(credentials: Bytes) -> Self {
        Self::of(move || std::future::ready(Ok(credentials.clone())))
    }

    pub(crate) async fn fetch(&self) -> Result<Bytes, NoCredentials> {
        (self.0)().await
    }
}

impl fmt::Debug for Fetch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Fetch").finish_non_exhaustive()
    }
}
