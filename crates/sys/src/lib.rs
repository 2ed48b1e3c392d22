//! The kernel readings and socket options that lastword needs and no safe crate offers.
//!
//! The functions decide nothing: each one is a single question to the kernel. It returns `None` where the system has
//! no answer. The readings exist on Linux with glibc or musl. On macOS, Windows and other systems they are not read
//! yet, so a connection there is judged only by its errors and its frames.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

#[cfg(all(
    feature = "diag",
    target_os = "linux",
    any(target_env = "gnu", target_env = "musl")
))]
pub mod diag;
mod limits;
#[cfg(all(target_os = "linux", any(target_env = "gnu", target_env = "musl")))]
mod own_network;
#[cfg(unix)]
mod signals;
mod sleep;
#[cfg(all(target_os = "linux", any(target_env = "gnu", target_env = "musl")))]
#[path = "linux.rs"]
mod system;
#[cfg(not(all(target_os = "linux", any(target_env = "gnu", target_env = "musl"))))]
#[path = "elsewhere.rs"]
mod system;
mod tcp_info;
#[cfg(all(feature = "tun", target_os = "linux"))]
mod tun;

pub use lastword_keepalive::{KernelSample, OwnFault};

pub use limits::{max_fds, memory_bytes, open_fds};
#[cfg(unix)]
pub use signals::{ignore_sigxfsz, is_ignored};
pub use sleep::time_asleep;
pub use tcp_info::{TcpInfo, TcpInfoFields};
#[cfg(all(feature = "tun", target_os = "linux"))]
pub use tun::attach_tun;

/// A borrowed socket, on which every question here is asked.
#[cfg(unix)]
pub type Borrowed<'a> = std::os::fd::BorrowedFd<'a>;
/// A borrowed socket, on which every question here is asked.
#[cfg(windows)]
pub type Borrowed<'a> = std::os::windows::io::BorrowedSocket<'a>;

/// Any value that can lend its socket. It is the bound for code that compiles on every system.
#[cfg(unix)]
pub use std::os::fd::AsFd as AsBorrowed;
/// Any value that can lend its socket. It is the bound for code that compiles on every system.
#[cfg(windows)]
pub use std::os::windows::io::AsSocket as AsBorrowed;

/// Flags for `send` and `sendmsg`, so that a broken pipe is an error and never a `SIGPIPE`. The value is 0 where the
/// system has no such flag: macOS has `SO_NOSIGPIPE`, and Windows has no signal.
pub const SEND_FLAGS: i32 = send_flags();

#[cfg(all(unix, not(target_vendor = "apple")))]
const fn send_flags() -> i32 {
    libc::MSG_NOSIGNAL
}

#[cfg(not(all(unix, not(target_vendor = "apple"))))]
const fn send_flags() -> i32 {
    0
}

/// Borrows the socket of a stream or listener, under the same name on every system.
#[cfg(unix)]
pub fn borrow(socket: &impl AsBorrowed) -> Borrowed<'_> {
    socket.as_fd()
}

/// Borrows the socket of a stream or listener, under the same name on every system.
#[cfg(windows)]
pub fn borrow(socket: &impl AsBorrowed) -> Borrowed<'_> {
    socket.as_socket()
}

/// Returns how much the `TCP_INFO` of this kernel tells. A kernel may answer at full length and fill in nothing.
///
/// The first call tests it: over loopback it sends a few bytes to this process itself, and compares the kernel's
/// counters with them. That takes about a millisecond, and less than a second where loopback loses everything. Without
/// loopback, or where a wrapper turns the sockets of this process into Multipath TCP, the length of the answer decides.
#[must_use]
pub fn tcp_info() -> TcpInfo {
    system::tcp_info()
}

/// Reads `TCP_INFO`, then `SIOCOUTQ` and `SIOCINQ`. The calls consume no pending error. After the connection's death
/// they tell how it died, and how many bytes were never acknowledged.
///
/// `None` where [`tcp_info()`] finds no [`TcpInfoFields::Counters`], and where `fd` is not a TCP socket. On a Multipath
/// TCP socket the counters belong to one of its paths and do not include the peer's FIN.
#[must_use]
pub fn sample(fd: Borrowed<'_>) -> Option<KernelSample> {
    system::sample(fd)
}

/// Reads bytes, and asks in the same call how many more the kernel holds. `None` where the system cannot do both, and
/// then nothing was read.
///
/// A read stops before urgent data, although the kernel holds more bytes. Only this count shows that.
pub fn recv(fd: Borrowed<'_>, buffer: &mut [u8]) -> Option<io::Result<Received>> {
    system::recv(fd, buffer)
}

/// The result of [`recv`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// The bytes that were read.
    pub read: usize,
    /// The bytes that the kernel still holds for us, and 1 if it holds only the peer's FIN. 0 without [`count_unread`].
    pub unread: u32,
}

/// Makes [`recv`] count the unread bytes (`TCP_INQ`, Linux 4.18 and later).
///
/// On a listener it applies to every connection accepted from then on.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] where the kernel or the system has no such option, and otherwise the error of
/// `setsockopt`.
pub fn count_unread(fd: Borrowed<'_>) -> io::Result<()> {
    system::count_unread(fd)
}

/// Returns whether the socket is in a state that proves that the peer's FIN arrived in order. It needs [`TcpInfoFields::State`]
/// only.
#[must_use]
pub fn is_after_fin(fd: Borrowed<'_>) -> bool {
    system::is_after_fin(fd)
}

/// Returns whether the socket is Multipath TCP (RFC 8684). A wrapper such as `mptcpize` turns each TCP socket of a
/// process into one.
#[must_use]
pub fn is_multipath(fd: Borrowed<'_>) -> bool {
    system::is_multipath(fd)
}

/// Returns an address in the one form under which it is shown, stored and compared.
///
/// A socket that listens on `[::]` reports an IPv4 peer as `::ffff:192.0.2.7` (RFC 4291, section 2.5.5.2). Here it is
/// `192.0.2.7`.
#[must_use]
pub fn canonical(mut addr: SocketAddr) -> SocketAddr {
    addr.set_ip(addr.ip().to_canonical());
    addr
}

/// The two ends of a connection, for [`own_fault`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    /// The local address, with port 0.
    pub local: SocketAddr,
    /// The peer's address.
    pub peer: SocketAddr,
    /// The number of the network namespace in which the connection is (`SO_NETNS_COOKIE`).
    pub namespace: u64,
}

/// Returns the ends of a living connection. A dead socket no longer tells its peer.
///
/// `None` where the answer of [`own_fault`] would not be reliable: on loopback, and on every system except Linux from
/// 5.14 on. It is also `None` for a socket with a mark, a device or a foreign address (`SO_MARK`, `SO_BINDTODEVICE`,
/// `IP_TRANSPARENT`).
#[must_use]
pub fn ends(fd: Borrowed<'_>) -> Option<Ends> {
    system::ends(fd)
}

/// Asks the system for a fault of this host's own network that keeps this connection's packets here. It needs no
/// privilege, sends nothing, and takes about 30 µs.
///
/// It binds a UDP socket to the local address, connects it to the peer, and asks for the carrier of the route
/// (`RTM_GETROUTE`). `None` where all three steps succeed, or where the system does not answer. This call does not find
/// a firewall or a full queue of this host.
#[must_use]
pub fn own_fault(ends: &Ends) -> Option<OwnFault> {
    system::own_fault(ends)
}

/// Limits the time between two retransmissions (`TCP_RTO_MAX_MS`, Linux 6.15 and later, 1 s to 120 s).
///
/// On a listener it applies to every connection accepted from then on.
///
/// # Errors
/// [`io::ErrorKind::Unsupported`] where the kernel or the system has no such option,
/// [`io::ErrorKind::InvalidInput`] outside the range, and otherwise the error of `setsockopt`.
pub fn set_rto_max(fd: Borrowed<'_>, rto_max: Duration) -> io::Result<()> {
    system::set_rto_max(fd, rto_max)
}

/// Reads the limit of [`set_rto_max`]; `None` where there is no such option.
#[must_use]
pub fn rto_max(fd: Borrowed<'_>) -> Option<Duration> {
    system::rto_max(fd)
}

/// Reads the limit of [`set_rto_max`] that this kernel gives a new socket (120 s, or `net.ipv4.tcp_rto_max_ms`). It
/// asks the kernel once, with a new socket. `None` where there is no such option.
///
/// If the process has no free descriptor for the new socket, this call returns `None`, and the next call asks again.
#[must_use]
pub fn default_rto_max() -> Option<Duration> {
    system::default_rto_max()
}

/// Returns whether this kernel has `TCP_RTO_MAX_MS`, as [`default_rto_max`] finds out.
#[must_use]
pub fn supports_rto_max() -> bool {
    default_rto_max().is_some()
}

/// Reads `net.ipv4.tcp_retries2` of the network namespace of the calling thread: after how many retries the kernel
/// gives up. `None` where it cannot be read, where it is no number from 0 to 255, and on other systems.
#[must_use]
pub fn tcp_retries2() -> Option<u8> {
    system::tcp_retries2()
}
