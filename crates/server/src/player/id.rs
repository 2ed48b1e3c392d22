//! Session ids, which contain the session's slot in this server.

use lastword_session::SessionId;

/// Makes a new id; `slot` is where this server finds the session again.
///
/// # Errors
/// The system's source of random numbers failed.
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
