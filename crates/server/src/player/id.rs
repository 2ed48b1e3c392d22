//! Session ids.

use lastword_session::SessionId;

/// Makes a new id: sixteen random bytes.
///
/// # Errors
/// The system's source of random numbers failed.
pub(crate) fn random_session() -> Result<SessionId, getrandom::Error> {
    let mut id = [0; 16];
    getrandom::fill(&mut id)?;
    Ok(SessionId::from_bytes(id))
}
