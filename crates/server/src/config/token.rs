//! The token of the admin port, and the file that has it.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

/// A secret that clients of the admin port must show: 16 to 256 visible ASCII characters. Its `Debug` does not show it.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(Box<str>);

/// The error for a text that is not a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is {TOKEN}")]
pub struct NoToken;

/// Why a file gives no token. The error contains no part of the file.
#[derive(Debug, thiserror::Error)]
pub enum TokenFileError {
    /// The file cannot be read.
    #[error("{}", unreadable(.0))]
    Unreadable(#[source] io::Error),
    /// The file has no bytes, or only white space.
    #[error("it is empty")]
    Empty,
    /// The file has something other than a token.
    #[error("{0} and nothing else")]
    NoToken(#[source] NoToken),
}

impl Token {
    /// Reads a token from a file, which has nothing else except white space around it.
    ///
    /// # Errors
    /// Returns a [`TokenFileError`], which contains nothing of the file.
    pub fn read(path: &Path) -> Result<Self, TokenFileError> {
        let mut bytes = Vec::new();
        let file = File::open(path).map_err(TokenFileError::Unreadable)?;
        file.take(FILE_BYTES_MAX)
            .read_to_end(&mut bytes)
            .map_err(TokenFileError::Unreadable)?;
        if bytes.trim_ascii().is_empty() {
            return Err(TokenFileError::Empty);
        }
        let text = std::str::from_utf8(&bytes).map_err(|_| TokenFileError::NoToken(NoToken))?;
        Self::new(text).map_err(TokenFileError::NoToken)
    }

    /// Makes a token of a text, without the white space around it.
    ///
    /// # Errors
    /// Returns [`NoToken`] if the text is too short, too long, or has other characters.
    pub fn new(text: &str) -> Result<Self, NoToken> {
        let text = text.trim();
        let is_visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        if is_visible && (LEN_MIN..=LEN_MAX).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(NoToken)
        }
    }

    /// Returns whether `shown` is this token. The time it takes does not reveal where the two differ.
    #[must_use]
    pub fn is(&self, shown: &[u8]) -> bool {
        let own = self.0.as_bytes();
        let pairs = own.iter().zip(shown);
        let differ = pairs.fold(0, |differ, (own, shown)| differ | (own ^ shown));
        std::hint::black_box(differ) == 0 && own.len() == shown.len()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

fn unreadable(error: &io::Error) -> String {
    let known = UNREADABLE.iter().find(|(kind, _)| *kind == error.kind());
    known.map_or_else(|| error.to_string(), |(_, words)| (*words).to_owned())
}

const UNREADABLE: [(io::ErrorKind, &str); 3] = [
    (io::ErrorKind::NotFound, "there is no such file"),
    (io::ErrorKind::IsADirectory, "it is a directory"),
    (io::ErrorKind::PermissionDenied, "this user may not read it"),
];
const LEN_MIN: usize = 16;
const LEN_MAX: usize = 256;
/// The most bytes that are read of a file: more than a token and its white space.
const FILE_BYTES_MAX: u64 = 4_096;

const TOKEN: &str = "16 to 256 visible ASCII characters";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_all_of_its_characters_and_not_shown() {
        let token = Token::new(" 0123456789abcdef\n").unwrap();
        assert!(token.is(b"0123456789abcdef"));
        for other in [
            "",
            "0123456789abcde",
            "0123456789abcdef0",
            "0123456789abcdeF",
            "1123456789abcdef",
        ] {
            assert!(!token.is(other.as_bytes()), "{other}");
        }
        assert_eq!(format!("{token:?}"), "Token(..)");
    }

    #[test]
    fn a_text_that_is_too_short_or_has_spaces_is_no_token() {
        for text in [
            "",
            "0123456789abcde",
            "0123456789 abcdef",
            "0123456789abcdé",
        ] {
            assert_eq!(Token::new(text), Err(NoToken), "{text:?}");
        }
        assert!(Token::new(&"x".repeat(LEN_MAX)).is_ok());
        assert_eq!(Token::new(&"x".repeat(LEN_MAX + 1)), Err(NoToken));
    }

    #[test]
    fn a_file_that_gives_no_token_is_told_without_a_word_of_it() {
        let file = std::env::temp_dir().join(format!("lastword-token-{}", std::process::id()));
        for (text, told) in [
            ("", "it is empty"),
            (" \n", "it is empty"),
            (
                "too short\n",
                "a token is 16 to 256 visible ASCII characters and nothing else",
            ),
        ] {
            std::fs::write(&file, text).unwrap();
            assert_eq!(
                Token::read(&file).unwrap_err().to_string(),
                told,
                "{text:?}"
            );
        }
        std::fs::write(&file, "0123456789abcdef\n").unwrap();
        assert!(Token::read(&file).unwrap().is(b"0123456789abcdef"));
        std::fs::remove_file(&file).unwrap();
        let told = [&file, Path::new("/")].map(|path| Token::read(path).unwrap_err().to_string());
        assert_eq!(told, ["there is no such file", "it is a directory"]);
    }
}
