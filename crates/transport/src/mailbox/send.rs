//! Sending: a frame goes behind the waiting ones, unless the session or its queue refuses it.

use std::sync::MutexGuard;
use std::sync::atomic::Ordering;

use lastword_session::wire::HEADER_LEN;
use lastword_session::{Framing, SendError, SendQueue, Time, encode_data};

use super::{Inside, Mailbox};
use crate::{Clock, scratch};

impl Mailbox {
    /// Leaves a data frame for the peer, without blocking or waiting.
    ///
    /// From the session's end until its game is told, the frame is discarded and counted as unsent.
    ///
    /// On our own wire, the clock is read only when no frame waits here. A frame behind others gets the time of the last
    /// of them. So it may count as older than it is, by the time until the owner's next turn.
    ///
    /// # Errors
    /// [`SendError::Closed`] before and after the session's life, [`SendError::TooLarge`], and
    /// [`SendError::QueueFull`]: then the frame is not taken.
    pub fn send(&self, clock: &Clock, payload: &[u8]) -> Result<(), SendError> {
        self.push_payload(clock, payload, || Ok(self.lock()))
    }

    /// Leaves a data frame as [`Mailbox::send`] does, if this is the session with this id.
    ///
    /// # Errors
    /// As [`Mailbox::send`]; [`SendError::Closed`] also for another session.
    pub fn send_to(
        &self,
        session: &[u8; 16],
        clock: &Clock,
        payload: &[u8],
    ) -> Result<(), SendError> {
        self.push_payload(clock, payload, || self.lock_for(session))
    }

    /// Leaves a frame that is already encoded and has its time, for broadcasts. A session that ends gets none.
    ///
    /// # Errors
    /// As [`Mailbox::send`]; [`SendError::Closed`] also from the session's end on.
    pub fn send_encoded(
        &self,
        now: Time,
        payload_len: usize,
        frame: &[u8],
    ) -> Result<(), SendError> {
        self.push_encoded(self.lock(), now, payload_len, frame)
    }

    /// Leaves a frame as [`Mailbox::send_encoded`] does, if this is the session with this id.
    ///
    /// # Errors
    /// As [`Mailbox::send_to`].
    pub fn send_encoded_to(
        &self,
        session: &[u8; 16],
        now: Time,
        payload_len: usize,
        frame: &[u8],
    ) -> Result<(), SendError> {
        self.push_encoded(self.lock_for(session)?, now, payload_len, frame)
    }

    fn push_payload<'a>(
        &'a self,
        clock: &Clock,
        payload: &[u8],
        lock: impl FnOnce() -> Result<MutexGuard<'a, Inside>, SendError>,
    ) -> Result<(), SendError> {
        let framing = &self.config.framing;
        match framing {
            Framing::Native => self.push(lock()?, payload.len(), |queue| {
                let now = queue.newest().unwrap_or_else(|| clock.now());
                queue.push_data(now, |out| encode_data(framing, payload, out));
            }),
            // A dialect is the game's code: it runs without the lock.
            Framing::Dialect(_) => {
                let (mut frame, now) = (scratch::take_frame(), clock.now());
                encode_data(framing, payload, &mut frame);
                let sent = lock().and_then(|inside| {
                    self.push(inside, payload.len(), |queue| {
                        queue.push_data(now, |out| out.extend_from_slice(&frame));
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
        payload_len: usize,
        frame: &[u8],
    ) -> Result<(), SendError> {
        if self.discards() {
            return Err(SendError::Closed);
        }
        self.push(inside, payload_len, |queue| {
            queue.push_data(now, |out| out.extend_from_slice(frame));
        })
    }

    fn push(
        &self,
        mut inside: MutexGuard<'_, Inside>,
        payload_len: usize,
        add: impl FnOnce(&mut SendQueue),
    ) -> Result<(), SendError> {
        if inside.peer_frame_limit == 0 {
            return Err(SendError::Closed);
        }
        if u32::try_from(payload_len).map_or(true, |len| len > inside.peer_frame_limit) {
            return Err(SendError::TooLarge);
        }
        if self.discards() {
            let mut queue = SendQueue::default();
            add(&mut queue);
            inside.rare_mut().discarded += queue.drop_unstarted();
            return Ok(());
        }
        let room = self.config.limits.outbound_room(self.queued(&inside));
        if payload_len + HEADER_LEN > room {
            inside.rare_mut().requests.queue_full = true;
            drop(inside);
            self.notify();
            return Err(SendError::QueueFull);
        }
        add(inside.queue.get_or_insert_with(scratch::take_queue));
        // Read under the lock: an owner that was told and has not looked yet finds this frame too.
        let is_told = self.full.load(Ordering::Relaxed);
        drop(inside);
        if !is_told {
            self.notify();
        }
        Ok(())
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

    use lastword_session::{Config, Dialect, Meaning, Measure};

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
        let encoded = |to| mailbox.send_encoded_to(to, Time::ORIGIN, 1, b"abcde");
        assert_eq!(mailbox.send_to(&HERE, &Clock::default(), b"a"), Ok(()));
        assert_eq!(encoded(&HERE), Ok(()));
        assert_eq!(
            mailbox.send_to(&elsewhere, &Clock::default(), b"a"),
            Err(SendError::Closed)
        );
        assert_eq!(encoded(&elsewhere), Err(SendError::Closed));
        assert_eq!(take(&mailbox).data_frames(), 2);
        mailbox.close();
        assert_eq!(
            mailbox.send_to(&HERE, &Clock::default(), b"a"),
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
        mailbox.send(&clock, b"one").expect("it is taken");
        mailbox.send_to(&HERE, &clock, b"two").expect("it is taken");
        let queue = take(&mailbox);
        assert_eq!((queue.data_frames(), queue.len()), (2, 6));
    }

    #[test]
    fn frames_that_wait_together_count_from_when_the_first_was_sent() {
        let (mailbox, clock) = (mailbox(), Clock::default());
        let before = clock.now();
        mailbox.send(&clock, b"first").expect("it is taken");
        let sent = clock.now();
        while clock.now() <= sent {
            thread::yield_now();
        }
        mailbox.send(&clock, b"second").expect("it is taken");
        let queue = take(&mailbox);
        assert_eq!(queue.newest(), queue.oldest());
        assert!(
            queue
                .oldest()
                .is_some_and(|first| (before..=sent).contains(&first))
        );
        // The owner has looked in between, so the clock is read again.
        mailbox.send(&clock, b"third").expect("it is taken");
        assert!(take(&mailbox).oldest() > Some(sent));
    }

    #[test]
    fn a_frame_behind_a_broadcast_is_not_older_than_it() {
        let (mailbox, clock) = (mailbox(), Clock::default());
        let later = clock.now() + std::time::Duration::from_secs(1);
        mailbox
            .send_encoded(later, 1, b"abcde")
            .expect("it is taken");
        mailbox.send(&clock, b"b").expect("it is taken");
        assert_eq!(take(&mailbox).newest(), Some(later));
    }
}
