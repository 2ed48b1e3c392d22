//! Listeners that a server was given besides the one that it bound.

use std::collections::HashMap;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::mpsc::{Receiver, Sender, channel};

/// The addresses of these listeners, and the way to the task that accepts on them.
pub(crate) struct Doors {
    /// There is one at least: without any, nothing here is looked at.
    has_some: AtomicBool,
    addrs: Mutex<Vec<SocketAddr>>,
    /// The listeners of the connections that did not come by the server's own, by their slots. It is kept here, as every
    /// other connection would pay for it.
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
    /// Its address cannot be told, the server ends, or it has 255 of them.
    pub(crate) fn add(&self, listener: TcpListener) -> io::Result<()> {
        let addr = listener.local_addr()?;
        let mut addrs = lock(&self.addrs);
        let n = u8::try_from(addrs.len() + 1).map_err(|_| io::Error::other(TOO_MANY))?;
        // Before anybody can come by it.
        addrs.push(addr);
        self.has_some.store(true, Ordering::Release);
        // There is a place for each number.
        let sent = self.give.try_send(Door { n, listener });
        sent.map_err(|_| io::Error::other("the server ends"))
    }

    /// Notes by which listener the connection in this slot came.
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

    /// The address that the connection in this slot came by, where it is not the server's own.
    pub(crate) fn addr_at(&self, slot: u32) -> Option<SocketAddr> {
        if !self.has_some.load(Ordering::Acquire) {
            return None;
        }
        let n = lock(&self.by_slot).get(&slot).copied()?;
        let index = usize::from(n).checked_sub(1)?;
        lock(&self.addrs).get(index).copied()
    }

    /// The listeners, for the task that accepts on them. They can be taken once.
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
