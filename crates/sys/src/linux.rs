//! The readings on Linux: `getsockopt`, `setsockopt` and `ioctl`, each behind one checked wrapper.

#[path = "linux/self_test.rs"]
mod self_test;

use std::ffi::c_int;
use std::fs;
use std::io;
use std::mem::{MaybeUninit, size_of};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};
use std::sync::OnceLock;
use std::time::Duration;

use crate::own_network;
use crate::{Borrowed, Ends, KernelSample, OwnFault, Received, TcpInfoFields};

pub(crate) use self_test::tcp_info;

/// `TCP_RTO_MAX_MS` of `linux/tcp.h`, which libc does not define yet.
const TCP_RTO_MAX_MS: c_int = 44;
/// `SO_NETNS_COOKIE` of `asm-generic/socket.h`, which libc does not define yet.
const SO_NETNS_COOKIE: c_int = 71;
/// `SO_MEMINFO` of `asm-generic/socket.h`; the last of its nine numbers is `SK_MEMINFO_DROPS`.
#[cfg(feature = "diag")]
const SO_MEMINFO: c_int = 55;
/// `SIOCINQ` of `linux/sockios.h`, under the name that libc uses.
const SIOCINQ: libc::Ioctl = libc::FIONREAD;
/// `SIOCOUTQ` of `linux/sockios.h`, under the name that libc uses.
const SIOCOUTQ: libc::Ioctl = libc::TIOCOUTQ;

pub(crate) fn sample(fd: Borrowed<'_>) -> Option<KernelSample> {
    let fields = tcp_info().fields;
    if fields < TcpInfoFields::Counters || !is_tcp(fd) {
        return None;
    }
    let (raw, len) = info(fd).ok()?;
    Some(KernelSample {
        outq: queue_len(fd, SIOCOUTQ).unwrap_or(0),
        inq: queue_len(fd, SIOCINQ).unwrap_or(0),
        ..from_kernel(&raw, fields.min(self_test::by_len(len)))?
    })
}

pub(crate) fn recv(fd: Borrowed<'_>, buffer: &mut [u8]) -> Option<io::Result<Received>> {
    Some(receive(fd, buffer))
}

pub(crate) fn count_unread(fd: Borrowed<'_>) -> io::Result<()> {
    set_option(fd, libc::TCP_INQ, 1)
}

pub(crate) fn is_after_fin(fd: Borrowed<'_>) -> bool {
    let state = || info(fd).map_or(0, |(raw, _)| raw.tcpi_state);
    let sample = || KernelSample {
        state: state(),
        ..KernelSample::default()
    };
    tcp_info().fields >= TcpInfoFields::State && is_tcp(fd) && sample().is_after_fin()
}

pub(crate) fn is_multipath(fd: Borrowed<'_>) -> bool {
    protocol(fd).is_ok_and(|protocol| protocol == libc::IPPROTO_MPTCP)
}

pub(crate) fn set_rto_max(fd: Borrowed<'_>, rto_max: Duration) -> io::Result<()> {
    let millis = c_int::try_from(rto_max.as_millis()).map_err(|_| io::ErrorKind::InvalidInput)?;
    set_option(fd, TCP_RTO_MAX_MS, millis)
}

pub(crate) fn rto_max(fd: Borrowed<'_>) -> Option<Duration> {
    let (millis, _) = option::<c_int>(fd, libc::IPPROTO_TCP, TCP_RTO_MAX_MS).ok()?;
    u64::try_from(millis).ok().map(Duration::from_millis)
}

pub(crate) fn default_rto_max() -> Option<Duration> {
    static DEFAULT: OnceLock<Option<Duration>> = OnceLock::new();
    if let Some(known) = DEFAULT.get() {
        return *known;
    }
    // Only an answer of the kernel is stored. A lack of descriptors may be temporary.
    let socket = tcp_socket().ok()?;
    *DEFAULT.get_or_init(|| rto_max(socket.as_fd()))
}

pub(crate) fn tcp_retries2() -> Option<u8> {
    retries(&fs::read_to_string("/proc/sys/net/ipv4/tcp_retries2").ok()?)
}

fn retries(text: &str) -> Option<u8> {
    text.trim_ascii().parse().ok()
}

/// Whether the socket is TCP itself. Above Multipath TCP and SMC, `TCP_INFO` shows only one of the connections below.
fn is_tcp(fd: Borrowed<'_>) -> bool {
    // A system that does not tell the protocol has plain TCP only.
    protocol(fd).map_or(true, |protocol| protocol == libc::IPPROTO_TCP)
}

pub(crate) fn ends(fd: Borrowed<'_>) -> Option<Ends> {
    own_network::ends(fd, namespace(fd)?)
}

pub(crate) fn own_fault(ends: &Ends) -> Option<OwnFault> {
    own_network::own_fault(ends, namespace)
}

/// Returns how many datagrams this socket's queue had no room for (`SO_MEMINFO`, Linux 4.12).
#[cfg(feature = "diag")]
pub(crate) fn queue_drops(fd: Borrowed<'_>) -> io::Result<u32> {
    let (memory, _) = option::<[u32; 9]>(fd, libc::SOL_SOCKET, SO_MEMINFO)?;
    let [.., drops] = memory;
    Ok(drops)
}

/// Returns the number of the socket's network namespace (Linux 5.14).
fn namespace(fd: Borrowed<'_>) -> Option<u64> {
    let (cookie, _) = option(fd, libc::SOL_SOCKET, SO_NETNS_COOKIE).ok()?;
    Some(cookie)
}

fn protocol(fd: Borrowed<'_>) -> io::Result<c_int> {
    let (protocol, _) = option(fd, libc::SOL_SOCKET, libc::SO_PROTOCOL)?;
    Ok(protocol)
}

/// Reads `TCP_INFO`, and how many bytes of it the kernel wrote. The rest is zero.
fn info(fd: Borrowed<'_>) -> io::Result<(libc::tcp_info, usize)> {
    option(fd, libc::IPPROTO_TCP, libc::TCP_INFO)
}

/// Converts the part that the kernel tells. The lengths of the queues are not in it.
fn from_kernel(raw: &libc::tcp_info, fields: TcpInfoFields) -> Option<KernelSample> {
    let (losses, window) = (
        fields >= TcpInfoFields::Losses,
        fields >= TcpInfoFields::Window,
    );
    (fields >= TcpInfoFields::Counters).then_some(KernelSample {
        state: raw.tcpi_state,
        retransmits: raw.tcpi_retransmits,
        probes: raw.tcpi_probes,
        unacked: raw.tcpi_unacked,
        notsent: raw.tcpi_notsent_bytes,
        snd_wnd: window.then_some(raw.tcpi_snd_wnd),
        outq: 0,
        inq: 0,
        bytes_acked: raw.tcpi_bytes_acked,
        bytes_received: raw.tcpi_bytes_received,
        retrans: raw.tcpi_retrans,
        total_retrans: raw.tcpi_total_retrans,
        bytes_retrans: losses.then_some(raw.tcpi_bytes_retrans),
        dsack_dups: losses.then_some(raw.tcpi_dsack_dups),
        rcv_ooopack: window.then_some(raw.tcpi_rcv_ooopack),
        rtt_us: raw.tcpi_rtt,
        rttvar_us: raw.tcpi_rttvar,
        last_ack_recv_ms: raw.tcpi_last_ack_recv,
        segs_in: raw.tcpi_segs_in,
        data_segs_in: raw.tcpi_data_segs_in,
    })
}

/// A type that the kernel may fill only in part.
///
/// # Safety
/// Every bit pattern must be a valid value of the type, including all zeros.
unsafe trait Plain: Copy {}

// SAFETY: an integer.
unsafe impl Plain for c_int {}
// SAFETY: an integer.
unsafe impl Plain for u64 {}
// SAFETY: integers.
#[cfg(feature = "diag")]
unsafe impl Plain for [u32; 9] {}
// SAFETY: a `repr(C)` struct of integers only.
unsafe impl Plain for libc::tcp_info {}
// SAFETY: a `repr(C)` struct of integers, and of pointers that may be null.
unsafe impl Plain for libc::msghdr {}
// SAFETY: a `repr(C)` struct of integers only.
unsafe impl Plain for Control {}

/// One control message whose data is an `int`, laid out as by the macros of `cmsg(3)`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Control {
    header: libc::cmsghdr,
    value: c_int,
}

/// Calls `recvmsg` with room for one control message.
fn receive(fd: Borrowed<'_>, buffer: &mut [u8]) -> io::Result<Received> {
    let mut control: Control = zeroed();
    let mut part = libc::iovec {
        iov_base: buffer.as_mut_ptr().cast(),
        iov_len: buffer.len(),
    };
    let mut message: libc::msghdr = zeroed();
    (message.msg_iov, message.msg_iovlen) = (&raw mut part, 1);
    message.msg_control = (&raw mut control).cast();
    // The type of the length differs between glibc and musl; a `u8` fits into both.
    message.msg_controllen = u8::try_from(size_of::<Control>()).unwrap_or(0).into();
    // SAFETY: the kernel writes at most `iov_len` bytes to `buffer` and `msg_controllen` bytes to `control`, which are
    // their sizes. Any bytes are a valid value of both. `fd` is open for the call, since it is borrowed.
    let read = unsafe { libc::recvmsg(fd.as_raw_fd(), &raw mut message, 0) };
    let read = usize::try_from(read).map_err(|_| io::Error::last_os_error())?;
    // Without a control message, `control` is still all zeros.
    let header = control.header;
    let is_count = (header.cmsg_level, header.cmsg_type) == (libc::IPPROTO_TCP, libc::TCP_CM_INQ);
    let count = if is_count { control.value } else { 0 };
    Ok(Received {
        read,
        unread: u32::try_from(count).unwrap_or(0),
    })
}

/// A value with all its bytes zero.
fn zeroed<T: Plain>() -> T {
    // SAFETY: `Plain` promises that all zeros are a valid value.
    unsafe { MaybeUninit::zeroed().assume_init() }
}

/// Calls `getsockopt`. Returns the value, with zeros where the kernel wrote nothing, and the number of bytes that it
/// wrote.
fn option<T: Plain>(fd: Borrowed<'_>, level: c_int, name: c_int) -> io::Result<(T, usize)> {
    let mut value: T = zeroed();
    let mut len = socklen::<T>()?;
    // SAFETY: `value` is writable for `len` bytes, which is its size, and the kernel writes at most that many. Any
    // bytes are a valid value, as `Plain` promises. `fd` is open for the call, since it is borrowed.
    let status = unsafe {
        libc::getsockopt(
            fd.as_raw_fd(),
            level,
            name,
            (&raw mut value).cast(),
            &raw mut len,
        )
    };
    checked(status)?;
    Ok((value, usize::try_from(len).unwrap_or(0)))
}

/// Calls `setsockopt` at `IPPROTO_TCP` with an `int`. The error is `Unsupported` where there is no such option.
fn set_option(fd: Borrowed<'_>, name: c_int, value: c_int) -> io::Result<()> {
    let len = socklen::<c_int>()?;
    // SAFETY: `value` is readable for `len` bytes, which is its size; `fd` is open, since it is borrowed.
    let status = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::IPPROTO_TCP,
            name,
            (&raw const value).cast(),
            len,
        )
    };
    checked(status).map_err(|error| match error.raw_os_error() {
        Some(libc::ENOPROTOOPT | libc::EOPNOTSUPP) => io::ErrorKind::Unsupported.into(),
        _ => error,
    })
}

/// Calls an `ioctl` whose answer is an `int` with a number of bytes.
fn queue_len(fd: Borrowed<'_>, request: libc::Ioctl) -> Option<u32> {
    let mut len: c_int = 0;
    // SAFETY: the two requests of this file, `SIOCINQ` and `SIOCOUTQ`, write one `int` to their argument, and `len`
    // is one. `fd` is open for the call, since it is borrowed.
    let status = unsafe { libc::ioctl(fd.as_raw_fd(), request, &raw mut len) };
    checked(status).ok()?;
    u32::try_from(len).ok()
}

/// Opens a TCP socket that is neither bound nor connected.
fn tcp_socket() -> io::Result<OwnedFd> {
    let kind = libc::SOCK_STREAM | libc::SOCK_CLOEXEC;
    // Not by `libc::socket`, which a wrapper may have replaced to make Multipath TCP of it.
    // SAFETY: the call takes three integers, and writes to none of our memory.
    let fd = unsafe { libc::syscall(libc::SYS_socket, libc::AF_INET, kind, libc::IPPROTO_TCP) };
    let fd = c_int::try_from(fd).map_err(|_| io::ErrorKind::InvalidData)?;
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the descriptor is new and open, and has no other owner.
    Ok(unsafe { OwnedFd::from_raw_fd(fd) })
}

fn socklen<T>() -> io::Result<libc::socklen_t> {
    libc::socklen_t::try_from(size_of::<T>()).map_err(|_| io::ErrorKind::InvalidInput.into())
}

fn checked(status: c_int) -> io::Result<()> {
    if status == 0 {
        Ok(())
    } else {
        Err(io::Error::last_os_error())
    }
}

#[cfg(test)]
mod tests {
    use std::mem::offset_of;

    use super::*;

    #[test]
    fn a_part_that_the_kernel_does_not_fill_in_is_not_known() {
        let raw = zeroed();
        let losses = KernelSample {
            snd_wnd: None,
            rcv_ooopack: None,
            ..KernelSample::default()
        };
        let counters = KernelSample {
            bytes_retrans: None,
            dsack_dups: None,
            ..losses
        };
        for (fields, sample) in [
            (TcpInfoFields::Nothing, None),
            (TcpInfoFields::State, None),
            (TcpInfoFields::Counters, Some(counters)),
            (TcpInfoFields::Losses, Some(losses)),
            (TcpInfoFields::Window, Some(KernelSample::default())),
        ] {
            assert_eq!(from_kernel(&raw, fields), sample, "{fields:?}");
        }
    }

    #[test]
    fn a_control_message_has_the_layout_of_the_macros() {
        // SAFETY: the macro only computes a number.
        let space = unsafe { libc::CMSG_SPACE(4) };
        assert_eq!(u32::try_from(size_of::<Control>()), Ok(space));
        // SAFETY: as above.
        let len = unsafe { libc::CMSG_LEN(4) };
        assert_eq!(u32::try_from(offset_of!(Control, value) + 4), Ok(len));
    }

    #[test]
    fn only_a_number_that_the_kernel_takes_is_a_number_of_retries() {
        assert_eq!(retries("15\n"), Some(15));
        assert_eq!(retries("0\n"), Some(0));
        for text in ["", "\n", "256\n", "-1\n", "15 16\n", "many\n", "1.5\n"] {
            assert_eq!(retries(text), None, "{text:?}");
        }
        // Another process may change it at any time, so only its range is known here.
        assert!(tcp_retries2().is_some());
    }

    #[test]
    fn the_fields_lie_where_the_kernel_writes_them() {
        // The offsets of Linux 6.18 on x86_64, read from its raw bytes.
        assert_eq!(offset_of!(libc::tcp_info, tcpi_probes), 3);
        assert_eq!(offset_of!(libc::tcp_info, tcpi_unacked), 24);
        assert_eq!(offset_of!(libc::tcp_info, tcpi_last_ack_recv), 56);
        assert_eq!(offset_of!(libc::tcp_info, tcpi_rtt), 68);
        assert_eq!(offset_of!(libc::tcp_info, tcpi_segs_in), 140);
        assert_eq!(offset_of!(libc::tcp_info, tcpi_bytes_retrans), 208);
        assert_eq!(offset_of!(libc::tcp_info, tcpi_snd_wnd), 228);
    }

    #[test]
    fn every_field_comes_from_its_own_place() {
        let mut raw: libc::tcp_info = zeroed();
        raw.tcpi_state = 1;
        raw.tcpi_retransmits = 2;
        raw.tcpi_probes = 3;
        raw.tcpi_unacked = 4;
        raw.tcpi_notsent_bytes = 5;
        raw.tcpi_snd_wnd = 6;
        raw.tcpi_bytes_acked = 7;
        raw.tcpi_bytes_received = 8;
        raw.tcpi_bytes_retrans = 9;
        raw.tcpi_rtt = 10;
        raw.tcpi_rttvar = 11;
        raw.tcpi_last_ack_recv = 12;
        raw.tcpi_segs_in = 13;
        raw.tcpi_retrans = 14;
        raw.tcpi_total_retrans = 15;
        raw.tcpi_dsack_dups = 16;
        raw.tcpi_rcv_ooopack = 17;
        raw.tcpi_data_segs_in = 18;
        let expected = KernelSample {
            state: 1,
            retransmits: 2,
            probes: 3,
            unacked: 4,
            notsent: 5,
            snd_wnd: Some(6),
            outq: 0,
            inq: 0,
            bytes_acked: 7,
            bytes_received: 8,
            retrans: 14,
            total_retrans: 15,
            bytes_retrans: Some(9),
            dsack_dups: Some(16),
            rcv_ooopack: Some(17),
            rtt_us: 10,
            rttvar_us: 11,
            last_ack_recv_ms: 12,
            segs_in: 13,
            data_segs_in: 18,
        };
        assert_eq!(from_kernel(&raw, TcpInfoFields::Window), Some(expected));
    }
}
