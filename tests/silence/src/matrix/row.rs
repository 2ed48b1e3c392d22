//! One row: who plays, what befalls them, and what has to come of it.

use std::thread;
use std::time::Duration;

use lastword::Cause;

use crate::cast::{Game, Manner};
use crate::fault::Fault;
use crate::flow;
use crate::judge::{Expected, Judgement, Truth};
use crate::scene::{Cast, Scene};
use crate::setting::{RtoMax, Setting};
use crate::words::{ProfileTimes, Tuning};

/// What is played.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) game: Game,
    pub(crate) manner: Manner,
    pub(crate) tuning: Tuning,
    /// How long they play before it befalls them; where nothing is said, a heartbeat and a second.
    pub(crate) plays: Option<Duration>,
    pub(crate) fault: Fault,
    pub(crate) expected: Expected,
    /// Whether nobody can tell where the kernel's retries are not bounded: then `peer_silent` is right, too.
    pub(crate) is_untold_by_default_retries: bool,
    /// How long whoever has to live is watched; where nothing is said, three dead limits.
    pub(crate) watched: Option<Duration>,
}

impl Row {
    /// Everybody ends as this.
    pub(crate) fn ends(name: &str, fault: Fault, cause: Cause) -> Self {
        Self {
            expected: Expected::Ends(vec![cause]),
            fault,
            ..Self::lives(name)
        }
    }

    /// Nothing befalls anybody, and nobody ends.
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

    /// Plays it in a lab of its own, and judges what came of it.
    pub(crate) fn play(&self, setting: &Setting, players: usize) -> anyhow::Result<Judgement> {
        let mut scene = Scene::set(setting, self.cast(players))?;
        self.play_on(&mut scene, setting)
    }

    /// Who plays in it.
    pub(crate) const fn cast(&self, players: usize) -> Cast {
        Cast {
            game: self.game,
            manner: self.manner,
            tuning: self.tuning,
            players,
        }
    }

    /// Plays it in a lab that stands.
    pub(crate) fn play_on(
        &self,
        scene: &mut Scene,
        setting: &Setting,
    ) -> anyhow::Result<Judgement> {
        let profile = scene.playbill.profile;
        thread::sleep(self.plays(profile));
        let struck_at = scene.strike(self.fault)?;
        let expected = self.expected(setting);
        match expected {
            Expected::Ends(_) => scene.watch(self.patience(profile), true)?,
            Expected::Lives => scene.watch(self.watched(profile), false)?,
        }
        let truth = Truth {
            expected: &expected,
            names: &scene.names,
            struck_at,
            playbill: &scene.playbill,
        };
        let mut judgement = Judgement::of(truth, &scene.ends);
        if expected == Expected::Lives {
            flow::check(scene, &mut judgement)?;
        }
        Ok(judgement)
    }

    fn expected(&self, setting: &Setting) -> Expected {
        let mut expected = self.expected.clone();
        if let Expected::Ends(causes) = &mut expected {
            if self.is_untold_by_default_retries && setting.rto_max == RtoMax::Off {
                causes.push(Cause::PeerSilent);
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

    /// Longer than any of the clocks that may run: whoever did not end by then does not.
    fn patience(&self, profile: ProfileTimes) -> Duration {
        let tuned_ms = match self.expected {
            Expected::Ends(ref causes) if causes.contains(&Cause::PeerNotReading) => {
                self.tuning.write_progress_ms
            }
            Expected::Ends(_) | Expected::Lives => self.tuning.idle_ms,
        };
        let limit_ms = profile.dead_ms.max(u64::from(tuned_ms));
        Duration::from_millis(limit_ms + profile.heartbeat_ms) + LAST_WORDS
    }
}

/// How much longer an end may take to be told, on a machine that is busy.
const LAST_WORDS: Duration = Duration::from_secs(5);
