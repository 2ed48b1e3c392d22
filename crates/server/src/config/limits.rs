//! The rules of the limits section that depend on two keys.

use super::{Allowed, ConfigError, Key, LimitsConfig};

impl LimitsConfig {
    /// A frame that is allowed but fits no queue would end every session that has one.
    pub(super) fn caps_below_the_frame_limit(&self) -> impl Iterator<Item = ConfigError> {
        let inbox = Cap {
            key: "limits.inbox_bytes_max",
            cap: self.inbox_bytes_max,
            min: self.frame_bytes_max,
            is: "limits.frame_bytes_max",
            lower: "limits.frame_bytes_max",
        };
        let outbound = Cap {
            key: "limits.outbound_bytes_max",
            cap: self.outbound_bytes_max,
            min: self.outbound_frame_bytes_max.saturating_add(HEADER_BYTES),
            is: "limits.outbound_frame_bytes_max plus 4 bytes of header",
            lower: "limits.outbound_frame_bytes_max",
        };
        [inbox, outbound].into_iter().filter_map(|cap| cap.error())
    }

    /// The bytes of the longest data frame that a client may send.
    pub(super) fn longest_frame(&self) -> u32 {
        self.frame_bytes_max.saturating_add(HEADER_BYTES)
    }
}

/// A value that must not be below one that follows from other keys.
pub(super) struct Cap {
    pub(super) key: &'static str,
    pub(super) cap: u32,
    pub(super) min: u32,
    /// The meaning of the minimum.
    pub(super) is: &'static str,
    /// The key to lower instead.
    pub(super) lower: &'static str,
}

impl Cap {
    pub(super) fn error(&self) -> Option<ConfigError> {
        let Self {
            key,
            cap,
            min,
            is,
            lower,
        } = *self;
        let allowed = Key::find(key)?.allowed;
        let Allowed::Number { max, .. } = allowed else {
            return None;
        };
        (allowed.holds(cap) && cap < min).then(|| ConfigError {
            key: key.to_owned(),
            value: cap.to_string(),
            allowed: format!("{min} ({is}) to {max}"),
            remedy: format!("raise it, or lower {lower}"),
        })
    }
}

const HEADER_BYTES: u32 = 4;
