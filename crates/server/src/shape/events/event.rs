//! The events of a game that ticks.

use std::net::SocketAddr;
use std::time::Instant;

use lastword_session::{Link, SessionId};

use crate::books::Departure;
use crate::player::Player;

/// Something that happened to a session, or to the server. Each session has one `Joined`, then its frames and changes
/// of its link in order, then one `Left`, and nothing after it.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Event<'a> {
    /// A player was let in.
    Joined {
        /// The new session.
        session: SessionId,
        /// The player, as the authenticator returned it.
        player: &'a Player,
        /// The peer's address.
        remote: SocketAddr,
    },
    /// A frame was received.
    Frame {
        /// The session that sent it.
        session: SessionId,
        /// Its payload.
        payload: &'a [u8],
    },
    /// The link of a session changed: suspect or healthy again, congested or flowing, over or
    /// within its rate.
    Link {
        /// The session.
        session: SessionId,
        /// The change.
        link: Link,
    },
    /// A session departed; all its frames come before this.
    Left(&'a Departure),
    /// A drain began. Clients are told after this, and sessions that are still open at the deadline are cut off.
    Draining {
        /// The end of the drain.
        deadline: Instant,
    },
}
