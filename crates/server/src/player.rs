//! Players and authenticators: credentials go in, a player or a refusal comes out.

mod data;
mod id;
mod identity;
mod kick;
mod printable;
mod remote;

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lastword_session::{Advice, Cause, Close, Message, Policy, SessionId};

pub use kick::Kick;
pub use remote::RemoteSource;

pub(crate) use data::Data;
pub(crate) use id::random_session;
pub(crate) use identity::{Joined, LinkFlag, LinkFlags, SessionIdentity, Suspicion, Tokens};
pub(crate) use printable::{has_escapes, is_name_of, printable};
pub(crate) use remote::{Address, Remote};

/// A player, as the authenticator knows it. The default has no name, no cohort, the listener's profile and the
/// policy `Close`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Player {
    /// The player's name or id; `None` for a player without a name, whose logs and records have no such field. It is
    /// escaped in logs and records, and never a label.
    pub id: Option<String>,
    /// One of the cohorts that the configuration declares; `None` counts as `none`.
    pub cohort: Option<String>,
    /// The liveness profile of this session: heartbeat, suspect and dead limit, and the socket options, which its
    /// connection gets now. `None` is the listener's profile.
    pub profile: Option<String>,
    /// The policy of frames that the game sends to this session without naming a policy.
    pub policy: Policy,
    /// How long this session waits for its player once its connection is lost, at most 24 h; zero: it ends with its
    /// connection. `None`: as its profile says.
    pub resume_window: Option<Duration>,
    pub(crate) data: Data,
}

impl Player {
    /// Returns a player with this name or id, without a cohort, with the listener's profile. An empty name is no name.
    #[must_use]
    pub fn new(id: impl Into<String>) -> Self {
        Self {
            id: Some(id.into()).filter(|id| !id.is_empty()),
            ..Self::default()
        }
    }

    /// Returns a player without a name and without a cohort, with the listener's profile.
    #[must_use]
    pub fn unnamed() -> Self {
        Self::default()
    }

    /// Sets the cohort (platform, build): one that the configuration declares. An unknown cohort counts as `none`,
    /// which is logged once and counted; [`Builder::strict_names`](crate::Builder::strict_names) refuses it.
    #[must_use]
    pub fn with_cohort(mut self, cohort: impl Into<String>) -> Self {
        self.cohort = Some(cohort.into());
        self
    }

    /// Sets the liveness profile by its name. An unknown name gets the listener's profile, which is logged once and
    /// counted; [`Builder::strict_names`](crate::Builder::strict_names) refuses it.
    #[must_use]
    pub fn with_profile(mut self, profile: impl Into<String>) -> Self {
        self.profile = Some(profile.into());
        self
    }

    /// Sets what happens to the frames that the game sends to this session when the player reads them too slowly. It
    /// does not apply to frames for which the game names a policy ([`Session::send_with`](crate::Session::send_with)).
    #[must_use]
    pub fn with_policy(mut self, policy: Policy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets how long this session waits for its player once its connection is lost, at most 24 h: as `resume_expired` it
    /// leaves then. Zero: it ends with its connection. Default: as its profile says.
    #[must_use]
    pub fn with_resume_window(mut self, window: Duration) -> Self {
        self.resume_window = Some(window);
        self
    }

    /// Gives the player a value of the game's own, such as the player's account. It replaces an earlier value. The
    /// session keeps the value until it has departed. `data` of [`Session`](crate::Session),
    /// [`Context`](crate::Context), [`Departure`](crate::Departure) and [`ServerHandle`](crate::ServerHandle) returns
    /// it. No log or record shows it.
    #[must_use]
    pub fn with_data<T: Any + Send + Sync>(mut self, data: Arc<T>) -> Self {
        self.data = Data::new(data);
        self
    }

    /// Returns the game's own value; `None` if there is none, or if it has another type.
    #[must_use]
    pub fn data<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.data.of_type()
    }
}

/// The bytes with which a peer asks to be let in, and where they came from.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The bytes of the hello, or of a dialect's first frame.
    pub bytes: Bytes,
    /// The part of the wire in which they came.
    pub source: CredentialSource,
    /// The peer's address: behind a proxy, the one that its PROXY header names.
    pub remote: SocketAddr,
    /// Where that address is known from.
    pub remote_source: RemoteSource,
}

/// The part of the wire in which credentials came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// The hello of the native wire, which has a field for them.
    Hello,
    /// The first frame of a [`Dialect`](crate::Dialect). The game receives it too, as the session's first frame.
    FirstFrame,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("len", &self.bytes.len())
            .field("source", &self.source)
            .field("remote", &self.remote)
            .field("remote_source", &self.remote_source)
            .finish()
    }
}

/// The reason why a peer is not let in, with the message to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// The credentials are wrong: `auth_rejected`.
    Rejected(Message),
    /// The authenticator cannot decide at the moment: `auth_unavailable`. The goodbye has the code of that cause, not a
    /// code of the game.
    Unavailable(Message),
}

impl Refusal {
    /// Returns a refusal of the credentials, with words for the player and the advice not to reconnect automatically.
    #[must_use]
    pub fn rejected(reason: impl Into<String>) -> Self {
        let message = Message::default().with_advice(Advice::DoNot);
        Self::Rejected(message.with_reason(reason))
    }

    /// Returns a refusal because the authenticator cannot decide, with words for the player and the advice to reconnect
    /// after 2 s.
    #[must_use]
    pub fn unavailable(reason: impl Into<String>) -> Self {
        let message = Message::of(Cause::AuthUnavailable);
        Self::Unavailable(message.with_reason(reason))
    }

    pub(crate) fn into_close(self) -> Close {
        match self {
            Self::Rejected(message) => Close::with(Cause::AuthRejected, message),
            Self::Unavailable(message) => Close::with(Cause::AuthUnavailable, message),
        }
    }
}

/// A player that asks to come back to its session on another connection, with a valid token.
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Returning<'a> {
    /// The session.
    pub session: SessionId,
    /// The player's name or id; `None` for a player without a name.
    pub player: Option<&'a str>,
    /// The address of the new connection.
    pub remote: SocketAddr,
}

/// Decides which players are let in. At most `authentications_max` checks run at a time, each for at most the auth
/// timeout (`auth_timeout`). The check's future is dropped if the peer leaves first.
pub trait Authenticator: Send + Sync + 'static {
    /// Checks one peer's credentials.
    ///
    /// # Errors
    /// The refusal: `auth_rejected` or `auth_unavailable`.
    fn authenticate(
        &self,
        credentials: Credentials,
    ) -> impl Future<Output = Result<Player, Refusal>> + Send;
}

/// Uses an async function of the credentials as an authenticator.
impl<F, R> Authenticator for F
where
    F: Fn(Credentials) -> R + Send + Sync + 'static,
    R: Future<Output = Result<Player, Refusal>> + Send,
{
    fn authenticate(
        &self,
        credentials: Credentials,
    ) -> impl Future<Output = Result<Player, Refusal>> + Send {
        self(credentials)
    }
}

/// Lets every player in. The credentials of a hello become the player's name, with at most 64 bytes; longer names
/// are `auth_rejected`. Without credentials the player has no name. The first frame of a dialect belongs to the
/// game, so its player has no name.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anonymous;

impl Authenticator for Anonymous {
    async fn authenticate(&self, credentials: Credentials) -> Result<Player, Refusal> {
        match credentials.source {
            CredentialSource::FirstFrame => Ok(Player::unnamed()),
            CredentialSource::Hello => {
                let name = String::from_utf8_lossy(&credentials.bytes);
                let name = name.trim();
                if name.len() > NAME_BYTES_MAX {
                    return Err(Refusal::rejected("this name is too long: 64 bytes at most"));
                }
                Ok(Player::new(name))
            }
        }
    }
}

const NAME_BYTES_MAX: usize = 64;

pub(crate) type AuthResult = Result<Player, Refusal>;
pub(crate) type Check = Pin<Box<dyn Future<Output = AuthResult> + Send>>;

/// An [`Authenticator`] behind a pointer.
pub(crate) trait DynAuthenticator: Send + Sync + 'static {
    fn check(self: Arc<Self>, credentials: Credentials) -> Check;
}

impl<A: Authenticator> DynAuthenticator for A {
    fn check(self: Arc<Self>, credentials: Credentials) -> Check {
        Box::pin(async move { self.authenticate(credentials).await })
    }
}
