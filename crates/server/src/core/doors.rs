//! Listeners that the game gives a running server, in addition to the one that the server bound.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The addresses of these listeners, and the channel to the task that accepts on them.
pub(crate) struct Doors {
    /// Whether there is at least one. Without any, nothing else here is read.
    has_some: AtomicBool,
    addrs: Mutex<Vec<SocketAddr>>,
    /// The number of the listener that accepted a connection, by the connection's slot, except for the server's own
    /// listener. It is kept here so that other connections do not pay for it.
    by_slot: Mutex<HashMap<u32, u8>>,
    give: Sender<Door>,
    given: Mutex<Option<Receiver<Door>>>,
}

/// A listener with its number, from 1; 0 is the server's own.
pub(crate) struct Door {
    pub(crate) n: u8,
    pub(crate) listener: TcpListener,
}

impl Doors {
    /// Passes a listener on.
    ///
    /// # Errors
    /// Its address cannot be read, the server is ending, or the server has 255 of them already.
    pub(crate) fn add(&self, listener: TcpListener) -> io::Result<()> {
        let addr = listener.local_addr()?;
        let mut addrs = lock(&self.addrs);
        let n = u8::try_from(addrs.len() + 1).map_err(|_| io::Error::other(TOO_MANY))?;
        // The address is stored before the listener can accept a connection.
        addrs.push(addr);
        self.has_some.store(true, Ordering::Release);
        // The channel has room for every listener number.
        let sent = self.give.try_send(Door { n, listener });
        sent.map_err(|_| io::Error::other("the server ends"))
    }

    /// Stores which listener accepted the connection in this slot.
    pub(crate) fn came(&self, slot: u32, n: u8) {
        if !self.has_some.load(Ordering::Acquire) {
            return;
        }
        let mut by_slot = lock(&self.by_slot);
        if n == 0 {
            by_slot.remove(&slot);
        } else {
            by_slot.insert(slot, n);
        }
    }

    /// The address of the listener that accepted the connection in this slot, if it is not the server's own.
    pub(crate) fn addr_at(&self, slot: u32) -> Option<SocketAddr> {
        if !self.has_some.load(Ordering::Acquire) {
            return None;
        }
        let n = lock(&self.by_slot).get(&slot).copied()?;
        let index = usize::from(n).checked_sub(1)?;
        lock(&self.addrs).get(index).copied()
    }

    /// The channel of listeners, for the task that accepts on them. It can be taken once.
    pub(crate) fn take(&self) -> Option<Receiver<Door>> {
        lock(&self.given).take()
    }
}

impl Default for Doors {
    fn default() -> Self {
        let (give, given) = channel(usize::from(u8::MAX));
        Self {
            has_some: AtomicBool::new(false),
            addrs: Mutex::default(),
            by_slot: Mutex::default(),
            give,
            given: Mutex::new(Some(given)),
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

const TOO_MANY: &str =
    "a server takes 255 listeners besides its own: bind one to the wildcard address instead";
