//! The laboratory: three namespaces and two cables, and what a test does to them.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::path::Path;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cable;
use crate::host::Host;
use crate::link::OWN_LINK;
use crate::namespace::Namespace;
use crate::relay::Relay;
use crate::sandbox::Sandbox;
use crate::skip::Skip;
use crate::socket::{self, End};

/// A server, a client and a router between them, in network namespaces of their own.
///
/// The thread of the test itself stands in none of them and reaches nothing: sockets are made in [`Lab::on`].
/// Every method takes `&self`, so threads and tasks of a test may share one lab. Many methods run a program (`ip`, `nft`,
/// `ss`); when it ends, a blocking call on a socket with a timeout, in any thread of the process, may be told
/// [`io::ErrorKind::Interrupted`].
#[derive(Debug)]
pub struct Lab {
    router: Namespace,
    server: Mutex<Arc<Namespace>>,
    client: Mutex<Arc<Namespace>>,
    relay: Mutex<Option<Relay>>,
}

impl Lab {
    /// Builds a further lab inside [`run`](crate::run()), or one inside [`sandboxed`](crate::sandboxed); labs know
    /// nothing of each other.
    ///
    /// # Errors
    ///
    /// When a namespace or a link cannot be made, with the words of the program that failed.
    pub fn new() -> io::Result<Self> {
        let router = Namespace::new("router")?;
        router.enter(forward)?;
        router.feed("nft", &["-f", "-"], &cable::table())?;
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

    /// Tells whether labs can be built here.
    ///
    /// # Errors
    ///
    /// The reason why not: a missing program, or a right that the system withholds.
    pub fn available() -> Result<(), Skip> {
        Sandbox::find().map(|_| ())
    }

    /// The address of a host.
    #[must_use]
    pub fn addr(&self, host: Host) -> IpAddr {
        host.addr().into()
    }

    /// The router's address on a host's side.
    #[must_use]
    pub fn gateway(&self, host: Host) -> IpAddr {
        host.gateway().into()
    }

    /// Runs `work` on a thread inside a host, and waits for it.
    ///
    /// Sockets that it makes belong to that host wherever they go later, and so do the threads that it starts,
    /// such as the workers of a tokio runtime. (`Runtime::block_on` outside polls outside.)
    ///
    /// # Errors
    ///
    /// What `work` returns, or why the host could not be entered. A panic of `work` goes on in the caller.
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
    /// What `work` returns, or why the router could not be entered.
    pub fn on_router<T: Send>(&self, work: impl FnOnce() -> io::Result<T> + Send) -> io::Result<T> {
        self.router.enter(work)
    }

    /// Starts a process inside a host; it dies with the test at the latest.
    ///
    /// # Errors
    ///
    /// As [`Command::spawn`].
    pub fn spawn(&self, host: Host, command: &mut Command) -> io::Result<Child> {
        self.on(host, || command.spawn())
    }

    /// Puts another host without any sockets into a host's place: same cable, same address, same MAC.
    ///
    /// Sockets and processes of the old host live on there, unplugged. What the router does to the cable stays; the own
    /// link, route and filter are those of a host that has just started.
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

    /// Destroys the TCP connections of a host that have the given end, as an administrator does with `ss -K`,
    /// and returns how many there were; listening sockets stay.
    ///
    /// # Errors
    ///
    /// [`io::ErrorKind::Unsupported`] around a [`Skip`] where the kernel lacks `CONFIG_INET_DIAG_DESTROY`,
    /// so that a `?` in the body of [`run`](crate::run()) skips the test; otherwise when `ss` fails.
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

/// Lets the router of the calling thread pass packets on, also delayed ones, which seem to come from the wrong side.
fn forward() -> io::Result<()> {
    let root = Path::new("/proc/sys/net/ipv4");
    fs::write(root.join("ip_forward"), "1")?;
    // The machine's own settings are inherited, and many forbid that.
    fs::write(root.join("conf/all/rp_filter"), "0")?;
    fs::write(root.join("conf/default/rp_filter"), "0")
}
