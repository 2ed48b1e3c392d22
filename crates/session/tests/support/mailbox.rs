//! The frames and decisions that others leave for a connection, by the rules of the driver's mailbox.

use lastword_session::wire::HEADER_LEN;
use lastword_session::{
    Backlog, Config, Dropped, Mail, Outbound, Requests, SendError, SendQueue, Time, encode_data,
};

#[derive(Debug, Default)]
pub(crate) struct Mailbox {
    /// The decisions that wait.
    pub(crate) requests: Requests,
    queue: Option<Box<SendQueue>>,
    /// 0 before and after the session's life.
    peer_frame_limit: u32,
    /// The end is known, and the game has not been told.
    discards: bool,
    discarded: Dropped,
    owned: Backlog,
}

impl Mailbox {
    pub(crate) fn open(&mut self, peer_frame_limit: u32) {
        self.peer_frame_limit = peer_frame_limit;
    }

    pub(crate) fn send(
        &mut self,
        config: &Config,
        now: Time,
        how: Outbound,
        payload: &[u8],
    ) -> Result<(), SendError> {
        if self.peer_frame_limit == 0 {
            return Err(SendError::Closed);
        }
        if u32::try_from(payload.len()).is_ok_and(|len| len > self.peer_frame_limit) {
            return Err(SendError::TooLarge);
        }
        let encode = |out: &mut Vec<u8>| encode_data(&config.framing, payload, out);
        if self.discards {
            let mut queue = SendQueue::default();
            queue.push_data(now, encode);
            self.discarded += queue.drop_unstarted();
            return Ok(());
        }
        let queue = self.queue.get_or_insert_default();
        let room = config.limits.outbound_room(queue.len() + self.owned.bytes);
        let size = payload.len() + HEADER_LEN;
        let most = config.limits.outbound_room(0);
        if size <= room || queue.make_room(size, most, self.owned) {
            queue.push(now, how, encode);
            return Ok(());
        }
        if how == Outbound::Droppable {
            queue.drop_newest();
            return Ok(());
        }
        self.requests.queue_full = true;
        Err(SendError::QueueFull)
    }

    pub(crate) fn take(&mut self) -> Option<Mail> {
        if self.queue.is_none() && self.requests.is_empty() {
            return None;
        }
        if let Some(taken) = self.queue.as_ref().map(|queue| queue.backlog()) {
            self.owned.bytes += taken.bytes;
            self.owned.droppable += taken.droppable;
        }
        Some(Mail {
            queue: self.queue.take(),
            requests: std::mem::take(&mut self.requests),
        })
    }

    pub(crate) fn set_owned(&mut self, backlog: Backlog) {
        self.owned = backlog;
    }

    pub(crate) fn close(&mut self, departed: bool) -> Dropped {
        let queue = self.queue.take();
        let mut left = queue.map_or_else(Dropped::default, |mut queue| queue.drop_unstarted());
        self.discards = true;
        if departed {
            self.peer_frame_limit = 0;
            left += std::mem::take(&mut self.discarded);
        }
        left
    }
}
