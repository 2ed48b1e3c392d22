//! What the error codes of each system mean for a connection. The raw code decides; the kind is asked where the
//! code is absent or not in the table, because kinds are coarser and on Windows partly misleading.

use std::io::ErrorKind;

use crate::{OsError, System};
use Says::{Nothing, Tells};

/// What an error says about how the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A reset arrived.
    Reset,
    /// An operator of this host destroyed the socket.
    Destroyed,
    /// The kernel waited for the peer in vain.
    TimedOut,
    /// The kernel gave up after being told that the peer cannot be reached.
    Unreachable,
    /// An error that no ending of a connection is known to give.
    Unknown,
}

impl Meaning {
    /// The meaning of an error on `system`; `None` for one that only says that something came before it.
    pub(super) fn of(system: System, error: OsError) -> Option<Self> {
        let by_code = error
            .code
            .and_then(|code| find(codes_of(system), &code))
            .or_else(|| find(KINDS, &error.kind));
        match by_code {
            Some(Tells(meaning)) => Some(meaning),
            Some(Nothing) => None,
            None => Some(Self::Unknown),
        }
    }
}

/// What a table says about a code.
#[derive(Clone, Copy)]
enum Says {
    Tells(Meaning),
    /// Spent: another call has met the error itself, or nothing ended at all.
    Nothing,
}

fn find<T: PartialEq>(table: &[(T, Says)], wanted: &T) -> Option<Says> {
    table
        .iter()
        .find(|(known, _)| known == wanted)
        .map(|&(_, says)| says)
}

const fn codes_of(system: System) -> &'static [(i32, Says)] {
    match system {
        System::Linux => LINUX,
        System::MacOs => BSD,
        System::Windows => WINSOCK,
    }
}

const RESET: Says = Tells(Meaning::Reset);
const DESTROYED: Says = Tells(Meaning::Destroyed);
const TIMED_OUT: Says = Tells(Meaning::TimedOut);
const UNREACHABLE: Says = Tells(Meaning::Unreachable);
const UNKNOWN: Says = Tells(Meaning::Unknown);

/// Besides time-outs, what ICMP turns into once the kernel gives up (`icmp_err_convert`, `icmpv6_err_convert`).
const LINUX: &[(i32, Says)] = &[
    (104, RESET),       // ECONNRESET
    (103, DESTROYED),   // ECONNABORTED
    (110, TIMED_OUT),   // ETIMEDOUT
    (113, UNREACHABLE), // EHOSTUNREACH
    (101, UNREACHABLE), // ENETUNREACH
    (111, UNREACHABLE), // ECONNREFUSED: port unreachable, possible on an established connection
    (112, UNREACHABLE), // EHOSTDOWN: host unknown
    (64, UNREACHABLE),  // ENONET: host isolated
    (92, UNREACHABLE),  // ENOPROTOOPT: protocol unreachable
    (95, UNREACHABLE),  // EOPNOTSUPP: source route failed
    (71, UNREACHABLE),  // EPROTO: parameter problem
    (13, UNREACHABLE),  // EACCES: prohibited, IPv6
    (100, UNREACHABLE), // ENETDOWN
    (99, UNREACHABLE),  // EADDRNOTAVAIL: our own address is gone
    (32, Nothing),      // EPIPE
    (107, Nothing),     // ENOTCONN
    (108, Nothing),     // ESHUTDOWN
    (11, Nothing),      // EAGAIN
    (4, Nothing),       // EINTR
];

/// macOS and iOS, and the other BSDs, whose numbers these are.
const BSD: &[(i32, Says)] = &[
    (54, RESET),       // ECONNRESET
    (53, TIMED_OUT),   // ECONNABORTED: our own stack gave up, which no operator's tool does
    (60, TIMED_OUT),   // ETIMEDOUT
    (65, UNREACHABLE), // EHOSTUNREACH
    (51, UNREACHABLE), // ENETUNREACH
    (61, UNREACHABLE), // ECONNREFUSED
    (64, UNREACHABLE), // EHOSTDOWN
    (50, UNREACHABLE), // ENETDOWN
    (52, UNREACHABLE), // ENETRESET
    (49, UNREACHABLE), // EADDRNOTAVAIL
    (32, Nothing),     // EPIPE
    (57, Nothing),     // ENOTCONN
    (58, Nothing),     // ESHUTDOWN
    (35, Nothing),     // EAGAIN
    (4, Nothing),      // EINTR
];

/// Winsock's codes, and the system's own that overlapped calls report instead.
const WINSOCK: &[(i32, Says)] = &[
    (10054, RESET),       // WSAECONNRESET
    (64, RESET),          // ERROR_NETNAME_DELETED: what an overlapped read makes of a reset
    (10053, TIMED_OUT),   // WSAECONNABORTED: our own stack gave up
    (1236, TIMED_OUT),    // ERROR_CONNECTION_ABORTED
    (10060, TIMED_OUT),   // WSAETIMEDOUT
    (10052, TIMED_OUT),   // WSAENETRESET: keepalive failed
    (121, TIMED_OUT),     // ERROR_SEM_TIMEOUT
    (10065, UNREACHABLE), // WSAEHOSTUNREACH
    (10051, UNREACHABLE), // WSAENETUNREACH
    (10061, UNREACHABLE), // WSAECONNREFUSED
    (10064, UNREACHABLE), // WSAEHOSTDOWN
    (10050, UNREACHABLE), // WSAENETDOWN
    (10049, UNREACHABLE), // WSAEADDRNOTAVAIL
    (1231, UNREACHABLE),  // ERROR_NETWORK_UNREACHABLE
    (1232, UNREACHABLE),  // ERROR_HOST_UNREACHABLE
    (995, UNKNOWN), // ERROR_OPERATION_ABORTED: our own cancellation, though its kind is TimedOut
    (10058, Nothing), // WSAESHUTDOWN
    (10057, Nothing), // WSAENOTCONN
    (10035, Nothing), // WSAEWOULDBLOCK
    (10004, Nothing), // WSAEINTR
];

const KINDS: &[(ErrorKind, Says)] = &[
    (ErrorKind::ConnectionReset, RESET),
    (ErrorKind::ConnectionAborted, TIMED_OUT),
    (ErrorKind::TimedOut, TIMED_OUT),
    (ErrorKind::HostUnreachable, UNREACHABLE),
    (ErrorKind::NetworkUnreachable, UNREACHABLE),
    (ErrorKind::NetworkDown, UNREACHABLE),
    (ErrorKind::ConnectionRefused, UNREACHABLE),
    (ErrorKind::AddrNotAvailable, UNREACHABLE),
    (ErrorKind::BrokenPipe, Nothing),
    (ErrorKind::NotConnected, Nothing),
    (ErrorKind::WouldBlock, Nothing),
    (ErrorKind::Interrupted, Nothing),
];
