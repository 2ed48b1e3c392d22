//! The rules of the limits section that depend on two keys.

use super::{Allowed, ConfigError, Key, LimitsConfig};

impl LimitsConfig {
    /// A frame that is allowed but fits no queue would end every session that has one.
    pub(super) fn caps_below_the_frame_limit(&self) -> impl Iterator<Item = ConfigError> {
        let frame = self.frame_bytes_max;
        let inbox = (frame, "limits.frame_bytes_max");
        let outbound = (
            frame.saturating_add(HEADER_BYTES),
            "limits.frame_bytes_max plus 4 bytes of header",
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
            let allowed = Key::find(key)?.allowed;
            let Allowed::Number { max, .. } = allowed else {
                return None;
            };
            (allowed.holds(cap) && cap < min).then(|| ConfigError {
                key: key.to_owned(),
                value: cap.to_string(),
                allowed: format!("{min} ({is}) to {max}"),
                remedy: "raise it, or lower limits.frame_bytes_max".to_owned(),
            })
        })
    }
}

const HEADER_BYTES: u32 = 4;
