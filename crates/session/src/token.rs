//! The tokens of a resume: derived from a secret of the server, so that none is stored and an offer can be repeated.

use std::fmt;

use hmac_sha256::HMAC;
use subtle::ConstantTimeEq;

use crate::SessionId;

/// The secret from which a server derives the tokens of all its sessions. It lives as long as the process: a token of
/// another process is refused.
#[derive(Clone)]
pub struct TokenKey([u8; Token::LEN]);

/// The credential of one resume: HMAC-SHA256 of the session's id and of the token's generation.
///
/// It is worth as much as its key: 256 bits that cannot be guessed. A session has one player for life, so the session's id
/// binds the token to the player as well.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Token([u8; Self::LEN]);

impl TokenKey {
    /// Takes 32 random bytes.
    #[must_use]
    pub const fn new(secret: [u8; Token::LEN]) -> Self {
        Self(secret)
    }

    /// Returns the token of this generation, always the same one.
    #[must_use]
    pub fn token(&self, session: SessionId, generation: u32) -> Token {
        let text = [&session.as_bytes()[..], &generation.to_be_bytes()].concat();
        Token(HMAC::mac(&text, self.0))
    }

    /// Returns which of these generations a received token has; `None` for any other token. A wrong token
    /// takes as long as a right one, whichever bytes are wrong.
    #[must_use]
    pub fn generation(
        &self,
        session: SessionId,
        valid: impl IntoIterator<Item = u32>,
        token: &[u8],
    ) -> Option<u32> {
        let mut found = None;
        for generation in valid {
            let is_equal = self.token(session, generation).0.ct_eq(token);
            if bool::from(is_equal) {
                found = Some(generation);
            }
        }
        found
    }
}

impl Token {
    /// The bytes of a token.
    pub const LEN: usize = 32;

    /// Returns the token as it is on the wire.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; Self::LEN] {
        &self.0
    }
}

/// Without the secret.
impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey")
    }
}

/// Without its bytes: a reader of a log could act as the player.
impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SESSION: SessionId = SessionId::from_bytes([7; 16]);

    fn key() -> TokenKey {
        TokenKey::new([42; 32])
    }

    /// The second case of RFC 4231, and a token as another implementation of HMAC-SHA256 makes it.
    #[test]
    fn a_token_is_the_hmac_of_the_id_and_the_generation() {
        let mac = HMAC::mac(b"what do ya want for nothing?", b"Jefe");
        assert_eq!(mac[..4], [0x5b, 0xdc, 0xc1, 0x46]);
        assert_eq!(mac[28..], [0x64, 0xec, 0x38, 0x43]);
        let token = key().token(SESSION, 1);
        assert_eq!(token.as_bytes()[..], TOKEN);
    }

    #[test]
    fn each_session_generation_and_key_has_its_own_token() {
        let other = SessionId::from_bytes([8; 16]);
        let key = key();
        let tokens = [
            key.token(SESSION, 1),
            key.token(SESSION, 2),
            key.token(SESSION, u32::MAX),
            key.token(other, 1),
            TokenKey::new([43; 32]).token(SESSION, 1),
        ];
        for (n, token) in tokens.iter().enumerate() {
            assert!(tokens[n + 1..].iter().all(|other| other != token), "{n}");
        }
        assert_eq!(key.token(SESSION, 1), tokens[0], "repeated, it is the same");
    }

    #[test]
    fn only_a_valid_token_has_a_generation() {
        let key = key();
        let token = |generation| *key.token(SESSION, generation).as_bytes();
        for generation in [4, 5] {
            let found = key.generation(SESSION, [4, 5], &token(generation));
            assert_eq!(found, Some(generation));
        }
        let of_another = *key.token(SessionId::from_bytes([8; 16]), 4).as_bytes();
        for wrong in [token(3), token(6), of_another, [0; 32]] {
            assert_eq!(key.generation(SESSION, [4, 5], &wrong), None);
        }
        assert_eq!(key.generation(SESSION, [], &token(4)), None);
    }

    #[test]
    fn each_byte_and_the_length_of_a_token_count() {
        let key = key();
        let token = *key.token(SESSION, 1).as_bytes();
        for n in 0..Token::LEN {
            assert_eq!(key.generation(SESSION, [1], &token[..n]), None);
            for bit in 0..8 {
                let mut wrong = token;
                wrong[n] ^= 1 << bit;
                assert_eq!(key.generation(SESSION, [1], &wrong), None);
            }
        }
        let longer = [&token[..], &[0]].concat();
        assert_eq!(key.generation(SESSION, [1], &longer), None);
    }

    #[test]
    fn neither_the_key_nor_a_token_is_ever_shown() {
        let key = key();
        assert_eq!(
            format!("{key:?} {:?}", key.token(SESSION, 1)),
            "TokenKey Token"
        );
    }

    const TOKEN: [u8; 32] = [
        0x02, 0xfe, 0x6f, 0xf0, 0x13, 0x8d, 0xbb, 0xe5, 0x8e, 0xf1, 0x3f, 0xbc, 0x0c, 0x5a, 0xbe,
        0x63, 0xbc, 0x80, 0xcf, 0xd6, 0xdc, 0x66, 0x0d, 0x70, 0x0d, 0xa3, 0x07, 0xe3, 0x0d, 0x42,
        0x1d, 0x9c,
    ];
}
