//! The laboratory: three namespaces and two cables, and the operations of a test on them.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};

use crate::host::{Host, IPV6_SETTINGS, OWN_LINK, has_ipv6};
use crate::namespace::Namespace;
use crate::relay::Relay;
use crate::sandbox::Sandbox;
use crate::skip::Skip;
use crate::socket::{self, End};

/// A server, a client and a router between them, in network namespaces of their own.
///
/// The thread of the test itself is in none of them and reaches none of them: create sockets in [`Lab::on`]. Every
/// method takes `&self`, so threads and tasks of a test may share one lab. Many methods run a program (`ip`, `nft`,
/// `ss`). When such a program ends, a blocking call on a socket with a timeout may return
/// [`io::ErrorKind::Interrupted`], in any thread of the process.
#[derive(Debug)]
pub struct Lab {
    router: Namespace,
    server: Mutex<Arc<Namespace>>,
    client: Mutex<Arc<Namespace>>,
    relay: Mutex<Option<Relay>>,
}

impl Lab {
    /// Builds another lab inside [`run`](crate::run()), or a lab inside [`sandboxed`](crate::sandboxed); labs are
    /// independent of each other.
    ///
    /// # Errors
    ///
    /// When a namespace or a link cannot be made, with the message of the program that failed.
    pub fn new() -> io::Result<Self> {
        let router = Namespace::new("router")?;
        router.enter(forward)?;
        router.feed("nft", &["-f", "-"], &Self::table())?;
        let [server, client] = Host::ALL.map(|host| Namespace::new(host.name()));
        let lab = Self {
            router,
            server: Mutex::new(Arc::new(server?)),
            client: Mutex::new(Arc::new(client?)),
            relay: Mutex::default(),
        };
        for host in Host::ALL {
            lab.plug_in(host)?;
        }
        Ok(lab)
    }

    /// Returns whether labs can be built here.
    ///
    /// # Errors
    ///
    /// The reason why labs cannot be built: a missing program, or a permission that the system withholds.
    pub fn available() -> Result<(), Skip> {
        Sandbox::find().map(|_| ())
    }

    /// Returns the address of a host.
    #[must_use]
    pub fn addr(&self, host: Host) -> IpAddr {
        host.addr().into()
    }

    /// Returns the IPv6 address of a host.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] around a [`Skip`] where the kernel has no IPv6. A `?` in the body of
    /// [`run`](crate::run()) then skips the test.
    pub fn addr_v6(&self, host: Host) -> io::Result<IpAddr> {
        if has_ipv6() {
            return Ok(host.addr_v6().into());
        }
        let skip = Skip::new("this kernel has no IPv6");
        Err(io::Error::new(io::ErrorKind::Unsupported, skip))
    }

    /// Returns the router's address on a host's side.
    #[must_use]
    pub fn gateway(&self, host: Host) -> IpAddr {
        host.gateway().into()
    }

    /// Runs `work` on a thread inside a host, and waits for it.
    ///
    /// Sockets that `work` makes always belong to that host. The threads that it starts belong to it, too, such as the
    /// workers of a tokio runtime. (`Runtime::block_on`, called outside, polls its future outside.)
    ///
    /// # Errors
    ///
    /// The error that `work` returns, or why the host could not be entered. A panic of `work` continues in the caller.
    pub fn on<T: Send>(
        &self,
        host: Host,
        work: impl FnOnce() -> io::Result<T> + Send,
    ) -> io::Result<T> {
        self.namespace(host).enter(work)
    }

    /// Runs `work` on a thread inside the router, as [`Lab::on`] does inside a host.
    ///
    /// # Errors
    ///
    /// The error that `work` returns, or why the router could not be entered.
    pub fn on_router<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        self.router.enter(work)
    }

    /// Starts a process inside a host; it ends with the test at the latest.
    ///
    /// # Errors
    ///
    /// As [`Command::spawn`].
    pub fn spawn(&self, host: Host, command: &mut Command) -> io::Result<Child> {
        self.on(host, || command.spawn())
    }

    /// Replaces a host by another one without any sockets: same cable, same address, same MAC.
    ///
    /// Sockets and processes of the old host continue there, unplugged. The router's changes to the cable stay. The
    /// new host has the link, route and filter of a host that has just started.
    ///
    /// # Errors
    ///
    /// When a namespace or a link cannot be made.
    pub fn replace(&self, host: Host) -> io::Result<()> {
        let successor = Namespace::new(host.name())?;
        self.namespace(host)
            .ip(&format!("link set {OWN_LINK} netns {}", successor.path()))?;
        *self
            .place(host)
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = Arc::new(successor);
        self.configure(host)
    }

    /// Destroys the TCP connections of a host that have the given end, as `ss -K` does. Returns the number of
    /// destroyed connections. Listening sockets stay.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] around a [`Skip`] where the kernel lacks `CONFIG_INET_DIAG_DESTROY`. A `?` in the
    /// body of [`run`](crate::run()) then skips the test. Otherwise when `ss` fails.
    pub fn destroy_socket(&self, host: Host, end: End) -> io::Result<usize> {
        socket::destroy(&self.namespace(host), end)
    }

    pub(crate) fn router(&self) -> &Namespace {
        &self.router
    }

    pub(crate) fn relay(&self) -> &Mutex<Option<Relay>> {
        &self.relay
    }

    pub(crate) fn namespace(&self, host: Host) -> Arc<Namespace> {
        Arc::clone(
            &self
                .place(host)
                .lock()
                .unwrap_or_else(PoisonError::into_inner),
        )
    }

    fn place(&self, host: Host) -> &Mutex<Arc<Namespace>> {
        match host {
            Host::Server => &self.server,
            Host::Client => &self.client,
        }
    }
}

/// Lets the router of the calling thread forward packets, including delayed ones, which seem to come from the wrong
/// side.
fn forward() -> io::Result<()> {
    let root = Path::new("/proc/sys/net/ipv4");
    fs::write(root.join("ip_forward"), "1")?;
    // A new namespace inherits the settings of the machine, and many machines forbid such packets.
    fs::write(root.join("conf/all/rp_filter"), "0")?;
    fs::write(root.join("conf/default/rp_filter"), "0")?;
    if has_ipv6() {
        fs::write(Path::new(IPV6_SETTINGS).join("all/forwarding"), "1")?;
    }
    Ok(())
}
