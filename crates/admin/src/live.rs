//! `/api/live`: the page's data, once a second, as server-sent events.
//!
//! A snapshot is made once for all viewers, and only while there are viewers. A slow viewer misses snapshots and delays
//! no other viewer. It still gets each close once, as long as the close is kept.

mod event;
mod snapshot;
mod stream;
mod tally;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lastword_server::{Departure, Disconnect, Observer, ServerHandle};
use tokio::sync::{Notify, Semaphore, watch};
use tokio::time::{MissedTickBehavior, interval};

use crate::closes::Closes;
use crate::connection_slot::ConnectionSlot;
use event::{Event, Moment};
use snapshot::Snapshot;
use stream::{Stream, Viewer};
use tally::{Tally, this_second};

/// Counts of every end, kept with and without viewers.
#[derive(Debug, Default)]
pub(crate) struct Counted(Mutex<Tally>);

impl Counted {
    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Observer for Counted {
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        self.lock().add(disconnect);
    }

    fn left(&self, departure: &Departure) {
        self.lock().left(departure);
    }
}

/// The state that viewers share.
pub(crate) struct Live {
    server: ServerHandle,
    closes: Arc<Closes>,
    counted: Arc<Counted>,
    /// Identifies this run of the server, because other runs count from 1 again: its start, in ms since 1970.
    run: u64,
    places: Arc<Semaphore>,
    latest: watch::Sender<Arc<Event>>,
    somebody_came: Notify,
    ended: AtomicBool,
}

impl Live {
    pub(crate) fn new(server: ServerHandle, closes: Arc<Closes>, counted: Arc<Counted>) -> Self {
        let began = SystemTime::now().duration_since(UNIX_EPOCH);
        Self {
            server,
            closes,
            counted,
            run: began.map_or(0, |began| {
                u64::try_from(began.as_millis()).unwrap_or(u64::MAX)
            }),
            places: Arc::new(Semaphore::new(VIEWERS_MAX)),
            latest: watch::Sender::new(Arc::default()),
            somebody_came: Notify::new(),
            ended: AtomicBool::new(false),
        }
    }

    /// Makes an event a second while there are viewers, and the last one when the server has ended.
    pub(crate) async fn run(&self) {
        let mut ended = std::pin::pin!(self.server.closed());
        let mut ticks = interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let due = async {
                while self.latest.receiver_count() == 0 {
                    // This event would be out of date when the next viewer comes.
                    self.latest.send_replace(Arc::default());
                    self.somebody_came.notified().await;
                }
                ticks.tick().await
            };
            tokio::select! {
                biased;
                () = &mut ended => break,
                _ = due => self.publish(),
            }
        }
        self.ended.store(true, Ordering::Release);
        self.publish();
    }

    fn publish(&self) {
        let before = Arc::clone(&self.latest.borrow());
        let at = if before.is_none() {
            self.closes.last()
        } else {
            before.last
        };
        let viewer = Viewer {
            at: Some(at),
            second: before.moment.second,
        };
        self.latest
            .send_replace(Arc::new(self.event(&viewer, self.moment(), None)));
    }

    /// The latest snapshot, with the changes that this viewer has not received.
    fn catch_up(&self, viewer: &Viewer) -> Arc<Event> {
        let latest = Arc::clone(&self.latest.borrow());
        if latest.is_none() {
            return Arc::new(self.event(viewer, self.moment(), None));
        }
        Arc::new(self.event(viewer, latest.moment.clone(), Some(latest.last)))
    }

    fn event(&self, viewer: &Viewer, moment: Moment, until: Option<u64>) -> Event {
        let closes = match viewer.at {
            Some(after) => self.closes.follow(after, until, CLOSES_MAX),
            None => self.closes.recent(until, CLOSES_AT_FIRST),
        };
        let after = viewer.at.unwrap_or_default();
        let since = viewer.second.saturating_sub(SETTLING_SECONDS);
        let history = self
            .counted
            .lock()
            .since(since.max(moment.second.saturating_sub(HISTORY_SECONDS)));
        let event = Event::new(self.run, moment, &history, after, &closes);
        event.unwrap_or_else(|error| {
            tracing::error!(%error, "an event of the live page was not written");
            Event::default()
        })
    }

    fn moment(&self) -> Moment {
        let second = this_second();
        let ended = self.ended.load(Ordering::Acquire);
        let counted = self.counted.lock();
        let silences = counted.silences().to_vec();
        drop(counted);
        let snapshot = Snapshot::new((self.run, second, ended), &self.server, &silences);
        let json = serde_json::to_string(&snapshot).unwrap_or_else(|error| {
            tracing::error!(%error, "a snapshot was not written");
            "null".to_owned()
        });
        Moment {
            json,
            second,
            ended,
        }
    }

    fn subscribe(&self) -> watch::Receiver<Arc<Event>> {
        let events = self.latest.subscribe();
        self.somebody_came.notify_one();
        events
    }
}

/// Starts to send a viewer the events, from its last position.
pub(crate) async fn answer(
    State(live): State<Arc<Live>>,
    Extension(slot): Extension<ConnectionSlot>,
    headers: HeaderMap,
) -> Response {
    let Ok(permit) = Arc::clone(&live.places).try_acquire_owned() else {
        let retry = [(header::RETRY_AFTER, "10")];
        return (StatusCode::SERVICE_UNAVAILABLE, retry, TOO_MANY).into_response();
    };
    let id = headers.get("last-event-id").and_then(|id| id.to_str().ok());
    let viewer = Viewer {
        at: id.and_then(|id| event::position(id, live.run)),
        second: 0,
    };
    slot.stay();
    let (told, stream) = Stream::new(slot);
    tokio::spawn(async move {
        stream::tell(live, told, viewer).await;
        drop(permit);
    });
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
    ];
    (headers, Body::new(stream)).into_response()
}

const VIEWERS_MAX: usize = 32;
const PERIOD: Duration = Duration::from_secs(1);
/// The most closes in one event. The next events have the others.
const CLOSES_MAX: usize = 500;
/// The most closes of sessions, and the most of other connections, in the first event of a new viewer.
const CLOSES_AT_FIRST: usize = 500;
/// How far back the first event of a viewer goes.
const HISTORY_SECONDS: u64 = 900;
/// A second may still change after the first event about it: ends are counted a little after their timestamp.
const SETTLING_SECONDS: u64 = 3;
const TOO_MANY: &str = "32 viewers watch this server already: close one of them\n";
