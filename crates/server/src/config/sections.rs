//! The sections of the configuration, but liveness and metrics: every key with its unit, default, range and causes. The
//! defaults that the session core has are taken from there.

use std::borrow::Cow;
use std::net::{Ipv4Addr, SocketAddr};

use lastword_session::Limits;
use serde::{Deserialize, Deserializer, de};

use super::{ConfigError, Key, to_ms};

/// Where connections are accepted, and how many.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ListenConfig {
    /// The address and port to listen at; port 0 takes a free one. Default `127.0.0.1:7000`.
    pub addr: SocketAddr,
    /// Connections that may wait for accept, 1 to 65,535; the kernel caps it at `net.core.somaxconn`. Default
    /// 4096. Beyond it, connection attempts are dropped or refused by the kernel and never counted.
    pub backlog: u32,
    /// Connections at most, 1 to 10,000,000. Default 10,000. Over it: `server_full`.
    pub connections_max: u32,
    /// Authentications at a time, 1 to 1,000,000; more wait within `timeouts.auth_ms`. Default 256. A wait that is
    /// too long: `auth_timeout`.
    pub authentications_max: u32,
    /// Says that the peer of every connection is a proxy, whose kernel says nothing of the player's. Default
    /// false. With it, every silence that passes the dead limit is `peer_silent`.
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
    /// Bytes of a hello at most, 1,024 to 65,536. Default 4096. Over it: `frame_too_large`.
    pub hello_bytes_max: u32,
    /// Bytes of payload of a data frame at most, 1,024 to 16,777,215. Default 65,536. Over it: `frame_too_large`.
    pub frame_bytes_max: u32,
    /// Bytes that wait for the game at most, `frame_bytes_max` to 1 GiB. Default 65,536. At it, reading pauses,
    /// which is no end.
    pub inbox_bytes_max: u32,
    /// Frames that wait for the game at most, 1 to 65,536. Default 256. At it, reading pauses, which is no end.
    pub inbox_frames_max: u32,
    /// Payload bytes of all sessions that wait for a tick loop at most, 65,536 to 1 GiB. Default 64 MiB. At it,
    /// reading pauses, which is no end. As much again may be in the hands of the tick.
    pub events_bytes_max: u32,
    /// Frames of all sessions that wait for a tick loop at most, 1,024 to 16,777,216. Default 262,144. At it,
    /// reading pauses, which is no end; nobody is let in while twice as many joined and left as connections may be
    /// open: `auth_timeout`.
    pub events_frames_max: u32,
    /// Bytes that wait to be written at most, `frame_bytes_max` + 4 to 1 GiB. Default 262,144. Over it:
    /// `send_queue_full`.
    pub outbound_bytes_max: u32,
}

impl LimitsConfig {
    pub(super) const QUEUE_BYTES_MAX: u32 = 1 << 30;

    /// A frame that is allowed and can never be taken or sent would end every session that has one.
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
                allowed: format!("{min} ({is}) to {}", Self::QUEUE_BYTES_MAX),
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
    /// Time for the hello to be complete, 100 ms to 10 min. Default 5000. Over it: `hello_timeout`.
    pub hello_ms: u32,
    /// Time for the authenticator to answer, 100 ms to 10 min. Default 5000. Over it: `auth_timeout`.
    pub auth_ms: u32,
    /// Time for a frame that has begun to be complete, and 1 s more for each 16 KiB that have come; 100 ms to
    /// 10 min. Default 10,000. Over it: `frame_timeout`.
    pub frame_ms: u32,
    /// Time for our last words to be written, and again for the peer's FIN after them; 100 ms to 10 min. Default
    /// 3000. After a FIN of the peer it bounds the wait for what we still owe: over it,
    /// `peer_closed_while_sending`. Otherwise it changes no cause, only how long a closed connection is kept.
    pub linger_ms: u32,
    /// Age that the oldest frame waiting to be written may reach, 100 ms to 10 min, or 0: off. Default 5000. Over
    /// it: `send_queue_stale`.
    pub outbound_age_ms: u32,
    /// Time in which the kernel of a client that talks may take nothing of what waits for it, 1 s to 10 min, or 0: off.
    /// Default 10,000. Over it, with the client's next byte: `peer_not_reading`.
    pub write_progress_ms: u32,
    /// Time without a frame of the game, 1 s to 24 h, or 0: off. Default 0. Over it: `idle`.
    pub idle_ms: u32,
    /// Time that delivery after the end waits for the game to take a frame, 100 ms to 10 min. Default 30,000. It
    /// changes no cause: what is left is counted as undelivered.
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
    /// Milliseconds that sessions have to leave, 0 to 24 h. Default 30,000. Who leaves or is closed in time:
    /// `drained`; who is still there: `drain_expired`; who comes meanwhile: `refused_draining`.
    pub timeout_ms: u32,
}

impl Default for DrainConfig {
    fn default() -> Self {
        Self { timeout_ms: 30_000 }
    }
}

/// What is asked of the kernel.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KernelConfig {
    /// Whether the kernel probes silent peers (`SO_KEEPALIVE`), as each profile has it: 5 s after its dead limit an
    /// idle connection whose path is dead ends as `path_dead`. Default true. Without it such a path is found by
    /// heartbeats alone: never where the client sends none (a `Dialect` without pings) or the profile has no dead limit.
    pub keepalive: bool,
    /// Whether the time between retransmissions is bounded. Default `auto`.
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
    /// It is set where the kernel (Linux 6.15) has it: an outage shorter than the dead limit ends nothing.
    #[default]
    Auto,
    /// It is never set: a link that comes back may be retried too late, which ends as `path_dead`.
    Off,
}

/// Where metrics and health are served.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AdminConfig {
    /// The address and port of `/metrics`, `/api/closes`, `/healthz` and `/readyz`; the empty text of a file, `None` here, is
    /// off. Default `127.0.0.1:9464`. No cause.
    #[serde(deserialize_with = "addr_or_empty")]
    pub listen: Option<SocketAddr>,
}

impl Default for AdminConfig {
    fn default() -> Self {
        Self {
            listen: Some(SocketAddr::from((Ipv4Addr::LOCALHOST, 9464))),
        }
    }
}

fn addr_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = Cow::<'_, str>::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(de::Error::custom)
}

const HEADER_BYTES: u32 = 4;
