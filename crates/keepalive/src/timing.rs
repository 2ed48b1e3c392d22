//! The intervals of one session, as the wire carries them.

use crate::{Profile, to_millis};

/// The heartbeat, suspect limit and dead limit of one session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timing {
    /// Milliseconds between the client's pings; 0: none.
    pub heartbeat_ms: u32,
    /// Milliseconds of silence after which the peer is suspect; 0: never. From then on the silence decides, and queue
    /// limits do not close. Not on the wire.
    pub suspect_ms: u32,
    /// Milliseconds of silence after which the peer is given up; 0: never.
    pub dead_ms: u32,
}

impl From<&Profile> for Timing {
    fn from(profile: &Profile) -> Self {
        Self {
            heartbeat_ms: to_millis(profile.heartbeat),
            suspect_ms: to_millis(profile.suspect),
            dead_ms: profile.dead.map_or(0, to_millis),
        }
    }
}
