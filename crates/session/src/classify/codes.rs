//! The error codes of each system: their names, and their meaning for a connection. The raw code decides. The kind is
//! used where the code is absent or not in the table, because kinds are coarser, and on Windows partly misleading.

use std::io::ErrorKind;

use crate::{OsError, System};
use Says::{Nothing, Tells};

/// The meaning of an error: how the connection ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// A reset arrived.
    Reset,
    /// An operator of this host destroyed the socket.
    Destroyed,
    /// The kernel waited for the peer without success.
    TimedOut,
    /// The kernel gave up after a report that the peer cannot be reached.
    Unreachable,
    /// An error that is not known to come from a connection's end.
    Unknown,
}

impl Meaning {
    /// The meaning of an error on `system`; `None` for an error that only says that the end came earlier.
    pub(super) fn of(system: System, error: OsError) -> Option<Self> {
        let by_code = error
            .code
            .and_then(|code| row(system, code))
            .map(|(_, _, says)| *says)
            .or_else(|| find(KINDS, &error.kind));
        match by_code {
            Some(Tells(meaning)) => Some(meaning),
            Some(Nothing) => None,
            None => Some(Self::Unknown),
        }
    }
}

/// The entry of a table for a code.
#[derive(Clone, Copy)]
enum Says {
    Tells(Meaning),
    /// No meaning: another call has received the real error, or the connection did not end.
    Nothing,
}

fn find(table: &[(ErrorKind, Says)], wanted: &ErrorKind) -> Option<Says> {
    let row = table.iter().find(|(known, _)| known == wanted);
    row.map(|(_, says)| *says)
}

impl System {
    /// Returns the name of an error code, such as `ECONNRESET` for 104 on Linux. Returns `None` for a code that
    /// socket and file calls are not known to return.
    #[must_use]
    pub fn error_name(self, code: i32) -> Option<&'static str> {
        row(self, code).map(|(_, name, _)| *name)
    }
}

type Row = (i32, &'static str, Says);

fn row(system: System, code: i32) -> Option<&'static Row> {
    codes_of(system).iter().find(|(known, _, _)| *known == code)
}

const fn codes_of(system: System) -> &'static [Row] {
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

/// Besides timeouts, the errors that ICMP messages become once the kernel gives up (`icmp_err_convert`,
/// `icmpv6_err_convert`).
const LINUX: &[Row] = &[
    (104, "ECONNRESET", RESET),
    (103, "ECONNABORTED", DESTROYED),
    (110, "ETIMEDOUT", TIMED_OUT),
    (113, "EHOSTUNREACH", UNREACHABLE),
    (101, "ENETUNREACH", UNREACHABLE),
    (111, "ECONNREFUSED", UNREACHABLE), // port unreachable, possible on an established connection
    (112, "EHOSTDOWN", UNREACHABLE),    // host unknown
    (64, "ENONET", UNREACHABLE),        // host isolated
    (92, "ENOPROTOOPT", UNREACHABLE),   // protocol unreachable
    (95, "EOPNOTSUPP", UNREACHABLE),    // source route failed
    (71, "EPROTO", UNREACHABLE),        // parameter problem
    (13, "EACCES", UNREACHABLE),        // prohibited, IPv6
    (100, "ENETDOWN", UNREACHABLE),
    (99, "EADDRNOTAVAIL", UNREACHABLE), // our own address is gone
    (32, "EPIPE", Nothing),
    (107, "ENOTCONN", Nothing),
    (108, "ESHUTDOWN", Nothing),
    (11, "EAGAIN", Nothing),
    (4, "EINTR", Nothing),
    // Calls also fail with these, but that does not end a connection; or our own code has a defect.
    (1, "EPERM", UNKNOWN),
    (2, "ENOENT", UNKNOWN),
    (5, "EIO", UNKNOWN),
    (6, "ENXIO", UNKNOWN),
    (9, "EBADF", UNKNOWN),
    (12, "ENOMEM", UNKNOWN),
    (14, "EFAULT", UNKNOWN),
    (16, "EBUSY", UNKNOWN),
    (17, "EEXIST", UNKNOWN),
    (19, "ENODEV", UNKNOWN),
    (20, "ENOTDIR", UNKNOWN),
    (21, "EISDIR", UNKNOWN),
    (22, "EINVAL", UNKNOWN),
    (23, "ENFILE", UNKNOWN),
    (24, "EMFILE", UNKNOWN),
    (25, "ENOTTY", UNKNOWN),
    (26, "ETXTBSY", UNKNOWN),
    (27, "EFBIG", UNKNOWN),
    (28, "ENOSPC", UNKNOWN),
    (29, "ESPIPE", UNKNOWN),
    (30, "EROFS", UNKNOWN),
    (36, "ENAMETOOLONG", UNKNOWN),
    (38, "ENOSYS", UNKNOWN),
    (40, "ELOOP", UNKNOWN),
    (74, "EBADMSG", UNKNOWN),
    (75, "EOVERFLOW", UNKNOWN),
    (77, "EBADFD", UNKNOWN),
    (84, "EILSEQ", UNKNOWN),
    (88, "ENOTSOCK", UNKNOWN),
    (89, "EDESTADDRREQ", UNKNOWN),
    (90, "EMSGSIZE", UNKNOWN),
    (91, "EPROTOTYPE", UNKNOWN),
    (93, "EPROTONOSUPPORT", UNKNOWN),
    (94, "ESOCKTNOSUPPORT", UNKNOWN),
    (96, "EPFNOSUPPORT", UNKNOWN),
    (97, "EAFNOSUPPORT", UNKNOWN),
    (98, "EADDRINUSE", UNKNOWN),
    (102, "ENETRESET", UNKNOWN),
    (105, "ENOBUFS", UNKNOWN),
    (106, "EISCONN", UNKNOWN),
    (109, "ETOOMANYREFS", UNKNOWN),
    (114, "EALREADY", UNKNOWN),
    (115, "EINPROGRESS", UNKNOWN),
    (116, "ESTALE", UNKNOWN),
    (121, "EREMOTEIO", UNKNOWN),
    (122, "EDQUOT", UNKNOWN),
    (125, "ECANCELED", UNKNOWN),
];

/// The numbers of macOS, iOS and the other BSDs.
const BSD: &[Row] = &[
    (54, "ECONNRESET", RESET),
    (53, "ECONNABORTED", TIMED_OUT), // our own stack gave up; no operator's tool causes it
    (60, "ETIMEDOUT", TIMED_OUT),
    (65, "EHOSTUNREACH", UNREACHABLE),
    (51, "ENETUNREACH", UNREACHABLE),
    (61, "ECONNREFUSED", UNREACHABLE),
    (64, "EHOSTDOWN", UNREACHABLE),
    (50, "ENETDOWN", UNREACHABLE),
    (52, "ENETRESET", UNREACHABLE),
    (49, "EADDRNOTAVAIL", UNREACHABLE),
    (32, "EPIPE", Nothing),
    (57, "ENOTCONN", Nothing),
    (58, "ESHUTDOWN", Nothing),
    (35, "EAGAIN", Nothing),
    (4, "EINTR", Nothing),
    // Calls also fail with these, but that does not end a connection; or our own code has a defect.
    (1, "EPERM", UNKNOWN),
    (2, "ENOENT", UNKNOWN),
    (5, "EIO", UNKNOWN),
    (6, "ENXIO", UNKNOWN),
    (9, "EBADF", UNKNOWN),
    (12, "ENOMEM", UNKNOWN),
    (13, "EACCES", UNKNOWN),
    (14, "EFAULT", UNKNOWN),
    (16, "EBUSY", UNKNOWN),
    (17, "EEXIST", UNKNOWN),
    (19, "ENODEV", UNKNOWN),
    (20, "ENOTDIR", UNKNOWN),
    (21, "EISDIR", UNKNOWN),
    (22, "EINVAL", UNKNOWN),
    (23, "ENFILE", UNKNOWN),
    (24, "EMFILE", UNKNOWN),
    (27, "EFBIG", UNKNOWN),
    (28, "ENOSPC", UNKNOWN),
    (30, "EROFS", UNKNOWN),
    (36, "EINPROGRESS", UNKNOWN),
    (37, "EALREADY", UNKNOWN),
    (38, "ENOTSOCK", UNKNOWN),
    (39, "EDESTADDRREQ", UNKNOWN),
    (40, "EMSGSIZE", UNKNOWN),
    (41, "EPROTOTYPE", UNKNOWN),
    (42, "ENOPROTOOPT", UNKNOWN),
    (43, "EPROTONOSUPPORT", UNKNOWN),
    (47, "EAFNOSUPPORT", UNKNOWN),
    (48, "EADDRINUSE", UNKNOWN),
    (55, "ENOBUFS", UNKNOWN),
    (56, "EISCONN", UNKNOWN),
];

/// Winsock's codes, and the system's own codes that overlapped calls report instead.
const WINSOCK: &[Row] = &[
    (10054, "WSAECONNRESET", RESET),
    (64, "ERROR_NETNAME_DELETED", RESET), // an overlapped read reports a reset so
    (10053, "WSAECONNABORTED", TIMED_OUT), // our own stack gave up
    (1236, "ERROR_CONNECTION_ABORTED", TIMED_OUT),
    (10060, "WSAETIMEDOUT", TIMED_OUT),
    (10052, "WSAENETRESET", TIMED_OUT), // keepalive failed
    (121, "ERROR_SEM_TIMEOUT", TIMED_OUT),
    (10065, "WSAEHOSTUNREACH", UNREACHABLE),
    (10051, "WSAENETUNREACH", UNREACHABLE),
    (10061, "WSAECONNREFUSED", UNREACHABLE),
    (10064, "WSAEHOSTDOWN", UNREACHABLE),
    (10050, "WSAENETDOWN", UNREACHABLE),
    (10049, "WSAEADDRNOTAVAIL", UNREACHABLE),
    (1231, "ERROR_NETWORK_UNREACHABLE", UNREACHABLE),
    (1232, "ERROR_HOST_UNREACHABLE", UNREACHABLE),
    (995, "ERROR_OPERATION_ABORTED", UNKNOWN), // our own cancellation, though its kind is TimedOut
    (10058, "WSAESHUTDOWN", Nothing),
    (10057, "WSAENOTCONN", Nothing),
    (10035, "WSAEWOULDBLOCK", Nothing),
    (10004, "WSAEINTR", Nothing),
    // Calls also fail with these, but that does not end a connection; or our own code has a defect.
    (10013, "WSAEACCES", UNKNOWN),
    (10014, "WSAEFAULT", UNKNOWN),
    (10022, "WSAEINVAL", UNKNOWN),
    (10024, "WSAEMFILE", UNKNOWN),
    (10036, "WSAEINPROGRESS", UNKNOWN),
    (10037, "WSAEALREADY", UNKNOWN),
    (10038, "WSAENOTSOCK", UNKNOWN),
    (10039, "WSAEDESTADDRREQ", UNKNOWN),
    (10040, "WSAEMSGSIZE", UNKNOWN),
    (10042, "WSAENOPROTOOPT", UNKNOWN),
    (10045, "WSAEOPNOTSUPP", UNKNOWN),
    (10047, "WSAEAFNOSUPPORT", UNKNOWN),
    (10048, "WSAEADDRINUSE", UNKNOWN),
    (10055, "WSAENOBUFS", UNKNOWN),
    (10056, "WSAEISCONN", UNKNOWN),
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
