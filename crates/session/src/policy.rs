//! The policies for messages that wait for a peer that reads slowly.

/// The fate of a message when its peer reads more slowly than the game sends.
///
/// A session has one policy for all its messages, and a single message may have another one. A message stays in the
/// queue once a lower layer has taken its first byte.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Policy {
    /// The message is never dropped (default). At the limits of the outbound queue the session ends:
    /// `send_queue_full`, `send_queue_stale`.
    #[default]
    Close,
    /// The message may be dropped, oldest first. It is dropped in three cases: more than `outbound_bytes_max` waits
    /// that the kernel has refused to take; a newer message has no room; it is older than `outbound_age_ms`. It ends
    /// no session.
    DropOldest,
}

/// How one frame waits in an outbound queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outbound {
    /// Until it is written.
    Kept,
    /// Until it is written or dropped.
    Droppable,
    /// Until it is written, or replaced by a newer frame with this key.
    Latest(u64),
}

impl From<Policy> for Outbound {
    fn from(policy: Policy) -> Self {
        match policy {
            Policy::Close => Self::Kept,
            Policy::DropOldest => Self::Droppable,
        }
    }
}
