//! Finds out which fields of `TCP_INFO` this kernel fills in: by a connection to this process itself over loopback,
//! whose bytes are known.

use std::io::{self, ErrorKind, Read, Write};
use std::mem::{offset_of, size_of};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;
use std::thread;
use std::time::{Duration, Instant};

use super::{info, is_tcp, tcp_socket};
use crate::{TcpInfo, TcpInfoFields, borrow};

/// The longest wait for each step of a connection over loopback.
const PATIENCE: Duration = Duration::from_millis(200);
const QUESTION: [u8; 23] = [b'?'; 23];
const ANSWER: [u8; 17] = [b'!'; 17];
/// The bytes of the question as the kernel counts them. The FIN after it counts as one.
const RECEIVED: u64 = 24;
const ACKED: u64 = 17;
/// `TCP_CLOSE_WAIT`.
const CLOSE_WAIT: u8 = 8;

/// The shortest answers that contain the last field of each part.
const COUNTERS_LEN: usize = offset_of!(libc::tcp_info, tcpi_data_segs_in) + size_of::<u32>();
const LOSSES_LEN: usize = offset_of!(libc::tcp_info, tcpi_dsack_dups) + size_of::<u32>();
const WINDOW_LEN: usize = offset_of!(libc::tcp_info, tcpi_snd_wnd) + size_of::<u32>();

/// Asks the kernel once; each later call returns the same.
pub(crate) fn tcp_info() -> TcpInfo {
    static FOUND: OnceLock<TcpInfo> = OnceLock::new();
    if let Some(found) = FOUND.get() {
        return *found;
    }
    match found() {
        Ok(found) => *FOUND.get_or_init(|| found),
        // There was no free descriptor. This may be temporary, so the next call asks again. Each sample has its own
        // length.
        Err(_) => TcpInfo {
            fields: TcpInfoFields::Window,
            is_tested: false,
        },
    }
}

/// The part that an answer of this length can have.
pub(super) fn by_len(len: usize) -> TcpInfoFields {
    match len {
        WINDOW_LEN.. => TcpInfoFields::Window,
        LOSSES_LEN.. => TcpInfoFields::Losses,
        COUNTERS_LEN.. => TcpInfoFields::Counters,
        1.. => TcpInfoFields::State,
        0 => TcpInfoFields::Nothing,
    }
}

fn found() -> io::Result<TcpInfo> {
    let loopback = [Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
    let ends = loopback.into_iter().find_map(|ip| exchange(ip).ok());
    // The counters of a Multipath TCP socket are those of one of its paths.
    if let Some([_, server]) = ends.as_ref().filter(|[_, server]| is_tcp(borrow(server))) {
        return Ok(TcpInfo {
            fields: info(borrow(server))
                .map_or(TcpInfoFields::Nothing, |(raw, len)| shown(&raw, len)),
            is_tested: true,
        });
    }
    Ok(TcpInfo {
        fields: info(borrow(&tcp_socket()?)).map_or(TcpInfoFields::Nothing, |(_, len)| by_len(len)),
        is_tested: false,
    })
}

/// The part that the answer for our end of [`exchange`] shows.
fn shown(raw: &libc::tcp_info, len: usize) -> TcpInfoFields {
    let counts = raw.tcpi_bytes_received == RECEIVED
        && raw.tcpi_bytes_acked >= ACKED
        && raw.tcpi_segs_in > 0;
    let limit = match (counts, raw.tcpi_snd_wnd) {
        (true, 1..) => TcpInfoFields::Window,
        (true, 0) => TcpInfoFields::Losses,
        (false, _) if raw.tcpi_state == CLOSE_WAIT => TcpInfoFields::State,
        (false, _) => TcpInfoFields::Nothing,
    };
    by_len(len).min(limit)
}

/// Connects to this process itself. Both ends have read what the other sent, and the first end has closed its side.
fn exchange(ip: IpAddr) -> io::Result<[TcpStream; 2]> {
    let listener = TcpListener::bind((ip, 0))?;
    let mut client = TcpStream::connect_timeout(&listener.local_addr()?, PATIENCE)?;
    let mut server = accept(&listener, client.local_addr()?)?;
    for end in [&client, &server] {
        end.set_read_timeout(Some(PATIENCE))?;
    }
    client.write_all(&QUESTION)?;
    server.read_exact(&mut [0; QUESTION.len()])?;
    server.write_all(&ANSWER)?;
    client.read_exact(&mut [0; ANSWER.len()])?;
    // The acknowledgement of the answer comes at the latest with this FIN.
    client.shutdown(Shutdown::Write)?;
    match server.read(&mut [0; 1])? {
        0 => Ok([client, server]),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

/// Accepts the connection from `client`, and drops connections from other programs.
fn accept(listener: &TcpListener, client: SocketAddr) -> io::Result<TcpStream> {
    listener.set_nonblocking(true)?;
    let deadline = Instant::now() + PATIENCE;
    loop {
        match listener.accept() {
            Ok((stream, from)) if from == client => {
                stream.set_nonblocking(false)?;
                return Ok(stream);
            }
            Err(error) if error.kind() != ErrorKind::WouldBlock => return Err(error),
            Ok(_) | Err(_) if Instant::now() > deadline => return Err(ErrorKind::TimedOut.into()),
            Ok(_) | Err(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::zeroed;

    /// The answer of a kernel that fills in everything.
    fn complete() -> libc::tcp_info {
        let mut raw: libc::tcp_info = zeroed();
        raw.tcpi_state = CLOSE_WAIT;
        raw.tcpi_bytes_received = RECEIVED;
        raw.tcpi_bytes_acked = ACKED;
        raw.tcpi_segs_in = 5;
        raw.tcpi_snd_wnd = 65_536;
        raw
    }

    #[test]
    fn a_length_ends_where_the_kernels_of_its_time_ended() {
        for (len, fields) in [
            (0, TcpInfoFields::Nothing),
            (104, TcpInfoFields::State),    // Linux 3.10
            (136, TcpInfoFields::State),    // 4.1
            (160, TcpInfoFields::Counters), // 4.6
            (192, TcpInfoFields::Counters), // 4.14
            (224, TcpInfoFields::Losses),   // 4.19
            (232, TcpInfoFields::Window),   // 5.4
            (280, TcpInfoFields::Window),   // 6.18
        ] {
            assert_eq!(by_len(len), fields, "{len}");
        }
    }

    #[test]
    fn a_field_counts_only_if_it_shows_what_was_sent() {
        type Change = fn(&mut libc::tcp_info);
        let rows: [(&str, Change, TcpInfoFields); 8] = [
            ("all", |_| {}, TcpInfoFields::Window),
            (
                "no window",
                |raw| raw.tcpi_snd_wnd = 0,
                TcpInfoFields::Losses,
            ),
            (
                "no segments",
                |raw| raw.tcpi_segs_in = 0,
                TcpInfoFields::State,
            ),
            (
                "nothing acknowledged",
                |raw| raw.tcpi_bytes_acked = 0,
                TcpInfoFields::State,
            ),
            (
                "no bytes",
                |raw| raw.tcpi_bytes_received = 0,
                TcpInfoFields::State,
            ),
            (
                "the FIN is not counted",
                |raw| raw.tcpi_bytes_received -= 1,
                TcpInfoFields::State,
            ),
            (
                "nor the state",
                |raw| (raw.tcpi_bytes_received, raw.tcpi_state) = (0, 1),
                TcpInfoFields::Nothing,
            ),
            ("nothing", |raw| *raw = zeroed(), TcpInfoFields::Nothing),
        ];
        for (what, change, fields) in rows {
            let mut raw = complete();
            change(&mut raw);
            assert_eq!(shown(&raw, size_of_val(&raw)), fields, "{what}");
            assert_eq!(
                shown(&raw, COUNTERS_LEN),
                fields.min(TcpInfoFields::Counters),
                "{what}"
            );
        }
    }

    #[test]
    fn this_kernel_is_tested_and_the_answer_stays() {
        let found = tcp_info();
        assert!(found.is_tested, "{found:?}");
        assert_eq!(tcp_info(), found);
    }

    #[test]
    fn an_address_that_reaches_nobody_is_no_loopback() {
        let unassigned = Ipv4Addr::new(192, 0, 2, 1);
        assert!(exchange(unassigned.into()).is_err());
    }
}
