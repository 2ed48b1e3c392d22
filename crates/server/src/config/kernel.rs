//! Abilities of the kernel that this process runs on, found by asking the kernel itself, not by its version.

use std::fmt;

use lastword_sys::{TcpInfo, TcpInfoFields};

/// The kernel's abilities that help to find a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelAbilities {
    /// Its error codes and give-up times are those of Linux.
    pub is_linux: bool,
    /// How much it reports of a connection (`TCP_INFO`). Without counters, silences cannot be distinguished from each
    /// other, and neither can outages.
    pub tcp_info: TcpInfo,
    /// It can limit the time between two retransmissions (`TCP_RTO_MAX_MS`, from Linux 6.15).
    pub rto_max: bool,
    /// After how many retries it gives up: `net.ipv4.tcp_retries2` of this network namespace. `None` where that is not
    /// known; then the default of 15 is assumed.
    pub retries: Option<u8>,
}

impl KernelAbilities {
    /// Asks the kernel, with temporary sockets and a connection over loopback. The connection is made
    /// once per process.
    #[must_use]
    pub fn probe() -> Self {
        Self {
            is_linux: cfg!(any(target_os = "linux", target_os = "android")),
            tcp_info: lastword_sys::tcp_info(),
            rto_max: lastword_sys::supports_rto_max(),
            retries: lastword_sys::tcp_retries2(),
        }
    }

    /// Describes what `TCP_INFO` shows here, and what follows for the causes.
    #[must_use]
    pub fn evidence(&self) -> String {
        let (fields, follows) = match self.tcp_info.fields {
            TcpInfoFields::Nothing => ("nothing of a connection", NO_COUNTERS),
            TcpInfoFields::State => ("the state of a connection, and no counters", NO_COUNTERS),
            TcpInfoFields::Counters => (
                "the counters of a connection, without losses and window",
                NO_WINDOW,
            ),
            TcpInfoFields::Losses => (
                "the counters of a connection, without window and reordering",
                NO_WINDOW,
            ),
            TcpInfoFields::Window => ("the state, counters and window of a connection", ""),
        };
        let doubt = if self.is_trusted() {
            ""
        } else {
            "; this was not tested: the process reached itself over loopback by no TCP connection"
        };
        format!("shows {fields}{follows}{doubt}")
    }

    /// Returns whether the kernel shows all that the causes of Linux need, and a connection over loopback showed so.
    #[must_use]
    pub(crate) fn is_complete(&self) -> bool {
        self.tcp_info.fields == TcpInfoFields::Window && self.is_trusted()
    }

    fn is_trusted(&self) -> bool {
        self.tcp_info.is_tested || self.tcp_info.fields == TcpInfoFields::Nothing
    }
}

impl fmt::Display for KernelAbilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |it: bool| if it { "with" } else { "without" };
        write!(
            f,
            "{}, {} TCP_INFO, {} TCP_RTO_MAX_MS",
            std::env::consts::OS,
            has(self.tcp_info.fields > TcpInfoFields::Nothing),
            has(self.rto_max)
        )
    }
}

const NO_COUNTERS: &str =
    ": a read of 0 is a close, a reset shows only by its error, and each silence is peer_silent";
const NO_WINDOW: &str =
    ": a frozen peer is peer_silent, and a peer that does not read ends at a queue limit";

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_what_a_connection_waits_for() {
        let kernel = KernelAbilities::probe();
        assert!(kernel.is_linux && kernel.tcp_info.fields >= TcpInfoFields::Counters);
        assert_eq!(kernel.rto_max, lastword_sys::supports_rto_max());
        assert!(kernel.retries.is_some());
    }
}
