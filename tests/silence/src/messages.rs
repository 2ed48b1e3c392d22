//! The messages between the processes, one JSON line each.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::setting::Setting;

/// The configuration of a server; its first line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Settings {
    /// The address to listen on, with a free port.
    pub(crate) host: IpAddr,
    /// The profile of every session, and `kernel.rto_max`.
    pub(crate) setting: Setting,
    /// The other keys of the configuration.
    pub(crate) tuning: Tuning,
}

/// The keys of the configuration in which rows differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tuning {
    /// `timeouts.write_progress_ms`.
    pub(crate) write_progress_ms: u32,
    /// `timeouts.idle_ms`.
    pub(crate) idle_ms: u32,
    /// `listen.behind_proxy`.
    pub(crate) behind_proxy: bool,
    /// Whether `listen.proxy` has the path's proxy.
    pub(crate) proxy_header: bool,
    /// Whether a handler called in place drops all frames, for every player name: the least that a game can cost.
    pub(crate) in_place: bool,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            write_progress_ms: 120_000,
            idle_ms: 0,
            behind_proxy: false,
            proxy_header: false,
            in_place: false,
        }
    }
}

/// An order to a process after its first line; the end of standard input ends the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Order {
    /// Note when the next frame comes, in each session.
    Mark,
    /// Send no further data frames.
    SendNothing,
    /// Report the frames that each session sent and took.
    Report,
}

/// A message of a process.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) enum Message {
    /// The server accepts.
    Listening(ServerInfo),
    /// Every client has its welcome.
    Joined,
    /// A connection of the server ended.
    Ended {
        /// When the verdict came out.
        at: Stamp,
        /// The record as the library wrote it.
        record: Value,
    },
    /// The answer to [`Order::Report`].
    Reported(Report),
}

/// The description of a listening server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ServerInfo {
    /// The address on which it listens.
    pub(crate) addr: SocketAddr,
    /// The longest silence before the verdict, by the label of its cause, where the configuration has one.
    pub(crate) bounds_ms: BTreeMap<String, u64>,
    /// The times of the profile.
    pub(crate) profile: ProfileTimes,
}

/// The report of one end of the scene.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Report {
    /// The account of each session, by the name of its player.
    pub(crate) accounts: BTreeMap<String, Account>,
    /// How often a peer became suspect, by diagnosis; only servers know this.
    pub(crate) suspects: BTreeMap<String, u64>,
}

/// The times of a profile, in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ProfileTimes {
    pub(crate) heartbeat_ms: u64,
    pub(crate) suspect_ms: u64,
    pub(crate) dead_ms: u64,
    pub(crate) rto_max_ms: Option<u64>,
}

impl ProfileTimes {
    /// Returns the longest outage that ends no session where no packet is lost otherwise.
    pub(crate) fn outage_promised(self) -> Duration {
        let dead = Duration::from_millis(self.dead_ms);
        let heartbeat = Duration::from_millis(self.heartbeat_ms);
        dead.saturating_sub(heartbeat + Duration::from_secs(1))
    }
}

/// The account of one end of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Data frames sent.
    pub(crate) sent: u64,
    /// Data frames taken.
    pub(crate) taken: u64,
    /// Taken frames that arrived out of order.
    pub(crate) out_of_turn: u64,
    /// When the first frame after [`Order::Mark`] came.
    pub(crate) back_at: Option<Stamp>,
}

/// A moment by the machine's clock, which all processes share, in microseconds since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Stamp(pub(crate) u64);

impl Stamp {
    pub(crate) fn now() -> Self {
        SystemTime::now().into()
    }

    /// Returns how long after `earlier` this moment is; zero if it is before.
    pub(crate) const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

impl From<SystemTime> for Stamp {
    fn from(at: SystemTime) -> Self {
        let since = at.duration_since(UNIX_EPOCH).unwrap_or_default();
        Self(u64::try_from(since.as_micros()).unwrap_or(u64::MAX))
    }
}
