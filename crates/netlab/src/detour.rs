//! Delay: the router's packets leave the kernel through a TUN interface, wait in a [`Relay`], and come back.
//!
//! Many kernels lack the module for the kernel's own delay, `netem`. A relay of TCP would end the very connections
//! under test. Here the hosts' own kernels remain the ends of each connection.

use std::fs::File;
use std::io::{self, ErrorKind};
use std::net::IpAddr;
use std::os::fd::AsFd as _;
use std::sync::PoisonError;

use crate::delay::Delay;
use crate::direction::Direction;
use crate::host::{Host, has_ipv6};
use crate::lab::Lab;
use crate::relay::Relay;
use crate::skip::Skip;

/// How long packets take.
///
/// Each direction of each side has its own delay, and a packet between the hosts takes the two delays on its way. A
/// delay may change while connections live. Packets already on the way keep their delay. Unless a [`Delay`] allows it,
/// no packet overtakes another one of its direction, so packets with a shorter delay wait for earlier packets with a
/// longer one. From the first call on, packets pass through user space. On an idle machine this alone takes less than a
/// millisecond.
impl Lab {
    /// Delays a side's packets in each direction; with a constant delay a round trip takes longer by twice as much.
    /// [`Delay::NONE`] ends it.
    ///
    /// # Errors
    ///
    /// [`ErrorKind::Unsupported`] around a [`Skip`] where `/dev/net/tun` is missing or may not be used. A `?` in the
    /// body of [`run`](crate::run()) then skips the test. Otherwise when `ip` fails.
    pub fn delay(&self, host: Host, delay: impl Into<Delay>) -> io::Result<()> {
        self.set_delay(host, &Direction::BOTH, delay.into())
    }

    /// Delays the packets that a host sends, as [`Lab::delay`] does in both directions.
    ///
    /// # Errors
    ///
    /// As [`Lab::delay`].
    pub fn delay_from(&self, host: Host, delay: impl Into<Delay>) -> io::Result<()> {
        self.set_delay(host, &[Direction::From], delay.into())
    }

    /// Delays the packets towards a host, as [`Lab::delay`] does in both directions.
    ///
    /// # Errors
    ///
    /// As [`Lab::delay`].
    pub fn delay_towards(&self, host: Host, delay: impl Into<Delay>) -> io::Result<()> {
        self.set_delay(host, &[Direction::Towards], delay.into())
    }

    /// Stops all packets between the hosts where they are, until [`Lab::resume_packets`]. None is lost: a link that
    /// stands still and has a long queue does the same.
    ///
    /// Packets on the way that are due by then come at once after the pause. Those that were sent in the pause take their
    /// delay from its end on.
    ///
    /// # Errors
    ///
    /// As [`Lab::delay`].
    pub fn pause_packets(&self) -> io::Result<()> {
        self.with_relay(Relay::pause)
    }

    /// Ends a [`Lab::pause_packets`].
    ///
    /// # Errors
    ///
    /// As [`Lab::delay`].
    pub fn resume_packets(&self) -> io::Result<()> {
        self.with_relay(Relay::resume)
    }

    fn set_delay(&self, host: Host, directions: &[Direction], delay: Delay) -> io::Result<()> {
        self.with_relay(|relay| {
            for direction in directions {
                relay.set(host, *direction, delay);
            }
        })
    }

    /// Starts the relay where there is none yet.
    fn with_relay(&self, change: impl FnOnce(&Relay)) -> io::Result<()> {
        let mut slot = self.relay().lock().unwrap_or_else(PoisonError::into_inner);
        let relay = match slot.take() {
            Some(relay) => relay,
            None => self.start_relay()?,
        };
        change(&relay);
        *slot = Some(relay);
        Ok(())
    }

    /// The routes come last: once they are set, every packet between the hosts goes to the relay.
    fn start_relay(&self) -> io::Result<Relay> {
        let device = self.router().enter(|| open().map_err(unsupported))?;
        let relay = Relay::start(device)?;
        let mut routes = format!("link set {INTERFACE} txqueuelen {QUEUE_PACKETS} up\n");
        let mut rules = String::new();
        for host in Host::ALL {
            routes.push_str(&route(host.addr()));
            if has_ipv6() {
                routes.push_str(&route(host.addr_v6()));
            }
            rules.push_str(&format!("rule add iif {} lookup {TABLE}\n", host.name()));
        }
        self.router().ip(&routes)?;
        if has_ipv6() {
            self.router().ip_v6(&rules)?;
        }
        self.router().ip(&rules)?;
        Ok(relay)
    }
}

fn route(addr: impl Into<IpAddr>) -> String {
    format!("route add {} dev {INTERFACE} table {TABLE}\n", addr.into())
}

fn open() -> io::Result<File> {
    let device = File::options().read(true).write(true).open(DEVICE)?;
    lastword_sys::attach_tun(device.as_fd(), INTERFACE)?;
    Ok(device)
}

fn unsupported(error: io::Error) -> io::Error {
    let skip = Skip::new(&format!("no delays here: {DEVICE}: {error}"));
    io::Error::new(ErrorKind::Unsupported, skip)
}

const DEVICE: &str = "/dev/net/tun";
const INTERFACE: &str = "delay";
const TABLE: u8 = 77;
/// More than a burst has: packets that do not fit while the relay is not scheduled are lost.
const QUEUE_PACKETS: u32 = 10_000;
