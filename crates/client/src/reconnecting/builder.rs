//! Builds a client that reconnects.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lastword_session::{ImportError, Suspended};
use lastword_transport::Clock;
use tokio::runtime::Handle;

use super::attempts::{Aim, Attempts, Pace};
use super::credentials::Fetch;
use super::{NoCredentials, ReconnectingClient};
use crate::app::Alive;
use crate::retries::{Retries, Rules};
use crate::wake::WakeWatch;
use crate::way::Way;
use crate::{Connector, DialError, ServerAddr};

/// Builds a client that makes further attempts where one fails.
///
/// The waits between the attempts are random: at most 250 ms after the first failure, then twice as long each time, at
/// most 10 s. They begin small again after a connection that was heard for 10 s, and after the machine was asleep. If
/// the server names a delay, the client waits for one to two of it, at most 5 minutes. If the server says *do not
/// reconnect*, the attempts end.
///
/// ```no_run
/// use lastword_client::{Connector, NoCredentials, ReconnectEvent};
///
/// # async fn ticket() -> Option<String> { None }
/// # async fn play() -> Result<(), lastword_client::DialError> {
/// let client = Connector::start().reconnecting("eu.example.net:7000")?;
/// let client = client.fetch_credentials(async || match ticket().await {
///     Some(ticket) => Ok(ticket),
///     None => Err(NoCredentials::for_now("the ticket service does not answer")),
/// });
/// let mut client = client.connect().await?;
/// while let Some(event) = client.next_event().await {
///     match event {
///         ReconnectEvent::Frame(payload) => println!("{} bytes", payload.len()),
///         ReconnectEvent::Retrying { after, why, .. } => println!("{why}; again in {after:?}"),
///         // A new session: the server's game knows nothing of the old one.
///         ReconnectEvent::Ended(end) if end.may_log_in_again() => client.login_again(),
///         ReconnectEvent::Ended(end) => println!("{end}"),
///         _ => {}
///     }
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Reconnecting {
    connector: Connector,
    server: ServerAddr,
    fetch: Fetch,
    rules: Rules,
    pub(super) wakes: WakeWatch,
    resumes: bool,
    suspended: Option<Suspended>,
}

impl Connector {
    /// Makes a client of this server that makes further attempts where one fails.
    ///
    /// # Errors
    /// The server is not a host and a port.
    pub fn reconnecting<A>(self, server: A) -> Result<Reconnecting, A::Error>
    where
        A: TryInto<ServerAddr>,
    {
        Ok(Reconnecting {
            server: server.try_into()?,
            fetch: Fetch::fixed(Bytes::new()),
            rules: Rules {
                give_up_after: GIVE_UP_AFTER,
                redirect_hosts: Vec::new(),
                tls: self.has_tls(),
            },
            wakes: WakeWatch::of_this_machine(),
            resumes: true,
            suspended: None,
            connector: self,
        })
    }
}

impl Reconnecting {
    /// Sets the credentials of each login. Default: none.
    #[must_use]
    pub fn credentials(mut self, credentials: impl Into<Bytes>) -> Self {
        self.fetch = Fetch::fixed(credentials.into());
        self
    }

    /// Sets a function that fetches the credentials of each login, such as a ticket that works only once. It is called
    /// at the beginning of each attempt, on the runtime of the client. No timeout limits it, but the end of the client
    /// cancels it.
    #[must_use]
    pub fn fetch_credentials<C, F>(mut self, fetch: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        C: Into<Bytes>,
        F: Future<Output = Result<C, NoCredentials>> + Send + 'static,
    {
        self.fetch = Fetch::of(move || {
            let fetched = fetch();
            async move { fetched.await.map(Into::into) }
        });
        self
    }

    /// Sets for how long a series of attempts to log in goes on. Default 60 s. It ends when the next attempt would begin later
    /// than this after the first one was wanted. `Duration::MAX`: never.
    ///
    /// Attempts to go on with a session end when its window is surely over: after the window, the dead limit and a heartbeat,
    /// all of which the welcome says.
    #[must_use]
    pub fn give_up_after(mut self, time: Duration) -> Self {
        self.rules.give_up_after = time;
        self
    }

    /// Sets whether a session may outlive its connection. Default `true`. The server decides: where it keeps no sessions, and
    /// on a dialect, each session ends with its connection.
    ///
    /// A client that may resume acknowledges the frames of its server. It keeps its own frames until the server has
    /// acknowledged them, at most [`Connector::outbound_bytes_max`] bytes.
    #[must_use]
    pub fn resume(mut self, resumes: bool) -> Self {
        self.resumes = resumes;
        self
    }

    /// Goes on with a session that another process has exported ([`ReconnectingClient::export`]), in place of the first login.
    /// Its first event is [`ReconnectEvent::Resumed`](crate::ReconnectEvent::Resumed), or it has ended.
    ///
    /// # Errors
    /// [`ImportError`]: these are not the bytes of an export, or of another version; they are damaged; or the session began
    /// under TLS, and this client has none.
    pub fn import(mut self, exported: &[u8]) -> Result<Self, ImportError> {
        let now = Clock::default().now();
        let suspended = Suspended::import(exported, self.connector.has_tls(), now)?;
        self.suspended = Some(suspended);
        Ok(self)
    }

    /// Sets the hosts to which the server may send this client by a goodbye, on any port. Default: none. Upper and
    /// lower case are the same.
    ///
    /// The address in a goodbye is followed only with TLS, for one attempt. Otherwise, and if that attempt fails, the
    /// game's own server is dialled again.
    #[must_use]
    pub fn redirect_hosts<H: Into<String>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        self.rules.redirect_hosts = hosts.into_iter().map(Into::into).collect();
        self
    }

    /// Makes attempts until the first session has begun. Its `Retrying` and `Connected` events are not reported;
    /// [`Reconnecting::start`] reports them.
    ///
    /// # Errors
    /// [`DialError`] of the last attempt: no attempt succeeded in time, or no attempt can succeed, or the server wants
    /// none.
    ///
    /// # Cancel safety
    /// If the call is dropped, the attempts end.
    ///
    /// # Panics
    /// Outside a tokio runtime.
    pub async fn connect(self) -> Result<ReconnectingClient, DialError> {
        self.start().connected().await
    }

    /// Begins the attempts, and returns at once. The events report each attempt.
    ///
    /// # Panics
    /// Outside a tokio runtime. [`Reconnecting::own_runtime`] brings one.
    #[must_use]
    pub fn start(self) -> ReconnectingClient {
        self.start_on(Handle::current(), None)
    }

    pub(super) fn start_on(self, runtime: Handle, alive: Option<Alive>) -> ReconnectingClient {
        let config = Arc::clone(self.connector.config());
        let (aim, way) = match self.suspended {
            Some(suspended) => (Aim::GoOn, Way::of(config, suspended)),
            None => (Aim::LogIn, Way::new(config, self.resumes)),
        };
        let attempts = Attempts {
            connector: self.connector.keeping(alive.clone()),
            server: self.server,
            fetch: self.fetch,
            pace: Pace::new(Retries::new(self.rules), self.wakes),
            resumes: self.resumes,
            way: Arc::new(way),
            local_ip: None,
        };
        ReconnectingClient::start(attempts, aim, runtime, alive)
    }
}

const GIVE_UP_AFTER: Duration = Duration::from_secs(60);
