//! The frames with a key that wait in one queue, and the newer contents for them.

use std::collections::{HashMap, VecDeque};

use super::mark::Mark;

/// The newest content of each key that waits.
///
/// A newer content stays here until the next write that may reach its frame. So if a peer reads nothing, each message
/// costs one copy, independent of the number of waiting messages.
#[derive(Clone, Debug, Default)]
pub(super) struct Latest {
    contents: HashMap<u64, Content>,
    /// The keys, in the order of their frames.
    order: VecDeque<u64>,
    /// The newer contents, and obsolete ones among them.
    fresh: Vec<u8>,
    /// The memory of the last rewrite, kept for the next one.
    pub(super) spare: (Vec<u8>, VecDeque<Mark>),
}

/// The newest content of one key.
#[derive(Clone, Debug)]
struct Content {
    len: usize,
    /// The place of the content in `fresh`; `None` if it lies in the queue.
    fresh_at: Option<usize>,
}

impl Latest {
    /// Whether no frame with a key waits.
    pub(super) fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    pub(super) fn has(&self, key: u64) -> bool {
        self.contents.contains_key(&key)
    }

    /// Adds a frame behind all others.
    pub(super) fn add(&mut self, key: u64, len: usize) {
        self.order.push_back(key);
        let fresh_at = None;
        self.contents.insert(key, Content { len, fresh_at });
    }

    /// Lends the buffer, for a newer content behind the others.
    pub(super) fn fresh_mut(&mut self) -> &mut Vec<u8> {
        &mut self.fresh
    }

    /// Sets the content of this key to the bytes from `at` on. Returns how many bytes longer it is than the content
    /// before.
    pub(super) fn replace(&mut self, key: u64, at: usize) -> isize {
        let len = self.fresh.len() - at;
        let Some(content) = self.contents.get_mut(&key) else {
            return 0;
        };
        match content.fresh_at {
            Some(before) if content.len == len => {
                self.fresh.copy_within(at.., before);
                self.fresh.truncate(at);
            }
            _ => content.fresh_at = Some(at),
        }
        let before = std::mem::replace(&mut content.len, len);
        signed(len) - signed(before)
    }

    /// Bytes of contents that are not in the queue yet.
    pub(super) fn fresh_bytes(&self) -> usize {
        self.fresh.len()
    }

    /// Notes that the first of the frames has begun: it can no longer be replaced.
    pub(super) fn begin(&mut self) {
        if let Some(key) = self.order.pop_front() {
            self.contents.remove(&key);
        }
    }

    /// The keys, in the order of their frames.
    pub(super) fn keys(&self) -> impl Iterator<Item = u64> + use<'_> {
        self.order.iter().copied()
    }

    /// The newer content of each frame, in their order; `None` where the queue has the newest.
    pub(super) fn newer(&self) -> impl Iterator<Item = Option<&[u8]>> {
        self.order.iter().map(|key| {
            let content = self.contents.get(key)?;
            let at = content.fresh_at?;
            self.fresh.get(at..at + content.len)
        })
    }

    /// Notes that the queue has all the newest contents.
    pub(super) fn refreshed(&mut self) {
        self.fresh.clear();
        for content in self.contents.values_mut() {
            content.fresh_at = None;
        }
    }

    pub(super) fn clear(&mut self) {
        self.contents.clear();
        self.order.clear();
        self.fresh.clear();
    }

    /// Returns the bytes of memory held.
    pub(super) fn capacity(&self) -> usize {
        let keys = self.contents.capacity() * size_of::<(u64, Content)>();
        let order = self.order.capacity() * size_of::<u64>();
        let spare = self.spare.0.capacity() + self.spare.1.capacity() * size_of::<Mark>();
        keys + order + self.fresh.capacity() + spare
    }
}

fn signed(len: usize) -> isize {
    isize::try_from(len).unwrap_or(isize::MAX)
}
