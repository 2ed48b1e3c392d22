//! One row: the game, its clients, a fault, and the expected result.

use std::time::Duration;

use lastword::Cause;
use lastword_load::{Ending, Expected};
use lastword_netlab::Share;

use crate::behaviour::{ClientBehaviour, Game, Reads};
use crate::fault::{Fault, Stalls};
use crate::messages::{ProfileTimes, ServerInfo, Tuning};
use crate::path::Path;
use crate::setting::{RtoMax, Setting};

/// A row of the matrix.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) game: Game,
    pub(crate) behaviour: ClientBehaviour,
    pub(crate) tuning: Tuning,
    /// The path from the moment at which all clients have joined.
    pub(crate) path: Path,
    /// Whether the clients' retries are the kernel's own also where the server's are bounded.
    pub(crate) has_default_clients: bool,
    /// `net.ipv4.tcp_retries2` of the server's host; by default the kernel's.
    pub(crate) tcp_retries2: Option<u8>,
    /// The number of sessions; by default that of the command line.
    pub(crate) players: Option<usize>,
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
            path: Path::PLAIN,
            has_default_clients: false,
            tcp_retries2: None,
            players: None,
            plays: None,
            fault: Fault::Nothing,
            expected: Expected::Lives,
            is_untold_by_default_retries: false,
            watched: None,
        }
    }

    /// Every client sends twenty frames a second, and the game sends each back.
    pub(crate) fn moving(self) -> Self {
        Self {
            game: Game::Echo,
            behaviour: self.behaviour.moving(),
            ..self
        }
    }

    /// Returns the expected record of each session.
    pub(crate) fn expected(&self, setting: &Setting, profile: ProfileTimes) -> Expected {
        let mut expected = self.expected.clone();
        match &mut expected {
            Expected::Ends(right) => {
                if self.is_untold_by_default_retries && setting.rto_max == RtoMax::Off {
                    right.push(Ending::live(Cause::PeerSilent));
                }
            }
            Expected::Lives if !self.is_promised(setting, profile) => {
                return Expected::may_end(&OUTLASTED);
            }
            Expected::Lives | Expected::MayEnd(_) => {}
        }
        expected
    }

    /// Returns the causes that are false because of what really happens to the players.
    pub(crate) fn never(&self) -> Vec<Cause> {
        let is_running = !matches!(self.fault, Fault::Frozen | Fault::StoppedAndKilled(_));
        let is_reading = is_running && self.behaviour.reads != Reads::Never;
        let is_forwarded =
            [Fault::Nothing, Fault::ProxyReloaded].contains(&self.fault) || !is_running;
        let is_lossless = self.path.loss == Share::NONE;
        let facts: [(bool, &[Cause]); 4] = [
            (is_running, &[Cause::PeerFrozen]),
            (is_reading, &[Cause::PeerNotReading]),
            (!self.fault.is_our_own(), &[Cause::LocalNetworkDown]),
            (is_forwarded && is_lossless, &PATH),
        ];
        let mut never = vec![Cause::VerdictMissing];
        for (_, causes) in facts.iter().filter(|(is_so, _)| *is_so) {
            never.extend_from_slice(causes);
        }
        never
    }

    /// Returns how many sessions play where the command line asks for `trials`.
    pub(crate) fn players(&self, trials: usize) -> usize {
        self.players.unwrap_or(trials)
    }

    /// Returns whether living players are promised to stay: without loss in outages up to the dead limit less a
    /// heartbeat and a second. A retry may lie as far ahead as the outage was long. The server waits for the clients'
    /// retries, but not for its own. So `off` halves that time, and in loss only bounded retries keep the promise.
    fn is_promised(&self, setting: &Setting, profile: ProfileTimes) -> bool {
        let is_bounded = setting.rto_max == RtoMax::Auto;
        let is_lossless = self.path.loss == Share::NONE;
        if let Fault::Outage(length)
        | Fault::TheirsOutage(length)
        | Fault::Stalls(Stalls { length, .. }) = self.fault
        {
            let most = profile.outage_promised() / if is_bounded { 1 } else { 2 };
            let is_retried = is_bounded && !self.has_default_clients;
            let is_tried_enough = is_retried && self.path.loss <= Share::percent(20);
            return length <= most && (is_lossless || is_tried_enough);
        }
        let is_retried = is_bounded && self.path.loss <= Share::percent(10);
        !matches!(self.fault, Fault::Flapping { .. }) && (is_lossless || is_retried)
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

    /// Returns a time that is longer than every timeout that may run before these ends. A session that has not ended by
    /// then will not end.
    pub(crate) fn patience(&self, right: &[Ending], server: &ServerInfo) -> Duration {
        let ServerInfo {
            bounds_ms, profile, ..
        } = server;
        let bounds = right.iter().map(|ending| ending.cause.label());
        let bounds = bounds.filter_map(|cause| bounds_ms.get(cause).copied());
        let limit_ms = bounds.fold(profile.dead_ms, u64::max);
        Duration::from_millis(limit_ms + profile.heartbeat_ms) + REPORT_DELAY
    }
}

/// The causes that blame the path.
const PATH: [Cause; 3] = [
    Cause::PathDead,
    Cause::PathDeadOutbound,
    Cause::ResetAfterOutage,
];
/// The causes of players that live and did not come through in time: their data was away.
const OUTLASTED: [Cause; 4] = [
    Cause::PathDead,
    Cause::PathDeadOutbound,
    Cause::PeerSilent,
    Cause::ResetAfterOutage,
];
/// How much later an end may be reported on a busy machine.
const REPORT_DELAY: Duration = Duration::from_secs(15);
