//! The source of the token.

use std::fmt;
use std::io;
use std::path::PathBuf;

use lastword_server::{AdminConfig, Token};

/// A token, or its source.
#[derive(Clone)]
pub(crate) enum Secret {
    /// There is no token.
    None,
    /// A text that the game gave, not checked yet.
    Given(String),
    /// A token that was checked already.
    Token(Token),
    /// The file with the token.
    File(PathBuf),
}

impl Secret {
    pub(crate) fn of(config: &AdminConfig) -> Self {
        match (&config.token_file, &config.token) {
            (Some(path), _) => Self::File(path.clone()),
            (None, Some(token)) => Self::Token(token.clone()),
            (None, None) => Self::None,
        }
    }

    /// Reads the token, if there is one.
    ///
    /// # Errors
    /// The file or the token is wrong; the error contains nothing of it.
    pub(crate) fn read(&self) -> io::Result<Option<Token>> {
        match self {
            Self::None => Ok(None),
            Self::Token(token) => Ok(Some(token.clone())),
            Self::Given(text) => Token::new(text).map(Some).map_err(|error| {
                io::Error::new(
                    io::ErrorKind::InvalidInput,
                    format!("the admin token: {error}"),
                )
            }),
            Self::File(path) => Token::read(path).map(Some).map_err(|error| {
                let words = format!(
                    "the admin token cannot be read from {}: {error}",
                    path.display()
                );
                io::Error::new(io::ErrorKind::InvalidInput, words)
            }),
        }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("None"),
            Self::Given(_) | Self::Token(_) => f.write_str("Given(..)"),
            Self::File(path) => f.debug_tuple("File").field(path).finish(),
        }
    }
}
