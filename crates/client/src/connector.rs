//! The parts that the clients of one process share: the connect options, and a sweep of deadlines on each runtime.

mod sweeps;
#[cfg(test)]
mod tests;

#[cfg(not(feature = "tls"))]
use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use lastword_keepalive::Profile;
use lastword_session::wire::{self, Hello};
use lastword_session::{Config, Connection, Framing, Limits, Timing};
use lastword_transport::{App, Caps, Driver, Inbox, Mailbox, Table};
use tokio::net::TcpStream;
use tokio::sync::oneshot;

use crate::app::{Alive, ClientApp, Welcomed};
use crate::dial::Dial;
#[cfg(feature = "tls")]
use crate::tls::Trust;
use crate::way::Way;
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
        let (server, credentials) = (server.try_into()?, credentials.into());
        self.log_in(&server, &credentials, None).await
    }

    /// Makes one attempt to begin a session. Where its frames have a way, it may resume if the server lets it.
    pub(crate) async fn log_in(
        &self,
        server: &ServerAddr,
        credentials: &[u8],
        way: Option<&Arc<Way>>,
    ) -> Result<Client, DialError> {
        let (addr, socket) = self.open(server).await?;
        let greeted = match self.config.framing {
            Framing::Native => self.greet(socket, credentials, way).await,
            Framing::Dialect(_) => self.greet_in_dialect(socket, credentials, way).await,
        };
        self.winners.note(server, addr, greeted.is_ok());
        greeted
    }

    /// Makes one attempt to go on with the session of this way, which is away. `before` is our address then.
    pub(crate) async fn go_on(
        &self,
        server: &ServerAddr,
        way: &Arc<Way>,
        before: Option<IpAddr>,
    ) -> Result<Client, DialError> {
        let (addr, socket) = self.open(server).await?;
        let table = self.sweeps.here();
        let moved = before.is_some_and(|before| before != socket.local.ip());
        let opened = way.go_on(|suspended| {
            let (config, now) = (Arc::clone(&self.config), table.clock().now());
            let connection = Connection::go_on(config, suspended, moved, now);
            let (client, welcome) = self.drive(table, socket, connection, Some(way));
            let outbound = client.outbound();
            ((client.going_on(), welcome), outbound)
        });
        // The game has ended the session meanwhile.
        let (client, welcome) = opened.ok_or(DialError::TaskDropped)?;
        let greeted = self.await_welcome(client, welcome).await;
        self.winners.note(server, addr, greeted.is_ok());
        greeted
    }

    /// Makes the TCP connection, and what TLS needs.
    async fn open(&self, server: &ServerAddr) -> Result<(SocketAddr, Socket), DialError> {
        let (addr, stream) = self.dial.open(server, &self.winners).await?;
        let local = stream.local_addr().map_err(DialError::Socket)?;
        let layer = self.layer(server)?;
        let socket = Socket {
            stream,
            local,
            remote: addr,
            layer,
        };
        Ok((addr, socket))
    }

    async fn greet(
        &self,
        socket: Socket,
        credentials: &[u8],
        way: Option<&Arc<Way>>,
    ) -> Result<Client, DialError> {
        let hello = Hello {
            no_resume: way.is_none_or(|way| !way.resumes()),
            ..Hello::new(credentials, self.config.limits.frame_bytes_max)
        };
        let table = self.sweeps.here();
        let now = table.clock().now();
        let connection = Connection::client(Arc::clone(&self.config), &hello, now);
        let (client, welcome) = self.begin(table, socket, connection, way);
        self.await_welcome(client, welcome).await
    }

    async fn await_welcome(
        &self,
        mut client: Client,
        welcome: oneshot::Receiver<Welcomed>,
    ) -> Result<Client, DialError> {
        let after = self.config.limits.hello_timeout;
        match tokio::time::timeout(after, client.welcomed(welcome)).await {
            Ok(welcomed) => welcomed.map(|()| client).map_err(DialError::from),
            Err(_) => Err(DialError::WelcomeTimedOut {
                addr: client.remote_addr(),
                after,
            }),
        }
    }

    async fn greet_in_dialect(
        &self,
        socket: Socket,
        credentials: &[u8],
        way: Option<&Arc<Way>>,
    ) -> Result<Client, DialError> {
        let heartbeat = self.dial.profile.heartbeat.as_millis();
        let timing = Timing {
            heartbeat_ms: u32::try_from(heartbeat).unwrap_or(u32::MAX),
            ..Timing::default()
        };
        let table = self.sweeps.here();
        let now = table.clock().now();
        let connection = Connection::client_of_dialect(Arc::clone(&self.config), timing, now);
        let (mut client, secured) = self.begin(table, socket, connection, way);
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

    fn begin(
        &self,
        table: Arc<Table>,
        socket: Socket,
        connection: Connection,
        way: Option<&Arc<Way>>,
    ) -> (Client, oneshot::Receiver<Welcomed>) {
        let open = || {
            let (client, welcome) = self.drive(table, socket, connection, way);
            let outbound = client.outbound();
            ((client, welcome), outbound)
        };
        match way {
            Some(way) => way.begin(open),
            None => open().0,
        }
    }

    /// Spawns the connection's task, which passes the welcome back.
    fn drive(
        &self,
        table: Arc<Table>,
        socket: Socket,
        connection: Connection,
        way: Option<&Arc<Way>>,
    ) -> (Client, oneshot::Receiver<Welcomed>) {
        let Socket {
            stream,
            local,
            remote,
            layer,
        } = socket;
        let clock = table.clock().clone();
        let mailbox = Arc::new(Mailbox::new(Arc::clone(&self.config)));
        let inbox = Arc::new(Inbox::new(self.caps, Arc::clone(&mailbox)));
        let slot = table.insert(Arc::clone(&mailbox));
        let (welcomes, welcome) = oneshot::channel();
        let alive = self.alive.clone();
        let app = ClientApp::new(Arc::clone(&inbox), welcomes, way.cloned(), table, alive);
        let driver = Driver::new(stream, connection, app, Arc::clone(&mailbox), slot);
        tokio::spawn(secured(driver, layer));
        let client = Client::new(inbox, mailbox, clock, (local, remote));
        (client, welcome)
    }

    /// Makes the TLS of a connection, where it is asked for.
    #[cfg(feature = "tls")]
    fn layer(&self, server: &ServerAddr) -> Result<Layer, DialError> {
        let trust = self.trust.as_ref();
        let tls = trust.map(|trust| trust.tls(&server.host()));
        tls.transpose().map_err(DialError::Tls)
    }

    #[cfg(not(feature = "tls"))]
    #[expect(clippy::unnecessary_wraps, reason = "with TLS it may fail")]
    fn layer(&self, _server: &ServerAddr) -> Result<Layer, DialError> {
        Ok(None)
    }

    /// Returns the configuration that its connections share.
    pub(crate) fn config(&self) -> &Arc<Config> {
        &self.config
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

/// A TCP connection that was just made.
struct Socket {
    stream: TcpStream,
    local: SocketAddr,
    remote: SocketAddr,
    layer: Layer,
}

/// The TLS of a connection, where it has TLS.
#[cfg(feature = "tls")]
type Layer = Option<lastword_transport::Tls>;
#[cfg(not(feature = "tls"))]
type Layer = Option<Infallible>;

#[cfg(feature = "tls")]
fn secured<A: App>(driver: Driver<A>, layer: Layer) -> Driver<A> {
    match layer {
        Some(tls) => driver.with_tls(tls),
        None => driver,
    }
}

#[cfg(not(feature = "tls"))]
fn secured<A: App>(driver: Driver<A>, layer: Layer) -> Driver<A> {
    match layer {
        Some(never) => match never {},
        None => driver,
    }
}

const INBOX_BYTES: usize = 64 * 1024;
const INBOX_FRAMES: usize = 256;
