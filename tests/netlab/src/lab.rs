//! The laboratory: three namespaces and two cables, and what a test does to them.

use std::fs;
use std::io;
use std::net::IpAddr;
use std::process::{Child, Command};
use std::sync::{Arc, Mutex, PoisonError};

use crate::cable::Cable;
use crate::host::Host;
use crate::namespace::Namespace;
use crate::sandbox::Sandbox;
use crate::skip::Skip;
use crate::socket::{self, End};

/// A server, a client and a router between them, in network namespaces of their own.
///
/// The thread of the test itself stands in none of them and reaches nothing: sockets are made in [`Lab::on`].
/// Every method takes `&self`, so threads and tasks of a test may share one lab.
#[derive(Debug)]
pub struct Lab {
    router: Namespace,
    server: Mutex<Arc<Namespace>>,
    client: Mutex<Arc<Namespace>>,
}

impl Lab {
    /// Builds a further lab inside [`run`](crate::run), or one inside [`sandboxed`](crate::sandboxed); labs know
    /// nothing of each other.
    ///
    /// # Errors
    ///
    /// When a namespace or a link cannot be made, with the words of the program that failed.
    pub fn new() -> io::Result<Self> {
        let router = Namespace::new("router")?;
        router.enter(|| fs::write("/proc/sys/net/ipv4/ip_forward", "1"))?;
        router.feed("nft", &["-f", "-"], &Cable::table())?;
        let [server, client] = Host::ALL.map(|host| Namespace::new(host.name()));
        let lab = Self {
            router,
            server: Mutex::new(Arc::new(server?)),
            client: Mutex::new(Arc::new(client?)),
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
        host.addr()
    }

    /// The router's address on a host's side.
    #[must_use]
    pub fn gateway(&self, host: Host) -> IpAddr {
        host.gateway()
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

    /// Cuts a side's cable at its far end: nothing passes either way, interfaces stay up, nobody is told.
    ///
    /// Like [`Lab::drop_from`] and [`Lab::mend`], it replaces what an earlier call did to that side.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn cut(&self, host: Host) -> io::Result<()> {
        self.condition(host, Cable::Cut)
    }

    /// Discards the packets that a host sends; those towards it still pass.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn drop_from(&self, host: Host) -> io::Result<()> {
        self.condition(host, Cable::Mute)
    }

    /// Ends a [`Lab::cut`] or [`Lab::drop_from`] of a side.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn mend(&self, host: Host) -> io::Result<()> {
        self.condition(host, Cable::Whole)
    }

    /// Pulls a host's cable out of the router: the host loses its carrier, and the router, which has lost the
    /// route, tells the other side that the network is unreachable.
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn link_down(&self, host: Host) -> io::Result<()> {
        self.router.ip(&format!("link set {} down", host.name()))
    }

    /// Puts a host's cable back into the router, and waits for the carrier at both ends.
    ///
    /// # Errors
    ///
    /// When `ip` fails or the carrier does not come.
    pub fn link_up(&self, host: Host) -> io::Result<()> {
        self.router.ip(&format!("link set {} up", host.name()))?;
        self.await_carrier(host)
    }

    /// Puts another host without any sockets into a host's place: same cable, same address, same MAC.
    ///
    /// Sockets and processes of the old host live on there, unplugged.
    ///
    /// # Errors
    ///
    /// When a namespace or a link cannot be made.
    pub fn replace(&self, host: Host) -> io::Result<()> {
        let successor = Namespace::new(host.name())?;
        self.namespace(host)
            .ip(&format!("link set {HOST_LINK} netns {}", successor.path()))?;
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
    /// so that a `?` in the body of [`run`](crate::run) skips the test; otherwise when `ss` fails.
    pub fn destroy_socket(&self, host: Host, end: End) -> io::Result<usize> {
        socket::destroy(&self.namespace(host), end)
    }

    fn condition(&self, host: Host, cable: Cable) -> io::Result<()> {
        self.router
            .feed("nft", &["-f", "-"], &cable.rules(host))
            .map(drop)
    }

    fn plug_in(&self, host: Host) -> io::Result<()> {
        let (name, gateway, netns) = (host.name(), host.gateway(), self.namespace(host).path());
        self.router.ip(&format!(
            "link add {name} type veth peer name {HOST_LINK} netns {netns}\n\
             addr add {gateway}/24 dev {name}\n\
             link set {name} up\n"
        ))?;
        self.configure(host)
    }

    fn configure(&self, host: Host) -> io::Result<()> {
        let (addr, gateway) = (host.addr(), host.gateway());
        self.namespace(host).ip(&format!(
            "addr add {addr}/24 dev {HOST_LINK}\n\
             link set {HOST_LINK} up\n\
             route add default via {gateway}\n"
        ))?;
        self.await_carrier(host)
    }

    fn await_carrier(&self, host: Host) -> io::Result<()> {
        self.router.await_link(host.name())?;
        self.namespace(host).await_link(HOST_LINK)
    }

    fn namespace(&self, host: Host) -> Arc<Namespace> {
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

/// The host's end of its cable.
const HOST_LINK: &str = "eth0";
