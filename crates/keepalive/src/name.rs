//! The name of a profile: a short word that is safe as the label of a metric.

use std::fmt;

use crate::error::{NAME_CHARS_MAX, ProfileError};

/// The name of a profile: 1 to 32 characters of `a` to `z`, `0` to `9` and `_`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProfileName([u8; Self::LEN_MAX]);

impl ProfileName {
    /// The longest name, in characters.
    pub const LEN_MAX: usize = NAME_CHARS_MAX;

    /// Takes a name made of the allowed characters.
    ///
    /// # Errors
    /// [`ProfileError::Name`] if it is empty, too long or has any other character.
    pub fn new(name: &str) -> Result<Self, ProfileError> {
        let fits = (1..=Self::LEN_MAX).contains(&name.len());
        if fits && name.bytes().all(is_allowed) {
            Ok(Self::known(name))
        } else {
            Err(ProfileError::Name { name: name.into() })
        }
    }

    /// Takes one of our own names, which is known to fit.
    pub(crate) fn known(name: &str) -> Self {
        let mut bytes = [0; Self::LEN_MAX];
        for (slot, byte) in bytes.iter_mut().zip(name.bytes()) {
            *slot = byte;
        }
        Self(bytes)
    }

    /// Returns the name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let len = self.0.iter().take_while(|byte| **byte != 0).count();
        let name = self.0.get(..len).unwrap_or_default();
        std::str::from_utf8(name).unwrap_or_default()
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

fn is_allowed(byte: u8) -> bool {
    matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_the_alphabet_comes_back_as_it_was() {
        for name in ["a", "console_2", "_", &"z".repeat(32)] {
            assert_eq!(ProfileName::new(name).unwrap().as_str(), name);
        }
    }

    #[test]
    fn any_other_name_is_refused() {
        for name in [
            "",
            "Mobile",
            "a b",
            "a-b",
            "a\0",
            "é",
            "a\n",
            &"z".repeat(33),
        ] {
            let refused = ProfileError::Name { name: name.into() };
            assert_eq!(ProfileName::new(name), Err(refused));
        }
    }
}
