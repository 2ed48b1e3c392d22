//! What a second login of a player does, once the parts of the server are known.

use std::fmt;

use super::SecondLogin;

impl SecondLogin {
    /// Returns this policy. Instead of `auto`, returns the one that `auto` stands for.
    pub(crate) fn or_auto_is(self, meaning: Self) -> Self {
        match self {
            Self::Auto => meaning,
            Self::Replace | Self::Refuse | Self::Allow => self,
        }
    }

    /// Returns the word of the configuration.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Replace => "replace",
            Self::Refuse => "refuse",
            Self::Allow => "allow",
        }
    }
}

impl fmt::Display for SecondLogin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}
