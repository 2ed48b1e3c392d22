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
    /// The server's own verdict: that of a code of the layer, or the one that the server named behind a code of the
    /// game, which is `kicked`, `closed_by_game` or `auth_rejected`. `None` where it named none.
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
            cause: parting.cause,
            advice: advice(parting.advice),
            delay: Duration::from_millis(u64::from(parting.delay_ms)),
            address: parting.address,
            reason: parting.reason,
        }
    }
}

/// Says from the client's side how the server ended it, with the server's words, escaped:
/// `the server kicked us (kicked, code 4100): "enough"`.
impl fmt::Display for Parting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clause = self
            .cause
            .map_or("the server said goodbye", Cause::told_to_client);
        f.write_str(clause)?;
        match (self.cause, self.code) {
            (Some(cause), code) if code == cause.code() => write!(f, " ({cause})")?,
            (Some(cause), code) => write!(f, " ({cause}, code {code})")?,
            // The code of a goodbye that gives no reason.
            (None, 0) => {}
            (None, code) => write!(f, " (code {code})")?,
        }
        match self.reason.as_str() {
            "" => Ok(()),
            reason => write!(f, ": {reason:?}"),
        }
    }
}

/// An advice of a later version is read as the careful one.
fn advice(code: u8) -> Advice {
    Advice::from_code(code).unwrap_or(Advice::AfterDelay)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parting(code: u16, cause: Option<Cause>, reason: &str) -> Parting {
        Parting::from(lastword_session::Parting {
            over: true,
            code,
            cause,
            advice: 9,
            delay_ms: 1_500,
            address: String::new(),
            reason: reason.to_owned(),
        })
    }

    #[test]
    fn an_advice_that_nobody_knows_means_to_wait() {
        let parting = parting(80, Some(Cause::Kicked), "");
        assert_eq!(parting.advice, Advice::AfterDelay);
        assert_eq!(parting.delay, Duration::from_millis(1_500));
    }

    #[test]
    fn a_goodbye_of_the_server_is_told_from_the_clients_side_and_escaped() {
        for (code, cause, reason, shown) in [
            (
                80,
                Some(Cause::Kicked),
                "be\nnice",
                r#"the server kicked us (kicked): "be\nnice""#,
            ),
            (
                4_100,
                Some(Cause::Kicked),
                "enough",
                r#"the server kicked us (kicked, code 4100): "enough""#,
            ),
            (
                4_100,
                Some(Cause::ClosedByGame),
                "",
                "the server closed our session (closed_by_game, code 4100)",
            ),
            (
                4_100,
                None,
                "so long",
                r#"the server said goodbye (code 4100): "so long""#,
            ),
            (
                65,
                Some(Cause::ServerFull),
                "",
                "the server is full (server_full)",
            ),
            (0, None, "", "the server said goodbye"),
        ] {
            assert_eq!(parting(code, cause, reason).to_string(), shown);
        }
    }
}
