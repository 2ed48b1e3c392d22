//! Session ids, which contain the session's slot in this server, and the game's own codes on the wire.

use lastword_session::SessionId;

/// Makes a new id; `slot` is where this server finds the session again.
///
/// # Errors
/// The system has no randomness to give.
pub(crate) fn random_session(slot: u32) -> Result<SessionId, getrandom::Error> {
    let mut id = [0; 16];
    let (random, place) = id.split_at_mut(RANDOM_BYTES);
    getrandom::fill(random)?;
    place.copy_from_slice(&slot.to_be_bytes());
    Ok(SessionId::from_bytes(id))
}

/// Returns the slot in an id that this server made.
pub(crate) fn slot_of(session: SessionId) -> u32 {
    let [.., a, b, c, d] = *session.as_bytes();
    u32::from_be_bytes([a, b, c, d])
}

const RANDOM_BYTES: usize = 12;

/// The game's own code on the wire: 4096 or more, so that it is never taken for one of this layer's codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GameCode(u16);

impl GameCode {
    /// Returns a code; `None` below 4096.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if code >= lastword_session::wire::GAME_CODE_MIN {
            Some(Self(code))
        } else {
            None
        }
    }

    /// Returns the number on the wire.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }
}
