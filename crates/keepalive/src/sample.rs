//! The kernel's account of a connection at one moment, as plain data on every system.

use std::time::Duration;

use crate::millis;

/// One reading of the kernel's view of a TCP connection: `TCP_INFO` and the lengths of its two queues.
///
/// A field that the running kernel does not have yet is 0. Where no version is named, every Linux that
/// `lastword-sys` reads has the field (4.1 and later).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelSample {
    /// `tcpi_state`: 1 is ESTABLISHED, 7 CLOSE, 8 CLOSE_WAIT.
    pub state: u8,
    /// `tcpi_retransmits`: retransmission timeouts in a row without an acknowledgement.
    pub retransmits: u8,
    /// `tcpi_probes`: keepalive or zero-window probes in a row without an answer.
    pub probes: u8,
    /// `tcpi_unacked`: segments in flight; the connection's death sets it to 0.
    pub unacked: u32,
    /// `tcpi_notsent_bytes`: bytes that are queued and were never sent (Linux 4.6).
    pub notsent: u32,
    /// `tcpi_snd_wnd`: the peer's receive window in bytes (Linux 5.4).
    pub snd_wnd: u32,
    /// `SIOCOUTQ`: bytes that the peer's kernel has not acknowledged; our own FIN counts as one.
    pub outq: u32,
    /// `SIOCINQ`: bytes that the kernel holds for us to read, without the peer's FIN.
    pub inq: u32,
    /// `tcpi_bytes_acked`: our bytes that the peer's kernel acknowledged; our FIN counts as one, and so does
    /// our SYN where we opened the connection.
    pub bytes_acked: u64,
    /// `tcpi_bytes_received`: the peer's bytes that arrived in order; its FIN counts as one.
    pub bytes_received: u64,
    /// `tcpi_bytes_retrans`: bytes that were sent again (Linux 4.19).
    pub bytes_retrans: u64,
    /// `tcpi_rtt`: the smoothed round trip in microseconds.
    pub rtt_us: u32,
    /// `tcpi_rttvar`: the mean deviation of the round trip in microseconds.
    pub rttvar_us: u32,
    /// `tcpi_last_ack_recv`: milliseconds since an acknowledgement last arrived.
    pub last_ack_recv_ms: u32,
    /// `tcpi_segs_in`: segments that arrived, including discarded ones (Linux 4.2).
    pub segs_in: u32,
}

impl KernelSample {
    /// Returns whether the connection is dead: a reset or a timeout ended it (`TCP_CLOSE`).
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.state == TCP_CLOSE
    }

    /// Returns the age of the last acknowledgement by the peer's kernel.
    #[must_use]
    pub fn last_ack(&self) -> Duration {
        millis(self.last_ack_recv_ms)
    }

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
        self.last_ack().min(Duration::from_millis(tried_ms))
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

/// `tcpi_state` of a dead connection.
const TCP_CLOSE: u8 = 7;
/// By number of retries, the earliest time after a segment at which Linux has made them. `TCP_RTO_MIN` is 200 ms,
/// doubled up to a `TCP_RTO_MAX_MS` of 1 s.
const RETRIES_MS: [u64; 5] = [0, 200, 600, 1_400, 2_400];
/// The longest segment that leaves a host. A smaller window may have no room for one.
const SEGMENT_BYTES_MAX: u32 = 16 * 1024;
