//! Watches for a retransmission that the kernel never settles. From such a one Linux counts its give-up, however long
//! ago it was (`docs/kernel.md`, fact 6.2).

use std::time::Duration;

use crate::{KernelSample, to_millis};

/// How long such a retransmission must stand before the kernel's give-up is put off.
const STUCK_MIN: Duration = Duration::from_secs(1);

/// The retransmission that was seen unsettled while no retransmission timeout was running.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsettled {
    /// `tcpi_total_retrans` at the first look at it; 0 where there is none.
    total_retrans: u32,
    /// The time from that look to the last one.
    seen_for_ms: u32,
}

impl Unsettled {
    pub(crate) const NONE: Self = Self {
        total_retrans: 0,
        seen_for_ms: 0,
    };

    /// Takes a sample, which comes this long after the one before. Returns whether the kernel's give-up must be put
    /// off from now on, given whether it is.
    ///
    /// Once it is, it stays so until nothing is unsettled: in an outage the timeouts run, and then it matters.
    pub(crate) fn sampled(
        &mut self,
        rested: Duration,
        sample: &KernelSample,
        is_held: bool,
    ) -> bool {
        let stays = is_held && sample.retrans > 0;
        if stays || sample.retrans == 0 || sample.retransmits > 0 {
            *self = Self::NONE;
            return stays;
        }
        if sample.total_retrans != self.total_retrans {
            *self = Self {
                total_retrans: sample.total_retrans,
                seen_for_ms: 0,
            };
            return false;
        }
        self.seen_for_ms = self.seen_for_ms.saturating_add(to_millis(rested));
        let holds = self.left() == Some(Duration::ZERO);
        if holds {
            *self = Self::NONE;
        }
        holds
    }

    pub(crate) const fn is_seen(&self) -> bool {
        self.total_retrans > 0
    }

    /// How long after the last sample the next one is due; `None` where nothing is seen.
    pub(crate) fn left(&self) -> Option<Duration> {
        let seen_for = Duration::from_millis(self.seen_for_ms.into());
        self.is_seen().then(|| STUCK_MIN.saturating_sub(seen_for))
    }
}
