//! A server that a test controls, one frame at a time.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use lastword_client::{Client, Connector, DialError};
use lastword_session::wire::{self, Extensions, HEADER_LEN, Header, Kind, Welcome};
use lastword_session::{Framing, encode_data};
use tokio::io::AsyncReadExt;
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};

use crate::within;

/// The heartbeat and the dead limit in a puppet's welcome, in ms; 0 for none.
pub(crate) type Timing = (u32, u32);

/// One frame of the wire.
#[derive(Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) kind: Kind,
    pub(crate) payload: Bytes,
}

pub(crate) struct Puppet {
    stream: TcpStream,
    read: BytesMut,
}

impl Puppet {
    /// Listens on a port of loopback, where connections wait in the backlog.
    pub(crate) async fn port() -> (TcpListener, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let addr = listener.local_addr().expect("it is bound");
        (listener, addr)
    }

    pub(crate) async fn accept(listener: &TcpListener) -> Self {
        let (stream, _) = within("a connection", listener.accept())
            .await
            .expect("it is sound");
        Self {
            stream,
            read: BytesMut::new(),
        }
    }

    /// Accepts and welcomes a client.
    pub(crate) async fn welcomes(
        connector: &Connector,
        timing: Timing,
    ) -> Result<(Client, Self), DialError> {
        let (listener, addr) = Self::port().await;
        let (client, puppet) = tokio::join!(connector.connect(addr, "alice"), async {
            let mut puppet = Self::accept(&listener).await;
            assert_eq!(puppet.reads().await.expect("a hello").kind, Kind::Hello);
            puppet.writes(&welcome(timing)).await;
            puppet
        });
        Ok((client?, puppet))
    }

    /// Reads the next frame; `None` after the client's FIN.
    pub(crate) async fn reads(&mut self) -> Option<Frame> {
        self.reads_or_fails().await.expect("no error")
    }

    /// The same, where the client may reset the connection.
    pub(crate) async fn reads_or_fails(&mut self) -> io::Result<Option<Frame>> {
        loop {
            if let Some(frame) = self.next_frame() {
                return Ok(Some(frame));
            }
            let read = self.stream.read_buf(&mut self.read);
            if within("a frame", read).await? == 0 {
                assert!(self.read.is_empty(), "the client stopped inside a frame");
                return Ok(None);
            }
        }
    }

    fn next_frame(&mut self) -> Option<Frame> {
        let header = Header::decode(*self.read.first_chunk::<HEADER_LEN>()?);
        let len = usize::try_from(header.len).expect("a length");
        if self.read.len() < HEADER_LEN + len {
            return None;
        }
        self.read.advance(HEADER_LEN);
        Some(Frame {
            kind: Kind::from_byte(header.kind).expect("a kind of the wire"),
            payload: self.read.split_to(len).freeze(),
        })
    }

    pub(crate) async fn writes(&mut self, bytes: &[u8]) {
        within("a write", self.stream.write_all(bytes))
            .await
            .expect("it is taken");
    }

    /// Ends the connection with a FIN.
    pub(crate) async fn shuts(&mut self) {
        self.stream.shutdown().await.expect("it is open");
    }

    /// Ends the connection with a reset.
    pub(crate) fn resets(self) {
        socket2::SockRef::from(&self.stream)
            .set_linger(Some(Duration::ZERO))
            .expect("a socket has this option");
    }
}

/// Encodes a frame of the game for the wire.
pub(crate) fn data(payload: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_data(&Framing::Native, payload, &mut bytes);
    bytes
}

fn welcome((heartbeat_ms, dead_ms): Timing) -> Vec<u8> {
    let mut bytes = Vec::new();
    Welcome {
        version: wire::VERSION,
        resumed: false,
        session: *b"a session's name",
        connection: 1,
        received: 0,
        heartbeat_ms,
        dead_ms,
        resume_window_ms: 0,
        frame_limit: 64 * 1024,
        token: &[],
        extensions: Extensions::EMPTY,
    }
    .encode(&mut bytes);
    bytes
}
