//! The links at both ends of a cable, and a host's own changes to its way out.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::{Duration, Instant};

use crate::host::{Host, OWN_LINK, has_ipv6};
use crate::lab::Lab;
use crate::namespace::Link;

/// Changes to interfaces, and inside a host.
///
/// A cut cable notifies neither host. These changes notify the kernel of the host whose interface, route or filter
/// changes. [`Lab::link_down`] notifies both hosts.
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
        // The kernel removed the router's IPv6 address together with the link.
        self.router().ip(&format!(
            "link set {} up\n{}",
            host.name(),
            gateway_addresses(host)
        ))?;
        self.await_carrier(host)
    }

    /// Takes a host's own interface down, as its administrator does: its IPv4 address stays, its IPv6 address and its
    /// routes are removed.
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
        self.configure(host)
    }

    /// Removes a host's own addresses, IPv4 and IPv6; the interface stays up.
    ///
    /// The host's connections are not notified. Connections over IPv6 still send from the old address. Connections
    /// over IPv4 cannot send.
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn remove_addresses(&self, host: Host) -> io::Result<()> {
        self.namespace(host)
            .ip(&format!("addr flush dev {OWN_LINK} scope global"))
    }

    /// Ends a [`Lab::remove_addresses`], with the [`Route::Whole`].
    ///
    /// # Errors
    ///
    /// When `ip` fails.
    pub fn restore_addresses(&self, host: Host) -> io::Result<()> {
        self.configure(host)
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

    /// Lets a host's own queue of outgoing packets discard all of them, with `tc`. The sender's kernel is told, unlike
    /// with [`Lab::block_output`], so it soon tries again.
    ///
    /// # Errors
    ///
    /// When `tc` fails, as it does where the kernel lacks `tbf`.
    pub fn choke_output(&self, host: Host) -> io::Result<()> {
        let queue = format!("qdisc replace dev {OWN_LINK} root tbf rate 8bit burst 1 limit 1\n");
        self.set_queue(host, &queue)
    }

    /// Ends a [`Lab::block_output`] and a [`Lab::choke_output`].
    ///
    /// # Errors
    ///
    /// When `nft` or `tc` fails.
    pub fn allow_output(&self, host: Host) -> io::Result<()> {
        self.set_queue(
            host,
            &format!("qdisc replace dev {OWN_LINK} root noqueue\n"),
        )?;
        self.set_output(host, "")
    }

    /// Lays a host's cable, whole at both ends.
    pub(crate) fn plug_in(&self, host: Host) -> io::Result<()> {
        let (name, netns) = (host.name(), self.namespace(host).path());
        self.router().ip(&format!(
            "link add {name} type veth peer name {OWN_LINK} netns {netns}\n\
             link set {name} up\n\
             {}",
            gateway_addresses(host)
        ))?;
        self.configure(host)
    }

    /// Gives a host that has its interface its addresses and routes, as far as they are missing.
    pub(crate) fn configure(&self, host: Host) -> io::Result<()> {
        let addresses = addresses(OWN_LINK, host.addr(), host.addr_v6());
        let route = Route::Whole.commands(host);
        self.namespace(host).ip(&format!(
            "link set {OWN_LINK} up\n\
             {addresses}\
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

    fn set_queue(&self, host: Host, command: &str) -> io::Result<()> {
        self.namespace(host)
            .feed("tc", &["-batch", "-"], command)
            .map(drop)
    }

    /// Waits until both ends really send. If one end is down, no carrier will come, so it does not wait.
    fn await_carrier(&self, host: Host) -> io::Result<()> {
        let (name, own) = (host.name(), self.namespace(host));
        let deadline = Instant::now() + CARRIER_TIMEOUT;
        while Instant::now() < deadline {
            let ends = [self.router().link(name)?, own.link(OWN_LINK)?];
            if ends.contains(&Link::Down) {
                return Ok(());
            }
            if ends == [Link::Sending; 2]
                && self.router().uses_ipv6(name)?
                && own.uses_ipv6(OWN_LINK)?
            {
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
        let (v4, v6) = ("0.0.0.0/0", "::/0");
        let mut commands = self.command(v4, host.gateway().into());
        if has_ipv6() {
            commands.push_str(&self.command(v6, host.gateway_v6().into()));
        }
        commands
    }

    fn command(self, everything: &str, gateway: IpAddr) -> String {
        let blackhole = format!("route replace blackhole {everything}\n");
        match self {
            Self::Whole => format!("route replace {everything} via {gateway}\n"),
            // There may be no route to delete, so `route replace` makes one first.
            Self::Gone => format!("{blackhole}route del {everything}\n"),
            Self::Blackhole => blackhole,
        }
    }
}

/// The commands that give the router its addresses on a host's side.
fn gateway_addresses(host: Host) -> String {
    addresses(host.name(), host.gateway(), host.gateway_v6())
}

fn addresses(interface: &str, v4: Ipv4Addr, v6: Ipv6Addr) -> String {
    let mut commands = format!("addr replace {v4}/24 dev {interface}\n");
    if has_ipv6() {
        commands.push_str(&format!("addr replace {v6}/64 dev {interface} nodad\n"));
    }
    commands
}

const CARRIER_TIMEOUT: Duration = Duration::from_secs(10);
