//! Buffers of one thread, lent to the connection that it polls or sends to. Idle sessions own no buffer, and busy
//! sessions allocate none.

use std::cell::{Cell, RefCell};
use std::sync::{Mutex, PoisonError};

use lastword_session::SendQueue;

/// The most spare queues of one thread.
const QUEUES_MAX: usize = 32;
/// A spare queue that grew beyond this is freed.
pub(crate) const QUEUE_BYTES_MAX: usize = 256 * 1024;
/// The most spare queues that go from threads that write to threads that only send.
const SHARED_QUEUES_MAX: usize = 1_024;
/// A larger queue is not shared: together the shared ones hold 4 MiB at most.
const SHARED_QUEUE_BYTES_MAX: usize = 4 * 1024;
/// This many queues are moved at once: a lock for each would cost more than allocating one.
const QUEUES_MOVED: usize = 16;

/// Boxed, because the box itself is lent: a session holds a pointer, and moving the box allocates nothing.
type Queues = Vec<Box<SendQueue>>;

thread_local! {
    static FRAME: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static QUEUES: RefCell<Queues> = const { RefCell::new(Vec::new()) };
}

/// The game's own threads take queues and return none. A runtime's threads get more than they take.
static SHARED: Mutex<Queues> = Mutex::new(Vec::new());

/// Takes an empty buffer for one frame. Nested use gets its own.
pub(crate) fn take_frame() -> Vec<u8> {
    FRAME.try_with(Cell::take).unwrap_or_default()
}

/// Returns the buffer to the thread.
pub(crate) fn give_frame(mut frame: Vec<u8>) {
    if frame.capacity() <= QUEUE_BYTES_MAX {
        frame.clear();
        FRAME.try_with(|spare| spare.set(frame)).ok();
    }
}

/// Takes an empty queue.
pub(crate) fn take_queue() -> Box<SendQueue> {
    QUEUES
        .with(|spare| {
            let mut spare = spare.try_borrow_mut().ok()?;
            if spare.is_empty() {
                fetch(&mut spare);
            }
            spare.pop()
        })
        .unwrap_or_default()
}

/// Returns an empty queue to the thread.
pub(crate) fn give_queue(queue: Box<SendQueue>) {
    QUEUES.with(|spare| {
        // A queue with data still belongs to another session: it is freed, never lent.
        if !queue.is_empty() || queue.capacity() > QUEUE_BYTES_MAX {
            return;
        }
        if let Ok(mut spare) = spare.try_borrow_mut() {
            if spare.len() >= QUEUES_MAX {
                share(&mut spare);
            }
            spare.push(queue);
        }
    });
}

fn fetch(spare: &mut Queues) {
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let from = shared.len().saturating_sub(QUEUES_MOVED);
    spare.extend(shared.drain(from..));
}

/// Makes room in this thread's spare queues. Queues that are too large or too many to share are freed.
fn share(spare: &mut Queues) {
    let from = spare.len().saturating_sub(QUEUES_MOVED);
    let moved = spare.drain(from..);
    let small: Queues = moved
        .filter(|queue| queue.capacity() <= SHARED_QUEUE_BYTES_MAX)
        .collect();
    let mut small = small.into_iter();
    let mut shared = SHARED.lock().unwrap_or_else(PoisonError::into_inner);
    let room = SHARED_QUEUES_MAX.saturating_sub(shared.len());
    shared.extend(small.by_ref().take(room));
    // The remaining queues are freed without the lock.
    drop(shared);
}

#[cfg(test)]
mod tests {
    use std::thread;

    use lastword_session::Time;

    use super::*;

    fn used(bytes: usize) -> Box<SendQueue> {
        let mut queue = Box::<SendQueue>::default();
        queue.push_data(Time::ORIGIN, |out| out.resize(bytes, 7));
        queue.advance(bytes);
        queue
    }

    #[test]
    fn a_thread_that_only_takes_gets_what_another_has_too_many_of() {
        let giver = thread::spawn(|| (0..3 * QUEUES_MAX).for_each(|_| give_queue(used(100))));
        giver.join().expect("it gave");
        let taker = thread::spawn(|| take_queue().capacity());
        assert!(taker.join().expect("it took") >= 100);
    }

    #[test]
    fn shared_buffers_are_small_and_empty() {
        let giver = thread::spawn(|| {
            let mut full = Box::<SendQueue>::default();
            full.push_data(Time::ORIGIN, |out| out.push(7));
            give_queue(full);
            for _ in 0..3 * QUEUES_MAX {
                give_queue(used(SHARED_QUEUE_BYTES_MAX + 1));
            }
        });
        giver.join().expect("it gave");
        let shared = SHARED.lock().expect("no thread panicked");
        let fits =
            |queue: &SendQueue| queue.is_empty() && queue.capacity() <= SHARED_QUEUE_BYTES_MAX;
        assert!(shared.len() <= SHARED_QUEUES_MAX && shared.iter().all(|queue| fits(queue)));
    }
}
