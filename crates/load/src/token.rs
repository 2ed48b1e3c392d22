//! The token for an admin port.

use std::fmt;

use hyper::header::HeaderValue;

/// The token of an admin port (`admin.token_file` of the server). Debug output hides it.
#[derive(Clone)]
pub struct AdminToken(HeaderValue);

/// A text that is not a valid token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is visible ASCII characters, without spaces between them")]
pub struct InvalidToken;

impl AdminToken {
    /// Makes a token from a text, without the white space around it.
    ///
    /// # Errors
    /// [`InvalidToken`]: the text is empty, or has other characters.
    pub fn new(text: &str) -> Result<Self, InvalidToken> {
        let text = text.trim();
        if text.is_empty() || !text.bytes().all(|byte| byte.is_ascii_graphic()) {
            return Err(InvalidToken);
        }
        let value = HeaderValue::from_str(&format!("Bearer {text}"));
        let mut value = value.map_err(|_| InvalidToken)?;
        value.set_sensitive(true);
        Ok(Self(value))
    }

    /// Returns the value of the `Authorization` header.
    pub(crate) fn header(&self) -> HeaderValue {
        self.0.clone()
    }
}

impl fmt::Debug for AdminToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AdminToken(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_sent_without_the_white_space_around_it_and_never_shown() {
        let token = AdminToken::new(" 0123456789abcdef\n").unwrap();
        assert_eq!(token.header(), "Bearer 0123456789abcdef");
        assert_eq!(format!("{token:?}"), "AdminToken(..)");
        for text in ["", "\n", "two words", "tökens"] {
            assert_eq!(AdminToken::new(text).unwrap_err(), InvalidToken, "{text:?}");
        }
    }
}
