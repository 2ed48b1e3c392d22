//! Socket options: set once on the listener and inherited by every connection, and set again if a session has other
//! options.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_keepalive::{KernelKnobs, USER_TIMEOUT_FINAL, USER_TIMEOUT_HELD};
use lastword_session::{OsError, System};
use lastword_sys::canonical;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};

/// The options of a listening socket.
#[derive(Clone, Copy, Debug)]
pub struct ListenOptions {
    /// The most connections that may wait for accept. Default 4096; the kernel caps it at `net.core.somaxconn`.
    pub backlog: i32,
    /// The knobs of the profile that most sessions use.
    pub knobs: KernelKnobs,
}

/// A listening socket, ready for the runtime.
pub type ListenerSocket = std::net::TcpListener;

impl ListenOptions {
    /// Opens a listening socket: non-blocking, address reuse on Unix, both address families for `[::]`.
    ///
    /// # Errors
    /// The system's error: the address is in use, not ours, or not allowed. The error of a socket option names the option.
    pub fn listen(&self, addr: SocketAddr) -> io::Result<ListenerSocket> {
        let addr = canonical(addr);
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        if cfg!(unix) {
            set("SO_REUSEADDR", socket.set_reuse_address(true))?;
        }
        // The default is the system's: `net.ipv6.bindv6only` on Linux, IPv6 alone on Windows.
        if addr.is_ipv6() && addr.ip().is_unspecified() {
            set("IPV6_V6ONLY", socket.set_only_v6(false))?;
        }
        tune(&socket, &self.knobs)?;
        socket.bind(&addr.into())?;
        socket.listen(self.backlog)?;
        Ok(socket.into())
    }
}

/// Sets the options of a session on a new socket.
///
/// These are `TCP_NODELAY`, keepalive, `SO_OOBINLINE` (an urgent byte would forge the FIN bit), and `TCP_INQ` (a read
/// stops before an urgent byte). With `TCP_NOTSENT_LOWAT` the queue stays here, where it can be dropped.
/// `TCP_RTO_MAX_MS` is set where the kernel has it (Linux 6.15). `TCP_USER_TIMEOUT` stays off as long as the kernel's
/// give-up counts from the right moment, because this option would end living slow readers. For other systems'
/// counterparts of Linux's options see `docs/kernel-knobs.md`.
///
/// An option that this kernel or this kind of socket lacks is skipped. Multipath TCP lacks `SO_OOBINLINE`,
/// `TCP_RTO_MAX_MS` and `TCP_USER_TIMEOUT`. The plain TCP sockets that a Multipath TCP listener accepts need this call:
/// they support the options, but have not inherited them.
///
/// # Errors
/// Another error of the system, with the name of the option: `TCP_NODELAY was not set: Operation not permitted (EPERM)`.
pub fn tune(socket: &Socket, knobs: &KernelKnobs) -> io::Result<()> {
    set("TCP_NODELAY", socket.set_tcp_nodelay(knobs.nodelay))?;
    set(
        "SO_OOBINLINE",
        socket.set_out_of_band_inline(knobs.oob_inline),
    )?;
    let outcome = lastword_sys::count_unread(lastword_sys::borrow(socket));
    set("TCP_INQ", outcome)?;
    tune_liveness(socket, knobs)?;
    #[cfg(any(target_os = "linux", target_os = "android"))]
    set(
        "TCP_NOTSENT_LOWAT",
        socket.set_tcp_notsent_lowat(knobs.notsent_lowat),
    )?;
    Ok(())
}

/// Sets the liveness options on a socket that already has the options of another profile.
///
/// # Errors
/// As [`tune`].
pub(crate) fn retune(socket: &Socket, knobs: &KernelKnobs) -> io::Result<()> {
    tune_liveness(socket, knobs)?;
    // A new socket already has the kernel's own limit.
    let back = lastword_sys::default_rto_max().filter(|_| knobs.rto_max.is_none());
    back.map_or(Ok(()), |back| set_rto_max(socket, back))
}

fn tune_liveness(socket: &Socket, knobs: &KernelKnobs) -> io::Result<()> {
    tune_keepalive(socket, knobs)?;
    let rto_max = knobs.rto_max;
    rto_max.map_or(Ok(()), |rto_max| set_rto_max(socket, rto_max))
}

fn tune_keepalive(socket: &Socket, knobs: &KernelKnobs) -> io::Result<()> {
    set("SO_KEEPALIVE", socket.set_keepalive(knobs.keepalive))?;
    if knobs.keepalive {
        for (options, times) in keepalive_times(knobs) {
            set(options, socket.set_tcp_keepalive(&times))?;
        }
    }
    Ok(())
}

/// The times of keepalive, each with its option.
#[cfg(not(windows))]
fn keepalive_times(knobs: &KernelKnobs) -> [(&'static str, TcpKeepalive); 3] {
    let new = TcpKeepalive::new;
    [
        ("TCP_KEEPIDLE", new().with_time(knobs.keepalive_idle)),
        (
            "TCP_KEEPINTVL",
            new().with_interval(knobs.keepalive_interval),
        ),
        ("TCP_KEEPCNT", new().with_retries(knobs.keepalive_count)),
    ]
}

/// Windows takes two of them in one call.
#[cfg(windows)]
fn keepalive_times(knobs: &KernelKnobs) -> [(&'static str, TcpKeepalive); 1] {
    let all = TcpKeepalive::new()
        .with_time(knobs.keepalive_idle)
        .with_interval(knobs.keepalive_interval)
        .with_retries(knobs.keepalive_count);
    [("SIO_KEEPALIVE_VALS or TCP_KEEPCNT", all)]
}

fn set_rto_max(socket: &Socket, rto_max: Duration) -> io::Result<()> {
    let outcome = lastword_sys::set_rto_max(lastword_sys::borrow(socket), rto_max);
    set("TCP_RTO_MAX_MS", outcome)
}

/// Names the option in the error, and ignores an option that this socket lacks.
fn set(option: &str, outcome: io::Result<()>) -> io::Result<()> {
    let Err(error) = outcome else { return Ok(()) };
    let words = OsError::in_words(&error);
    if is_lacking(&error) {
        tracing::debug!(option, error = %words, "this socket does not have the option");
        return Ok(());
    }
    // The error kind is changed: a refused option has another remedy than a refused address.
    Err(io::Error::other(format!("{option} was not set: {words}")))
}

/// Whether the socket has no such option: `EOPNOTSUPP`, or `ENOPROTOOPT`, which has no kind.
fn is_lacking(error: &io::Error) -> bool {
    let code = error.raw_os_error();
    let name = code.and_then(|code| System::current().error_name(code));
    error.kind() == io::ErrorKind::Unsupported || name == Some("ENOPROTOOPT")
}

/// Delays the kernel's own give-up while a connection lives, or lets it count again.
pub(crate) fn hold_give_up(socket: &SockRef<'_>, hold: bool) {
    set_user_timeout(socket, hold.then_some(USER_TIMEOUT_HELD));
}

/// Limits how long the kernel keeps data that a dead peer does not acknowledge, just before the last shutdown or close.
pub(crate) fn bound_orphan(socket: &SockRef<'_>) {
    set_user_timeout(socket, Some(USER_TIMEOUT_FINAL));
}

/// Sets `TCP_USER_TIMEOUT`, where the system has it.
fn set_user_timeout(socket: &SockRef<'_>, timeout: Option<Duration>) {
    #[cfg(any(target_os = "linux", target_os = "android"))]
    if let Err(error) = socket.set_tcp_user_timeout(timeout) {
        tracing::debug!(error = %OsError::in_words(&error), "TCP_USER_TIMEOUT was not set");
    }
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    let _ = (socket, timeout);
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{Ipv4Addr, TcpStream};

    use lastword_keepalive::Profile;

    use super::*;

    #[test]
    fn an_accepted_connection_inherits_the_options_of_the_listener() {
        let knobs = Profile::standard().knobs();
        let options = ListenOptions { backlog: 16, knobs };
        let listener = options.listen((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        listener.set_nonblocking(false).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (accepted, _) = listener.accept().unwrap();
        let socket = SockRef::from(&accepted);
        assert!(socket.tcp_nodelay().unwrap());
        assert!(socket.out_of_band_inline().unwrap());
        assert!(socket.keepalive().unwrap());
        assert_eq!(socket.tcp_keepalive_time().unwrap(), knobs.keepalive_idle);
        assert_eq!(
            socket.tcp_keepalive_interval().unwrap(),
            knobs.keepalive_interval
        );
        assert_eq!(
            socket.tcp_keepalive_retries().unwrap(),
            knobs.keepalive_count
        );
        assert_eq!(socket.tcp_notsent_lowat().unwrap(), knobs.notsent_lowat);
        assert_eq!(
            socket.tcp_user_timeout().unwrap(),
            None,
            "off while it lives"
        );
        assert_eq!(
            rto_max(&accepted),
            knobs.rto_max.filter(|_| lastword_sys::supports_rto_max())
        );
        hold_give_up(&socket, true);
        let held = socket.tcp_user_timeout().unwrap();
        assert_eq!(held, Some(USER_TIMEOUT_HELD));
        hold_give_up(&socket, false);
        assert_eq!(socket.tcp_user_timeout().unwrap(), None);
        hold_give_up(&socket, true);
        bound_orphan(&socket);
        let last = socket.tcp_user_timeout().unwrap();
        assert_eq!(last, Some(USER_TIMEOUT_FINAL));
    }

    #[test]
    fn retuning_to_another_profile_leaves_nothing_of_the_first() {
        for (before, after) in [("standard", "debugger"), ("debugger", "mobile")] {
            let [before, after] =
                [before, after].map(|name| Profile::builtin(name).unwrap().knobs());
            let socket = || Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::TCP)).unwrap();
            let (changed, new) = (socket(), socket());
            tune(&changed, &before).unwrap();
            retune(&changed, &after).unwrap();
            tune(&new, &after).unwrap();
            let options = |socket: &Socket| {
                (
                    socket.tcp_keepalive_time().unwrap(),
                    socket.tcp_keepalive_interval().unwrap(),
                    socket.tcp_keepalive_retries().unwrap(),
                    rto_max(socket),
                )
            };
            assert_eq!(options(&changed), options(&new));
            assert_eq!(options(&new).0, after.keepalive_idle);
        }
    }

    #[test]
    fn an_option_that_the_socket_lacks_is_skipped_and_any_other_error_names_it() {
        let failed = |code| set("TCP_NODELAY", Err(io::Error::from_raw_os_error(code)));
        for lacking in [95, 92] {
            failed(lacking).unwrap();
        }
        let error = failed(1).unwrap_err();
        assert_eq!(
            error.to_string(),
            "TCP_NODELAY was not set: Operation not permitted (EPERM)"
        );
    }

    #[test]
    fn a_multipath_listener_takes_what_it_has_and_its_plain_connections_take_all() {
        let Ok(listener) = Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::MPTCP)) else {
            eprintln!("skipped: this kernel has no Multipath TCP");
            return;
        };
        let knobs = Profile::standard().knobs();
        tune(&listener, &knobs).unwrap();
        let any: SocketAddr = (Ipv4Addr::LOCALHOST, 0).into();
        listener.bind(&any.into()).unwrap();
        listener.listen(2).unwrap();
        let addr = listener.local_addr().unwrap();
        for (protocol, is_multipath) in [(Protocol::TCP, false), (Protocol::MPTCP, true)] {
            let client = Socket::new(Domain::IPV4, Type::STREAM, Some(protocol)).unwrap();
            client.connect(&addr).unwrap();
            let (accepted, _) = listener.accept().unwrap();
            tune(&accepted, &knobs).unwrap();
            let fd = lastword_sys::borrow(&accepted);
            assert_eq!(lastword_sys::is_multipath(fd), is_multipath);
            assert_eq!(lastword_sys::sample(fd).is_none(), is_multipath);
            assert!(accepted.keepalive().unwrap() && accepted.tcp_nodelay().unwrap());
            let has_all = accepted.out_of_band_inline().unwrap();
            assert_eq!(has_all, !is_multipath);
            let limit = knobs
                .rto_max
                .filter(|_| has_all && lastword_sys::supports_rto_max());
            assert_eq!(rto_max(&accepted), limit);
        }
    }

    fn rto_max(socket: &impl lastword_sys::AsBorrowed) -> Option<Duration> {
        lastword_sys::rto_max(lastword_sys::borrow(socket))
    }
}
