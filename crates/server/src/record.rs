//! The record of one ended connection, and how one session departed.

mod flat;
mod printable;

use std::any::Any;
use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::SystemTime;

use lastword_keepalive::ProfileName;
use lastword_session::{Cause, DepartureCause, Ending};

use crate::SessionId;
use crate::data::Data;

pub use flat::{Record, Step};

pub(crate) use flat::Steps;
pub(crate) use printable::{is_name_of, printable};

/// One ended connection: who, when, why, and what there is to show for it.
#[derive(Clone, Debug)]
pub struct Disconnect {
    /// Counts the ends of this server from 1, without a gap.
    pub seq: u64,
    /// When the verdict came out.
    pub at: SystemTime,
    /// The address that was connected to.
    pub listener: SocketAddr,
    /// The peer's address.
    pub remote: SocketAddr,
    /// The player's name or id, once one was let in; `None` also for a player without a name.
    pub player: Option<String>,
    /// The session's id, once there was one.
    pub session: Option<SessionId>,
    /// Which connection of its session: 1, and one more at each resume; 0 where no session joined.
    pub connection: u32,
    /// The liveness profile.
    pub profile: Option<ProfileName>,
    /// Frames of the peer that were received and never taken by the game.
    pub undelivered_frames: u64,
    /// Their payload bytes.
    pub undelivered_bytes: u64,
    /// The verdict, the first error and the evidence.
    pub ending: Ending,
}

impl Disconnect {
    /// Why the connection ended.
    #[must_use]
    pub fn cause(&self) -> Cause {
        self.ending.verdict.cause
    }

    /// Whether a session joined on the connection; a stranger's connection ends without one.
    #[must_use]
    pub fn has_joined(&self) -> bool {
        self.connection > 0
    }

    /// Whether the player goes by this name, as it is or as records show it.
    #[must_use]
    pub fn is_of(&self, player: &str) -> bool {
        let own = self.player.as_deref();
        own.is_some_and(|own| is_name_of(player, own))
    }

    /// The same under the names, and in the units, of the log line.
    #[must_use]
    pub fn record(&self) -> Record<'_> {
        Record::of(self)
    }
}

/// The evidence in words, for people: what happened, and what shows it.
impl fmt::Display for Disconnect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let evidence = &self.ending.evidence;
        write!(
            f,
            "{} in {} after {:.1?}",
            self.cause(),
            self.ending.verdict.phase,
            evidence.age
        )?;
        if let Some(first) = &self.ending.first_error {
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
        match evidence.bytes_unacked {
            Some(bytes) if bytes > 0 => write!(f, ", {bytes} B never acknowledged"),
            _ => Ok(()),
        }
    }
}

/// How a session departed: exactly one for each that joined.
#[derive(Clone, Debug)]
pub struct Departure {
    /// Why: the last connection's cause.
    pub cause: DepartureCause,
    /// The session.
    pub session: SessionId,
    /// Frames of the peer that were received and never taken by the game.
    pub undelivered_frames: u64,
    /// Their payload bytes.
    pub undelivered_bytes: u64,
    /// The end of its last connection, with the evidence.
    pub disconnect: Arc<Disconnect>,
    pub(crate) data: Data,
}

impl Departure {
    /// Returns the game's own value that the authenticator gave the player ([`Player::with_data`](crate::Player::with_data));
    /// `None` where there is none, or one of another type.
    #[must_use]
    pub fn data<T: Any + Send + Sync>(&self) -> Option<Arc<T>> {
        self.data.of_type()
    }
}
