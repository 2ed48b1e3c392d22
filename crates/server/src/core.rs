//! The state that all connections of one server share.

pub(crate) mod doors;
pub(crate) mod drain;
pub(crate) mod flag;
pub(crate) mod group;
pub(crate) mod guard;
pub(crate) mod observer;
pub(crate) mod publisher;

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use lastword_keepalive::{KernelKnobs, Profile};
use lastword_session::{SessionId, Timing};
use lastword_transport::{Clock, Mailbox, Request, Table};
use tokio::sync::Semaphore;

use crate::books::{Ledger, Metrics, NameKind, Names, Questions, Seats, State, TrafficTotals, log};
use crate::config::Bound;
use crate::player::{DynAuthenticator, Kick, slot_of};
use crate::shape::events::Queue;
use doors::Doors;
use flag::Flag;
use group::Groups;
use guard::guarded;
use observer::Observer;

/// The shared state of one server.
pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) table: Arc<Table>,
    pub(crate) ledger: Ledger,
    pub(crate) groups: Groups,
    pub(crate) metrics: Metrics,
    pub(crate) traffic: TrafficTotals,
    /// Limits the log lines of connections that never became a session.
    pub(crate) log_limit: log::Limit,
    /// The seats of the live sessions, for the list.
    pub(crate) seats: Seats,
    /// Callers that wait for a live session to describe itself.
    pub(crate) questions: Questions,
    pub(crate) bounds: Vec<Bound>,
    pub(crate) session: Arc<lastword_session::Config>,
    /// The listener's own profile comes first.
    pub(crate) profiles: Vec<Profile>,
    /// The socket options of each profile.
    pub(crate) knobs: Vec<KernelKnobs>,
    pub(crate) cohorts: Names,
    /// The names of `profiles`.
    pub(crate) profile_names: Names,
    pub(crate) connections_max: u64,
    pub(crate) drain_timeout: Duration,
    pub(crate) authenticator: Arc<dyn DynAuthenticator>,
    pub(crate) authentications: Arc<Semaphore>,
    /// The extensions' observers come first: when the game hears of an end, it can already look it up in an extension.
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    pub(crate) local_addr: SocketAddr,
    pub(crate) doors: Doors,
    pub(crate) admin_addr: OnceLock<SocketAddr>,
    pub(crate) metrics_addr: OnceLock<SocketAddr>,
    pub(crate) runtime: tokio::runtime::Handle,
    /// Where events wait for a game that ticks.
    pub(crate) events: Option<Arc<Queue>>,
    /// Whether the server publishes the metrics itself, because no extension does so when it shows them.
    pub(crate) publishes_itself: bool,
    pub(crate) draining: AtomicBool,
    /// The server accepts no further connections.
    pub(crate) ended: Flag,
    /// The server has ended, and its connections are gone.
    pub(crate) closed: Flag,
}

impl Core {
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    pub(crate) fn profile(&self, index: u8) -> Option<&Profile> {
        self.profiles.get(usize::from(index))
    }

    pub(crate) fn timing(&self, profile: u8) -> Timing {
        self.profile(profile)
            .map_or_else(Timing::default, Timing::from)
    }

    /// The socket options of a profile, if they differ from the listener's, which every socket has at first.
    pub(crate) fn own_knobs(&self, profile: u8) -> Option<KernelKnobs> {
        let knobs = self.knobs.get(usize::from(profile))?;
        (self.knobs.first() != Some(knobs)).then_some(*knobs)
    }

    /// Players whose names the configuration does not have, by [`NameKind::ALL`].
    pub(crate) fn unknown_names(&self) -> [u64; NameKind::ALL.len()] {
        NameKind::ALL.map(|kind| match kind {
            NameKind::Cohort => self.cohorts.unknown(),
            NameKind::Profile => self.profile_names.unknown(),
        })
    }

    /// A live session's mailbox. Another session may use the slot by now, so the whole id is compared.
    pub(crate) fn mailbox_of(&self, session: SessionId) -> Option<Arc<Mailbox>> {
        let mailbox = self.table.find(slot_of(session))?;
        (mailbox.session() == Some(*session.as_bytes())).then_some(mailbox)
    }

    /// Puts the same request into every connection's mailbox.
    pub(crate) fn request_all(&self, request: &Request) {
        self.table
            .for_each(|mailbox: &Arc<Mailbox>| mailbox.request(request.clone()));
    }

    /// The number of events that wait for the game to tick.
    pub(crate) fn events_waiting(&self) -> usize {
        self.events.as_ref().map_or(0, |queue| queue.len())
    }

    /// Tells a tick loop that a drain began.
    pub(crate) fn begin_drain(&self, deadline: Instant) {
        if let Some(events) = &self.events {
            events.draining(deadline);
        }
    }

    /// Marks the server as closed, and tells a tick loop last.
    pub(crate) fn close(&self) {
        self.closed.set();
        if let Some(events) = &self.events {
            events.end();
        }
    }

    /// Publishes one snapshot of the books and runs `also` before they can change.
    pub(crate) fn publish<R>(&self, also: impl FnOnce() -> R) -> R {
        let (events, unknown_names) = (self.events_waiting(), self.unknown_names());
        let state = State::read(self.is_draining(), events, unknown_names, &self.table);
        self.ledger.read(|counts| {
            self.metrics.publish(counts, self.traffic.read(), state);
            also()
        })
    }

    /// Publishes for the server itself. If the game's recorder panics, only this publication fails.
    pub(crate) fn publish_itself(&self) {
        guarded("the recorder of the metrics panicked", || {
            self.publish(|| ())
        });
    }

    pub(crate) fn end(&self) {
        self.ended.set();
    }

    /// The most connections that may be open.
    pub(crate) fn places(&self) -> usize {
        usize::try_from(self.connections_max).unwrap_or(usize::MAX)
    }

    /// Ends every session as `closed_by_game`, after its queued frames are sent.
    pub(crate) fn close_every_session(&self) {
        let close = Request::close(Kick::default().into_orderly_close());
        self.table.for_each(|mailbox| {
            if mailbox.session().is_some() {
                mailbox.request(close.clone());
            }
        });
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}
