//! The links at both ends of a cable, and a host's own changes to its way out.

use std::io::{self, ErrorKind};
use std::time::{Duration, Instant};

use crate::host::{Host, OWN_LINK};
use crate::lab::Lab;
use crate::namespace::Link;

/// Changes to interfaces, and inside a host.
///
/// A cut cable notifies neither host. These changes do notify a kernel: that of the host with the changed interface,
/// route or filter. [`Lab::link_down`] notifies both.
impl Lab {
    /// Pulls a host's cable out of the router. The host loses its carrier. The router loses the route, and tells the
    /// other side that the network is unreachable.
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn link_down(&self, host: Host) -> io::Result<()> {
        self.router().ip(&format!("link set {} down", host.name()))
    }

    /// Puts a host's cable back into the router, and waits for the carrier at both ends.
    ///
    /// # Errors
    ///
    /// When `ip` fails or the carrier does not come.
    pub fn link_up(&self, host: Host) -> io::Result<()> {
        self.router().ip(&format!("link set {} up", host.name()))?;
        self.await_carrier(host)
    }

    /// Takes a host's own interface down, as its administrator does: its address stays, its routes are removed.
    ///
    /// The host knows that it cannot send. The router keeps its route to the host and discards packets silently. When
    /// it has found no neighbour for 3 s, it reports that the host is unreachable.
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn own_link_down(&self, host: Host) -> io::Result<()> {
        self.namespace(host)
            .ip(&format!("link set {OWN_LINK} down"))
    }

    /// Takes a host's own interface up again, with the [`Route::Whole`], and waits for the carrier at both ends.
    ///
    /// # Errors
    ///
    /// When `ip` fails or the carrier does not come.
    pub fn own_link_up(&self, host: Host) -> io::Result<()> {
        let route = Route::Whole.commands(host);
        self.namespace(host)
            .ip(&format!("link set {OWN_LINK} up\n{route}"))?;
        self.await_carrier(host)
    }

    /// Changes a host's own route to everything beyond its cable, including the other host.
    ///
    /// # Errors
    ///
    /// When `ip` fails, as it does for [`Route::Whole`] while the own link is down.
    pub fn set_route(&self, host: Host, route: Route) -> io::Result<()> {
        self.namespace(host).ip(&route.commands(host))
    }

    /// Lets a host's own firewall discard everything that the host sends, `nft` hook `output`; incoming packets still
    /// arrive.
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn block_output(&self, host: Host) -> io::Result<()> {
        self.set_output(
            host,
            &format!("add rule inet lab output oifname {OWN_LINK} drop\n"),
        )
    }

    /// Ends a [`Lab::block_output`].
    ///
    /// # Errors
    ///
    /// When `nft` fails.
    pub fn allow_output(&self, host: Host) -> io::Result<()> {
        self.set_output(host, "")
    }

    /// Lays a host's cable, whole at both ends.
    pub(crate) fn plug_in(&self, host: Host) -> io::Result<()> {
        let (name, gateway, netns) = (host.name(), host.gateway(), self.namespace(host).path());
        self.router().ip(&format!(
            "link add {name} type veth peer name {OWN_LINK} netns {netns}\n\
             addr add {gateway}/24 dev {name}\n\
             link set {name} up\n"
        ))?;
        self.configure(host)
    }

    /// Gives a host that has its interface an address and a route.
    pub(crate) fn configure(&self, host: Host) -> io::Result<()> {
        let (addr, route) = (host.addr(), Route::Whole.commands(host));
        self.namespace(host).ip(&format!(
            "addr add {addr}/24 dev {OWN_LINK}\n\
             link set {OWN_LINK} up\n\
             {route}"
        ))?;
        self.await_carrier(host)
    }

    /// Makes a host send each segment as a packet of its own, as a real wire would carry it.
    pub(crate) fn send_singly(&self, host: Host) -> io::Result<()> {
        self.namespace(host)
            .ip(&format!("link set {OWN_LINK} gso_max_segs 1"))
    }

    fn set_output(&self, host: Host, rule: &str) -> io::Result<()> {
        let transaction = format!(
            "add table inet lab\n\
             add chain inet lab output {{ type filter hook output priority 0; }}\n\
             flush chain inet lab output\n\
             {rule}"
        );
        self.namespace(host)
            .feed("nft", &["-f", "-"], &transaction)
            .map(drop)
    }

    /// Waits until both ends really send. If one end is down, no carrier will come, so it does not wait.
    fn await_carrier(&self, host: Host) -> io::Result<()> {
        let (name, own) = (host.name(), self.namespace(host));
        let deadline = Instant::now() + CARRIER_TIMEOUT;
        while Instant::now() < deadline {
            let ends = [self.router().link(name)?, own.link(OWN_LINK)?];
            if ends == [Link::Sending; 2] || ends.contains(&Link::Down) {
                return Ok(());
            }
        }
        Err(io::Error::new(
            ErrorKind::TimedOut,
            format!("the cable of the {name} has no carrier"),
        ))
    }
}

/// A host's own route to everything beyond its cable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Route {
    /// A route through the router, as in a new lab.
    Whole,
    /// No route at all: the host cannot reach the other one.
    Gone,
    /// A `blackhole` route: the host discards its outgoing packets, and only its own sockets get an error.
    Blackhole,
}

impl Route {
    fn commands(self, host: Host) -> String {
        match self {
            Self::Whole => format!("route replace default via {}\n", host.gateway()),
            // There may be no route to delete, so `route replace` makes one first.
            Self::Gone => "route replace blackhole default\nroute del default\n".to_owned(),
            Self::Blackhole => "route replace blackhole default\n".to_owned(),
        }
    }
}

const CARRIER_TIMEOUT: Duration = Duration::from_secs(5);
