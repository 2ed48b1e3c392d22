//! Abilities of the kernel that this process runs on, found by asking the kernel itself, not by its version.

use std::fmt;

use socket2::{Domain, Protocol, Socket, Type};

/// The kernel's abilities that help to find a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KernelAbilities {
    /// Its error codes and give-up times are those of Linux.
    pub is_linux: bool,
    /// It reports the state of a connection (`TCP_INFO`). Without that, silences cannot be distinguished from each
    /// other, and neither can outages.
    pub tcp_info: bool,
    /// It can limit the time between two retransmissions (`TCP_RTO_MAX_MS`, from Linux 6.15).
    pub rto_max: bool,
}

impl KernelAbilities {
    /// Asks the kernel, with temporary sockets. If no socket can be opened, every ability counts as missing.
    #[must_use]
    pub fn probe() -> Self {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP));
        let info = socket.map(|socket| lastword_sys::sample(lastword_sys::borrow(&socket)));
        Self {
            is_linux: cfg!(any(target_os = "linux", target_os = "android")),
            tcp_info: info.is_ok_and(|info| info.is_some()),
            rto_max: lastword_sys::supports_rto_max(),
        }
    }
}

impl fmt::Display for KernelAbilities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let has = |it: bool| if it { "with" } else { "without" };
        write!(
            f,
            "{}, {} TCP_INFO, {} TCP_RTO_MAX_MS",
            std::env::consts::OS,
            has(self.tcp_info),
            has(self.rto_max)
        )
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn linux_tells_what_a_connection_waits_for() {
        let kernel = KernelAbilities::probe();
        assert!(kernel.is_linux && kernel.tcp_info);
        assert_eq!(kernel.rto_max, lastword_sys::supports_rto_max());
    }
}
