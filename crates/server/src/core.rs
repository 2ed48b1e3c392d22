//! The state that all connections of one server share.

mod accounts;
mod admission;
mod authentication;
pub(crate) mod doors;
pub(crate) mod drain;
mod group;
mod listeners;
mod logins;
mod mailboxes;
mod observer;
pub(crate) mod publisher;
mod reloads;
pub(crate) mod renewals;
pub(crate) mod shedding;
mod shutdown;
mod tombstones;

use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use lastword_session::{Cause, Close, Message};
use lastword_transport::Clock;

use crate::books::{Books, OpenFds, State, Stats};
use crate::config::Settings;
use crate::guard::lock;
use crate::player::{Returning, SessionIdentity};
use crate::shape::events::Queue;

pub use group::Group;
pub use mailboxes::NoSuchSession;
pub use observer::Observer;
pub use reloads::ReloadError;

pub(crate) use accounts::{Accounts, Found, Received};
pub(crate) use admission::{Admission, Admitted, Peers, Rules, Situation};
pub(crate) use authentication::Authentication;
pub(crate) use doors::{Answer, Doors, Inside, Leaving, Reply, Seat, Visitor};
pub(crate) use group::Groups;
pub(crate) use listeners::{Adopted, Listeners};
pub(crate) use logins::{Claim, Logins};
pub(crate) use mailboxes::Mailboxes;
pub(crate) use observer::Observers;
pub(crate) use reloads::{ReadConfig, Reloads, warn_of_certificates};
pub(crate) use shedding::Shedding;
pub(crate) use shutdown::Shutdown;
pub(crate) use tombstones::{Tombstone, Tombstones};

/// Returns whether a player may come back to its session.
pub(crate) type MayResume = dyn Fn(&Returning<'_>) -> bool + Send + Sync;

/// The shared state of one server.
pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) settings: Settings,
    pub(crate) mailboxes: Arc<Mailboxes>,
    /// One session for each player; `None` where a player may have several.
    pub(crate) logins: Option<Arc<Logins>>,
    pub(crate) doors: Doors,
    /// The game's word on players that come back.
    pub(crate) may_resume: Option<Arc<MayResume>>,
    pub(crate) tombstones: Tombstones,
    pub(crate) groups: Groups,
    pub(crate) books: Books,
    pub(crate) admission: Mutex<Admission>,
    pub(crate) authentication: Authentication,
    pub(crate) shedding: Shedding,
    pub(crate) reloads: Reloads,
    pub(crate) observers: Observers,
    pub(crate) listeners: Listeners,
    pub(crate) runtime: tokio::runtime::Handle,
    /// Where events wait for a game that ticks.
    pub(crate) events: Option<Arc<Queue>>,
    /// Whether the server publishes the metrics itself, because no extension publishes them when it
    /// shows them.
    pub(crate) publishes_itself: bool,
    /// Held while one snapshot is published and shown, so that two snapshots do not mix. No session
    /// waits for this lock.
    pub(crate) publishing: Mutex<OpenFds>,
    pub(crate) shutdown: Shutdown,
}

impl Core {
    pub(crate) fn is_draining(&self) -> bool {
        self.shutdown.draining.is_set()
    }

    /// The message of a drain: the game's message if it gave one, otherwise the configured one.
    pub(crate) fn drain_message(&self) -> Message {
        let chosen = self.shutdown.message.get();
        let configured = || self.settings.live().drain_message.clone();
        chosen.cloned().unwrap_or_else(configured)
    }

    /// The decision about a client that comes while the server drains.
    pub(crate) fn refused_draining(&self) -> Close {
        Close::with(Cause::RefusedDraining, self.drain_message())
    }

    /// Decides about a new connection. `places_taken` counts it, too.
    pub(crate) fn decide(
        &self,
        addr: IpAddr,
        places_taken: u64,
        peers: Peers,
    ) -> Result<Admitted, Close> {
        if self.is_draining() {
            return Err(self.refused_draining());
        }
        let situation = Situation {
            places_taken,
            is_overloaded: self.shedding.refuses(),
            peers,
        };
        let decided = lock(&self.admission).decide(Clock::real(), addr, situation);
        decided.map_err(Close::new)
    }

    /// Decides about a connection that was let in and whose PROXY header has named its peer.
    pub(crate) fn decide_named(&self, addr: IpAddr, admitted: Admitted) -> Result<Admitted, Close> {
        let decided = lock(&self.admission).named(Clock::real(), addr, admitted);
        decided.map_err(Close::new)
    }

    /// The claim of a login on its player's name, where the name allows one session only.
    pub(crate) fn claim_of(&self, identity: &Arc<SessionIdentity>) -> Option<Claim> {
        self.logins.as_ref()?.claim_of(identity)
    }

    /// Publishes one snapshot of the books, and runs `also` before another is published. It runs the game's recorder, so
    /// it is not for a worker of the runtime.
    pub(crate) fn publish<R>(&self, also: impl FnOnce() -> R) -> R {
        let mut open_fds = lock(&self.publishing);
        self.books.publish(State::read(
            self.is_draining(),
            self.reloads.is_successful(),
            self.events_waiting(),
            &self.mailboxes.table,
            open_fds.read(),
            self.settings.live().certificates_expire_at(),
        ));
        also()
    }

    pub(crate) fn stats(&self) -> Stats {
        let events = self.events_waiting();
        self.books.stats(events, &self.mailboxes.table)
    }

    /// The number of events that wait for the game to tick.
    fn events_waiting(&self) -> usize {
        self.events.as_ref().map_or(0, |queue| queue.len())
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("local_addr", &self.listeners.own)
            .finish_non_exhaustive()
    }
}
