//! What a session receives: frames of the game, and how the link to its peer is.

use bytes::Bytes;
use lastword_session::Link;
use lastword_transport::Item;

/// Something that happened to a live session, in the order in which it did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SessionEvent {
    /// A frame of the game.
    Frame(Bytes),
    /// The peer fell silent, or was heard again; nothing ends yet. Never lost for want of room: only of more than
    /// eight that nobody took, with no frame between them, a newer one takes the place of the last.
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
