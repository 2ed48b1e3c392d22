//! Values that an empty text in a file turns off.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Deserializer, de};

use super::Token;

pub(super) fn addr_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = Cow::<'_, str>::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(de::Error::custom)
}

pub(super) fn token_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Token>, D::Error> {
    let text = Cow::<'_, str>::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    Token::new(&text).map(Some).map_err(de::Error::custom)
}

pub(super) fn path_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<PathBuf>, D::Error> {
    let path = PathBuf::deserialize(deserializer)?;
    Ok((!path.as_os_str().is_empty()).then_some(path))
}
