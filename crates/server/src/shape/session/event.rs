//! A session's events: frames of the game, and changes of the link to its peer.

use bytes::Bytes;
use lastword_session::Link;
use lastword_transport::Item;

/// Something that happened to a live session, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A frame of the game.
    Frame(Bytes),
    /// The peer fell silent, or was heard again; nothing ends yet. A change is never lost for lack of room. But after
    /// eight untaken changes with no frame in between, a newer one replaces the last.
    Link(Link),
}

impl Item for SessionEvent {
    fn bytes(&self) -> Option<usize> {
        match self {
            Self::Frame(payload) => Some(payload.len()),
            Self::Link(_) => None,
        }
    }
}
