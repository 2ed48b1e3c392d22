//! How much the `TCP_INFO` of a kernel tells.

/// The part of `TCP_INFO` that this kernel really fills in, and how that was found out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpInfo {
    /// The part that it fills in.
    pub fields: TcpInfoFields,
    /// Whether a connection over loopback showed it. Otherwise it follows only from the length of the answer.
    pub is_tested: bool,
}

/// The parts of `TCP_INFO`. Each kernel that fills in one also fills in those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum TcpInfoFields {
    /// Nothing: the system has no `TCP_INFO`, a sandbox refuses it, or all its fields are 0.
    Nothing,
    /// The state of a connection: a sandbox such as gVisor, and Linux before 4.6.
    State,
    /// The bytes and segments that arrived and were acknowledged (Linux 4.6).
    Counters,
    /// The bytes that were sent again, and the segments that the peer received twice (Linux 4.19).
    Losses,
    /// The peer's window, and the segments that arrived out of order (Linux 5.4).
    Window,
}
