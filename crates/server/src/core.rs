//! What all connections of one server share.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use lastword_keepalive::Profile;
use lastword_session::Timing;
use lastword_transport::{Clock, Mailbox, Request, Table};
use tokio::sync::{Notify, Semaphore};

use crate::cohorts::Cohorts;
use crate::ledger::Ledger;
use crate::metrics::{Metrics, State};
use crate::observer::Observer;
use crate::player::DynAuthenticator;
use crate::traffic::TrafficTotals;

/// The shared state of one server.
pub(crate) struct Core {
    pub(crate) clock: Clock,
    pub(crate) table: Arc<Table>,
    pub(crate) ledger: Ledger,
    pub(crate) metrics: Metrics,
    pub(crate) traffic: TrafficTotals,
    pub(crate) session: Arc<lastword_session::Config>,
    /// The listener's own profile first.
    pub(crate) profiles: Vec<Profile>,
    pub(crate) cohorts: Cohorts,
    pub(crate) connections_max: u64,
    pub(crate) drain_timeout: Duration,
    pub(crate) authenticator: Arc<dyn DynAuthenticator>,
    pub(crate) authentications: Arc<Semaphore>,
    /// The extensions' first: what the game hears of can be looked up there already.
    pub(crate) observers: Vec<Arc<dyn Observer>>,
    pub(crate) local_addr: SocketAddr,
    pub(crate) admin_addr: OnceLock<SocketAddr>,
    /// No extension shows the metrics when it is asked to.
    pub(crate) publishes_itself: bool,
    pub(crate) draining: AtomicBool,
    pub(crate) ended: AtomicBool,
    pub(crate) ended_notify: Notify,
}

impl Core {
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The number of the profile with this name; the listener's own where there is none.
    pub(crate) fn profile_index(&self, name: Option<&str>) -> u8 {
        let index = name.and_then(|name| {
            self.profiles
                .iter()
                .position(|profile| profile.name.as_str() == name)
        });
        index
            .and_then(|index| u8::try_from(index).ok())
            .unwrap_or(0)
    }

    pub(crate) fn profile(&self, index: u8) -> Option<&Profile> {
        self.profiles.get(usize::from(index))
    }

    pub(crate) fn timing(&self, profile: u8) -> Timing {
        self.profile(profile)
            .map_or_else(Timing::default, timing_of)
    }

    /// Leaves the same request with every connection.
    pub(crate) fn request_all(&self, request: &Request) {
        self.table
            .for_each(|mailbox: &Arc<Mailbox>| mailbox.request(request.clone()));
    }

    /// Publishes one snapshot of the books, and runs `also` before anything can change them.
    pub(crate) fn publish<R>(&self, also: impl FnOnce() -> R) -> R {
        let state = State::read(self.is_draining());
        self.ledger.read(|counts| {
            self.metrics.publish(counts, self.traffic.read(), state);
            also()
        })
    }

    pub(crate) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        self.ended_notify.notify_waiters();
    }

    /// Waits until the server has stopped accepting.
    pub(crate) async fn wait_ended(&self) {
        loop {
            let ended = self.ended_notify.notified();
            tokio::pin!(ended);
            ended.as_mut().enable();
            if self.ended.load(Ordering::Acquire) {
                return;
            }
            ended.await;
        }
    }
}

impl std::fmt::Debug for Core {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Core")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}

fn timing_of(profile: &Profile) -> Timing {
    Timing {
        heartbeat_ms: millis(profile.heartbeat),
        suspect_ms: millis(profile.suspect),
        dead_ms: profile.dead.map_or(0, millis),
    }
}

fn millis(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
