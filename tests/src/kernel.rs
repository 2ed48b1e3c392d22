//! The kernel's view of a connection, read from outside of the server.

use std::net::SocketAddr;
use std::time::Duration;

use lastword_sys::KernelSample;
use tokio::net::TcpStream;
use tokio::time::MissedTickBehavior;

use crate::within;

/// Waits until `ready`, checking every millisecond: for states that no readiness event announces.
pub async fn until(what: &str, mut ready: impl FnMut() -> bool) {
    within(what, async {
        let mut ticks = tokio::time::interval(Duration::from_millis(1));
        // Other tasks get a turn after `ready`, even if `ready` takes long.
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        while !ready() {
            ticks.tick().await;
        }
    })
    .await;
}

/// Returns the kernel's view of a socket.
#[must_use]
pub fn tcp_info(stream: &TcpStream) -> KernelSample {
    lastword_sys::sample(lastword_sys::borrow(stream)).expect("TCP_INFO")
}

/// Returns the resident memory of this process.
#[must_use]
pub fn resident_bytes() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("/proc/self/statm");
    let pages = statm.split_whitespace().nth(1).expect("the second field");
    pages.parse::<usize>().expect("a number of pages") * 4_096
}

/// Returns the bytes that the kernel holds unread for the socket at `local`, from `/proc/net/tcp`; `None` where it
/// lists no such connection.
#[must_use]
pub fn rx_queue(local: SocketAddr, remote: SocketAddr) -> Option<u64> {
    let table = std::fs::read_to_string("/proc/net/tcp").expect("/proc/net/tcp");
    let (local, remote) = (in_hex(local), in_hex(remote));
    table.lines().find_map(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let is_it = fields.next() == Some(&local) && fields.next() == Some(&remote);
        let (_, unread) = fields.nth(1).filter(|_| is_it)?.split_once(':')?;
        u64::from_str_radix(unread, 16).ok()
    })
}

/// Returns the server's end of the connection whose client is at `client`: the same socket under its own descriptor.
///
/// The server must be in this process, as in all tests.
#[cfg(target_os = "linux")]
#[must_use]
pub fn server_end(client: SocketAddr) -> socket2::Socket {
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let process = pidfd_open(getpid(), PidfdFlags::empty()).expect("a pidfd");
    let names = std::fs::read_dir("/proc/self/fd").expect("/proc/self/fd");
    let fds = names.filter_map(|name| name.ok()?.file_name().to_str()?.parse().ok());
    // A descriptor that is not a socket has no peer. A descriptor that was closed meanwhile is skipped.
    let mut ends = fds.filter_map(|fd| {
        let socket = pidfd_getfd(&process, fd, PidfdGetfdFlags::empty()).ok()?;
        let socket = socket2::Socket::from(socket);
        let peer = socket.peer_addr().ok()?.as_socket();
        (peer == Some(client)).then_some(socket)
    });
    ends.next().expect("the server has accepted it")
}

fn in_hex(addr: SocketAddr) -> String {
    let SocketAddr::V4(addr) = addr else {
        panic!("the tests speak IPv4")
    };
    format!(
        "{:08X}:{:04X}",
        u32::from_ne_bytes(addr.ip().octets()),
        addr.port()
    )
}
