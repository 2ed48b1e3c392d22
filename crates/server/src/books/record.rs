//! The record of one ended connection, and the departure of one session.

mod flat;
mod told;
mod units;

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use lastword_keepalive::ProfileName;
use lastword_session::{Cause, DepartureCause, Ending, SessionId};

use crate::player::{Data, RemoteSource, is_name_of};

pub use flat::{Record, Step};
pub use told::{Account, PeerTold, Told};

pub(crate) use flat::Steps;
pub(crate) use units::{millis, rfc3339};

/// One ended connection: the player, the time, the cause and the evidence.
#[derive(Clone, Debug)]
pub struct Disconnect {
    /// The number of this end in this server, from 1, without gaps.
    pub seq: u64,
    /// The time of the verdict.
    pub at: SystemTime,
    /// The local address of the listener.
    pub listener: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// Where that address is known from.
    pub remote_source: RemoteSource,
    /// The player's name or id, if a player was let in; `None` also for a player without a name.
    pub player: Option<String>,
    /// The session's id, if there was a session.
    pub session: Option<SessionId>,
    /// The number of this connection in its session: 1, and one more at each resume; 0 if no session joined.
    pub connection: u32,
    /// Whether the session outlives this end: it waits for its player, or has a newer connection.
    pub session_lives_on: bool,
    /// The liveness profile.
    pub profile: Option<ProfileName>,
    /// The peer's frames that were received, and that the game had not taken when this record was written.
    pub undelivered_frames: u64,
    /// Their payload bytes.
    pub undelivered_bytes: u64,
    /// The client's account of this end, in records that are read later (`/api/closes`). It is `None` in
    /// [`Observer::disconnected`](crate::Observer::disconnected), since a client tells it only when it comes back
    /// ([`Observer::peer_told`](crate::Observer::peer_told)).
    pub told: Option<Told>,
    /// The verdict, the first error and the evidence.
    pub ending: Ending,
}

impl Disconnect {
    /// Returns the cause of the connection's end.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.ending.verdict.cause
    }

    /// Returns whether a session joined on the connection; some connections end without one.
    #[must_use]
    pub fn has_joined(&self) -> bool {
        self.connection > 0
    }

    /// Returns whether the player has this name, unchanged or as records show it.
    #[must_use]
    pub fn is_of(&self, player: &str) -> bool {
        is_name_of(player, self.player.as_deref())
    }

    /// Returns the record with the names and units of the log line.
    #[must_use]
    pub fn record(&self) -> Record<'_> {
        Record::of(self)
    }
}

/// Writes the evidence in words, for people: what happened, and the facts that show it.
impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        in_words(&self.ending, f)?;
        match self.session_lives_on {
            true => f.write_str(", the session lives on"),
            false => Ok(()),
        }
    }
}

fn in_words(ending: &Ending, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let (verdict, evidence) = (ending.verdict, &ending.evidence);
    write!(
        f,
        "{} in {} after {:.1?}",
        verdict.cause, verdict.phase, evidence.age
    )?;
    if evidence.behind_proxy {
        f.write_str(", through a proxy")?;
    }
    if let Some(first) = &ending.first_error {
        write!(f, ", {first}")?;
    }
    write!(
        f,
        ", {} B in, {} B out",
        evidence.bytes_in, evidence.bytes_out
    )?;
    if let Some(silent) = evidence.silent_for {
        write!(f, ", silent for {silent:.1?}")?;
    }
    if let Some(after) = evidence.spoke_after {
        write!(f, ", spoke again {after:.1?} later")?;
    }
    match (evidence.frames_dropped, evidence.frames_replaced) {
        (0, 0) => {}
        (dropped, replaced) => write!(f, ", {dropped} frames dropped and {replaced} replaced")?,
    }
    if let Some(over) = evidence.over_rate_for {
        write!(f, ", over its rate for {over:.1?}")?;
    }
    match evidence.bytes_unacked {
        Some(bytes) if bytes > 0 => write!(f, ", {bytes} B never acknowledged"),
        _ => Ok(()),
    }
}

/// The departure of a session. Each session that joined has exactly one, as soon as the cause is fixed and the game
/// has taken every frame from before the end.
///
/// If the game stops taking frames, the departure comes after `timeouts.delivery_ms`. If the game has taken no frame
/// at all, it comes after 150 ms. A kick or a close by the game ends the wait. The game can still take the waiting
/// frames after the departure.
#[derive(Clone, Debug)]
pub struct Departure {
    /// The last connection's cause, or why a session that waited for its player is over.
    pub cause: DepartureCause,
    /// The session.
    pub session: SessionId,
    /// The peer's frames that were received, and that the game had not taken at its departure. The record counts again
    /// ([`Disconnect::undelivered_frames`]).
    pub undelivered_frames: u64,
    /// Their payload bytes.
    pub undelivered_bytes: u64,
    /// The player's name or id; `None` for a player without a name.
    pub player: Option<String>,
    /// The peer's address.
    pub remote: SocketAddr,
    /// When the cause was fixed.
    pub at: SystemTime,
    /// How long the session had waited for its player; `None` if its player was here.
    pub away_for: Option<Duration>,
    /// The end of the session's last connection, as it was known when the cause was fixed. The record of the
    /// connection ([`Disconnect`]) comes when the connection has closed, and says also whether our goodbye
    /// arrived.
    pub ending: Ending,
    pub(crate) data: Data,
}

/// Writes the evidence in words, as a [`Disconnect`] does.
impl fmt::Display for Departure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        in_words(&self.ending, f)
    }
}

impl Departure {
    /// Returns the game's own value that the authenticator gave the player
    /// ([`Player::with_data`](crate::Player::with_data)); `None` if there is none, or if it has another type.
    #[must_use]
    pub fn data<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.data.of_type()
    }
}
