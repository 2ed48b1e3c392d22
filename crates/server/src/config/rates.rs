//! The rates section: what its keys mean together, and the rules that depend on two keys.

use lastword_session::Rate;

use super::limits::Cap;
use super::{ConfigError, LimitsConfig, RatesConfig};

impl RatesConfig {
    /// The rate of a client's frames, if it has one.
    pub(super) fn frames(&self) -> Option<Rate> {
        rate(
            self.frames_per_second,
            self.frames_burst,
            self.frames_per_second,
        )
    }

    /// The rate of a client's bytes, if it has one.
    pub(super) fn bytes(&self, limits: &LimitsConfig) -> Option<Rate> {
        let usual = self.bytes_per_second.max(limits.longest_frame());
        rate(self.bytes_per_second, self.bytes_burst, usual)
    }

    /// A burst that is refilled while a pause still lasts would slow the client below its rate. One below the longest
    /// frame would make each such frame a debt.
    pub(super) fn small_bursts(&self, limits: &LimitsConfig) -> impl Iterator<Item = ConfigError> {
        let frames = Cap {
            key: "rates.frames_burst",
            cap: self.frames_burst,
            min: self.frames_per_second / REFILLS_MIN,
            is: "a quarter of rates.frames_per_second",
            lower: "rates.frames_per_second",
        };
        let bytes = Cap {
            key: "rates.bytes_burst",
            cap: self.bytes_burst,
            min: self.bytes_per_second / REFILLS_MIN,
            is: "a quarter of rates.bytes_per_second",
            lower: "rates.bytes_per_second",
        };
        let frame = Cap {
            min: limits.longest_frame(),
            is: "limits.frame_bytes_max plus 4 bytes of header",
            lower: "limits.frame_bytes_max",
            ..bytes
        };
        let bytes = if frame.min > bytes.min { frame } else { bytes };
        let caps = [
            (self.frames_per_second, frames),
            (self.bytes_per_second, bytes),
        ];
        // 0 stands for a burst that fits.
        let set = caps
            .into_iter()
            .filter(|(rate, burst)| *rate > 0 && burst.cap > 0);
        set.filter_map(|(_, burst)| burst.error())
    }
}

fn rate(per_second: u32, burst: u32, usual: u32) -> Option<Rate> {
    let burst = if burst > 0 { burst } else { usual };
    (per_second > 0).then_some(Rate { per_second, burst })
}

/// A bucket lasts for at least two sweeps of the deadlines.
const REFILLS_MIN: u32 = 4;
