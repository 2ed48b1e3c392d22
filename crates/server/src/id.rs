//! The names of things: sessions, and the game's own codes on the wire.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A session's id: sixteen bytes that nobody can guess, the same on the wire, in logs and in records.
///
/// It is a name, not a credential: who knows it cannot act as the player.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SessionId([u8; 16]);

impl SessionId {
    /// Makes a new id; `slot` is where this server finds the session again.
    ///
    /// # Errors
    /// When the system has no randomness to give.
    pub(crate) fn random(slot: u32) -> Result<Self, getrandom::Error> {
        let mut id = [0; 16];
        let (random, place) = id.split_at_mut(RANDOM_BYTES);
        getrandom::fill(random)?;
        place.copy_from_slice(&slot.to_be_bytes());
        Ok(Self(id))
    }

    /// The id as it is on the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// Takes an id from the wire or from a record.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    pub(crate) fn slot(&self) -> u32 {
        let [.., a, b, c, d] = self.0;
        u32::from_be_bytes([a, b, c, d])
    }
}

const RANDOM_BYTES: usize = 12;

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionId({self})")
    }
}

/// As text: 32 hexadecimal digits.
impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A text that is no session's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a session's id is 32 hexadecimal digits")]
pub struct NoSessionId;

impl FromStr for SessionId {
    type Err = NoSessionId;

    fn from_str(text: &str) -> Result<Self, NoSessionId> {
        let digits = text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = digits
            .then(|| u128::from_str_radix(text, 16).ok())
            .flatten();
        id.map(|id| Self(id.to_be_bytes())).ok_or(NoSessionId)
    }
}

/// A code of the game's own on the wire: 4096 and up, so that it is never mistaken for one of the layer's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GameCode(u16);

impl GameCode {
    /// Makes a code; `None` below 4096.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if code >= lastword_session::wire::GAME_CODE_MIN {
            Some(Self(code))
        } else {
            None
        }
    }

    /// The number on the wire.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_id_is_read_as_it_is_written_and_nothing_else_is() {
        let id = SessionId::from_bytes([0xab; 16]);
        assert_eq!(id.to_string().parse(), Ok(id));
        assert_eq!(id.to_string().to_uppercase().parse(), Ok(id));
        for text in [
            "",
            "ab",
            "+babababababababababababababababa",
            "éabababababababababababababababa",
        ] {
            assert_eq!(text.parse::<SessionId>(), Err(NoSessionId), "{text:?}");
        }
    }
}
