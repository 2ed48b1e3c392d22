//! The data frames that were written and are not acknowledged: what a resume may have to write again.

use crate::wire::{HEADER_LEN, Header};

/// Frames as they are on the wire, in their order. They need no marks: each says its own length.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Replay {
    bytes: Vec<u8>,
    /// Where the oldest kept frame begins.
    head: usize,
    /// The kept frames.
    frames: u64,
    /// From a resume until all of them are written again. Otherwise all are written on this connection.
    rewound: Option<Box<Rewound>>,
}

/// How far the kept frames are written again.
///
/// ```text
///   acknowledged │ written on this connection    │ begun   │ to be written again
///                head                            begun  next                until
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Rewound {
    /// Where the frame begins in which `next` lies.
    begun: usize,
    /// Up to where the frames are written on this connection.
    next: usize,
    /// Up to where they will be.
    until: usize,
    /// The frames that are not yet written whole on this connection.
    again: u64,
}

impl Replay {
    /// Appends frames that have begun: [`Replay::keep`] then says how many.
    #[inline]
    pub(super) fn append(&mut self, frames: &[u8]) {
        if self.bytes.capacity() < GROWN_BYTES {
            self.grow();
        }
        self.bytes.extend_from_slice(frames);
    }

    /// Keeps the appended frames. Beyond `most` bytes the oldest ones go.
    #[inline]
    pub(super) fn keep(&mut self, frames: u64, most: usize) {
        self.frames += frames;
        if self.len() > most {
            self.drop_oldest(most);
        }
    }

    /// Drops the oldest frames, which the peer has. They were written whole on this connection.
    pub(super) fn trim(&mut self, frames: u64) {
        if frames >= self.frames && self.rewound.is_none() {
            self.clear();
            return;
        }
        for _ in 0..frames.min(self.frames - self.again()) {
            self.pop();
        }
        self.compact();
    }

    /// Drops this many of the oldest frames, and writes all others again, on another connection.
    pub(super) fn rewind(&mut self, acknowledged: u64) {
        self.rewound = None;
        self.trim(acknowledged);
        self.rewound = (self.frames > 0).then(|| {
            Box::new(Rewound {
                begun: self.head,
                next: self.head,
                until: self.bytes.len(),
                again: self.frames,
            })
        });
    }

    /// Writes nothing again but the rest of the frame that has begun: this connection ends.
    pub(super) fn stop(&mut self) {
        let rest = self.rest_of_begun();
        if let Some(rewound) = &mut self.rewound {
            rewound.until = rewound.next + rest;
        }
    }

    /// Notes that `n` bytes of [`Replay::slices`] were written.
    pub(super) fn advance(&mut self, n: usize) {
        let Some(rewound) = &mut self.rewound else {
            return;
        };
        rewound.next += n;
        while rewound.begun < rewound.next {
            let end = rewound.begun + frame_len(&self.bytes, rewound.begun);
            if end > rewound.next {
                break;
            }
            rewound.begun = end;
            rewound.again -= 1;
        }
        if rewound.again == 0 {
            self.rewound = None;
        }
    }

    /// Frees the memory that no frame needs.
    pub(super) fn tidy(&mut self) {
        if self.frames == 0 {
            self.bytes = Vec::new();
        }
    }

    /// Returns the rest of the frame that has begun, and the frames that will be written behind it.
    pub(super) fn slices(&self) -> (&[u8], &[u8]) {
        let range = self.rewound.as_ref().map_or(0..0, |r| r.next..r.until);
        let rest = self.bytes.get(range).unwrap_or_default();
        rest.split_at_checked(self.rest_of_begun())
            .unwrap_or((rest, &[]))
    }

    /// Returns the bytes of the frame that has begun and are not written again.
    pub(super) fn rest_of_begun(&self) -> usize {
        match &self.rewound {
            Some(rewound) if rewound.begun < rewound.next => {
                rewound.begun + frame_len(&self.bytes, rewound.begun) - rewound.next
            }
            _ => 0,
        }
    }

    /// Returns the number of bytes that will be written again.
    #[inline]
    pub(super) fn waiting(&self) -> usize {
        self.rewound.as_ref().map_or(0, |r| r.until - r.next)
    }

    /// Returns the kept frames that are not yet written whole on this connection.
    pub(super) fn again(&self) -> u64 {
        self.rewound.as_ref().map_or(0, |rewound| rewound.again)
    }

    /// Returns the number of kept frames.
    pub(super) fn frames(&self) -> u64 {
        self.frames
    }

    /// Lends the kept frames.
    pub(super) fn kept(&self) -> &[u8] {
        self.bytes.get(self.head..).unwrap_or_default()
    }

    /// Returns the bytes of the kept frames.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() - self.head
    }

    /// A second frame mostly comes with many more. A first one may be alone for long.
    #[cold]
    fn grow(&mut self) {
        if !self.bytes.is_empty() {
            self.bytes.reserve(GROWN_BYTES);
        }
    }

    /// Drops the oldest frames, until at most so many bytes are kept.
    #[cold]
    fn drop_oldest(&mut self, most: usize) {
        while self.len() > most {
            self.pop();
        }
        self.compact();
    }

    /// Drops the oldest frame.
    fn pop(&mut self) {
        self.head += frame_len(&self.bytes, self.head);
        self.frames -= 1;
    }

    /// Drops all frames. The next ones mostly come soon, so some memory stays until [`Replay::tidy`].
    fn clear(&mut self) {
        (self.head, self.frames) = (0, 0);
        self.bytes.clear();
        self.bytes.shrink_to(COMPACT_BYTES);
    }

    /// Frees the bytes that were dropped, once there are many of them.
    fn compact(&mut self) {
        if self.head < COMPACT_BYTES || self.head <= self.bytes.len() / 2 {
            return;
        }
        self.bytes.drain(..self.head);
        self.bytes.shrink_to(2 * self.bytes.len());
        if let Some(rewound) = &mut self.rewound {
            for place in [&mut rewound.begun, &mut rewound.next, &mut rewound.until] {
                *place -= self.head;
            }
        }
        self.head = 0;
    }
}

/// The bytes of the frame that begins here, header included.
fn frame_len(bytes: &[u8], at: usize) -> usize {
    let rest = bytes.get(at..).unwrap_or_default();
    let payload = rest.first_chunk().map_or(0, |header| {
        usize::try_from(Header::decode(*header).len).unwrap_or(usize::MAX)
    });
    (HEADER_LEN + payload).min(rest.len())
}

/// The least size behind a second frame: growing to it step by step costs more than the frames themselves.
const GROWN_BYTES: usize = 1024;
/// From this size on, the dropped half is freed, and memory that no frame needs.
const COMPACT_BYTES: usize = 4 * 1024;

#[cfg(test)]
mod tests;
