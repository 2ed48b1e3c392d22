//! The events of a connection: frames of the game, announcements, the server's goodbye, and changes of the link.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use lastword_session::{Advice, Cause, Link, wire};
use lastword_transport::Item;

/// Something that arrived from the server, or a change of the link, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// A frame of the game.
    Frame(Bytes),
    /// An announcement. The connection continues.
    Notice(Notice),
    /// The link changed: the server was silent for half the dead limit, or was heard again; or the server reads too
    /// slowly, or fast enough again. The connection continues.
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

    fn replaces(&self, earlier: &Self) -> bool {
        match (self, earlier) {
            (Self::Link(link), Self::Link(earlier)) => link.replaces(earlier),
            (Self::Link(_) | Self::Frame(_) | Self::Notice(_), _) => false,
        }
    }
}

/// An announcement of the server about something that will happen, such as a drain or maintenance.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    /// The reason on the wire: a code of the layer below 4096, a code of the game from 4096 on.
    pub code: u16,
    /// The cause for which the code stands, if it is a code of the layer.
    pub cause: Option<Cause>,
    /// The server's instruction to us.
    pub advice: Advice,
    /// The time until the announced event.
    pub deadline: Duration,
    /// The address to go to with [`Advice::Elsewhere`]; empty without one.
    pub address: String,
    /// A text for the player.
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

/// The server's goodbye: why it ends the connection, and its instruction to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PeerGoodbye {
    /// Whether the session is over. If not, the server keeps it for its resume window, where it has one.
    pub over: bool,
    /// The reason on the wire: a code of the layer below 4096, a code of the game from 4096 on.
    pub code: u16,
    /// The server's own verdict. A code of the layer stands for its cause. With a code of the game, the server may
    /// name `kicked`, `closed_by_game` or `auth_rejected`. `None` if the server named no cause.
    pub cause: Option<Cause>,
    /// The server's instruction to us.
    pub advice: Advice,
    /// The least delay before we follow the instruction. Add a random time, so that clients do not all come back at
    /// once.
    pub delay: Duration,
    /// The address to go to with [`Advice::Elsewhere`]; empty without one.
    pub address: String,
    /// A text for the player.
    pub reason: String,
}

impl From<lastword_session::PeerGoodbye> for PeerGoodbye {
    fn from(peer_goodbye: lastword_session::PeerGoodbye) -> Self {
        Self {
            over: peer_goodbye.over,
            code: peer_goodbye.code,
            cause: peer_goodbye.cause,
            advice: advice(peer_goodbye.advice),
            delay: Duration::from_millis(u64::from(peer_goodbye.delay_ms)),
            address: peer_goodbye.address,
            reason: peer_goodbye.reason,
        }
    }
}

/// Writes how the server ended the connection, as the client sees it, with the server's text
/// escaped: `the server kicked us (kicked, code 4100): "enough"`.
impl fmt::Display for PeerGoodbye {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let clause = self
            .cause
            .map_or("the server said goodbye", Cause::told_to_client);
        f.write_str(clause)?;
        match (self.cause, self.code) {
            (Some(cause), code) if code == cause.code() => write!(f, " ({cause})")?,
            (Some(cause), code) => write!(f, " ({cause}, code {code})")?,
            // A goodbye without a reason has code 0.
            (None, 0) => {}
            (None, code) => write!(f, " (code {code})")?,
        }
        match self.reason.as_str() {
            "" => Ok(()),
            reason => write!(f, ": {reason:?}"),
        }
    }
}

/// An unknown instruction, from a later version, is read as the most careful one.
fn advice(code: u8) -> Advice {
    Advice::from_code(code).unwrap_or(Advice::AfterDelay)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer_goodbye(code: u16, cause: Option<Cause>, reason: &str) -> PeerGoodbye {
        PeerGoodbye::from(lastword_session::PeerGoodbye {
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
    fn an_unknown_advice_means_to_wait() {
        let peer_goodbye = peer_goodbye(80, Some(Cause::Kicked), "");
        assert_eq!(peer_goodbye.advice, Advice::AfterDelay);
        assert_eq!(peer_goodbye.delay, Duration::from_millis(1_500));
    }

    #[test]
    fn a_goodbye_of_the_server_is_described_from_the_clients_side_and_escaped() {
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
            assert_eq!(peer_goodbye(code, cause, reason).to_string(), shown);
        }
    }
}
