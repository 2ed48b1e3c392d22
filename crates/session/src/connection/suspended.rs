//! A client's session between two of its connections: its counts and frames, and its right to go on.

mod export;
#[cfg(test)]
mod tests;

use std::time::Duration;

use super::{SendError, Ticket, encode_data};
use crate::dialect::Framing;
use crate::send_queue::Backlog;
use crate::stream::Stream;
use crate::wire::{HEADER_LEN, Previous};
use crate::{Limits, Outbound, Time, Timing};

pub use export::ImportError;

/// A client's session without a connection, as a connection leaves it ([`Connection::suspend`](crate::Connection::suspend))
/// and the next one takes it ([`Connection::go_on`](crate::Connection::go_on)).
#[derive(Clone, Debug)]
pub struct Suspended {
    pub(crate) stream: Stream,
    pub(crate) standing: Box<Standing>,
}

/// The session apart from its frames.
#[derive(Clone, Debug)]
pub(crate) struct Standing {
    pub(crate) ticket: Ticket,
    /// The longest data payload that the server accepts, and the one that we announced, in bytes.
    pub(crate) frame_limit: u32,
    pub(crate) own_frame_limit: u32,
    /// The session began under TLS.
    pub(crate) is_secured: bool,
    pub(crate) timing: Timing,
    /// How its last connection ended; the rest is known at the hello.
    pub(crate) previous: Previous,
    /// When that was.
    pub(crate) ended: Time,
}

impl Suspended {
    /// Queues a data frame for the next connection. The limits are those of a live connection: twice
    /// [`Limits::outbound_bytes_max`] may wait. A frame with a key takes the place of an older one with this key.
    ///
    /// # Errors
    /// [`SendError::TooLarge`], or [`SendError::QueueFull`]: the frame is not taken. A droppable frame without room is
    /// dropped, which is no error.
    pub fn send(
        &mut self,
        now: Time,
        limits: &Limits,
        how: Outbound,
        payload: &[u8],
    ) -> Result<(), SendError> {
        if u32::try_from(payload.len()).map_or(true, |len| len > self.standing.frame_limit) {
            return Err(SendError::TooLarge);
        }
        let queue = self.stream.unsent_mut();
        let (size, most) = (payload.len() + HEADER_LEN, limits.outbound_room(0));
        if !queue.make_room(size, most, Backlog::default()) {
            return match how {
                Outbound::Droppable => {
                    queue.drop_newest();
                    Ok(())
                }
                Outbound::Kept | Outbound::Latest(_) => Err(SendError::QueueFull),
            };
        }
        queue.push(now, how, |out| {
            encode_data(&Framing::Native, payload, out);
        });
        Ok(())
    }

    /// Returns the right to go on.
    #[must_use]
    pub fn ticket(&self) -> &Ticket {
        &self.standing.ticket
    }

    /// Returns whether the session began under TLS: its token must not be sent without.
    #[must_use]
    pub fn is_secured(&self) -> bool {
        self.standing.is_secured
    }

    /// Returns after what time without a connection its window is surely over. The server may notice the loss by its dead
    /// limit, and the last heartbeat may have come just before it.
    #[must_use]
    pub fn window_over_after(&self) -> Duration {
        let Timing {
            heartbeat_ms,
            dead_ms,
            ..
        } = self.standing.timing;
        let unnoticed_ms = u64::from(heartbeat_ms) + u64::from(dead_ms);
        self.standing.ticket.window + Duration::from_millis(unnoticed_ms)
    }

    /// Returns when its last connection ended.
    #[must_use]
    pub fn ended(&self) -> Time {
        self.standing.ended
    }

    /// Notes that the machine has slept: the next hello says it.
    pub fn note_slept(&mut self) {
        self.standing.previous.slept = true;
    }

    /// Returns the frames that wait for the next connection, and those that were written and are not acknowledged, in
    /// bytes.
    #[must_use]
    pub fn waiting_bytes(&self) -> (usize, usize) {
        (self.stream.queued_bytes(), self.stream.kept_bytes())
    }
}
