//! The TCP sockets of a network namespace, as the kernel tells of them to any process (`sock_diag(7)`): those that live, when it
//! is asked, and each one that dies.
//!
//! No privilege is needed. A socket dies when the kernel frees it: after its program has closed it, and after the last
//! bytes and the FIN were acknowledged or given up. The port and the counters of a mini socket (`TIME_WAIT`, and
//! `FIN_WAIT2` without a program) show in a look-up only.

use std::fs;
use std::io::{self, ErrorKind};
use std::mem::offset_of;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use netlink_sys::protocols::NETLINK_SOCK_DIAG;
use netlink_sys::{Socket, SocketAddr as NetlinkAddr};
use socket2::{SockFilter, SockRef};

use crate::canonical;

/// The states of a TCP socket, with the kernel's numbers (`net/tcp_states.h`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum TcpState {
    /// Open in both directions.
    Established = 1,
    /// It connects.
    SynSent,
    /// A connection that is not yet accepted by the kernel.
    SynRecv,
    /// It has sent its FIN.
    FinWait1,
    /// Its FIN was acknowledged.
    FinWait2,
    /// It closed first, and its number stays taken for a minute.
    TimeWait,
    /// It is gone.
    Close,
    /// The peer has sent its FIN.
    CloseWait,
    /// The peer closed first, and then this end.
    LastAck,
    /// It waits for connections.
    Listen,
    /// Both ends closed at once.
    Closing,
    /// A connection that is not yet accepted by the kernel.
    NewSynRecv,
}

impl TcpState {
    const ALL: [Self; 12] = [
        Self::Established,
        Self::SynSent,
        Self::SynRecv,
        Self::FinWait1,
        Self::FinWait2,
        Self::TimeWait,
        Self::Close,
        Self::CloseWait,
        Self::LastAck,
        Self::Listen,
        Self::Closing,
        Self::NewSynRecv,
    ];

    fn from_kernel(state: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|known| *known as u8 == state)
    }
}

/// One TCP socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TcpSocket {
    /// Its state; [`TcpState::Close`] in the message of its death.
    pub state: TcpState,
    /// The local address.
    pub local: SocketAddr,
    /// The peer's address; port 0 for a listener, and where the program reset the connection (`SO_LINGER` of 0).
    pub peer: SocketAddr,
    /// The number of the socket: the same as long as it lives, and in the message of its death.
    pub cookie: u64,
    /// Bytes that the program has not read. The peer's FIN counts as one. For a listener: connections that wait.
    pub unread: u32,
    /// Bytes that the peer has not acknowledged, sent or not. Our FIN counts as one.
    pub unacked: u32,
    /// The user that owns it; 0 in the message of its death.
    pub uid: u32,
    /// The number of its file; 0 without a program, and in the message of its death.
    pub inode: u32,
    /// The counters, where the kernel tells them: not for a mini socket.
    pub counters: Option<TcpCounters>,
}

/// The counters of a connection (`struct tcp_info`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TcpCounters {
    /// Retransmissions of the oldest byte since the last acknowledgement.
    pub retransmits: u8,
    /// Probes of the window or of keepalive without an answer.
    pub probes: u8,
    /// The time since an acknowledgement came last.
    pub last_ack: Duration,
    /// The time since data came last.
    pub last_data: Duration,
    /// Bytes that the peer has acknowledged. A FIN and a SYN of ours count as one each.
    pub bytes_acked: u64,
    /// Bytes that came, in order. The peer's FIN counts as one.
    pub bytes_received: u64,
    /// Bytes that were sent, the repeated ones as well.
    pub bytes_sent: u64,
    /// Bytes that were sent again.
    pub bytes_retrans: u64,
    /// Segments that came.
    pub segs_in: u32,
    /// Segments that left.
    pub segs_out: u32,
    /// Segments with data that came.
    pub data_segs_in: u32,
    /// Segments with data that left.
    pub data_segs_out: u32,
    /// Bytes that were never sent.
    pub notsent: u32,
    /// The peer's window, in bytes.
    pub snd_wnd: u32,
}

/// The counters of resets and aborts of a network namespace since it began (`/proc/net/netstat` and `/proc/net/snmp`).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AbortCounters {
    /// Closed with unread bytes: the peer gets a reset.
    pub on_close: u64,
    /// Data came for a closed socket, or the program reset the connection.
    pub on_data: u64,
    /// The kernel gave up.
    pub on_timeout: u64,
    /// Resets sent, for whichever reason.
    pub resets_out: u64,
    /// Ends that left no `TIME_WAIT` since there were too many (`net.ipv4.tcp_max_tw_buckets`).
    pub without_time_wait: u64,
}

/// Returns the counters of aborts of the calling thread's network namespace.
///
/// # Errors
/// The error of the read, or [`ErrorKind::InvalidData`] where a counter is missing.
pub fn abort_counters() -> io::Result<AbortCounters> {
    let netstat = fs::read_to_string("/proc/thread-self/net/netstat")?;
    let snmp = fs::read_to_string("/proc/thread-self/net/snmp")?;
    let found = |text, table, name| {
        let missing = || io::Error::new(ErrorKind::InvalidData, format!("no counter {name}"));
        counter(text, table, name).ok_or_else(missing)
    };
    Ok(AbortCounters {
        on_close: found(&netstat, "TcpExt:", "TCPAbortOnClose")?,
        on_data: found(&netstat, "TcpExt:", "TCPAbortOnData")?,
        on_timeout: found(&netstat, "TcpExt:", "TCPAbortOnTimeout")?,
        resets_out: found(&snmp, "Tcp:", "OutRsts")?,
        without_time_wait: found(&netstat, "TcpExt:", "TCPTimeWaitOverflow")?,
    })
}

/// A counter of a text in which each table is a line of names and a line of numbers.
fn counter(text: &str, table: &str, name: &str) -> Option<u64> {
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(table));
    let at = lines
        .next()?
        .split_ascii_whitespace()
        .position(|word| word == name)?;
    lines.next()?.split_ascii_whitespace().nth(at)?.parse().ok()
}

/// Answers questions about living sockets.
pub struct Sockets {
    socket: Socket,
    buffer: Vec<u8>,
}

/// The address families, each with its own sockets. A dual-stack listener's IPv4 clients are [`Family::V6`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Family {
    /// Both.
    pub const ALL: [Self; 2] = [Self::V4, Self::V6];

    fn number(self) -> u8 {
        let family = match self {
            Self::V4 => libc::AF_INET,
            Self::V6 => libc::AF_INET6,
        };
        u8::try_from(family).unwrap_or_default()
    }
}

impl Sockets {
    /// Opens the socket for the questions, in the network namespace of the calling thread.
    ///
    /// # Errors
    /// The error of the system, where it has no `sock_diag`.
    pub fn open() -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        socket.bind_auto()?;
        socket.connect(&NetlinkAddr::new(0, 0))?;
        SockRef::from(&socket).set_read_timeout(Some(PATIENCE))?;
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(BUFFER_BYTES),
        })
    }

    /// Hands out each socket of this family in one of these states. With a `port`, only sockets with this local port: the
    /// kernel looks at all of them, and tells only those.
    ///
    /// # Errors
    /// The error of the system. [`ErrorKind::Interrupted`] where the table changed meanwhile: some sockets may be missing.
    pub fn dump(
        &mut self,
        family: Family,
        port: Option<u16>,
        states: &[TcpState],
        mut each: impl FnMut(&TcpSocket),
    ) -> io::Result<()> {
        let mask = states
            .iter()
            .fold(0, |mask, state| mask | 1 << *state as u32);
        let id = SocketId {
            sport: port.unwrap_or(0),
            ..SocketId::ANY
        };
        self.ask(libc::NLM_F_DUMP, &request(family, mask, &id))?;
        loop {
            self.read()?;
            for message in Messages(&self.buffer) {
                if message.kind == kind_of(libc::NLMSG_DONE) {
                    return Ok(());
                }
                if let Some(socket) = message.socket()? {
                    each(&socket);
                }
            }
        }
    }

    /// Looks up the socket with these two addresses: also a mini socket, and the listener where there is none.
    ///
    /// # Errors
    /// The error of the system.
    pub fn find(&mut self, local: SocketAddr, peer: SocketAddr) -> io::Result<Option<TcpSocket>> {
        let family = match (canonical(local), canonical(peer)) {
            (SocketAddr::V4(_), SocketAddr::V4(_)) => Family::V4,
            _ => Family::V6,
        };
        let id = SocketId {
            sport: local.port(),
            dport: peer.port(),
            src: canonical(local).ip(),
            dst: canonical(peer).ip(),
        };
        self.ask(0, &request(family, u32::MAX, &id))?;
        self.read()?;
        let found = Messages(&self.buffer)
            .next()
            .map(|message| message.socket());
        match found {
            Some(Err(error)) if error.kind() == ErrorKind::NotFound => Ok(None),
            found => Ok(found.transpose()?.flatten()),
        }
    }

    fn ask(&mut self, flags: i32, body: &[u8]) -> io::Result<()> {
        let flags = u16::try_from(libc::NLM_F_REQUEST | flags).unwrap_or_default();
        let len = u32::try_from(HEADER_LEN + body.len()).unwrap_or_default();
        // `struct nlmsghdr`; the last two fields, sequence and port, stay 0.
        let mut message = len.to_ne_bytes().to_vec();
        message.extend(SOCK_DIAG_BY_FAMILY.to_ne_bytes());
        message.extend(flags.to_ne_bytes());
        message.extend([0; 8]);
        message.extend(body);
        self.socket.send(&message, 0).map(drop)
    }

    fn read(&mut self) -> io::Result<()> {
        self.buffer.clear();
        self.socket.recv(&mut &mut self.buffer, 0).map(drop)
    }
}

/// Tells of each TCP socket that dies, of both families.
pub struct Deaths {
    socket: Socket,
    buffer: Vec<u8>,
}

impl Deaths {
    /// Listens in the network namespace of the calling thread. Only sockets with one of these local ports are told; without
    /// ports, all. `buffer_bytes` is for messages that were not read yet (about 1,280 bytes each): the kernel gives at most
    /// `net.core.rmem_max`, and doubles it.
    ///
    /// # Errors
    /// The error of the system, where it has no `sock_diag`.
    pub fn open(ports: &[u16], buffer_bytes: usize) -> io::Result<Self> {
        let mut socket = Socket::new(NETLINK_SOCK_DIAG)?;
        let wide = SockRef::from(&socket);
        wide.set_recv_buffer_size(buffer_bytes)?;
        wide.attach_filter(&port_filter(ports))?;
        socket.set_non_blocking(true)?;
        // A full buffer then loses what does not fit, and not all until it is empty.
        socket.set_no_enobufs(true)?;
        socket.bind_auto()?;
        for group in [SKNLGRP_INET_TCP_DESTROY, SKNLGRP_INET6_TCP_DESTROY] {
            socket.add_membership(group)?;
        }
        Ok(Self {
            socket,
            buffer: Vec::with_capacity(BUFFER_BYTES),
        })
    }

    /// Returns the next death; `None` where there is none now.
    ///
    /// # Errors
    /// The error of the system.
    pub fn read(&mut self) -> io::Result<Option<TcpSocket>> {
        loop {
            self.buffer.clear();
            match self.socket.recv(&mut &mut self.buffer, 0) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(None),
                Err(error) => return Err(error),
            }
            // Each message comes by itself.
            let message = Messages(&self.buffer).next();
            if let Some(socket) = message
                .map(|message| message.socket())
                .transpose()?
                .flatten()
            {
                return Ok(Some(socket));
            }
        }
    }

    /// Returns how many messages the kernel could not queue since this listener was opened.
    ///
    /// # Errors
    /// The error of the system.
    pub fn lost(&self) -> io::Result<u32> {
        crate::system::queue_drops(self.socket.as_fd())
    }
}

impl AsFd for Deaths {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// `struct inet_diag_sockid`, without the interface and the cookie.
struct SocketId {
    sport: u16,
    dport: u16,
    src: IpAddr,
    dst: IpAddr,
}

impl SocketId {
    const ANY: Self = Self {
        sport: 0,
        dport: 0,
        src: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        dst: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
    };
}

/// `struct inet_diag_req_v2`: which sockets, and their `tcp_info`.
fn request(family: Family, states: u32, id: &SocketId) -> Vec<u8> {
    let tcp = u8::try_from(libc::IPPROTO_TCP).unwrap_or_default();
    let mut body = vec![family.number(), tcp, 1 << (INET_DIAG_INFO - 1), 0];
    body.extend(states.to_ne_bytes());
    body.extend(id.sport.to_be_bytes());
    body.extend(id.dport.to_be_bytes());
    for ip in [id.src, id.dst] {
        let mut address = [0; 16];
        match ip {
            IpAddr::V4(ip) => address[..4].copy_from_slice(&ip.octets()),
            IpAddr::V6(ip) => address = ip.octets(),
        }
        body.extend(address);
    }
    // Any interface, and any cookie.
    body.extend([0; 4]);
    body.extend([0xff; 8]);
    body
}

/// The messages of one datagram.
struct Messages<'a>(&'a [u8]);

struct Message<'a> {
    kind: u16,
    body: &'a [u8],
}

impl<'a> Iterator for Messages<'a> {
    type Item = Message<'a>;

    fn next(&mut self) -> Option<Message<'a>> {
        let len = usize::try_from(u32_at(self.0, 0)?).ok()?;
        let kind = u16_at(self.0, 4)?;
        let body = self.0.get(HEADER_LEN..len)?;
        self.0 = self.0.get(aligned(len)..).unwrap_or_default();
        Some(Message { kind, body })
    }
}

impl Message<'_> {
    /// The socket of this message; `None` where it is about another protocol, or of an unknown kind.
    fn socket(&self) -> io::Result<Option<TcpSocket>> {
        if self.kind == kind_of(libc::NLMSG_ERROR) {
            let code = self
                .body
                .first_chunk()
                .map_or(0, |code| i32::from_ne_bytes(*code));
            return Err(io::Error::from_raw_os_error(-code));
        }
        Ok((self.kind == SOCK_DIAG_BY_FAMILY)
            .then(|| socket(self.body))
            .flatten())
    }
}

/// `struct inet_diag_msg`, and its attributes.
fn socket(body: &[u8]) -> Option<TcpSocket> {
    let is_v4 = *body.first()? == Family::V4.number();
    let ip = |at: usize| -> Option<IpAddr> {
        Some(if is_v4 {
            let octets: [u8; 4] = body.get(at..at + 4)?.try_into().ok()?;
            Ipv4Addr::from(octets).into()
        } else {
            let octets: [u8; 16] = body.get(at..at + 16)?.try_into().ok()?;
            Ipv6Addr::from(octets).into()
        })
    };
    let port = |at: usize| Some(u16::from_be_bytes(body.get(at..at + 2)?.try_into().ok()?));
    let (mut counters, mut is_tcp) = (None, true);
    for (kind, value) in Attributes(body.get(MSG_LEN..)?) {
        match kind {
            INET_DIAG_INFO => counters = TcpCounters::from_kernel(value),
            INET_DIAG_PROTOCOL => {
                is_tcp = value.first().map(|p| i32::from(*p)) == Some(libc::IPPROTO_TCP)
            }
            _ => {}
        }
    }
    let socket = TcpSocket {
        state: TcpState::from_kernel(*body.get(1)?)?,
        local: canonical(SocketAddr::new(ip(8)?, port(4)?)),
        peer: canonical(SocketAddr::new(ip(24)?, port(6)?)),
        cookie: u64::from(u32_at(body, 44)?) | u64::from(u32_at(body, 48)?) << 32,
        unread: u32_at(body, 56)?,
        unacked: u32_at(body, 60)?,
        uid: u32_at(body, 64)?,
        inode: u32_at(body, 68)?,
        counters,
    };
    is_tcp.then_some(socket)
}

impl TcpCounters {
    /// From a `struct tcp_info`, of which an older kernel has only the first part.
    fn from_kernel(info: &[u8]) -> Option<Self> {
        let byte = |at: usize| info.get(at).copied();
        let four = |at: usize| u32_at(info, at);
        let eight = |at: usize| Some(u64::from_ne_bytes(info.get(at..at + 8)?.try_into().ok()?));
        let millis = |at: usize| Some(Duration::from_millis(four(at)?.into()));
        Some(Self {
            retransmits: byte(offset_of!(libc::tcp_info, tcpi_retransmits))?,
            probes: byte(offset_of!(libc::tcp_info, tcpi_probes))?,
            last_ack: millis(offset_of!(libc::tcp_info, tcpi_last_ack_recv))?,
            last_data: millis(offset_of!(libc::tcp_info, tcpi_last_data_recv))?,
            bytes_acked: eight(offset_of!(libc::tcp_info, tcpi_bytes_acked))?,
            bytes_received: eight(offset_of!(libc::tcp_info, tcpi_bytes_received))?,
            bytes_sent: eight(offset_of!(libc::tcp_info, tcpi_bytes_sent))?,
            bytes_retrans: eight(offset_of!(libc::tcp_info, tcpi_bytes_retrans))?,
            segs_in: four(offset_of!(libc::tcp_info, tcpi_segs_in))?,
            segs_out: four(offset_of!(libc::tcp_info, tcpi_segs_out))?,
            data_segs_in: four(offset_of!(libc::tcp_info, tcpi_data_segs_in))?,
            data_segs_out: four(offset_of!(libc::tcp_info, tcpi_data_segs_out))?,
            notsent: four(offset_of!(libc::tcp_info, tcpi_notsent_bytes))?,
            snd_wnd: four(offset_of!(libc::tcp_info, tcpi_snd_wnd))?,
        })
    }
}

/// The attributes behind a message.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<(u16, &'a [u8])> {
        let len = usize::from(u16_at(self.0, 0)?);
        let kind = u16_at(self.0, 2)?;
        let value = self.0.get(4..len)?;
        self.0 = self.0.get(aligned(len)..).unwrap_or_default();
        Some((kind, value))
    }
}

/// A program for the kernel that lets messages with these local ports pass; any message without ports.
fn port_filter(ports: &[u16]) -> Vec<SockFilter> {
    let step = |code: u32, if_not, k| {
        SockFilter::new(u16::try_from(code).unwrap_or_default(), 0, if_not, k)
    };
    let pass = || step(libc::BPF_RET | libc::BPF_K, 0, u32::MAX);
    if ports.is_empty() {
        return vec![pass()];
    }
    let port_at = u32::try_from(HEADER_LEN + 4).unwrap_or_default();
    let mut program = vec![step(libc::BPF_LD | libc::BPF_H | libc::BPF_ABS, 0, port_at)];
    for port in ports {
        let is_port = libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K;
        program.push(step(is_port, 1, u32::from(*port)));
        program.push(pass());
    }
    program.push(step(libc::BPF_RET | libc::BPF_K, 0, 0));
    program
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_ne_bytes(bytes.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at + 4)?.try_into().ok()?))
}

/// Netlink puts everything at a multiple of four bytes.
fn aligned(len: usize) -> usize {
    len.next_multiple_of(4)
}

fn kind_of(kind: i32) -> u16 {
    u16::try_from(kind).unwrap_or_default()
}

/// `SOCK_DIAG_BY_FAMILY` of `linux/sock_diag.h`.
const SOCK_DIAG_BY_FAMILY: u16 = 20;
/// The groups of `linux/sock_diag.h`.
const SKNLGRP_INET_TCP_DESTROY: u32 = 1;
const SKNLGRP_INET6_TCP_DESTROY: u32 = 3;
/// Of `linux/inet_diag.h`.
const INET_DIAG_INFO: u16 = 2;
const INET_DIAG_PROTOCOL: u16 = 10;
/// `sizeof(struct nlmsghdr)` and `sizeof(struct inet_diag_msg)`.
const HEADER_LEN: usize = 16;
const MSG_LEN: usize = 72;
/// The kernel fills at most 32 KiB for one answer of a dump.
const BUFFER_BYTES: usize = 64 * 1024;
/// The kernel answers while it is asked. Nothing else is waited for.
const PATIENCE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests;
