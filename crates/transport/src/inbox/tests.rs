//! Room, delivery and the end, without a connection.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Wake;

use lastword_session::Config;

use Thing::{Frame, Sign};

use super::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Thing {
    Frame(usize),
    Sign(u32),
}

impl Item for Thing {
    fn bytes(&self) -> Option<usize> {
        match self {
            Self::Frame(bytes) => Some(*bytes),
            Self::Sign(_) => None,
        }
    }

    /// An odd sign is about another matter than an even one.
    fn replaces(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Sign(new), Self::Sign(old)) => new % 2 == old % 2,
            (Self::Sign(_) | Self::Frame(_), _) => false,
        }
    }
}

/// Counts how often its task is woken.
#[derive(Default)]
struct Task(AtomicUsize);

impl Wake for Task {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

struct Rig {
    inbox: Inbox<Thing, &'static str>,
    task: Arc<Task>,
    reader: Arc<Task>,
}

impl Rig {
    /// An inbox with room for 100 bytes and four frames.
    fn new() -> Self {
        let mailbox = Arc::new(Mailbox::new(Arc::new(Config::default())));
        let task = Arc::<Task>::default();
        mailbox.register(&Arc::clone(&task).into());
        Self {
            inbox: Inbox::new(Caps::new(100, 4), mailbox),
            task,
            reader: Arc::default(),
        }
    }

    fn with(things: impl IntoIterator<Item = Thing>) -> Self {
        let rig = Self::new();
        for thing in things {
            rig.inbox.push(thing);
        }
        rig
    }

    fn next(&self) -> Poll<Option<Thing>> {
        let waker = Arc::clone(&self.reader).into();
        self.inbox.poll_next(&mut Context::from_waker(&waker))
    }

    fn end(&self) -> Poll<&'static str> {
        let waker = Arc::clone(&self.reader).into();
        self.inbox.poll_end(&mut Context::from_waker(&waker))
    }

    /// How often the task was woken since the last call.
    fn task_wakes(&self) -> usize {
        // A wake takes the waker; the task registers again when it is polled.
        let waker = Arc::clone(&self.task).into();
        self.inbox.task.register(&waker);
        self.task.0.swap(0, Ordering::Relaxed)
    }

    fn reader_wakes(&self) -> usize {
        self.reader.0.swap(0, Ordering::Relaxed)
    }

    fn rest(&self) -> Vec<Thing> {
        let next = || match self.next() {
            Poll::Ready(thing) => thing,
            Poll::Pending => None,
        };
        std::iter::from_fn(next).collect()
    }
}

#[test]
fn an_inbox_is_full_by_bytes_or_by_frames_and_takes_one_frame_in_any_case() {
    assert!(Rig::with([]).inbox.poll_room().is_ready());
    assert!(Rig::with([Frame(99)]).inbox.poll_room().is_ready());
    assert!(Rig::with([Frame(100)]).inbox.poll_room().is_pending());
    assert!(Rig::with([Frame(0); 3]).inbox.poll_room().is_ready());
    assert!(Rig::with([Frame(0); 4]).inbox.poll_room().is_pending());
    let none = Inbox::<Thing, ()>::new(Caps::new(0, 0), Rig::new().inbox.task);
    assert!(none.poll_room().is_ready());
    none.push(Frame(0));
    assert!(none.poll_room().is_pending());
}

#[test]
fn a_push_says_whether_room_is_left() {
    let inbox = Rig::new().inbox;
    for bytes in [99, 0] {
        assert_eq!(inbox.push(Frame(bytes)), Room::Available);
    }
    for bytes in [1, 0] {
        assert_eq!(inbox.push(Frame(bytes)), Room::MustPoll);
    }
    let inbox = Rig::with([Frame(0); 2]).inbox;
    assert_eq!(inbox.push(Frame(0)), Room::Available);
    assert_eq!(inbox.push(Frame(0)), Room::MustPoll);
}

#[test]
fn a_task_that_found_no_room_is_woken_once_half_of_it_is_free() {
    let rig = Rig::with([Frame(30), Frame(30), Frame(20), Frame(20)]);
    assert!(rig.inbox.poll_room().is_pending());
    assert_eq!(
        (rig.next(), rig.task_wakes()),
        (Poll::Ready(Some(Frame(30))), 0)
    );
    assert_eq!(
        (rig.next(), rig.task_wakes()),
        (Poll::Ready(Some(Frame(30))), 1)
    );
    assert_eq!(
        (rig.next(), rig.task_wakes()),
        (Poll::Ready(Some(Frame(20))), 0)
    );
    assert!(rig.inbox.poll_room().is_ready());
    assert_eq!((rig.inbox.taken(), rig.inbox.left()), (3, (1, 20)));
}

#[test]
fn frames_are_delivered_when_the_owner_asks_for_more() {
    let rig = Rig::with([Frame(1)]);
    assert!(rig.inbox.poll_delivered().is_pending());
    assert_eq!(rig.next(), Poll::Ready(Some(Frame(1))));
    assert!(
        rig.inbox.poll_delivered().is_pending(),
        "it handles the frame"
    );
    rig.task_wakes();
    assert!(rig.next().is_pending());
    assert_eq!(rig.task_wakes(), 1);
    assert!(rig.inbox.poll_delivered().is_ready());
    rig.inbox.push(Frame(1));
    assert_eq!(rig.reader_wakes(), 1);
    assert!(rig.inbox.poll_delivered().is_pending());
    assert!(rig.end().is_pending(), "it asks for the end only");
    assert_eq!(rig.next(), Poll::Ready(Some(Frame(1))));
    assert!(
        rig.inbox.poll_delivered().is_pending(),
        "it handles this one, too"
    );
    assert!(rig.end().is_pending());
    assert!(rig.inbox.poll_delivered().is_ready());
}

#[test]
fn the_end_comes_after_everything_and_again_and_again() {
    let rig = Rig::with([Frame(1)]);
    assert!(rig.end().is_pending());
    assert!(!rig.inbox.has_ended());
    rig.inbox.end("over");
    assert_eq!(rig.reader_wakes(), 1);
    assert!(rig.inbox.has_ended());
    assert_eq!(rig.end(), Poll::Ready("over"));
    assert_eq!(rig.next(), Poll::Ready(Some(Frame(1))));
    assert_eq!(rig.next(), Poll::Ready(None));
    assert_eq!(rig.end(), Poll::Ready("over"));
}

#[test]
fn frames_in_an_abandoned_inbox_and_later_ones_stay_undelivered() {
    let rig = Rig::with([Frame(60), Sign(0), Frame(40)]);
    assert_eq!(rig.next(), Poll::Ready(Some(Frame(60))));
    assert!(rig.inbox.abandon(), "its end is still to come");
    assert_eq!(rig.task_wakes(), 1);
    rig.inbox.push(Frame(7));
    rig.inbox.push(Sign(1));
    assert_eq!((rig.inbox.taken(), rig.inbox.left()), (1, (2, 47)));
    assert!(rig.inbox.poll_room().is_ready() && rig.inbox.poll_delivered().is_ready());
    assert_eq!(rig.rest(), []);
    rig.inbox.end("over");
    assert!(!rig.inbox.abandon());
}

#[test]
fn reserved_room_takes_no_frames_and_no_frames_take_it() {
    let rig = Rig::with([Frame(25); 4]);
    assert!(rig.inbox.poll_room().is_pending());
    rig.inbox.push(Sign(0));
    assert_eq!(
        rig.rest(),
        [Frame(25), Frame(25), Frame(25), Frame(25), Sign(0)]
    );
    let rig = Rig::with((0..8).map(Sign));
    assert!(rig.inbox.poll_room().is_ready());
    assert_eq!((rig.inbox.taken(), rig.inbox.left()), (0, (0, 0)));
    assert_eq!((rig.rest().len(), rig.inbox.taken()), (8, 0));
}

#[test]
fn of_more_than_eight_in_reserved_room_the_newest_takes_the_place_of_the_last_it_makes_obsolete() {
    let mut things: Vec<_> = (0..9).map(Sign).collect();
    things.push(Frame(1));
    things.extend((0..100).map(Sign));
    let rig = Rig::with(things);
    let mut expected: Vec<_> = [0, 1, 2, 3, 4, 5, 8, 7].map(Sign).to_vec();
    expected.push(Frame(1));
    expected.extend([0, 1, 2, 3, 4, 5, 98, 99].map(Sign));
    assert_eq!(rig.rest(), expected);
}

#[test]
fn the_first_of_another_matter_is_never_refused() {
    let mut things = vec![Frame(1)];
    things.extend((0..20).map(|n| Sign(2 * n)));
    things.push(Sign(1));
    things.push(Sign(40));
    things.push(Sign(3));
    let rig = Rig::with(things);
    let mut expected = vec![Frame(1)];
    expected.extend([0, 2, 4, 6, 8, 10, 12, 40, 3].map(Sign));
    assert_eq!(rig.rest(), expected);
}

#[test]
fn an_event_that_is_not_taken_does_not_delay_the_end() {
    let rig = Rig::new();
    assert!(rig.next().is_pending());
    rig.inbox.push(Sign(0));
    assert_eq!(rig.reader_wakes(), 1);
    assert!(rig.inbox.poll_delivered().is_ready());
    rig.inbox.end("over");
    assert_eq!(rig.next(), Poll::Ready(Some(Sign(0))), "and is not lost");
    assert_eq!(rig.next(), Poll::Ready(None));
}
