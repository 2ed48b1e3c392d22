//! Back-pressure: waiting until a peer has read enough of the data queued for it.
//!
//! The wakers stay in the mailbox, and the owner is told that callers wait. After that, the owner looks for room. A
//! new waiter sees room that was made earlier, and room that is made later wakes the waiter.

use std::future::poll_fn;
use std::sync::MutexGuard;
use std::task::{Poll, Waker};

use lastword_session::SendError;

use super::waiters::Place;
use super::{Inside, Mailbox};

impl Mailbox {
    /// Waits until at most half of the outbound cap is queued, here and with the owner.
    ///
    /// # Errors
    /// [`SendError::Closed`] before the session is live, and from its end on.
    ///
    /// # Cancel safety
    /// Cancel safe. Any number of tasks may wait at once, on any executor.
    pub async fn ready(&self) -> Result<(), SendError> {
        let mut waiting = Waiting {
            mailbox: self,
            place: None,
        };
        poll_fn(|cx| waiting.poll(cx.waker())).await
    }

    /// Wakes the callers that wait for room, if there is some. Returns whether there is.
    pub(super) fn wake_in(&self, mut inside: MutexGuard<'_, Inside>) -> bool {
        if !self.has_room(&inside) {
            return false;
        }
        let waiters = inside.take_waiters();
        drop(inside);
        waiters.wake();
        true
    }

    fn has_room(&self, inside: &Inside) -> bool {
        self.queued(inside) <= self.config.limits.outbound_bytes_max / 2
    }
}

/// One call that waits for room. When dropped, it removes its waker.
struct Waiting<'a> {
    mailbox: &'a Mailbox,
    /// `None` until the call found no room.
    place: Option<Place>,
}

impl Waiting<'_> {
    fn poll(&mut self, waker: &Waker) -> Poll<Result<(), SendError>> {
        let mut inside = self.mailbox.lock();
        if inside.peer_frame_limit == 0 || self.mailbox.discards() {
            return Poll::Ready(Err(SendError::Closed));
        }
        if self.mailbox.has_room(&inside) {
            return Poll::Ready(Ok(()));
        }
        let place = *self.place.get_or_insert_with(Place::new);
        let waiters = &mut inside.rare_mut().waiters;
        let is_new = !waiters.has(place);
        let replaced = waiters.leave(place, waker.clone());
        drop(inside);
        drop(replaced);
        if is_new {
            self.mailbox.notify();
        }
        Poll::Pending
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        let waker = self.mailbox.lock().remove_waiter(place);
        drop(waker);
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::{Context, Wake};

    use lastword_session::{Backlog, Config, Limits};

    use super::*;
    use crate::Clock;

    const CAP: usize = 1_000;

    /// Counts how often its task is woken.
    #[derive(Default)]
    struct Task(AtomicUsize);

    impl Task {
        fn waker(self: &Arc<Self>) -> Waker {
            Arc::clone(self).into()
        }

        fn wakes(&self) -> usize {
            self.0.load(Ordering::Relaxed)
        }
    }

    impl Wake for Task {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// The mailbox of a live session, in which this many bytes wait.
    fn mailbox(queued: usize) -> Mailbox {
        let limits = Limits {
            outbound_bytes_max: CAP,
            ..Limits::default()
        };
        let mailbox = Mailbox::new(Arc::new(Config {
            limits,
            ..Config::default()
        }));
        mailbox.open([7; 16], 64 * 1024);
        if queued > 0 {
            let sent = mailbox.send(&Clock::default(), None, &vec![7; queued - 4]);
            sent.expect("it is within the cap");
        }
        mailbox
    }

    fn waiting(bytes: usize) -> Backlog {
        Backlog {
            bytes,
            droppable: 0,
        }
    }

    fn poll(future: std::pin::Pin<&mut impl Future>, task: &Arc<Task>) -> bool {
        future
            .poll(&mut Context::from_waker(&task.waker()))
            .is_ready()
    }

    /// The owner takes all mail and writes until this much is left.
    fn owner_leaves(mailbox: &Mailbox, left: usize) -> bool {
        let mail = mailbox.take();
        let awaited = mailbox.is_watched.load(Ordering::Relaxed);
        mailbox.set_owned(waiting(left));
        mail.is_some() && awaited && mailbox.wake_in(mailbox.lock())
    }

    #[test]
    fn half_of_the_cap_is_room_and_a_byte_more_is_none() {
        let task = Arc::default();
        assert!(poll(pin!(mailbox(0).ready()), &task));
        assert!(poll(pin!(mailbox(CAP / 2).ready()), &task));
        let full = mailbox(CAP / 2 + 1);
        assert!(!poll(pin!(full.ready()), &task));
        let taken = full.take().expect("a frame");
        assert_eq!(taken.queue.expect("a frame").len(), CAP / 2 + 1);
        assert!(
            !poll(pin!(full.ready()), &task),
            "what the owner has is not written"
        );
    }

    #[test]
    fn all_waiting_senders_are_woken_once_there_is_room() {
        let mailbox = mailbox(CAP);
        let tasks = [Arc::<Task>::default(), Arc::default(), Arc::default()];
        let [mut a, mut b, mut c] = [(); 3].map(|()| Box::pin(mailbox.ready()));
        for (future, task) in [&mut a, &mut b, &mut c].into_iter().zip(&tasks) {
            assert!(!poll(future.as_mut(), task));
        }
        assert!(!owner_leaves(&mailbox, CAP / 2 + 1));
        assert!(tasks.iter().all(|task| task.wakes() == 0));
        mailbox.set_owned(waiting(CAP / 2));
        assert!(mailbox.wake_in(mailbox.lock()));
        assert!(tasks.iter().all(|task| task.wakes() == 1));
        assert!(poll(a.as_mut(), &tasks[0]));
    }

    /// The owner looks only when it is told to, so a waiter that comes later must tell it.
    #[test]
    fn the_owner_is_woken_by_each_who_comes_to_wait_and_not_by_one_that_waits_on() {
        let mailbox = mailbox(CAP);
        let owner = Arc::<Task>::default();
        mailbox.register(&owner.waker());
        assert!(mailbox.take().is_some() && !mailbox.is_watched.load(Ordering::Relaxed));
        let (task, other) = (Arc::default(), Arc::default());
        let mut waiting = pin!(mailbox.ready());
        for task in [&task, &task, &other, &other] {
            assert!(!poll(waiting.as_mut(), task));
        }
        assert_eq!(owner.wakes(), 1);
        assert!(owner_leaves(&mailbox, 0));
        assert_eq!(
            (task.wakes(), other.wakes()),
            (0, 1),
            "the last that polled"
        );
    }

    #[test]
    fn a_sender_that_stops_waiting_leaves_nothing_and_takes_no_other_senders_turn() {
        let mailbox = mailbox(CAP);
        let (first, second) = (Arc::<Task>::default(), Arc::<Task>::default());
        let mut woken = Box::pin(mailbox.ready());
        assert!(!poll(woken.as_mut(), &first));
        assert!(owner_leaves(&mailbox, 0));
        mailbox.set_owned(waiting(CAP));
        let mut waits = pin!(mailbox.ready());
        assert!(!poll(waits.as_mut(), &second));
        drop(woken);
        assert!(owner_leaves(&mailbox, 0));
        assert_eq!((first.wakes(), second.wakes()), (1, 1));
        for _ in 0..3 {
            mailbox.set_owned(waiting(CAP));
            assert!(!poll(pin!(mailbox.ready()), &first));
        }
        assert!(mailbox.lock().rare.is_none(), "memory for nobody");
        assert_eq!(Arc::strong_count(&first), 1, "a waker of nobody");
    }

    #[test]
    fn the_end_wakes_who_waits_and_room_is_never_promised_again() {
        let mailbox = mailbox(CAP);
        let task = Arc::<Task>::default();
        let mut waiting = Box::pin(mailbox.ready());
        assert!(!poll(waiting.as_mut(), &task));
        mailbox.close();
        assert_eq!(task.wakes(), 1);
        let mut context = Context::from_waker(Waker::noop());
        let closed = Poll::Ready(Err(SendError::Closed));
        assert_eq!(waiting.as_mut().poll(&mut context), closed);
        assert_eq!(pin!(mailbox.ready()).poll(&mut context), closed);
    }
}
