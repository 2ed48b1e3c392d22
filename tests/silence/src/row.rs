//! One row: the game, its clients, a fault, and the expected result.

use std::time::Duration;

use lastword::Cause;
use lastword_load::{Ending, Expected};

use crate::behaviour::{ClientBehaviour, Game};
use crate::fault::Fault;
use crate::messages::{ProfileTimes, Tuning};
use crate::setting::{RtoMax, Setting};

/// A row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) game: Game,
    pub(crate) behaviour: ClientBehaviour,
    pub(crate) tuning: Tuning,
    /// How long the sessions play before the fault; by default a heartbeat and a second.
    pub(crate) plays: Option<Duration>,
    pub(crate) fault: Fault,
    pub(crate) expected: Expected,
    /// Whether the cause cannot be known while the kernel's retries are not bounded: `peer_silent` is then right, too.
    pub(crate) is_untold_by_default_retries: bool,
    /// How long sessions that must live are watched; by default three dead limits.
    pub(crate) watched: Option<Duration>,
}

impl Row {
    /// A row in which every session ends with this cause.
    pub(crate) fn ends(name: &str, fault: Fault, cause: Cause) -> Self {
        Self {
            expected: Expected::live(&[cause]),
            fault,
            ..Self::lives(name)
        }
    }

    /// A row without a fault, in which no session ends.
    pub(crate) fn lives(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            game: Game::Quiet,
            behaviour: ClientBehaviour::HONEST,
            tuning: Tuning::default(),
            plays: None,
            fault: Fault::Nothing,
            expected: Expected::Lives,
            is_untold_by_default_retries: false,
            watched: None,
        }
    }

    /// Returns the expected record of each session.
    pub(crate) fn expected(&self, setting: &Setting) -> Expected {
        let mut expected = self.expected.clone();
        if let Expected::Ends(right) = &mut expected {
            if self.is_untold_by_default_retries && setting.rto_max == RtoMax::Off {
                right.push(Ending::live(Cause::PeerSilent));
            }
        }
        expected
    }

    /// Returns how long the sessions play before the fault.
    pub(crate) fn plays(&self, profile: ProfileTimes) -> Duration {
        let heartbeat = Duration::from_millis(profile.heartbeat_ms);
        self.plays.unwrap_or(heartbeat + Duration::from_secs(1))
    }

    /// Returns how long sessions that must live are watched.
    pub(crate) fn watched(&self, profile: ProfileTimes) -> Duration {
        self.watched
            .unwrap_or(Duration::from_millis(profile.dead_ms) * 3)
    }

    /// Returns a time that is longer than every timeout that may run. A session that has not ended by then will not end.
    pub(crate) fn patience(&self, profile: ProfileTimes) -> Duration {
        let tuned_ms = match self.expected {
            Expected::Ends(ref right) if right.contains(&Ending::live(Cause::PeerNotReading)) => {
                self.tuning.write_progress_ms
            }
            Expected::Ends(_) | Expected::Lives => self.tuning.idle_ms,
        };
        let limit_ms = profile.dead_ms.max(u64::from(tuned_ms));
        Duration::from_millis(limit_ms + profile.heartbeat_ms) + REPORT_DELAY
    }
}

/// How much later an end may be reported on a busy machine.
const REPORT_DELAY: Duration = Duration::from_secs(5);
