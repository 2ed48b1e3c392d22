//! The frames and counts of a client's session, for another process.

use super::{Durable, Replay, Stream};
use crate::Time;

impl Stream {
    /// The stream of a session without a connection: `received`, `sent` and `acked`, the frames that are kept, and those that
    /// wait. `None` where these cannot belong together.
    pub(crate) fn of_client(
        [received, sent, acked]: [u64; 3],
        kept: &[&[u8]],
        (now, waiting): (Time, &[&[u8]]),
    ) -> Option<Self> {
        let frames = u64::try_from(kept.len()).ok()?;
        if acked > sent || frames > sent - acked {
            return None;
        }
        let mut replay = Replay::default();
        replay.append(&kept.concat());
        replay.keep(frames, usize::MAX);
        let mut stream = Self {
            received,
            sent,
            acked,
            queue: None,
            durable: Some(Box::new(Durable {
                replay,
                ..Durable::default()
            })),
        };
        for frame in waiting {
            let queue = stream.queue_mut();
            queue.push_data(now, |out| out.extend_from_slice(frame));
        }
        Some(stream)
    }

    /// Returns `received`, `sent` and `acked`.
    pub(crate) fn counts(&self) -> [u64; 3] {
        [self.received, self.sent, self.acked]
    }

    /// Lends the bytes of the frames that are kept, and of those that wait, while the session has no connection.
    pub(crate) fn frame_bytes(&mut self) -> (&[u8], &[u8]) {
        let durable = self.durable.as_ref();
        let kept = durable.map_or(&[][..], |durable| durable.replay.kept());
        let waiting = match &mut self.queue {
            Some(queue) => queue.unstarted(),
            None => &[],
        };
        (kept, waiting)
    }
}
