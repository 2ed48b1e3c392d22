//! The part of `TCP_INFO` that a verdict needs, as plain data on every system.

/// One reading of the kernel's view of a TCP connection.
///
/// A field that the running kernel does not have yet is 0. The field's comment names the first Linux that has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpInfo {
    /// `tcpi_state`: 1 is ESTABLISHED, 7 CLOSE, 8 CLOSE_WAIT.
    pub state: u8,
    /// `tcpi_retransmits`: consecutive retransmission timeouts without an acknowledgement.
    pub retransmits: u8,
    /// `tcpi_probes`: consecutive keepalive or zero-window probes without an answer.
    pub probes: u8,
    /// `tcpi_backoff`: doublings of the retransmission timeout; zeroed at death.
    pub backoff: u8,
    /// `tcpi_unacked`: segments in flight; zeroed at death.
    pub unacked: u32,
    /// `tcpi_last_data_recv`: milliseconds since data last arrived.
    pub last_data_recv_ms: u32,
    /// `tcpi_last_ack_recv`: milliseconds since an acknowledgement last arrived.
    pub last_ack_recv_ms: u32,
    /// `tcpi_rtt`: the smoothed round trip in microseconds.
    pub rtt_us: u32,
    /// `tcpi_rttvar`: the mean deviation of the round trip in microseconds.
    pub rttvar_us: u32,
    /// `tcpi_bytes_acked`: our bytes that the peer's kernel acknowledged; our FIN counts as one, and so does
    /// our SYN where we opened the connection.
    pub bytes_acked: u64,
    /// `tcpi_bytes_received`: the peer's bytes that arrived in order; its FIN counts as one.
    pub bytes_received: u64,
    /// `tcpi_segs_in`: segments received (Linux 4.2).
    pub segs_in: u32,
    /// `tcpi_notsent_bytes`: bytes that are queued and were never sent (Linux 4.6).
    pub notsent: u32,
    /// `tcpi_bytes_retrans`: retransmitted bytes (Linux 4.19).
    pub bytes_retrans: u64,
    /// `tcpi_rcv_ooopack`: segments received out of order (Linux 5.4).
    pub rcv_ooopack: u32,
    /// `tcpi_snd_wnd`: the peer's receive window in bytes (Linux 5.4).
    pub snd_wnd: u32,
}
