//! Sending: a frame goes behind the waiting ones, unless the session or its queue refuses it.

use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use lastword_session::wire::HEADER_LEN;
use lastword_session::{Framing, Outbound, SendError, SendQueue, Time, encode_data};

use super::{Inside, Mailbox};
use crate::{Clock, scratch};

impl Mailbox {
    /// Leaves a data frame for the peer, without blocking or waiting.
    ///
    /// From the session's end until its game is told, the frame is discarded and counted as unsent.
    ///
    /// On our own wire, the clock is read only if no other frame waits here. A frame behind others gets the time of the
    /// last of them. So it may count as older than it is. The difference is at most the time until the owner's next
    /// turn.
    ///
    /// `how` is `None` for the session's policy.
    ///
    /// # Errors
    /// [`SendError::Closed`] before and after the session's life, [`SendError::TooLarge`], and
    /// [`SendError::QueueFull`]: then the frame is not taken. A droppable frame without room is dropped; this is no
    /// error.
    pub fn send(
        &self,
        clock: &Clock,
        how: Option<Outbound>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        self.push_payload(clock, how, payload, || Ok(self.lock()))
    }

    /// Leaves a data frame as [`Mailbox::send`] does, if this is the session with this id.
    ///
    /// # Errors
    /// As [`Mailbox::send`]; [`SendError::Closed`] also for another session.
    pub fn send_to(
        &self,
        session: &[u8; 16],
        clock: &Clock,
        how: Option<Outbound>,
        payload: &[u8],
    ) -> Result<(), SendError> {
        self.push_payload(clock, how, payload, || self.lock_for(session))
    }

    /// Leaves a frame that is already encoded and has its time, for broadcasts. A session whose end has begun does
    /// not get it.
    ///
    /// # Errors
    /// As [`Mailbox::send`]; [`SendError::Closed`] also from the session's end on.
    pub fn send_encoded(
        &self,
        now: Time,
        how: Option<Outbound>,
        payload_len: usize,
        frame: &[u8],
    ) -> Result<(), SendError> {
        self.push_encoded(self.lock(), now, how, (payload_len, frame))
    }

    /// Leaves a frame as [`Mailbox::send_encoded`] does, if this is the session with this id.
    ///
    /// # Errors
    /// As [`Mailbox::send_to`].
    pub fn send_encoded_to(
        &self,
        session: &[u8; 16],
        now: Time,
        how: Option<Outbound>,
        payload_len: usize,
        frame: &[u8],
    ) -> Result<(), SendError> {
        self.push_encoded(self.lock_for(session)?, now, how, (payload_len, frame))
    }

    fn push_payload<'a>(
        &'a self,
        clock: &Clock,
        how: Option<Outbound>,
        payload: &[u8],
        lock: impl FnOnce() -> Result<MutexGuard<'a, Inside>, SendError>,
    ) -> Result<(), SendError> {
        let framing = &self.config.framing;
        match framing {
            Framing::Native => self.push(lock()?, how, payload.len(), |queue, how| {
                let now = queue.newest().unwrap_or_else(|| clock.now());
                queue.push(now, how, |out| encode_data(framing, payload, out));
            }),
            // A dialect is the game's code: it runs without the lock.
            Framing::Dialect(_) => {
                let (mut frame, now) = (scratch::take_frame(), clock.now());
                encode_data(framing, payload, &mut frame);
                let sent = lock().and_then(|inside| {
                    self.push(inside, how, payload.len(), |queue, how| {
                        queue.push(now, how, |out| out.extend_from_slice(&frame));
                    })
                });
                scratch::give_frame(frame);
                sent
            }
        }
    }

    fn push_encoded(
        &self,
        inside: MutexGuard<'_, Inside>,
        now: Time,
        how: Option<Outbound>,
        (payload_len, frame): (usize, &[u8]),
    ) -> Result<(), SendError> {
        if self.discards() {
            return Err(SendError::Closed);
        }
        self.push(inside, how, payload_len, |queue, how| {
            queue.push(now, how, |out| out.extend_from_slice(frame));
        })
    }

    fn push(
        &self,
        mut inside: MutexGuard<'_, Inside>,
        how: Option<Outbound>,
        payload_len: usize,
        add: impl FnOnce(&mut SendQueue, Outbound),
    ) -> Result<(), SendError> {
        if inside.peer_frame_limit == 0 {
            return Err(SendError::Closed);
        }
        if u32::try_from(payload_len).map_or(true, |len| len > inside.peer_frame_limit) {
            return Err(SendError::TooLarge);
        }
        if self.discards() {
            let mut queue = SendQueue::default();
            add(&mut queue, Outbound::Kept);
            inside.rare_mut().discarded += queue.drop_unstarted();
            return Ok(());
        }
        let how = how.unwrap_or_else(|| self.policy().into());
        let room = self.config.limits.outbound_room(self.queued(&inside));
        let size = payload_len + HEADER_LEN;
        if size > room && !self.make_room(&mut inside, size) {
            return self.refuse(inside, how);
        }
        if !self.fits_with_others(&mut inside, size) {
            return self.refuse(inside, how);
        }
        add(inside.queue.get_or_insert_with(scratch::take_queue), how);
        // Read under the lock. If the owner was told but has not looked yet, it finds this frame, too.
        let is_told = self.full.load(Ordering::Relaxed);
        drop(inside);
        if !is_told {
            self.notify();
        }
        Ok(())
    }

    /// Whether a frame fits into the memory of all sessions without a connection, where this is one: it is counted there.
    fn fits_with_others(&self, inside: &mut Inside, size: usize) -> bool {
        let held = inside.rare.as_mut().and_then(|rare| rare.held.as_mut());
        let (Some(held), Some(resume)) = (held, &self.config.resume) else {
            return true;
        };
        let fits = resume.held.take(size);
        if fits {
            *held += size;
        }
        fits
    }

    /// Drops as many of the frames here as necessary. The owner drops its own frames, which are older, at its next
    /// turn. Returns whether there is room then.
    #[cold]
    fn make_room(&self, inside: &mut Inside, size: usize) -> bool {
        let most = self.config.limits.outbound_room(0);
        let owned = self.owned(inside);
        match &mut inside.queue {
            Some(queue) => queue.make_room(size, most, owned),
            None => SendQueue::default().make_room(size, most, owned),
        }
    }

    #[cold]
    fn refuse(&self, mut inside: MutexGuard<'_, Inside>, how: Outbound) -> Result<(), SendError> {
        let refused = match how {
            Outbound::Droppable => {
                let queue = inside.queue.get_or_insert_with(scratch::take_queue);
                queue.drop_newest();
                Ok(())
            }
            Outbound::Kept | Outbound::Latest(_) => {
                let rare = inside.rare_mut();
                rare.requests.queue_full = true;
                rare.refused += 1;
                Err(SendError::QueueFull)
            }
        };
        drop(inside);
        self.notify();
        refused
    }

    /// Locks the mailbox of this session. The place may belong to another session by now: the whole id decides.
    fn lock_for(&self, session: &[u8; 16]) -> Result<MutexGuard<'_, Inside>, SendError> {
        let inside = self.lock();
        match inside.session == *session {
            true => Ok(inside),
            false => Err(SendError::Closed),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, OnceLock, Weak};
    use std::thread;

    use lastword_session::{Backlog, Config, Dialect, Limits, Meaning, Measure, Policy};

    use super::*;

    const HERE: [u8; 16] = [7; 16];

    fn mailbox() -> Mailbox {
        let mailbox = Mailbox::new(Arc::new(Config::default()));
        mailbox.open(HERE, 64 * 1024);
        mailbox
    }

    fn take(mailbox: &Mailbox) -> SendQueue {
        let queue = mailbox.take().and_then(|mail| mail.queue);
        *queue.expect("something was sent")
    }

    #[test]
    fn a_frame_for_one_session_is_not_left_with_another() {
        let mailbox = mailbox();
        let elsewhere = [8; 16];
        let encoded = |to| mailbox.send_encoded_to(to, Time::ORIGIN, None, 1, b"abcde");
        assert_eq!(
            mailbox.send_to(&HERE, &Clock::default(), None, b"a"),
            Ok(())
        );
        assert_eq!(encoded(&HERE), Ok(()));
        assert_eq!(
            mailbox.send_to(&elsewhere, &Clock::default(), None, b"a"),
            Err(SendError::Closed)
        );
        assert_eq!(encoded(&elsewhere), Err(SendError::Closed));
        assert_eq!(take(&mailbox).data_frames(), 2);
        mailbox.close();
        assert_eq!(
            mailbox.send_to(&HERE, &Clock::default(), None, b"a"),
            Err(SendError::Closed)
        );
    }

    /// Looks at its own mailbox while it encodes.
    #[derive(Debug)]
    struct Curious(OnceLock<Weak<Mailbox>>);

    impl Dialect for Curious {
        fn measure(&self, _: &[u8], _: usize) -> Measure {
            Measure::Short
        }

        fn read<'a>(&self, _: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
            Meaning::Data(payload)
        }

        fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
            let mailbox = self.0.get().and_then(Weak::upgrade).expect("it is set");
            assert_eq!(mailbox.session(), Some(HERE));
            out.extend_from_slice(payload);
        }
    }

    #[test]
    fn a_dialect_encodes_outside_the_lock() {
        let curious = Arc::new(Curious(OnceLock::new()));
        let mailbox = Arc::new(Mailbox::new(Arc::new(Config {
            framing: Framing::Dialect(curious.clone()),
            ..Config::default()
        })));
        mailbox.open(HERE, 64 * 1024);
        curious
            .0
            .set(Arc::downgrade(&mailbox))
            .expect("it is empty");
        let clock = Clock::default();
        mailbox.send(&clock, None, b"one").expect("it is taken");
        mailbox
            .send_to(&HERE, &clock, None, b"two")
            .expect("it is taken");
        let queue = take(&mailbox);
        assert_eq!((queue.data_frames(), queue.len()), (2, 6));
    }

    #[test]
    fn frames_that_wait_together_count_from_when_the_first_was_sent() {
        let (mailbox, clock) = (mailbox(), Clock::default());
        let before = clock.now();
        mailbox.send(&clock, None, b"first").expect("it is taken");
        let sent = clock.now();
        while clock.now() <= sent {
            thread::yield_now();
        }
        mailbox.send(&clock, None, b"second").expect("it is taken");
        let queue = take(&mailbox);
        assert_eq!(queue.newest(), queue.oldest());
        assert!(
            queue
                .oldest()
                .is_some_and(|first| (before..=sent).contains(&first))
        );
        // The owner has looked in between, so the clock is read again.
        mailbox.send(&clock, None, b"third").expect("it is taken");
        assert!(take(&mailbox).oldest() > Some(sent));
    }

    /// Room for ten frames of 100 bytes in all.
    fn small() -> Mailbox {
        let limits = Limits {
            outbound_bytes_max: 500,
            ..Limits::default()
        };
        let mailbox = Mailbox::new(Arc::new(Config {
            limits,
            ..Config::default()
        }));
        mailbox.open(HERE, 64 * 1024);
        mailbox
    }

    fn send(mailbox: &Mailbox, how: Option<Outbound>, n: u8) -> Result<(), SendError> {
        mailbox.send(&Clock::default(), how, &[n; 96])
    }

    /// The first payload byte of each frame.
    fn payloads(mut queue: SendQueue) -> Vec<u8> {
        let bytes = queue.slices()[2].to_vec();
        bytes.chunks(100).map(|frame| frame[4]).collect()
    }

    #[test]
    fn a_newer_frame_replaces_an_older_one_before_the_owner_looks() {
        let mailbox = small();
        for (n, key) in [(0, Some(1)), (1, None), (2, Some(2)), (3, Some(1))] {
            assert_eq!(send(&mailbox, key.map(Outbound::Latest), n), Ok(()));
        }
        let mut queue = take(&mailbox);
        assert_eq!(queue.take_lost().replaced, 1);
        assert_eq!(payloads(queue), [3, 1, 2]);
        // A frame that the owner has may have begun.
        assert_eq!(send(&mailbox, Some(Outbound::Latest(1)), 4), Ok(()));
        assert_eq!(payloads(take(&mailbox)), [4]);
    }

    #[test]
    fn a_session_that_drops_the_oldest_takes_every_frame() {
        let mailbox = small();
        mailbox.set_policy(Policy::DropOldest);
        for n in 0..25 {
            let how = (n == 3).then_some(Outbound::Kept);
            assert_eq!(send(&mailbox, how, n), Ok(()));
        }
        let mut queue = take(&mailbox);
        assert_eq!(queue.take_lost().oldest, 15);
        let newest: Vec<u8> = [3].into_iter().chain(16..25).collect();
        assert_eq!(payloads(queue), newest);
    }

    #[test]
    fn frames_that_the_owner_may_drop_are_older_and_go_first() {
        let mailbox = small();
        let droppable = Some(Outbound::Droppable);
        mailbox.set_owned(Backlog {
            bytes: 800,
            droppable: 300,
        });
        for n in 0..7 {
            assert_eq!(send(&mailbox, droppable, n), Ok(()));
        }
        let mut queue = take(&mailbox);
        assert_eq!(queue.take_lost().oldest, 2, "the owner drops three first");
        assert_eq!(payloads(queue), [2, 3, 4, 5, 6]);
    }

    #[test]
    fn a_frame_that_is_kept_is_refused_where_nothing_may_be_dropped() {
        let mailbox = small();
        let owned = Backlog {
            bytes: 950,
            droppable: 0,
        };
        mailbox.set_owned(owned);
        assert_eq!(send(&mailbox, None, 0), Err(SendError::QueueFull));
        let mail = mailbox.take().expect("the owner is asked");
        assert!(mail.requests.queue_full && mail.queue.is_none());
        assert_eq!(send(&mailbox, Some(Outbound::Droppable), 1), Ok(()));
        let mut mail = mailbox.take().expect("the owner is asked");
        assert!(!mail.requests.queue_full, "which is no reason to end");
        let lost = mail.queue.as_mut().map(|queue| queue.take_lost().oldest);
        assert_eq!(lost, Some(1));
    }

    #[test]
    fn what_a_policy_took_is_counted_also_if_the_owner_never_looks() {
        let mailbox = small();
        for n in 0..3 {
            assert_eq!(send(&mailbox, Some(Outbound::Latest(1)), n), Ok(()));
        }
        for n in 0..20 {
            assert_eq!(send(&mailbox, Some(Outbound::Droppable), n), Ok(()));
        }
        let left = mailbox.close();
        assert_eq!((left.frames, left.oldest, left.replaced), (10, 11, 2));
    }

    #[test]
    fn a_mailbox_that_its_session_leaves_gives_its_frames_and_takes_no_more() {
        let (mailbox, clock) = (mailbox(), Clock::default());
        mailbox.send(&clock, None, b"one").expect("it is taken");
        let queue = mailbox.close_with_queue().expect("a frame waits");
        assert_eq!(queue.data_frames(), 1);
        assert_eq!(mailbox.send(&clock, None, b"two"), Err(SendError::Closed));
        assert!(mailbox.close_with_queue().is_none());
    }

    #[test]
    fn a_frame_behind_a_broadcast_is_not_older_than_it() {
        let (mailbox, clock) = (mailbox(), Clock::default());
        let later = clock.now() + std::time::Duration::from_secs(1);
        mailbox
            .send_encoded(later, None, 1, b"abcde")
            .expect("it is taken");
        mailbox.send(&clock, None, b"b").expect("it is taken");
        assert_eq!(take(&mailbox).newest(), Some(later));
    }
}
