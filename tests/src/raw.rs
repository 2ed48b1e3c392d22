//! A client that sends raw bytes and can leave in every possible way.

use std::net::SocketAddr;
use std::time::Duration;

use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use crate::{kind, wire, within};

/// A raw connection to a server.
#[derive(Debug)]
pub struct Raw {
    /// The socket, for any use by the test.
    pub stream: TcpStream,
}

impl Raw {
    /// Connects.
    pub async fn connect(addr: SocketAddr) -> Self {
        let stream = within("connect", TcpStream::connect(addr))
            .await
            .expect("connect");
        stream.set_nodelay(true).expect("nodelay");
        Self { stream }
    }

    /// Connects with a receive buffer of this size, so that the server soon finds the window closed.
    pub async fn connect_small(addr: SocketAddr, receive_buffer: u32) -> Self {
        let socket = TcpSocket::new_v4().expect("socket");
        socket
            .set_recv_buffer_size(receive_buffer)
            .expect("SO_RCVBUF");
        let stream = within("connect", socket.connect(addr))
            .await
            .expect("connect");
        Self { stream }
    }

    /// Connects, says hello as `name` and reads the welcome.
    pub async fn join(addr: SocketAddr, name: &str) -> Self {
        let mut raw = Self::connect(addr).await;
        raw.enter(name).await;
        raw
    }

    /// Says hello as `name` and reads the welcome.
    pub async fn enter(&mut self, name: &str) {
        self.write(&wire::hello(name.as_bytes())).await;
        let (kind, _) = self.frame().await.expect("an answer to hello");
        assert_eq!(kind, kind::WELCOME, "the server's first frame is welcome");
    }

    /// Writes bytes.
    pub async fn write(&mut self, bytes: &[u8]) {
        within("write", self.stream.write_all(bytes))
            .await
            .expect("write");
    }

    /// Reads the next frame; `None` at the end, or after an error.
    pub async fn frame(&mut self) -> Option<(u8, Vec<u8>)> {
        within("a frame", async {
            let header = self.stream.read_u32().await.ok()?;
            let [_, _, _, kind] = header.to_be_bytes();
            let mut payload = vec![0; usize::try_from(header >> 8).expect("a length fits")];
            self.stream.read_exact(&mut payload).await.ok()?;
            Some((kind, payload))
        })
        .await
    }

    /// Reads frames until the end. Returns the code of the goodbye among them, if there is one.
    pub async fn goodbye_code(&mut self) -> Option<u16> {
        let mut code = None;
        while let Some((kind, payload)) = self.frame().await {
            if let (kind::GOODBYE, [_, high, low, ..]) = (kind, payload.as_slice()) {
                code = Some(u16::from_be_bytes([*high, *low]));
            }
        }
        code
    }

    /// Reads frames until the echo of `payload`.
    pub async fn echo(&mut self, payload: &[u8]) {
        self.write(&wire::data(payload)).await;
        while let Some((kind, echoed)) = self.frame().await {
            if kind == kind::DATA && echoed == payload {
                return;
            }
        }
        panic!("no echo");
    }

    /// Shuts the write side: the peer reads a FIN.
    pub async fn fin(&mut self) {
        within("shutdown", self.stream.shutdown())
            .await
            .expect("shutdown");
    }

    /// Closes.
    pub fn drop_now(self) {}

    /// Closes with a reset.
    pub fn reset(self) {
        SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("SO_LINGER");
    }

    /// Waits until unread bytes are there, without reading them.
    pub async fn until_readable(&self) {
        let peeked = within("bytes to read", self.stream.peek(&mut [0]))
            .await
            .expect("peek");
        assert!(peeked > 0, "bytes, not the end");
    }
}
