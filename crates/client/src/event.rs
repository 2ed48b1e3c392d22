//! What comes from a server: frames of the game, announcements, its last word, and how the way to it is.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use lastword_session::{Advice, Cause, Link, wire};
use lastword_transport::Item;

/// Something that came from the server, or ceased to come, in the order in which it did.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A frame of the game.
    Frame(Bytes),
    /// An announcement; nothing ends yet.
    Notice(Notice),
    /// Nothing came from the server for half the dead limit, or it was heard again; nothing ends yet.
    Link(Link),
}

impl Item for Event {
    fn bytes(&self) -> Option<usize> {
        match self {
            Self::Frame(payload) => Some(payload.len()),
            Self::Notice(notice) => Some(notice.address.len() + notice.reason.len()),
            Self::Link(_) => None,
        }
    }
}

/// An announcement of the server that something is about to happen: a drain, a maintenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// Why, on the wire: the layer's code below 4096, the game's from there.
    pub code: u16,
    /// What the code means, where it is one of the layer's.
    pub cause: Option<Cause>,
    /// What the server tells us to do.
    pub advice: Advice,
    /// The time until it happens.
    pub deadline: Duration,
    /// Where to go with [`Advice::Elsewhere`]; empty for nowhere.
    pub address: String,
    /// Words for the player.
    pub reason: String,
}

impl From<&wire::Notice<'_>> for Notice {
    fn from(notice: &wire::Notice<'_>) -> Self {
        Self {
            code: notice.code,
            cause: Cause::from_code(notice.code),
            advice: advice(notice.advice),
            deadline: Duration::from_millis(u64::from(notice.deadline_ms)),
            address: notice.address.clone().into_owned(),
            reason: notice.reason.clone().into_owned(),
        }
    }
}

/// What the server's goodbye said: why it ends the connection, and what it wants us to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Parting {
    /// Why, on the wire: the layer's code below 4096, the game's from there.
    pub code: u16,
    /// What the code means, where it is one of the layer's: the server's own verdict.
    pub cause: Option<Cause>,
    /// What the server tells us to do.
    pub advice: Advice,
    /// The least time before we do it; to be lengthened at random, so that clients do not come back all at once.
    pub delay: Duration,
    /// Where to go with [`Advice::Elsewhere`]; empty for nowhere.
    pub address: String,
    /// Words for the player.
    pub reason: String,
}

impl From<lastword_session::Parting> for Parting {
    fn from(parting: lastword_session::Parting) -> Self {
        Self {
            code: parting.code,
            cause: Cause::from_code(parting.code),
            advice: advice(parting.advice),
            delay: Duration::from_millis(u64::from(parting.delay_ms)),
            address: parting.address,
            reason: parting.reason,
        }
    }
}

/// The cause or the code, and the words where there are any; these come from the server and are escaped.
impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.cause {
            Some(cause) => write!(f, "{cause}")?,
            None => write!(f, "code {}", self.code)?,
        }
        if self.reason.is_empty() {
            return Ok(());
        }
        write!(f, " ({:?})", self.reason)
    }
}

/// An advice of a later version is read as the careful one.
fn advice(code: u8) -> Advice {
    Advice::from_code(code).unwrap_or(Advice::AfterDelay)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parting(code: u16, reason: &str) -> Parting {
        Parting::from(lastword_session::Parting {
            over: true,
            code,
            advice: 9,
            delay_ms: 1_500,
            address: String::new(),
            reason: reason.to_owned(),
        })
    }

    #[test]
    fn a_code_of_the_layer_has_a_cause_and_a_code_of_the_game_has_none() {
        assert_eq!(parting(80, "").cause, Some(Cause::Kicked));
        assert_eq!(parting(4_100, "").cause, None);
        assert_eq!(parting(0, "").cause, None);
    }

    #[test]
    fn an_advice_that_nobody_knows_means_to_wait() {
        let parting = parting(80, "");
        assert_eq!(parting.advice, Advice::AfterDelay);
        assert_eq!(parting.delay, Duration::from_millis(1_500));
    }

    #[test]
    fn what_the_server_says_is_shown_escaped() {
        assert_eq!(
            parting(80, "be\nnice").to_string(),
            r#"kicked ("be\nnice")"#
        );
        assert_eq!(parting(4_100, "").to_string(), "code 4100");
    }
}
