//! A raw connection: reads and writes single frames, and closes its socket in every way.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lastword_session::wire::{HEADER_LEN, Header, Kind};
use socket2::SockRef;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::Fault;
use crate::speech::FRAME_LIMIT;

/// A raw connection to a server.
#[derive(Debug)]
pub(crate) struct Raw {
    stream: BufReader<TcpStream>,
}

/// A frame that was received.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Frame {
    pub(crate) kind: Option<Kind>,
    pub(crate) payload: Vec<u8>,
}

/// The first answer of a server.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum First {
    Frame(Frame),
    Http,
    /// Bytes that cannot begin an answer.
    Foreign,
    /// The end, before a whole frame.
    End,
}

impl Raw {
    /// Connects from this address, or from an address of the system's choice.
    pub(crate) async fn connect(home: Option<IpAddr>, server: SocketAddr) -> io::Result<Self> {
        let socket = if server.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if let Some(home) = home {
            socket.bind(SocketAddr::new(home, 0))?;
        }
        let stream = socket.connect(server).await?;
        stream.set_nodelay(true)?;
        Ok(Self {
            stream: BufReader::new(stream),
        })
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.get_ref().local_addr()
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.stream.get_mut().write_all(bytes).await;
        written.map_err(|source| Fault::Io {
            step: "writing",
            source,
        })
    }

    /// Reads the answer to a hello.
    pub(crate) async fn first_frame(&mut self) -> First {
        let head = match self.stream.fill_buf().await {
            Ok(bytes) if !bytes.is_empty() => bytes,
            Ok(_) | Err(_) => return First::End,
        };
        if head.starts_with(b"HTTP/") {
            return First::Http;
        }
        let is_first_kind = |kind: &u8| {
            [Kind::Welcome, Kind::Goodbye]
                .map(Kind::to_byte)
                .contains(kind)
        };
        if head
            .get(HEADER_LEN - 1)
            .is_some_and(|kind| !is_first_kind(kind))
        {
            return First::Foreign;
        }
        self.frame().await.map_or(First::End, First::Frame)
    }

    /// Reads the next frame; `None` at the end, even if it is a reset.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        let mut header = [0; HEADER_LEN];
        self.stream.read_exact(&mut header).await.ok()?;
        let Header { len, kind } = Header::decode(header);
        if len > FRAME_LIMIT {
            return None;
        }
        let mut payload = vec![0; usize::try_from(len).ok()?];
        self.stream.read_exact(&mut payload).await.ok()?;
        let kind = Kind::from_byte(kind);
        Some(Frame { kind, payload })
    }

    /// Waits until the kernel has bytes to read, and leaves them there.
    pub(crate) async fn until_readable(&self) -> Result<(), Fault> {
        let peeked = self.stream.get_ref().peek(&mut [0]).await;
        peeked.map(drop).map_err(|source| Fault::Io {
            step: "waiting for an answer",
            source,
        })
    }

    /// Shuts the write side.
    pub(crate) async fn finish(&mut self) -> Result<(), Fault> {
        let shut = self.stream.get_mut().shutdown().await;
        shut.map_err(|source| Fault::Io {
            step: "shutting the write side",
            source,
        })
    }

    /// Closes with a reset.
    pub(crate) fn reset(self) -> Result<(), Fault> {
        let set = SockRef::from(self.stream.get_ref()).set_linger(Some(Duration::ZERO));
        set.map_err(|source| Fault::Io {
            step: "setting SO_LINGER",
            source,
        })
    }

    /// Makes the kernel hold back later bytes until they fill a segment or the connection is closed. The FIN is then
    /// in the same segment as the last byte, so no answer can come before it.
    pub(crate) fn hold_back(&self) -> Result<(), Fault> {
        #[cfg(target_os = "linux")]
        SockRef::from(self.stream.get_ref())
            .set_tcp_cork(true)
            .map_err(|source| Fault::Io {
                step: "setting TCP_CORK",
                source,
            })?;
        Ok(())
    }
}
