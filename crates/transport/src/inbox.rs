//! The queue between a connection's task and an async owner: items in order, limited in bytes and number, and the end
//! once it is known.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker, ready};

use lastword_session::SendError;

use crate::{Mailbox, Room};

/// An item that waits in an [`Inbox`].
pub trait Item {
    /// Returns the bytes that count towards the inbox's limit; `None` for an item that has reserved room and is not a
    /// frame.
    fn bytes(&self) -> Option<usize>;

    /// Returns whether this item with reserved room makes an earlier one obsolete.
    fn replaces(&self, earlier: &Self) -> bool;
}

/// The limits on the waiting items.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps {
    bytes: usize,
    frames: u32,
}

impl Caps {
    /// Creates limits of `bytes` bytes and `frames` frames. At either limit no further frame is taken. One frame is
    /// always taken when no other waits.
    #[must_use]
    pub fn new(bytes: usize, frames: usize) -> Self {
        Self {
            bytes,
            frames: u32::try_from(frames).unwrap_or(u32::MAX),
        }
    }
}

/// Items that were received and not yet taken, and the end.
///
/// An item with reserved room does not count towards the limit or delay the end. Such items are still bounded: once
/// eight wait without a frame between them, a newer item takes the place of the last one that it makes obsolete.
#[derive(Debug)]
pub struct Inbox<T, E> {
    caps: Caps,
    /// The connection's task, which is woken when there is room again.
    task: Arc<Mailbox>,
    inside: Mutex<Inside<T, E>>,
}

#[derive(Debug)]
struct Inside<T, E> {
    items: VecDeque<T>,
    /// The bytes of the waiting items that are frames.
    bytes: usize,
    frames: u32,
    taken: u64,
    end: Option<Box<E>>,
    reader: Option<Waker>,
    /// The task found no room, or waits until the owner has taken every frame.
    task_waits: bool,
    owner: Owner,
    /// The owner took a frame after the last answer of [`Inbox::ready`].
    took: bool,
    /// The frames, and their bytes, that still waited when the owner left, or came after that.
    late: (u64, u64),
}

/// The last request of an inbox's owner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Owner {
    /// The owner handles a frame that it took, or has not asked yet.
    Busy,
    /// The owner asked for more when the inbox was empty: it has handled each earlier frame.
    WantsMore,
    /// The owner asked for the end, and for no frame since.
    WantsEnd,
    /// The owner will not ask again.
    Gone,
}

impl<T: Item, E> Inbox<T, E> {
    /// Creates an empty inbox of the connection with this mailbox.
    #[must_use]
    pub fn new(caps: Caps, task: Arc<Mailbox>) -> Self {
        Self {
            caps,
            task,
            inside: Mutex::new(Inside::new()),
        }
    }

    /// Puts an item behind the others. The task must call [`Inbox::poll_room`] first, unless the previous push reported
    /// that room is left.
    pub fn push(&self, item: T) -> Room {
        self.change(|inside| {
            inside.push(item);
            match inside.is_full(self.caps) {
                true => Room::MustPoll,
                false => Room::Available,
            }
        })
    }

    /// Records the end. Waiting items may still be taken.
    pub fn end(&self, end: E) {
        let end = Box::new(end);
        self.change(|inside| inside.end = Some(end));
    }

    /// Task: returns ready while there is room for another frame.
    pub fn poll_room(&self) -> Poll<()> {
        let mut inside = self.lock();
        let full = inside.is_full(self.caps);
        // Without an owner new frames are not kept, so the task reads on to the end behind them.
        let waits = full && inside.frames > 0 && inside.owner != Owner::Gone;
        inside.task_waits |= waits;
        ready_unless(waits)
    }

    /// Task: returns ready while few items with reserved room wait behind the last frame, so that one that replaces none
    /// can come.
    pub fn poll_reserved(&self) -> Poll<()> {
        let mut inside = self.lock();
        let full = inside.reserved_behind() >= RESERVED_MAX && inside.owner != Owner::Gone;
        inside.task_waits |= full;
        ready_unless(full)
    }

    /// Task: returns ready once every frame was taken and the owner asked for more. An owner that never got a frame has
    /// no frame to answer. An owner that asks for the end takes no frame before it.
    pub fn poll_delivered(&self) -> Poll<()> {
        let mut inside = self.lock();
        inside.task_waits = !inside.is_delivered();
        ready_unless(inside.task_waits)
    }

    /// Returns how many frames were taken so far.
    #[must_use]
    pub fn taken(&self) -> u64 {
        self.lock().taken
    }

    /// Returns the frames, and their bytes, that came and were not taken.
    #[must_use]
    pub fn left(&self) -> (u64, u64) {
        let inside = self.lock();
        let (frames, bytes) = inside.late;
        (
            frames + u64::from(inside.frames),
            bytes + as_u64(inside.bytes),
        )
    }

    /// Returns whether the end is known.
    #[must_use]
    pub fn has_ended(&self) -> bool {
        self.lock().end.is_some()
    }

    /// Owner: takes the next item; `None` after the end, once every item was taken.
    ///
    /// It uses tokio's cooperative budget: an owner that finds an item each time still lets other tasks of its worker
    /// run.
    pub fn poll_next(&self, cx: &mut Context<'_>) -> Poll<Option<T>> {
        let budget = ready!(tokio::task::coop::poll_proceed(cx));
        let mut inside = self.lock();
        if let Some(item) = inside.pop() {
            budget.made_progress();
            // Only when half of the room is free, so that the task is not woken for each frame.
            let roomy =
                inside.bytes <= self.caps.bytes / 2 && inside.frames <= self.caps.frames / 2;
            if roomy && std::mem::take(&mut inside.task_waits) {
                drop(inside);
                self.task.wake();
            }
            return Poll::Ready(Some(item));
        }
        if inside.end.is_some() {
            return Poll::Ready(None);
        }
        self.wait(inside, cx, Owner::WantsMore);
        Poll::Pending
    }

    /// Owner: returns the end once it is known. It does not wait until frames are taken: they may still be taken after
    /// it.
    pub fn poll_end(&self, cx: &mut Context<'_>) -> Poll<E>
    where
        E: Clone,
    {
        let inside = self.lock();
        if let Some(end) = &inside.end {
            return Poll::Ready(E::clone(end));
        }
        self.wait(inside, cx, Owner::WantsEnd);
        Poll::Pending
    }

    /// Owner: waits for room in the outbound queue, as [`Mailbox::ready`] does.
    ///
    /// After the end there is room once for each frame that the owner takes. So an owner that answers its frames goes
    /// on to the last one, and an owner that only sends stops.
    ///
    /// # Errors
    /// [`SendError::Closed`] after the end, where no frame was taken since the last call.
    ///
    /// # Cancel safety
    /// Cancel safe.
    pub async fn ready(&self) -> Result<(), SendError> {
        let room = self.task.ready().await;
        if room.is_ok() {
            return room;
        }
        match std::mem::take(&mut self.lock().took) {
            true => Ok(()),
            false => room,
        }
    }

    /// Owner: stops asking; frames that wait or still come count as left. Returns whether the end is still to come.
    pub fn abandon(&self) -> bool {
        let mut inside = self.lock();
        let items = inside.abandon();
        let to_end = inside.end.is_none();
        drop(inside);
        drop(items);
        self.task.wake();
        to_end
    }

    /// Stores the owner's waker. The task may be waiting for this request.
    fn wait(&self, mut inside: MutexGuard<'_, Inside<T, E>>, cx: &Context<'_>, owner: Owner) {
        let before = inside.reader.replace(cx.waker().clone());
        let changed = inside.owner != owner && inside.owner != Owner::Gone;
        if changed {
            inside.owner = owner;
        }
        let wakes = changed && inside.task_waits;
        drop(inside);
        drop(before);
        if wakes {
            self.task.wake();
        }
    }

    /// Changes the content, and wakes the owner.
    fn change<R>(&self, change: impl FnOnce(&mut Inside<T, E>) -> R) -> R {
        let mut inside = self.lock();
        let changed = change(&mut inside);
        let reader = inside.reader.take();
        drop(inside);
        if let Some(reader) = reader {
            reader.wake();
        }
        changed
    }

    fn lock(&self) -> MutexGuard<'_, Inside<T, E>> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: Item, E> Inside<T, E> {
    fn new() -> Self {
        Self {
            items: VecDeque::new(),
            bytes: 0,
            frames: 0,
            taken: 0,
            end: None,
            reader: None,
            task_waits: false,
            owner: Owner::Busy,
            took: false,
            late: (0, 0),
        }
    }

    fn is_full(&self, caps: Caps) -> bool {
        self.bytes >= caps.bytes || self.frames >= caps.frames
    }

    fn is_delivered(&self) -> bool {
        match self.owner {
            Owner::Gone | Owner::WantsEnd => true,
            Owner::WantsMore => self.frames == 0,
            Owner::Busy => self.frames == 0 && self.taken == 0,
        }
    }

    fn push(&mut self, item: T) {
        match item.bytes() {
            Some(bytes) if self.owner == Owner::Gone => {
                self.late.0 += 1;
                self.late.1 += as_u64(bytes);
                return;
            }
            Some(bytes) => {
                if self.owner == Owner::WantsMore {
                    self.owner = Owner::Busy;
                }
                self.bytes += bytes;
                self.frames = self.frames.saturating_add(1);
            }
            None if self.owner == Owner::Gone => return,
            None => return self.push_reserved(item),
        }
        self.items.push_back(item);
    }

    /// How many items with reserved room wait behind the last frame.
    fn reserved_behind(&self) -> usize {
        let is_reserved = |item: &&T| item.bytes().is_none();
        self.items.iter().rev().take_while(is_reserved).count()
    }

    fn push_reserved(&mut self, item: T) {
        let last = self.reserved_behind();
        let mut last = self.items.iter_mut().rev().take(last);
        if last.len() >= RESERVED_MAX {
            if let Some(obsolete) = last.find(|earlier| item.replaces(earlier)) {
                *obsolete = item;
                return;
            }
        }
        self.items.push_back(item);
    }

    fn pop(&mut self) -> Option<T> {
        if self.owner == Owner::WantsEnd {
            self.owner = Owner::Busy;
        }
        let item = self.items.pop_front()?;
        if self.items.is_empty() && self.items.capacity() > SPARE_ITEMS {
            self.items = VecDeque::new();
        }
        if let Some(bytes) = item.bytes() {
            self.bytes -= bytes;
            self.frames -= 1;
            self.taken += 1;
            self.took = true;
        }
        Some(item)
    }

    fn abandon(&mut self) -> VecDeque<T> {
        self.owner = Owner::Gone;
        self.late.0 += u64::from(std::mem::take(&mut self.frames));
        self.late.1 += as_u64(std::mem::take(&mut self.bytes));
        std::mem::take(&mut self.items)
    }
}

fn ready_unless(waits: bool) -> Poll<()> {
    if waits {
        Poll::Pending
    } else {
        Poll::Ready(())
    }
}

fn as_u64(n: usize) -> u64 {
    u64::try_from(n).unwrap_or(u64::MAX)
}

/// Room that an empty inbox keeps: after a burst it is freed.
const SPARE_ITEMS: usize = 16;
/// The most items with reserved room that wait without a frame between them. After that, a newer item takes the place
/// of an obsolete one.
const RESERVED_MAX: usize = 8;

#[cfg(test)]
mod tests;
