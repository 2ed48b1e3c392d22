//! Makes the TCP connection, and sets all options of the socket before its first byte.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lastword_keepalive::Profile;
use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};

use crate::race::{interleaved, race};
use crate::winners::Winners;
use crate::{Attempt, AttemptError, DialError, ServerAddr};

/// The local address, the timeout and the profile for new connections.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Dial {
    pub(crate) connect_timeout: Duration,
    pub(crate) local_ip: Option<IpAddr>,
    pub(crate) profile: Profile,
}

impl Dial {
    /// Connects to the first of the server's addresses that answers. The address that let us in last is tried first.
    pub(crate) async fn open(
        &self,
        server: &ServerAddr,
        winners: &Winners,
    ) -> Result<(SocketAddr, TcpStream), DialError> {
        let deadline = Instant::now() + self.connect_timeout;
        let mut addrs = interleaved(&self.resolve(server, deadline).await?);
        winners.order(server, &mut addrs);
        self.open_one_of(server, addrs, deadline).await
    }

    async fn open_one_of(
        &self,
        server: &ServerAddr,
        addrs: Vec<SocketAddr>,
        deadline: Instant,
    ) -> Result<(SocketAddr, TcpStream), DialError> {
        let (ours, others): (Vec<_>, Vec<_>) = addrs
            .into_iter()
            .partition(|addr| self.is_of_our_family(*addr));
        if ours.is_empty() {
            let attempts = others.into_iter().map(|addr| Attempt {
                addr,
                error: AttemptError::OtherFamily,
            });
            return Err(self.failed(server, attempts.collect()));
        }
        race(ours, deadline, |addr| self.attempt(addr))
            .await
            .map_err(|attempts| self.failed(server, attempts))
    }

    async fn resolve(
        &self,
        server: &ServerAddr,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>, DialError> {
        let resolved = timeout_at(deadline, server.resolve()).await;
        let resolved = resolved.unwrap_or_else(|_| {
            let words = format!(
                "the resolver did not answer within {:?}",
                self.connect_timeout
            );
            Err(io::Error::new(io::ErrorKind::TimedOut, words))
        });
        resolved.map_err(|source| DialError::Resolve {
            host: server.host(),
            source,
        })
    }

    fn is_of_our_family(&self, addr: SocketAddr) -> bool {
        self.local_ip
            .is_none_or(|ip| ip.is_ipv4() == addr.is_ipv4())
    }

    async fn attempt(&self, addr: SocketAddr) -> Result<TcpStream, AttemptError> {
        let socket = self.socket(addr).map_err(AttemptError::Socket)?;
        let connected = socket.connect(addr).await;
        connected
            .and_then(lastword_transport::refuse_self_connection)
            .map_err(AttemptError::Connect)
    }

    fn failed(&self, server: &ServerAddr, mut attempts: Vec<Attempt>) -> DialError {
        let is_local = |attempt: &Attempt| matches!(attempt.error, AttemptError::Socket(_));
        if attempts.iter().all(is_local) {
            if let Some(AttemptError::Socket(source)) = attempts.pop().map(|last| last.error) {
                return DialError::Socket(source);
            }
        }
        let server = server.clone();
        let is_unanswered = |attempt: &Attempt| matches!(attempt.error, AttemptError::NoAnswer);
        if attempts.iter().any(is_unanswered) {
            let after = self.connect_timeout;
            return DialError::ConnectTimedOut {
                server,
                after,
                attempts,
            };
        }
        DialError::Connect { server, attempts }
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

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// Connects as if to a name with these addresses.
    async fn open(dial: &Dial, addrs: Vec<SocketAddr>) -> Result<SocketAddr, DialError> {
        let server = ServerAddr::from(("eu.example.net", 7000));
        let deadline = Instant::now() + dial.connect_timeout;
        let opened = dial.open_one_of(&server, addrs, deadline).await;
        opened.map(|(addr, _)| addr)
    }

    #[tokio::test]
    async fn a_server_of_one_family_is_found_whichever_comes_first() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let v4 = listener.local_addr().unwrap();
        let v6 = SocketAddr::new([0, 0, 0, 0, 0, 0, 0, 1].into(), v4.port());
        let dial = Dial::default();
        let start = Instant::now();
        for addrs in [vec![v6, v4], vec![v4, v6]] {
            assert_eq!(open(&dial, addrs).await.unwrap(), v4);
        }
        assert!(start.elapsed() < Duration::from_secs(4), "{start:?}");
    }

    #[tokio::test]
    async fn addresses_of_another_family_than_ours_are_not_tried() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let v4 = listener.local_addr().unwrap();
        let dial = Dial {
            local_ip: Some([0, 0, 0, 0, 0, 0, 0, 1].into()),
            ..Dial::default()
        };
        let error = open(&dial, vec![v4]).await.unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "cannot connect to eu.example.net:7000: {v4}: the local address to connect from is of the other \
                    family (IPv4 or IPv6)"
            )
        );
    }
}
