//! Finds connections of a socket to itself.

use std::io;
use std::time::Duration;

use socket2::SockRef;
use tokio::net::TcpStream;

/// Returns a stream that was just connected, unless it is connected to itself.
///
/// If no program listens on a local port of the ephemeral range, the system may choose that port for the socket that
/// connects to it. Both ends of the connection are then this one socket (simultaneous open, RFC 9293 section 3.5). Such a
/// socket is closed with a reset: it would hold the port for a minute, and the server could not start.
///
/// # Errors
/// [`io::ErrorKind::ConnectionRefused`], as from a port where no program listens.
pub fn refuse_self_connection(stream: TcpStream) -> io::Result<TcpStream> {
    let own = stream.local_addr();
    let is_own = own.is_ok_and(|own| stream.peer_addr().is_ok_and(|peer| peer == own));
    if !is_own {
        return Ok(stream);
    }
    SockRef::from(&stream).set_linger(Some(Duration::ZERO))?;
    Err(io::ErrorKind::ConnectionRefused.into())
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

    use socket2::{Domain, Protocol, Socket, Type};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_to_itself_is_refused_and_leaves_its_port_free() {
        for ip in [
            SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            SocketAddr::from((Ipv6Addr::LOCALHOST, 0)),
        ] {
            let socket = || Socket::new(Domain::for_address(ip), Type::STREAM, Some(Protocol::TCP));
            let connected = socket().unwrap();
            connected.bind(&ip.into()).unwrap();
            let own = connected.local_addr().unwrap();
            connected.connect(&own).unwrap();
            connected.set_nonblocking(true).unwrap();
            let stream = TcpStream::from_std(connected.into()).unwrap();
            let error = refuse_self_connection(stream).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            socket().unwrap().bind(&own).unwrap();
        }
    }

    #[tokio::test]
    async fn a_connection_to_another_socket_is_passed_on() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let addr = listener.local_addr().unwrap();
        let stream = TcpStream::connect(addr).await.unwrap();
        let stream = refuse_self_connection(stream).unwrap();
        assert_eq!(stream.peer_addr().unwrap(), addr);
    }
}
