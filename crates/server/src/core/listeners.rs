//! The server's own listeners, those that the game gives it while it runs, and the ports of its extensions.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, OnceLock};

use lastword_transport::canonical;
use tokio::sync::mpsc::{Receiver, Sender, channel};

use crate::guard::lock;

/// The addresses of all listeners, and the channel to the task that accepts on the adopted ones.
pub(crate) struct Listeners {
    /// The addresses of the server's own listeners, by their numbers.
    pub(crate) own: Vec<SocketAddr>,
    /// The extensions' port for operators.
    pub(crate) admin: OnceLock<SocketAddr>,
    /// The extensions' port for scrapers.
    pub(crate) metrics: OnceLock<SocketAddr>,
    /// Whether there are several listeners. With a single listener, the fields below are not read.
    has_several: AtomicBool,
    /// The addresses of all listeners, by their numbers.
    addrs: Mutex<Vec<SocketAddr>>,
    /// The number of the listener that accepted a connection, by the connection's slot, except for the first listener.
    /// It is kept here so that connections of the first listener need no memory for it.
    by_slot: Mutex<HashMap<u32, u8>>,
    give: Sender<Adopted>,
    given: Mutex<Option<Receiver<Adopted>>>,
}

/// A listener that the game gave, with its number. These numbers follow the numbers of the server's
/// own listeners.
pub(crate) struct Adopted {
    pub(crate) n: u8,
    pub(crate) listener: TcpListener,
}

impl Listeners {
    pub(crate) fn new(own: Vec<SocketAddr>) -> Self {
        let (give, given) = channel(usize::from(u8::MAX));
        Self {
            has_several: AtomicBool::new(own.len() > 1),
            addrs: Mutex::new(own.clone()),
            own,
            admin: OnceLock::new(),
            metrics: OnceLock::new(),
            by_slot: Mutex::default(),
            give,
            given: Mutex::new(Some(given)),
        }
    }

    /// Passes a listener on.
    ///
    /// # Errors
    /// Its address cannot be read, the server is ending, or the server has 256 listeners already.
    pub(crate) fn adopt(&self, listener: TcpListener) -> io::Result<()> {
        let addr = canonical(listener.local_addr()?);
        let mut addrs = lock(&self.addrs);
        let n = u8::try_from(addrs.len()).map_err(|_| io::Error::other(TOO_MANY))?;
        // The address is stored before the listener can accept a connection.
        addrs.push(addr);
        self.has_several.store(true, Ordering::Release);
        // The channel has room for every listener number.
        let sent = self.give.try_send(Adopted { n, listener });
        sent.map_err(|_| io::Error::other("the server ends"))
    }

    /// Stores which listener accepted the connection in this slot.
    pub(crate) fn accepted(&self, slot: u32, n: u8) {
        if !self.has_several.load(Ordering::Acquire) {
            return;
        }
        let mut by_slot = lock(&self.by_slot);
        if n == 0 {
            by_slot.remove(&slot);
        } else {
            by_slot.insert(slot, n);
        }
    }

    /// The address of the listener that accepted the connection in this slot.
    pub(crate) fn addr_of(&self, slot: u32) -> SocketAddr {
        match self.number_of(slot) {
            0 => self.first(),
            n => self.addr_of_listener(n),
        }
    }

    /// The number of the listener that accepted the connection in this slot.
    pub(crate) fn number_of(&self, slot: u32) -> u8 {
        if !self.has_several.load(Ordering::Acquire) {
            return 0;
        }
        let n = lock(&self.by_slot).get(&slot).copied();
        n.unwrap_or(0)
    }

    /// The address of the first listener.
    pub(crate) fn first(&self) -> SocketAddr {
        self.own.first().copied().unwrap_or(NOWHERE)
    }

    /// The address of the listener with this number.
    pub(crate) fn addr_of_listener(&self, n: u8) -> SocketAddr {
        let addr = lock(&self.addrs).get(usize::from(n)).copied();
        addr.unwrap_or_else(|| self.first())
    }

    /// The channel of listeners, for the task that accepts on them. It can be taken once.
    pub(crate) fn take(&self) -> Option<Receiver<Adopted>> {
        lock(&self.given).take()
    }
}

const TOO_MANY: &str =
    "a server takes 256 listeners, with its own: bind one to the wildcard address instead";
/// An address that is never used, since every server has a listener of its own.
const NOWHERE: SocketAddr = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
