//! The parts that the clients of one process share: the connect options, and a sweep of deadlines on each runtime.

mod sweeps;
#[cfg(test)]
mod tests;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lastword_keepalive::Profile;
use lastword_session::wire::{self, Hello};
use lastword_session::{Admission, Config, Connection, Framing, Limits, Timing};
use lastword_transport::{App, Caps, Driver, Inbox, Mailbox, Table};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::app::{Alive, ClientApp};
use crate::dial::Dial;
#[cfg(feature = "tls")]
use crate::tls::Trust;
use crate::winners::Winners;
use crate::{Client, DialError, ServerAddr};
use sweeps::Sweeps;

/// Makes connections, on any tokio runtime. Clones share one sweep of deadlines on each runtime, even if their options
/// differ. They also share which address of a name let them in last.
///
/// ```no_run
/// # async fn storm() -> Result<(), lastword_client::DialError> {
/// let connector = lastword_client::Connector::start();
/// for host in 1..=100 {
///     let from = connector.clone().local_ip([127, 0, 0, host].into());
///     let client = from.connect("127.0.0.1:7000", format!("bot {host}")).await?;
///     tokio::spawn(client.goodbye());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Connector {
    sweeps: Arc<Sweeps>,
    config: Arc<Config>,
    dial: Dial,
    winners: Arc<Winners>,
    caps: Caps,
    #[cfg(feature = "tls")]
    trust: Option<Trust>,
    /// Each connection holds it, so that a client's own runtime outlives them.
    alive: Option<Alive>,
}

impl Client {
    /// Connects like [`Connector::connect`], with the default options and a sweep of deadlines of its own. For other
    /// options, or for more than a few clients, use a [`Connector`].
    ///
    /// # Errors
    /// [`DialError`]: the name does not resolve, or the server is unreachable, refuses us, or does not speak this
    /// protocol.
    ///
    /// # Panics
    /// Outside a tokio runtime, or on one without timers or IO.
    pub async fn connect<A>(server: A, credentials: impl Into<Bytes>) -> Result<Self, DialError>
    where
        A: TryInto<ServerAddr>,
        DialError: From<A::Error>,
    {
        Connector::start().connect(server, credentials).await
    }
}

impl Connector {
    /// Makes a connector with the default options. Its first connection on a runtime starts a sweep of deadlines on
    /// that runtime. The sweep ends with the last client on that runtime.
    #[must_use]
    pub fn start() -> Self {
        let limits = Limits {
            // A server may be slow for a while. Our queue is bounded in bytes, not in age.
            outbound_age_max: None,
            // The server tells how long a frame may be.
            outbound_frame_bytes_max: wire::FRAME_LIMIT_MAX,
            ..Limits::default()
        };
        Self {
            sweeps: Arc::default(),
            config: Arc::new(Config {
                limits,
                ..Config::default()
            }),
            dial: Dial::default(),
            winners: Arc::default(),
            caps: Caps::new(INBOX_BYTES, INBOX_FRAMES),
            #[cfg(feature = "tls")]
            trust: None,
            alive: None,
        }
    }

    /// Sets the most payload bytes of a frame that we accept, 1,024 to 16,777,215. Default 64 KiB. Over it:
    /// `frame_too_large`.
    #[must_use]
    pub fn frame_bytes_max(self, bytes: u32) -> Self {
        let bytes = bytes.clamp(wire::FRAME_LIMIT_MIN, wire::FRAME_LIMIT_MAX);
        self.with(|config| config.limits.frame_bytes_max = bytes)
    }

    /// Sets the timeout for resolving the name and connecting, together and for all addresses. Default 5 s.
    /// Over it: [`DialError::ConnectTimedOut`], or [`DialError::Resolve`] if the resolver did not answer.
    #[must_use]
    pub fn connect_timeout(mut self, timeout: Duration) -> Self {
        self.dial.connect_timeout = timeout;
        self
    }

    /// Sets the timeout from the TCP connection to the server's welcome or goodbye. Default 5 s.
    /// Over it: [`DialError::WelcomeTimedOut`].
    #[must_use]
    pub fn welcome_timeout(self, timeout: Duration) -> Self {
        self.with(|config| config.limits.hello_timeout = timeout)
    }

    /// Sets the timeout for writing our goodbye. The wait for the server's FIN after it has the same
    /// timeout. Default 3 s.
    ///
    /// After a FIN of the server, this timeout limits the wait for our unacknowledged bytes. Over
    /// it: `peer_closed_while_sending`. In all other cases the timeout changes no cause, only how
    /// long a goodbye may take.
    #[must_use]
    pub fn linger_timeout(self, timeout: Duration) -> Self {
        self.with(|config| config.limits.linger_timeout = timeout)
    }

    /// Sets the bytes and the frames that may wait to be received. Default 64 KiB and 256. At the limit reading
    /// pauses, which does not end the connection. A larger frame is accepted when no other frame waits.
    #[must_use]
    pub fn inbox_max(mut self, bytes: usize, frames: usize) -> Self {
        self.caps = Caps::new(bytes, frames);
        self
    }

    /// Sets the bytes that may wait to be written, headers included. Default 256 KiB. As many bytes again may wait for
    /// their first write. A frame beyond that is refused. If the kernel then refuses a write while more than this limit
    /// waits, the connection ends as `send_queue_full`.
    #[must_use]
    pub fn outbound_bytes_max(self, bytes: usize) -> Self {
        self.with(|config| config.limits.outbound_bytes_max = bytes)
    }

    /// Sets the local address to connect from. Default: the system's choice. Only server addresses of the same family
    /// are tried.
    #[must_use]
    pub fn local_ip(mut self, ip: IpAddr) -> Self {
        self.dial.local_ip = Some(ip.to_canonical());
        self
    }

    /// Sets the profile, which decides our socket options. Default `standard`. The heartbeat and the dead limit come
    /// with the welcome. On a dialect, which has no welcome, the heartbeat is this profile's.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.dial.profile = profile;
        self
    }

    /// Sets how the stream is divided into frames. Default: the native wire.
    ///
    /// A dialect has no hello: a client is live at once, or once TLS is secured, and credentials that are not empty are
    /// sent as its first frame. A silent server is left to the kernel's keepalive there.
    #[must_use]
    pub fn framing(self, framing: Framing) -> Self {
        self.with(|config| config.framing = framing)
    }

    /// Speaks TLS with servers that this trusts. Default: no TLS. If the server's certificate is not trusted, connecting
    /// fails as [`DialError::Unsecured`] with `tls_failed`. The handshake may take 5 s; over it: `tls_timeout`.
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn tls(mut self, trust: Trust) -> Self {
        self.trust = Some(trust);
        self.with(|config| config.tls = true)
    }

    /// Connects to a server, says hello with these credentials, and waits for the welcome.
    ///
    /// The server is anything that converts to a [`ServerAddr`]: `"eu.example.net:7000"`, a socket address, or a host
    /// and a port. A name is resolved anew at each call. It may have several addresses. They are tried 250 ms apart, or
    /// as soon as the previous one fails, and the families alternate (RFC 8305). The first address that answers is used,
    /// and no other one gets a hello. The address that let us in last is tried first. An address that accepted our
    /// connection but did not let us in is tried last.
    ///
    /// # Errors
    /// [`DialError`]: the name does not resolve, or the server is unreachable, refuses us, or does not speak this
    /// protocol.
    ///
    /// # Cancel safety
    /// If the call is dropped, the connection leaves the server like a dropped [`Client`].
    ///
    /// # Panics
    /// Outside a tokio runtime, or on one without timers or IO.
    pub async fn connect<A>(
        &self,
        server: A,
        credentials: impl Into<Bytes>,
    ) -> Result<Client, DialError>
    where
        A: TryInto<ServerAddr>,
        DialError: From<A::Error>,
    {
        self.attempt(&server.try_into()?, &credentials.into()).await
    }

    /// Makes one attempt.
    pub(crate) async fn attempt(
        &self,
        server: &ServerAddr,
        credentials: &[u8],
    ) -> Result<Client, DialError> {
        let (addr, stream) = self.dial.open(server, &self.winners).await?;
        let place = (server, addr);
        let greeted = match self.config.framing {
            Framing::Native => self.greet(stream, place, credentials).await,
            Framing::Dialect(_) => self.greet_in_dialect(stream, place, credentials).await,
        };
        self.winners.note(server, addr, greeted.is_ok());
        greeted
    }

    async fn greet(
        &self,
        stream: TcpStream,
        server: (&ServerAddr, SocketAddr),
        credentials: &[u8],
    ) -> Result<Client, DialError> {
        let hello = Hello::new(credentials, self.config.limits.frame_bytes_max);
        let table = self.sweeps.here();
        let now = table.clock().now();
        let connection = Connection::client(Arc::clone(&self.config), &hello, now);
        let (mut client, welcome) = self.drive(table, stream, server, connection)?;
        let after = self.config.limits.hello_timeout;
        match tokio::time::timeout(after, client.welcomed(welcome)).await {
            Ok(welcomed) => welcomed.map(|()| client).map_err(DialError::from),
            Err(_) => Err(DialError::WelcomeTimedOut {
                addr: server.1,
                after,
            }),
        }
    }

    async fn greet_in_dialect(
        &self,
        stream: TcpStream,
        server: (&ServerAddr, SocketAddr),
        credentials: &[u8],
    ) -> Result<Client, DialError> {
        let heartbeat = self.dial.profile.heartbeat.as_millis();
        let timing = Timing {
            heartbeat_ms: u32::try_from(heartbeat).unwrap_or(u32::MAX),
            ..Timing::default()
        };
        let table = self.sweeps.here();
        let now = table.clock().now();
        let connection = Connection::client_of_dialect(Arc::clone(&self.config), timing, now);
        let (mut client, secured) = self.drive(table, stream, server, connection)?;
        // Without TLS the client is live already. The handshake has its own deadline.
        if self.config.tls && secured.await.is_err() {
            return Err(client.ended().await.into());
        }
        client.live_in_dialect(timing);
        if !credentials.is_empty() {
            client.send(credentials).map_err(DialError::Credentials)?;
        }
        Ok(client)
    }

    /// Spawns the connection's task, which passes the welcome back.
    fn drive(
        &self,
        table: Arc<Table>,
        stream: TcpStream,
        server: (&ServerAddr, SocketAddr),
        connection: Connection,
    ) -> Result<(Client, oneshot::Receiver<Admission>), DialError> {
        let local = stream.local_addr().map_err(DialError::Socket)?;
        let clock = table.clock().clone();
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&self.config)));
        let inbox = Arc::new(Inbox::new(self.caps, Arc::clone(&mailbox)));
        let slot = table.insert(Arc::clone(&mailbox));
        let (welcomes, welcome) = oneshot::channel();
        let app = ClientApp::new(Arc::clone(&inbox), welcomes, table, self.alive.clone());
        let driver = Driver::new(stream, connection, app, Arc::clone(&mailbox), slot);
        tokio::spawn(self.secure(driver, server.0)?);
        let client = Client::new(inbox, mailbox, clock, (local, server.1));
        Ok((client, welcome))
    }

    /// Puts TLS below the connection, where it is asked for.
    #[cfg(feature = "tls")]
    fn secure<A: App>(
        &self,
        driver: Driver<A>,
        server: &ServerAddr,
    ) -> Result<Driver<A>, DialError> {
        match &self.trust {
            Some(trust) => trust
                .tls(&server.host())
                .map(|tls| driver.with_tls(tls))
                .map_err(DialError::Tls),
            None => Ok(driver),
        }
    }

    #[cfg(not(feature = "tls"))]
    fn secure<A: App>(
        &self,
        driver: Driver<A>,
        _server: &ServerAddr,
    ) -> Result<Driver<A>, DialError> {
        Ok(driver)
    }

    /// Keeps this until the last of its connections has ended.
    pub(crate) fn keeping(mut self, alive: Option<Alive>) -> Self {
        self.alive = alive;
        self
    }

    pub(crate) fn has_tls(&self) -> bool {
        self.config.tls
    }

    fn with(mut self, set: impl FnOnce(&mut Config)) -> Self {
        set(Arc::make_mut(&mut self.config));
        self
    }
}

const INBOX_BYTES: usize = 64 * 1024;
const INBOX_FRAMES: usize = 256;
