//! Making the TCP connection: everything that is decided about a socket before its first byte.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lastword_keepalive::Profile;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};

use crate::DialError;

/// From where and how patiently connections are made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dial {
    pub(crate) connect_timeout: Duration,
    pub(crate) local_ip: Option<IpAddr>,
    pub(crate) profile: Profile,
}

impl Dial {
    pub(crate) async fn open(&self, addr: SocketAddr) -> Result<TcpStream, DialError> {
        let socket = self.socket(addr).map_err(DialError::Socket)?;
        match tokio::time::timeout(self.connect_timeout, socket.connect(addr)).await {
            Ok(connected) => connected.map_err(|source| DialError::Connect { addr, source }),
            Err(_) => Err(DialError::ConnectTimedOut {
                addr,
                after: self.connect_timeout,
            }),
        }
    }

    /// The options are set before the handshake, so that they hold from the first segment on.
    fn socket(&self, addr: SocketAddr) -> io::Result<TcpSocket> {
        let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_nonblocking(true)?;
        lastword_transport::tune(&socket, &self.profile.knobs())?;
        if let Some(ip) = self.local_ip {
            socket.bind(&SocketAddr::new(ip, 0).into())?;
        }
        Ok(TcpSocket::from_std_stream(socket.into()))
    }
}

impl Default for Dial {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_secs(5),
            local_ip: None,
            profile: Profile::default(),
        }
    }
}
