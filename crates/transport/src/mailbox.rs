//! The mailbox of a connection: any thread, even without a runtime, leaves frames and decisions in it for the owner.

mod room;
mod send;
mod waiters;

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use atomic_waker::AtomicWaker;
use lastword_session::{
    Backlog, Config, Dropped, Framing, Mail, Policy, Request, Requests, RoundTrip, SendQueue,
};

use waiters::{Place, Waiters};

/// The part of a connection that other threads share. It is small, because every session keeps one. It is bounded,
/// because callers can leave items again and again.
#[derive(Debug)]
pub struct Mailbox {
    waker: AtomicWaker,
    /// Set while there is mail. So on most polls the owner does not need the lock.
    full: AtomicBool,
    /// The end is seen or decided, but the game has not been told: frames are counted and discarded. Changes only
    /// under the lock.
    discards: AtomicBool,
    /// Frames of this session may be dropped, unless their sender says otherwise.
    drops_oldest: AtomicBool,
    /// What the owner writes matters to others: its frames may be dropped, or a caller waits for room. Changes only under
    /// the lock.
    is_watched: AtomicBool,
    /// Bytes that the owner has taken and not yet written.
    owned_bytes: AtomicU32,
    config: Arc<Config>,
    inside: Mutex<Inside>,
}

#[derive(Debug, Default)]
struct Inside {
    queue: Option<Box<SendQueue>>,
    rare: Option<Box<Rare>>,
    session: [u8; 16],
    /// 0 before the session is live and after it departed; every peer accepts at least 1,024.
    peer_frame_limit: u32,
    round_trip: RoundTrip,
}

/// State that most mailboxes rarely have; allocated only while it holds something.
#[derive(Debug, Default)]
struct Rare {
    requests: Requests,
    /// The frames that came after the end.
    discarded: Dropped,
    /// The frames that found no room, since the owner asked last.
    refused: u64,
    /// Of a session without a connection: the bytes that it holds, which count with those of all others.
    held: Option<usize>,
    /// How many of the owner's bytes may be dropped; `None` if the session never had a droppable frame.
    owned_droppable: Option<usize>,
    /// The callers that wait for room. They stay here when the rest is taken: a caller that gives up removes its own
    /// waker.
    waiters: Waiters,
}

impl Mailbox {
    /// Creates an empty mailbox; frames are refused until the session is live.
    #[must_use]
    pub fn new(config: Arc<Config>) -> Self {
        Self {
            waker: AtomicWaker::new(),
            full: AtomicBool::new(false),
            discards: AtomicBool::new(false),
            drops_oldest: AtomicBool::new(false),
            is_watched: AtomicBool::new(false),
            owned_bytes: AtomicU32::new(0),
            config,
            inside: Mutex::default(),
        }
    }

    /// Leaves a decision.
    pub fn request(&self, request: Request) {
        self.lock().rare_mut().requests.add(request);
        self.notify();
    }

    /// Returns the id of the session, while it is live.
    #[must_use]
    pub fn session(&self) -> Option<[u8; 16]> {
        let inside = self.lock();
        (inside.peer_frame_limit > 0 && !self.discards()).then_some(inside.session)
    }

    /// Returns the round trip and clock offset learnt from pongs; they stay when the session is over.
    #[must_use]
    pub fn round_trip(&self) -> RoundTrip {
        self.lock().round_trip
    }

    /// Returns how frames are cut on this connection.
    #[must_use]
    pub fn framing(&self) -> &Framing {
        &self.config.framing
    }

    /// Counts a frame that found no room with the owner.
    pub(crate) fn count_refused(&self) {
        self.lock().rare_mut().refused += 1;
    }

    /// Returns how many frames found no room since the last call.
    pub fn take_refused(&self) -> u64 {
        let mut inside = self.lock();
        let refused = inside
            .rare
            .as_mut()
            .map(|rare| std::mem::take(&mut rare.refused));
        inside.tidy();
        refused.unwrap_or(0)
    }

    /// Sets the policy of the frames whose sender gives none. Default: [`Policy::Close`].
    pub fn set_policy(&self, policy: Policy) {
        let drops_oldest = policy == Policy::DropOldest;
        self.drops_oldest.store(drops_oldest, Ordering::Relaxed);
    }

    /// Returns the policy of the frames whose sender gives none.
    #[must_use]
    pub fn policy(&self) -> Policy {
        match self.drops_oldest.load(Ordering::Relaxed) {
            true => Policy::DropOldest,
            false => Policy::Close,
        }
    }

    /// Wakes the owner.
    pub fn wake(&self) {
        self.waker.wake();
    }

    pub(crate) fn register(&self, waker: &Waker) {
        self.waker.register(waker);
    }

    /// Notes that the session is live: frames are taken from now on.
    pub(crate) fn open(&self, session: [u8; 16], peer_frame_limit: u32) {
        let mut inside = self.lock();
        inside.session = session;
        inside.peer_frame_limit = peer_frame_limit;
    }

    /// Notes that the live session goes on with another connection, whose peer accepts frames of this length.
    pub(crate) fn set_frame_limit(&self, peer_frame_limit: u32) {
        let mut inside = self.lock();
        if inside.peer_frame_limit > 0 {
            inside.peer_frame_limit = peer_frame_limit;
        }
    }

    /// Counts the bytes that the session holds with those of all others that have no connection. `owned` are those of its
    /// owner; `None`: it has a connection again. Returns whether all fit.
    pub(crate) fn set_held(&self, owned: Option<usize>) -> bool {
        let mut inside = self.lock();
        let waiting = inside.queue.as_ref().map_or(0, |queue| queue.len());
        let now = owned.map(|owned| owned + waiting);
        let before = std::mem::replace(&mut inside.rare_mut().held, now);
        inside.tidy();
        self.count_held(before, now)
    }

    fn count_held(&self, before: Option<usize>, now: Option<usize>) -> bool {
        let Some(resume) = &self.config.resume else {
            return true;
        };
        resume.held.change(before.unwrap_or(0), now.unwrap_or(0))
    }

    /// Notes that the session ends, before its game is told: frames are counted and not kept from now on. Returns the
    /// frames that were left inside. Cheap when it was noted before.
    pub(crate) fn discard(&self) -> Dropped {
        if self.discards() {
            return Dropped::default();
        }
        let mut inside = self.lock();
        self.discards.store(true, Ordering::Relaxed);
        let queue = inside.queue.take();
        let waiters = inside.take_waiters();
        drop(inside);
        waiters.wake();
        queue.map_or_else(Dropped::default, |mut queue| queue.drop_unstarted())
    }

    /// Notes that the session departed: frames are refused from now on. Returns the frames that were left inside or
    /// came after the end.
    pub(crate) fn close(&self) -> Dropped {
        let mut inside = self.lock();
        inside.peer_frame_limit = 0;
        let queue = inside.queue.take();
        let rare = inside.rare.take();
        drop(inside);
        let mut left = rare
            .as_ref()
            .map_or_else(Dropped::default, |rare| rare.discarded);
        if let Some(mut queue) = queue {
            left += queue.drop_unstarted();
        }
        if let Some(rare) = rare {
            self.count_held(rare.held, None);
            rare.waiters.wake();
        }
        left
    }

    /// Refuses frames from now on. Returns the frames that were left inside.
    pub(crate) fn close_with_queue(&self) -> Option<Box<SendQueue>> {
        let mut inside = self.lock();
        inside.peer_frame_limit = 0;
        let queue = inside.queue.take();
        let waiters = inside.take_waiters();
        drop(inside);
        waiters.wake();
        queue
    }

    /// Takes the mail; cheap when there is none.
    pub(crate) fn take(&self) -> Option<Mail> {
        // The load comes first: on most polls there is no mail, and a swap would cost a locked instruction.
        if !self.full.load(Ordering::Acquire) || !self.full.swap(false, Ordering::AcqRel) {
            return None;
        }
        let mut inside = self.lock();
        let (requests, awaited) = inside.take_requests();
        if awaited {
            self.is_watched.store(true, Ordering::Relaxed);
        }
        let mail = Mail {
            queue: inside.queue.take(),
            requests,
        };
        if let Some(queue) = &mail.queue {
            let (taken, owned) = (queue.backlog(), self.owned(&inside));
            let bytes = owned.bytes + taken.bytes;
            let droppable = owned.droppable + taken.droppable;
            self.set_owned_in(&mut inside, Backlog { bytes, droppable });
        }
        Some(mail)
    }

    /// Sets how many bytes the owner still has to write, and wakes the callers that wait for room, if there is some. Only
    /// the owner calls it.
    pub(crate) fn set_owned(&self, backlog: Backlog) {
        if backlog.droppable == 0 && !self.is_watched.load(Ordering::Relaxed) {
            return self.set_owned_bytes(backlog.bytes);
        }
        let mut inside = self.lock();
        self.set_owned_in(&mut inside, backlog);
        self.wake_in(inside);
    }

    fn set_owned_in(&self, inside: &mut Inside, backlog: Backlog) {
        self.set_owned_bytes(backlog.bytes);
        let rare = inside.rare.as_deref();
        let waits = rare.is_some_and(|rare| !rare.waiters.is_empty());
        let dropped = rare.is_some_and(|rare| rare.owned_droppable.is_some());
        let drops = backlog.droppable > 0 || dropped;
        if drops {
            inside.rare_mut().owned_droppable = Some(backlog.droppable);
        }
        self.is_watched.store(drops || waits, Ordering::Relaxed);
    }

    fn set_owned_bytes(&self, bytes: usize) {
        let bytes = u32::try_from(bytes).unwrap_or(u32::MAX);
        if self.owned_bytes.load(Ordering::Relaxed) != bytes {
            self.owned_bytes.store(bytes, Ordering::Relaxed);
        }
    }

    /// The bytes that the owner still has to write.
    fn owned(&self, inside: &Inside) -> Backlog {
        let bytes = self.owned_bytes.load(Ordering::Relaxed);
        let rare = inside.rare.as_ref();
        Backlog {
            bytes: usize::try_from(bytes).unwrap_or(usize::MAX),
            droppable: rare.and_then(|rare| rare.owned_droppable).unwrap_or(0),
        }
    }

    /// Sets the round trip and clock offset after another pong.
    pub(crate) fn set_round_trip(&self, round_trip: RoundTrip) {
        self.lock().round_trip = round_trip;
    }

    /// Whether the end is known but the game has not been told; call it under the lock.
    fn discards(&self) -> bool {
        self.discards.load(Ordering::Relaxed)
    }

    /// Bytes that wait here and with the owner.
    fn queued(&self, inside: &Inside) -> usize {
        let waiting = inside.queue.as_ref().map_or(0, |queue| queue.len());
        waiting + self.owned(inside).bytes
    }

    /// Wakes the owner once for all mail that is left until it looks.
    fn notify(&self) {
        if !self.full.swap(true, Ordering::AcqRel) {
            self.waker.wake();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inside {
    fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    /// Takes the decisions. Returns also whether a caller waits for room.
    fn take_requests(&mut self) -> (Requests, bool) {
        let Some(rare) = &mut self.rare else {
            return (Requests::default(), false);
        };
        let requests = std::mem::take(&mut rare.requests);
        let awaited = !rare.waiters.is_empty();
        self.tidy();
        (requests, awaited)
    }

    fn take_waiters(&mut self) -> Waiters {
        let waiters = match &mut self.rare {
            Some(rare) => std::mem::take(&mut rare.waiters),
            None => Waiters::default(),
        };
        self.tidy();
        waiters
    }

    fn remove_waiter(&mut self, place: Place) -> Option<Waker> {
        let waker = self.rare.as_mut()?.waiters.remove(place);
        self.tidy();
        waker
    }

    /// Frees the rare state when it holds nothing. A session that drops frames keeps it: steady traffic allocates nothing.
    fn tidy(&mut self) {
        self.rare.take_if(|rare| {
            let nothing_waits =
                rare.waiters.is_empty() && rare.requests.is_empty() && rare.held.is_none();
            let nothing_waits = nothing_waits && rare.refused == 0;
            let had_none = rare.discarded == Dropped::default() && rare.owned_droppable.is_none();
            nothing_waits && had_none
        });
    }
}
