//! The sections of the configuration, except liveness, metrics and admin: every key with its unit, default, range and
//! causes. Defaults that the session core has are taken from there.

use std::net::{Ipv4Addr, SocketAddr};

use lastword_session::Limits;
use serde::Deserialize;

use super::keys::QUEUE;
use super::{ConfigError, Key, to_ms};

/// Where connections are accepted, and how many.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenConfig {
    /// The address and port to listen on; port 0 takes a free one. Default `127.0.0.1:7000`.
    pub addr: SocketAddr,
    /// The most connections that may wait for accept, 1 to 65,535; the kernel caps it at `net.core.somaxconn`. Default
    /// 4096. Beyond it, the kernel drops or refuses connection attempts, and they are never counted.
    pub backlog: u32,
    /// The most connections, 1 to 10,000,000. Default 10,000. Over it: `server_full`. Connections that only say goodbye
    /// do not count; as many again of them may be open, each for at most `timeouts.linger_ms`.
    pub connections_max: u32,
    /// The most authentications at a time, 1 to 1,000,000; others wait within `timeouts.auth_ms`. Default 256. A wait
    /// that is too long: `auth_timeout`.
    pub authentications_max: u32,
    /// Whether the peer of every connection is a proxy, whose kernel shows nothing about the player's. Default false.
    /// If it is true, every silence that passes the dead limit is `peer_silent`.
    pub behind_proxy: bool,
}

impl Default for ListenConfig {
    fn default() -> Self {
        Self {
            addr: SocketAddr::from((Ipv4Addr::LOCALHOST, 7000)),
            backlog: 4096,
            connections_max: 10_000,
            authentications_max: 256,
            behind_proxy: false,
        }
    }
}

/// How much one connection may send, and how much may wait for it.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LimitsConfig {
    /// The most bytes of a hello, 1,024 to 65,536. Default 4096. Over it: `frame_too_large`.
    pub hello_bytes_max: u32,
    /// The most payload bytes of a data frame, 1,024 to 16,777,215. Default 65,536. Over it: `frame_too_large`.
    pub frame_bytes_max: u32,
    /// The most bytes that wait for the game, `frame_bytes_max` to 1 GiB. Default 65,536. At it, reading pauses, which
    /// ends nothing.
    pub inbox_bytes_max: u32,
    /// The most frames that wait for the game, 1 to 65,536. Default 256. At it, reading pauses, which ends nothing.
    pub inbox_frames_max: u32,
    /// The most payload bytes of all sessions that wait for a tick loop, 65,536 to 1 GiB. Default 64 MiB. At it,
    /// reading pauses, which ends nothing. The running tick may hold as many bytes again.
    pub events_bytes_max: u32,
    /// The most frames of all sessions that wait for a tick loop, 1,024 to 16,777,216. Default 262,144. At it, reading
    /// pauses, which ends nothing. No player is let in while twice as many joins and departures wait as connections may
    /// be open: `auth_timeout`.
    pub events_frames_max: u32,
    /// The most bytes that wait to be written, `frame_bytes_max` + 4 to 1 GiB. Default 262,144. Over it:
    /// `send_queue_full`.
    pub outbound_bytes_max: u32,
}

impl LimitsConfig {
    /// A frame that is allowed but fits no queue would end every session that has one.
    pub(super) fn caps_below_the_frame_limit(&self) -> impl Iterator<Item = ConfigError> {
        let frame = self.frame_bytes_max;
        let inbox = (frame, "limits.frame_bytes_max");
        let outbound = (
            frame.saturating_add(HEADER_BYTES),
            "limits.frame_bytes_max and 4 of header",
        );
        let caps = [
            ("limits.inbox_bytes_max", self.inbox_bytes_max, inbox),
            (
                "limits.outbound_bytes_max",
                self.outbound_bytes_max,
                outbound,
            ),
        ];
        caps.into_iter().filter_map(|(key, cap, (min, is))| {
            let is_in_range = Key::find(key).is_some_and(|key| key.allowed.holds(cap));
            (is_in_range && cap < min).then(|| ConfigError {
                key: key.to_owned(),
                value: cap.to_string(),
                allowed: format!("{min} ({is}) to {}", QUEUE),
                remedy: "raise it, or lower limits.frame_bytes_max".to_owned(),
            })
        })
    }
}

impl Default for LimitsConfig {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            hello_bytes_max: limits.hello_bytes_max,
            frame_bytes_max: limits.frame_bytes_max,
            inbox_bytes_max: 64 * 1024,
            inbox_frames_max: 256,
            events_bytes_max: 64 * 1024 * 1024,
            events_frames_max: 256 * 1024,
            outbound_bytes_max: u32::try_from(limits.outbound_bytes_max).unwrap_or(u32::MAX),
        }
    }
}

/// How long each part of a connection's life may take, in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TimeoutsConfig {
    /// Time for the client to complete its hello, 100 ms to 10 min. Default 5000. Over it: `hello_timeout`.
    pub hello_ms: u32,
    /// Time for the authenticator to answer, 100 ms to 10 min. Default 5000. Over it: `auth_timeout`.
    pub auth_ms: u32,
    /// Time for the client to complete a frame that has begun, and 1 s more for each 16 KiB received; 100 ms to 10 min.
    /// Default 10,000. Over it: `frame_timeout`.
    pub frame_ms: u32,
    /// Time to write our last frames, and the same time again to wait for the peer's FIN; 100 ms to 10 min. Default
    /// 3000. After the peer's FIN it limits the wait for our remaining data: over it, `peer_closed_while_sending`.
    /// Otherwise it changes no cause, only how long a closed connection is kept.
    pub linger_ms: u32,
    /// Age that the oldest frame waiting to be written may reach, 100 ms to 10 min, or 0: off. Default 5000. Over it:
    /// `send_queue_stale`.
    pub outbound_age_ms: u32,
    /// Time in which a client's kernel may take none of our waiting data while the client sends, 1 s to 10 min, or 0:
    /// off. Default 10,000. Over it, with the client's next byte: `peer_not_reading`.
    pub write_progress_ms: u32,
    /// Time without a frame of the game, 1 s to 24 h, or 0: off. Default 0. Over it: `idle`.
    pub idle_ms: u32,
    /// Time that delivery after the end waits for the game to take a frame, 100 ms to 10 min. Default 30,000. It
    /// changes no cause: frames that are left count as undelivered.
    pub delivery_ms: u32,
}

impl Default for TimeoutsConfig {
    fn default() -> Self {
        let limits = Limits::default();
        Self {
            hello_ms: to_ms(limits.hello_timeout),
            auth_ms: to_ms(limits.auth_timeout),
            frame_ms: to_ms(limits.frame_timeout),
            linger_ms: to_ms(limits.linger_timeout),
            outbound_age_ms: limits.outbound_age_max.map_or(0, to_ms),
            write_progress_ms: limits.write_progress_timeout.map_or(0, to_ms),
            idle_ms: limits.idle_timeout.map_or(0, to_ms),
            delivery_ms: to_ms(limits.delivery_timeout),
        }
    }
}

/// How a shutdown goes.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DrainConfig {
    /// Milliseconds in which sessions must leave, 0 to 24 h. Default 30,000. A session that leaves or is closed in
    /// time: `drained`. A session that is still open: `drain_expired`. A new connection meanwhile: `refused_draining`.
    pub timeout_ms: u32,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self { timeout_ms: 30_000 }
    }
}

/// The socket options that are set in the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KernelConfig {
    /// Whether the kernel probes silent peers (`SO_KEEPALIVE`), with each profile's times. An idle connection whose
    /// path is dead then ends as `path_dead`, 5 s after its dead limit. Default true. Without it, only heartbeats find
    /// such a path. They cannot if the client sends none (a `Dialect` without pings) or the profile has no dead limit.
    pub keepalive: bool,
    /// Whether the time between retransmissions is limited. Default `auto`.
    pub rto_max: RtoMax,
}

impl Default for KernelConfig {
    fn default() -> Self {
        Self {
            keepalive: true,
            rto_max: RtoMax::Auto,
        }
    }
}

/// Whether `TCP_RTO_MAX_MS` is set to the profile's value.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RtoMax {
    /// It is set if the kernel has it (Linux 6.15): an outage shorter than the dead limit then ends nothing.
    #[default]
    Auto,
    /// It is never set: a link that comes back may be retried too late, which ends as `path_dead`.
    Off,
}

const HEADER_BYTES: u32 = 4;
