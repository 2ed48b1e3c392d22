//! Watches for retransmissions that the kernel does not settle. From the first of them Linux counts its give-up, however
//! long ago it was (`docs/kernel.md`, fact 6.2).

use std::time::Duration;

use crate::{KernelSample, to_millis};

/// How long some retransmission must be unsettled before the kernel's give-up is put off, in milliseconds.
const STANDS_MS: u16 = 1_000;

/// The time for which some retransmission has been unsettled on a living path. A timeout of the kernel runs in each cut, so
/// the first look at it counts only where none runs, or where the peer has just sent a byte.
///
/// More retransmissions may follow, and timeouts may run: the kernel keeps the time of the first one until none is left.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Unsettled {
    /// The time from the first look at one to the last look, up to [`STANDS_MS`]; `None` where there is none.
    seen_for_ms: Option<u16>,
    /// [`KernelSample::sent_again`] at the last look.
    sent_again: u16,
}

impl Unsettled {
    pub(crate) const NONE: Self = Self {
        seen_for_ms: None,
        sent_again: 0,
    };

    /// Takes a sample, which comes this long after the one before; whether the peer has just sent a byte. Returns whether
    /// the kernel's give-up must be put off from now on.
    ///
    /// Once it is, it stays so until nothing is unsettled: in an outage the timeouts run, and then it matters. Where the
    /// kernel has sent something again since the look before, a look at which nothing is unsettled may lie between two
    /// retransmissions of one episode.
    pub(crate) fn sampled(
        &mut self,
        rested: Duration,
        sample: &KernelSample,
        peer_speaks: bool,
    ) -> bool {
        let goes_on = self.sent_again != sample.sent_again();
        self.sent_again = sample.sent_again();
        self.seen_for_ms = match self.seen_for_ms {
            Some(_) if sample.retrans == 0 && !goes_on => None,
            None if sample.retrans == 0 => None,
            None => (sample.retransmits == 0 || peer_speaks).then_some(0),
            Some(seen_for_ms) => {
                let rested_ms = u16::try_from(to_millis(rested)).unwrap_or(STANDS_MS);
                Some(seen_for_ms.saturating_add(rested_ms).min(STANDS_MS))
            }
        };
        self.seen_for_ms == Some(STANDS_MS)
    }

    /// Whether the next sample is awaited, to see whether they last.
    pub(crate) const fn is_seen(&self) -> bool {
        matches!(self.seen_for_ms, Some(seen_for_ms) if seen_for_ms < STANDS_MS)
    }

    /// How long after the last sample the next one is due; `None` where nothing is seen, or enough.
    pub(crate) fn left(&self) -> Option<Duration> {
        let seen_for_ms = self.seen_for_ms.filter(|_| self.is_seen())?;
        Some(Duration::from_millis((STANDS_MS - seen_for_ms).into()))
    }
}
