//! One row: the game, its clients, a fault, and the expected result.

use std::thread;
use std::time::Duration;

use lastword::Cause;
use lastword_load::{Ending, Expected};

use crate::behaviour::{Game, Manner};
use crate::fault::Fault;
use crate::flow;
use crate::judge::Judgement;
use crate::scene::Scene;
use crate::setting::{RtoMax, Setting};
use crate::words::{ProfileTimes, Tuning};

/// A row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) game: Game,
    pub(crate) manner: Manner,
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
            manner: Manner::HONEST,
            tuning: Tuning::default(),
            plays: None,
            fault: Fault::Nothing,
            expected: Expected::Lives,
            is_untold_by_default_retries: false,
            watched: None,
        }
    }

    /// Plays the row in a lab of its own, and judges the result.
    pub(crate) fn play(&self, setting: &Setting, players: usize) -> anyhow::Result<Judgement> {
        let mut scene = Scene::set(setting, self, players)?;
        self.play_on(&mut scene, setting)
    }

    /// Plays the row in an existing lab.
    pub(crate) fn play_on(
        &self,
        scene: &mut Scene,
        setting: &Setting,
    ) -> anyhow::Result<Judgement> {
        let profile = scene.facts.profile;
        thread::sleep(self.plays(profile));
        let struck_at = scene.strike(self.fault)?;
        let expected = self.expected(setting);
        match expected {
            Expected::Ends(_) => scene.watch(self.patience(profile), true)?,
            Expected::Lives => scene.watch(self.watched(profile), false)?,
        }
        let mut judgement = scene.judge(&expected, struck_at);
        if expected == Expected::Lives {
            flow::check(scene, &mut judgement)?;
        }
        Ok(judgement)
    }

    fn expected(&self, setting: &Setting) -> Expected {
        let mut expected = self.expected.clone();
        if let Expected::Ends(right) = &mut expected {
            if self.is_untold_by_default_retries && setting.rto_max == RtoMax::Off {
                right.push(Ending::live(Cause::PeerSilent));
            }
        }
        expected
    }

    fn plays(&self, profile: ProfileTimes) -> Duration {
        let heartbeat = Duration::from_millis(profile.heartbeat_ms);
        self.plays.unwrap_or(heartbeat + Duration::from_secs(1))
    }

    fn watched(&self, profile: ProfileTimes) -> Duration {
        self.watched
            .unwrap_or(Duration::from_millis(profile.dead_ms) * 3)
    }

    /// Longer than every timeout that may run: a session that has not ended by then will not end.
    fn patience(&self, profile: ProfileTimes) -> Duration {
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
