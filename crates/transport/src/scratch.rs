//! Buffers of one worker thread, lent to the connection it polls: idle sessions own none, busy ones allocate none.

use std::cell::RefCell;

use lastword_session::SendQueue;

/// Bytes read at once.
const READ_BYTES: usize = 64 * 1024;
/// Spare queues kept per thread.
const QUEUES_MAX: usize = 32;
/// A spare queue that grew beyond this is freed.
const QUEUE_BYTES_MAX: usize = 256 * 1024;

/// Boxed, because the box is what is lent: a session holds a pointer, and moving it allocates nothing.
type Queues = Vec<Box<SendQueue>>;

thread_local! {
    static READ: RefCell<Option<Box<[u8]>>> = const { RefCell::new(None) };
    static QUEUES: RefCell<Queues> = const { RefCell::new(Vec::new()) };
}

/// The thread's read buffer; it goes back when this is dropped, also by a panic. Nested use gets its own.
pub(crate) struct ReadBuffer(Option<Box<[u8]>>);

impl ReadBuffer {
    pub(crate) fn take() -> Self {
        let spare = READ.with(|slot| slot.try_borrow_mut().ok().and_then(|mut slot| slot.take()));
        Self(Some(
            spare.unwrap_or_else(|| vec![0; READ_BYTES].into_boxed_slice()),
        ))
    }

    pub(crate) fn bytes(&mut self) -> &mut [u8] {
        self.0.as_deref_mut().unwrap_or_default()
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        READ.with(|slot| {
            if let Ok(mut slot) = slot.try_borrow_mut() {
                *slot = self.0.take();
            }
        });
    }
}

/// Takes an empty queue.
pub(crate) fn take_queue() -> Box<SendQueue> {
    QUEUES
        .with(|spare| {
            spare
                .try_borrow_mut()
                .ok()
                .and_then(|mut spare| spare.pop())
        })
        .unwrap_or_default()
}

/// Gives back a queue that is empty.
pub(crate) fn give_queue(queue: Box<SendQueue>) {
    QUEUES.with(|spare| {
        // Whatever it may hold is another session's: it is freed, never lent.
        if !queue.is_empty() || queue.capacity() > QUEUE_BYTES_MAX {
            return;
        }
        if let Ok(mut spare) = spare.try_borrow_mut() {
            if spare.len() < QUEUES_MAX {
                spare.push(queue);
            }
        }
    });
}
