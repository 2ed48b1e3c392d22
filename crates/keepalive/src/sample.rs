//! The kernel's account of a connection at one moment, as plain data on every system.

use std::time::Duration;

use crate::millis;

/// One reading of the kernel's view of a TCP connection: `TCP_INFO` and the lengths of its two queues.
///
/// There is a sample only where the kernel counts bytes and segments. A field is `None` if this kernel does not have
/// it; such a field proves nothing. Where no version is named, every Linux that `lastword-sys` reads has the field (4.6
/// and later).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelSample {
    /// `tcpi_state`: 1 is ESTABLISHED, 7 CLOSE, 8 CLOSE_WAIT.
    pub state: u8,
    /// `tcpi_retransmits`: retransmission timeouts in a row without an acknowledgement.
    pub retransmits: u8,
    /// `tcpi_probes`: keepalive or zero-window probes in a row without an answer.
    pub probes: u8,
    /// `tcpi_unacked`: segments in flight; the connection's death sets it to 0.
    pub unacked: u32,
    /// `tcpi_notsent_bytes`: bytes that are queued and were never sent.
    pub notsent: u32,
    /// `tcpi_snd_wnd`: the peer's receive window in bytes (Linux 5.4). A window that is not known counts as open.
    pub snd_wnd: Option<u32>,
    /// `SIOCOUTQ`: bytes that the peer's kernel has not acknowledged; our own FIN counts as one.
    pub outq: u32,
    /// `SIOCINQ`: bytes that the kernel holds for us to read, without the peer's FIN.
    pub inq: u32,
    /// `tcpi_bytes_acked`: our bytes that the peer's kernel acknowledged; our FIN counts as one, and so does
    /// our SYN where we opened the connection.
    pub bytes_acked: u64,
    /// `tcpi_bytes_received`: the peer's bytes that arrived in order; its FIN counts as one.
    pub bytes_received: u64,
    /// `tcpi_retrans`: segments that were sent again and are not accounted for yet.
    pub retrans: u32,
    /// `tcpi_total_retrans`: segments that were sent again in the connection's life.
    pub total_retrans: u32,
    /// `tcpi_bytes_retrans`: bytes that were sent again (Linux 4.19).
    pub bytes_retrans: Option<u64>,
    /// `tcpi_dsack_dups`: our segments that the peer reports as received twice (Linux 4.19).
    pub dsack_dups: Option<u32>,
    /// `tcpi_rcv_ooopack`: segments that arrived out of order (Linux 5.4).
    pub rcv_ooopack: Option<u32>,
    /// `tcpi_rtt`: the smoothed round trip in microseconds.
    pub rtt_us: u32,
    /// `tcpi_rttvar`: the mean deviation of the round trip in microseconds.
    pub rttvar_us: u32,
    /// `tcpi_last_ack_recv`: milliseconds since an acknowledgement last arrived.
    pub last_ack_recv_ms: u32,
    /// `tcpi_segs_in`: segments that arrived, including discarded ones.
    pub segs_in: u32,
    /// `tcpi_data_segs_in`: segments with data that arrived.
    pub data_segs_in: u32,
}

impl KernelSample {
    /// Returns whether the connection is dead: a reset or a timeout ended it (`TCP_CLOSE`).
    #[must_use]
    pub const fn is_closed(&self) -> bool {
        self.state == TCP_CLOSE
    }

    /// Returns whether the state proves that the peer's FIN arrived in order: the socket enters it only after that FIN.
    #[must_use]
    pub const fn is_after_fin(&self) -> bool {
        // TCP_TIME_WAIT, TCP_CLOSE_WAIT, TCP_LAST_ACK and TCP_CLOSING.
        matches!(self.state, 6 | 8 | 9 | 11)
    }

    /// Returns whether waiting data never left this host. If that lasts, this host's own network is down.
    ///
    /// There are two signs (`docs/kernel.md`, facts 5.1 and 5.2). First: nothing is in flight, although the peer's
    /// window has room for queued data. Second: retries have counted up since the `earlier` sample (`None`: since the
    /// connection began), although no byte was sent again. While the connection lives, probes do not count: a segment
    /// that the peer repeats resets them (fact 5.4).
    #[must_use]
    pub fn never_left(&self, earlier: Option<&Self>) -> bool {
        let (retransmits, bytes_retrans) = earlier.map_or((0, Some(0)), |earlier| {
            (earlier.retransmits, earlier.bytes_retrans)
        });
        let is_retried = self.retransmits > retransmits
            && self.bytes_retrans.is_some()
            && self.bytes_retrans == bytes_retrans;
        // The connection's death sets `unacked` to 0. After that, only probes show that the data waited, and
        // each probe tried the window.
        let (is_held, room) = if self.is_closed() {
            (self.outq == self.notsent && self.probes > 0, 1)
        } else {
            (self.unacked == 0, self.notsent.min(SEGMENT_BYTES_MAX))
        };
        let has_room = self.snd_wnd.is_some_and(|window| window >= room);
        is_retried || (is_held && self.notsent > 0 && has_room)
    }

    /// Returns whether the peer's window is known to be closed.
    #[must_use]
    pub const fn is_window_shut(&self) -> bool {
        matches!(self.snd_wnd, Some(0))
    }

    /// Returns whether most retries since the `earlier` sample stayed in this host's own queues.
    ///
    /// The kernel's timeouts counted up, and it sent at most half as many segments again. A gateway that does not answer
    /// ARP has the same effect.
    ///
    /// With a cut further along the path, both counts grow alike (`docs/kernel.md`, fact 5.5). Where nothing at
    /// all counts as sent again, [`Self::never_left`] decides.
    #[must_use]
    pub fn is_held_back(&self, earlier: &Self) -> bool {
        let retries = u32::from(self.retransmits.saturating_sub(earlier.retransmits));
        let sent_again = self.total_retrans.saturating_sub(earlier.total_retrans);
        retries >= HELD_RETRIES_MIN && sent_again > 0 && sent_again <= retries / 2
    }

    /// Returns the age of the last acknowledgement by the peer's kernel.
    #[must_use]
    pub fn last_ack(&self) -> Duration {
        millis(self.last_ack_recv_ms)
    }

    /// The least age of that acknowledgement, for a comparison with our own clock.
    ///
    /// The kernel reports ages in whole ticks of its clock, up to one tick too old. So an acknowledgement that comes
    /// together with our ping can seem older than the ping.
    pub(crate) fn last_ack_min(&self) -> Duration {
        self.last_ack().saturating_sub(TICK_MAX)
    }

    /// Whether the kernel has every counter that shows a loss on the path. Without one of them no silence proves that the
    /// path was whole.
    pub(crate) const fn sees_losses(&self) -> bool {
        self.dsack_dups.is_some() && self.rcv_ooopack.is_some()
    }

    /// Counts, modulo 65,536, the segments that were sent again and arrived once at most, or that arrived out of order.
    ///
    /// A segment that arrived twice does not count: since a frozen peer acknowledges late, Linux sends a copy after 8
    /// ms on a short path (a tail loss probe).
    pub(crate) fn losses(&self) -> u16 {
        let [twice, out_of_order] =
            [self.dsack_dups, self.rcv_ooopack].map(Option::unwrap_or_default);
        let sent_again = self.total_retrans.wrapping_sub(twice);
        low_bits(sent_again.wrapping_add(out_of_order))
    }

    /// Counts, modulo 65,536, the segments that were sent again.
    pub(crate) const fn sent_again(&self) -> u16 {
        low_bits(self.total_retrans)
    }

    /// Counts, modulo 65,536, the segments with data that arrived. Without a new byte these are out of order, or have
    /// arrived before.
    pub(crate) const fn segments(&self) -> u16 {
        low_bits(self.data_segs_in)
    }

    /// The smoothed round trip.
    pub(crate) fn round_trip(&self) -> Duration {
        Duration::from_micros(self.rtt_us.into())
    }

    /// Whether the peer's kernel has yet to acknowledge some of our data.
    pub(crate) const fn is_pending(&self) -> bool {
        self.unacked > 0 || self.notsent > 0
    }

    /// Whether a segment is on its way to a peer that has room for it.
    pub(crate) const fn is_in_flight(&self) -> bool {
        self.unacked > 0 && !self.is_window_shut()
    }

    /// Whether data or a probe that left us, or should have left, is unanswered. A closed window whose probes are
    /// answered does not count.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.unacked > 0 || self.probes > 0 || self.never_left(None)
    }

    /// Whether a timer of the kernel also found the data or probe unanswered, so that it has waited longer
    /// than a round trip.
    ///
    /// Behind a closed window one unanswered probe says nothing. Linux answers segments outside its window only once in
    /// 500 ms (`tcp_invalid_ratelimit`). A peer whose buffer is full takes no data, and no retry is counted then.
    pub(crate) fn is_overdue(&self) -> bool {
        if self.is_window_shut() {
            self.probes > 1
        } else {
            self.retransmits > 0 || self.probes > 0 || self.never_left(None)
        }
    }

    /// The least time for which waiting data has not been acknowledged. It is the smaller of two times: the age
    /// of the last acknowledgement, and the time that this number of retries takes.
    pub(crate) fn waits_for(&self) -> Duration {
        if self.unacked == 0 || self.is_window_shut() {
            return Duration::ZERO;
        }
        let retries = usize::from(self.retransmits).min(RETRIES_MS.len() - 1);
        let tried_ms = RETRIES_MS.get(retries).copied().unwrap_or_default();
        self.last_ack_min().min(Duration::from_millis(tried_ms))
    }
}

const fn low_bits(count: u32) -> u16 {
    let [.., high, low] = count.to_be_bytes();
    u16::from_be_bytes([high, low])
}

/// The tick of the slowest kernels, at 100 Hz.
pub(crate) const TICK_MAX: Duration = Duration::from_millis(10);
/// The reading of a kernel that has every field, with each field at 0.
impl Default for KernelSample {
    fn default() -> Self {
        Self {
            state: 0,
            retransmits: 0,
            probes: 0,
            unacked: 0,
            notsent: 0,
            snd_wnd: Some(0),
            outq: 0,
            inq: 0,
            bytes_acked: 0,
            bytes_received: 0,
            retrans: 0,
            total_retrans: 0,
            bytes_retrans: Some(0),
            dsack_dups: Some(0),
            rcv_ooopack: Some(0),
            rtt_us: 0,
            rttvar_us: 0,
            last_ack_recv_ms: 0,
            segs_in: 0,
            data_segs_in: 0,
        }
    }
}

/// `tcpi_state` of a dead connection.
const TCP_CLOSE: u8 = 7;
/// The least number of retries that shows whether they left this host.
const HELD_RETRIES_MIN: u32 = 3;
/// For each number of retries, the earliest time after a segment at which Linux has made that many. `TCP_RTO_MIN`
/// is 200 ms, doubled up to a `TCP_RTO_MAX_MS` of 1 s.
const RETRIES_MS: [u64; 5] = [0, 200, 600, 1_400, 2_400];
/// The longest segment that leaves a host. A smaller window may have no room for a segment.
const SEGMENT_BYTES_MAX: u32 = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// 500 bytes are queued and were never sent; the window is open.
    fn held() -> KernelSample {
        KernelSample {
            notsent: 500,
            snd_wnd: Some(65_535),
            outq: 500,
            ..KernelSample::default()
        }
    }

    /// A segment is in flight, and was retried twice with 40 bytes in all.
    fn retried() -> KernelSample {
        KernelSample {
            retransmits: 2,
            unacked: 1,
            snd_wnd: Some(65_535),
            outq: 20,
            bytes_retrans: Some(40),
            ..KernelSample::default()
        }
    }

    /// The same with a peer's window of this size.
    fn window(sample: KernelSample, bytes: u32) -> KernelSample {
        KernelSample {
            snd_wnd: Some(bytes),
            ..sample
        }
    }

    /// The sample of the same connection after its death.
    fn dead(sample: KernelSample) -> KernelSample {
        KernelSample {
            state: TCP_CLOSE,
            unacked: 0,
            ..sample
        }
    }

    #[test]
    fn retries_are_held_back_where_the_kernel_sends_at_most_half_of_them() {
        let from = KernelSample {
            retransmits: 2,
            total_retrans: 40,
            ..retried()
        };
        for (retries, sent_again, is_held_back) in [
            (4, 1, true),
            (17, 4, true),
            (3, 1, true),
            (2, 1, false),
            (4, 3, false),
            (6, 7, false),
            (6, 0, false),
        ] {
            let now = KernelSample {
                retransmits: 2 + retries,
                total_retrans: 40 + sent_again,
                ..from
            };
            let what = format!("{sent_again} of {retries}");
            assert_eq!(now.is_held_back(&from), is_held_back, "{what}");
        }
    }

    #[test]
    fn data_never_left_where_nothing_but_this_host_can_have_held_it() {
        let with = |sample, change: fn(&mut KernelSample)| {
            let mut changed = sample;
            change(&mut changed);
            changed
        };
        let (held, retried) = (held(), retried());
        let once = with(retried, |s| s.retransmits = 1);
        let unsent = with(retried, |s| s.bytes_retrans = Some(0));
        let probed = dead(with(held, |s| s.probes = 3));
        let much = with(held, |s| s.notsent = 65_535);
        for (what, never_left, sample, earlier) in [
            ("queued", true, held, None),
            ("none queued", false, with(held, |s| s.notsent = 0), None),
            ("in flight", false, with(held, |s| s.unacked = 1), None),
            ("window shut", false, window(held, 0), None),
            ("no room", false, window(held, 499), None),
            ("room", true, window(held, 500), None),
            (
                "room for no whole segment of much data",
                false,
                window(much, 16_383),
                None,
            ),
            (
                "room for a segment of much data",
                true,
                window(much, 16_384),
                None,
            ),
            ("retries without a byte", true, unsent, None),
            ("retries with bytes", false, retried, None),
            ("a retry without a byte since", true, retried, Some(once)),
            ("no retry since", false, retried, Some(retried)),
            ("a retry with bytes since", false, retried, Some(unsent)),
            ("dead: probes for it", true, probed, None),
            ("dead: no probe for it", false, dead(held), None),
            (
                "dead: in flight in part",
                false,
                with(probed, |s| s.outq += 1),
                None,
            ),
            ("dead: window shut", false, window(probed, 0), None),
            ("dead: little room", true, window(probed, 1), None),
            ("dead: retries without a byte", true, dead(unsent), None),
            ("dead: retries with bytes", false, dead(retried), None),
        ] {
            assert_eq!(sample.never_left(earlier.as_ref()), never_left, "{what}");
        }
    }

    #[test]
    fn a_field_that_the_kernel_does_not_have_proves_nothing_of_this_host() {
        let old = |sample| KernelSample {
            snd_wnd: None,
            bytes_retrans: None,
            ..sample
        };
        let unsent = KernelSample {
            bytes_retrans: Some(0),
            ..retried()
        };
        let once = KernelSample {
            retransmits: 1,
            ..unsent
        };
        for (sample, earlier) in [(held(), None), (unsent, None), (unsent, Some(old(once)))] {
            assert!(sample.never_left(None));
            assert!(!old(sample).never_left(earlier.as_ref()), "{sample:?}");
        }
    }
}
