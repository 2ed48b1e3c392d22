//! The kernel's account of a living connection at one moment, as far as silence is concerned.

use std::time::Duration;

/// One reading of a living connection (`TCP_INFO` on Linux), as plain data.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sample {
    /// `tcpi_retransmits`: retransmission timeouts in a row without an acknowledgement.
    pub retransmits: u8,
    /// `tcpi_probes`: keepalive or zero-window probes in a row without an answer.
    pub probes: u8,
    /// `tcpi_unacked`: segments in flight.
    pub unacked: u32,
    /// `tcpi_notsent_bytes`: bytes queued in the kernel and never sent.
    pub notsent: u32,
    /// `tcpi_snd_wnd`: the peer's window, bytes.
    pub snd_wnd: u32,
    /// `tcpi_bytes_acked`.
    pub bytes_acked: u64,
    /// `tcpi_bytes_retrans`: bytes sent again.
    pub bytes_retrans: u64,
    /// `tcpi_segs_in`: segments that arrived, including discarded ones.
    pub segs_in: u32,
    /// `tcpi_last_ack_recv`: the age of the last acknowledgement by the peer's kernel.
    pub last_ack: Duration,
}

impl Sample {
    /// Whether the peer's kernel has yet to acknowledge some of our data.
    pub(crate) const fn is_pending(&self) -> bool {
        self.unacked > 0 || self.notsent > 0
    }

    /// Whether data or a probe that left us, or should have left, is unanswered. A closed window whose probes are
    /// answered does not count.
    pub(crate) const fn is_unanswered(&self) -> bool {
        self.unacked > 0 || self.probes > 0 || self.never_left()
    }

    /// Whether a timer of the kernel also found it unanswered, so that it has waited longer than a round trip.
    ///
    /// Behind a closed window one unanswered probe says nothing. Linux answers segments outside its window only once in
    /// 500 ms (`tcp_invalid_ratelimit`). A peer whose buffer is full takes no data, and no retry is counted then.
    pub(crate) const fn is_overdue(&self) -> bool {
        if self.snd_wnd == 0 {
            self.probes > 1
        } else {
            self.retransmits > 0 || self.probes > 0 || self.never_left()
        }
    }

    /// The least time for which waiting data has not been acknowledged. It is the smaller of the age of the last
    /// acknowledgement and the time that so many retries take.
    pub(crate) fn waits_for(&self) -> Duration {
        if self.unacked == 0 || self.snd_wnd == 0 {
            return Duration::ZERO;
        }
        let retries = usize::from(self.retransmits).min(RETRIES_MS.len() - 1);
        let tried_ms = RETRIES_MS.get(retries).copied().unwrap_or_default();
        self.last_ack.min(Duration::from_millis(tried_ms))
    }

    /// Whether none of the waiting data ever left although the peer's window has room for it. If that lasts, this
    /// host's own network is down (`docs/kernel.md`, fact 5.1). Probes do not count: a segment that the peer repeats
    /// resets them (fact 5.4).
    pub(crate) const fn never_left(&self) -> bool {
        let segment = if self.notsent < SEGMENT_BYTES_MAX {
            self.notsent
        } else {
            SEGMENT_BYTES_MAX
        };
        self.unacked == 0 && self.notsent > 0 && self.snd_wnd >= segment
    }
}

/// By number of retries, the earliest time after a segment at which Linux has made them. `TCP_RTO_MIN` is 200 ms,
/// doubled up to a `TCP_RTO_MAX_MS` of 1 s.
const RETRIES_MS: [u64; 5] = [0, 200, 600, 1_400, 2_400];
/// The longest segment that leaves a host. A smaller window may have no room for one.
const SEGMENT_BYTES_MAX: u32 = 16 * 1024;
