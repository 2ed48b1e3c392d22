//! A raw connection: reads and writes single frames, and closes its socket in every way.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use lastword_session::wire::{Goodbye, HEADER_LEN, Kind};
use lastword_transport::refuse_self_connection;
use socket2::SockRef;
use tokio::io::{AsyncReadExt, AsyncWriteExt, copy, sink};
use tokio::net::{TcpSocket, TcpStream};

use crate::Fault;
use crate::error::NotAServer;
use crate::frames::{Frame, Frames};
use crate::last_frames::hello;

/// A raw connection.
#[derive(Debug)]
pub struct Raw {
    stream: TcpStream,
    frames: Frames,
}

impl Raw {
    /// Connects from this address, or from an address of the system's choice.
    pub(crate) async fn connect(local_ip: Option<IpAddr>, server: SocketAddr) -> io::Result<Self> {
        let socket = if server.is_ipv4() {
            TcpSocket::new_v4()?
        } else {
            TcpSocket::new_v6()?
        };
        if let Some(local_ip) = local_ip {
            socket.bind(SocketAddr::new(local_ip, 0))?;
        }
        Self::over(refuse_self_connection(socket.connect(server).await?)?)
    }

    /// Takes a connection on which nothing was read or written yet.
    ///
    /// # Errors
    /// As `setsockopt`(2).
    pub fn over(stream: TcpStream) -> io::Result<Self> {
        stream.set_nodelay(true)?;
        Ok(Self {
            stream,
            frames: Frames::default(),
        })
    }

    /// Returns the socket, and the bytes that were read from it and not taken.
    #[must_use]
    pub fn into_parts(self) -> (TcpStream, Frames) {
        (self.stream, self.frames)
    }

    pub(crate) const fn stream(&self) -> &TcpStream {
        &self.stream
    }

    pub(crate) fn local_addr(&self) -> io::Result<SocketAddr> {
        self.stream.local_addr()
    }

    pub(crate) async fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        let written = self.stream.write_all(bytes).await;
        written.map_err(|source| Fault::Io {
            step: "writing",
            source,
        })
    }

    /// Says hello, reads the welcome, and returns the welcome's payload.
    ///
    /// # Errors
    /// The server refused the player, or does not speak this protocol.
    pub async fn join(&mut self, name: &str) -> Result<Vec<u8>, Fault> {
        let mut bytes = Vec::new();
        hello(name).encode(&mut bytes);
        self.write(&bytes).await?;
        let answer = self.answer().await.map_err(Fault::NoWelcome)?;
        if answer.kind == Some(Kind::Welcome) {
            return Ok(answer.payload);
        }
        Err(Fault::Refused(goodbye_code(&answer.payload)))
    }

    /// Reads a welcome or a goodbye.
    async fn answer(&mut self) -> Result<Frame, NotAServer> {
        while self.frames.rest().len() < HEADER_LEN {
            self.read().await.ok_or(NotAServer::HungUp)?;
        }
        let head = self.frames.rest();
        if head.starts_with(b"HTTP") {
            return Err(NotAServer::Http);
        }
        // In another protocol the length may be any number, so the kind decides before the frame is whole.
        let answers = [Kind::Welcome, Kind::Goodbye].map(Kind::to_byte);
        match head.get(HEADER_LEN - 1) {
            Some(kind) if answers.contains(kind) => self.frame().await.ok_or(NotAServer::HungUp),
            _ => Err(NotAServer::OtherProtocol),
        }
    }

    /// Reads the next frame; `None` at the end, even if it is a reset.
    ///
    /// # Cancel safety
    /// If the call is dropped, it loses no byte.
    pub(crate) async fn frame(&mut self) -> Option<Frame> {
        loop {
            if let Some(frame) = self.frames.take() {
                return Some(frame);
            }
            if self.frames.is_too_long() {
                return None;
            }
            self.read().await?;
        }
    }

    async fn read(&mut self) -> Option<()> {
        let read = self.stream.read_buf(self.frames.space()).await.ok()?;
        (read > 0).then_some(())
    }

    /// Waits until the kernel has bytes to read, and leaves them there.
    pub(crate) async fn until_readable(&self) -> Result<(), Fault> {
        let peeked = self.stream.peek(&mut [0]).await;
        peeked.map(drop).map_err(|source| Fault::Io {
            step: "waiting for an answer",
            source,
        })
    }

    /// Shuts the write side.
    pub(crate) async fn finish(&mut self) -> Result<(), Fault> {
        let shut = self.stream.shutdown().await;
        shut.map_err(|source| Fault::Io {
            step: "shutting the write side",
            source,
        })
    }

    /// Reads and discards up to the end.
    pub(crate) async fn discard(&mut self) -> Result<(), Fault> {
        let read = copy(&mut self.stream, &mut sink()).await;
        read.map(drop).map_err(|source| Fault::Io {
            step: "reading to the end",
            source,
        })
    }

    /// Closes with a reset.
    pub(crate) fn reset(self) -> Result<(), Fault> {
        let set = SockRef::from(&self.stream).set_linger(Some(Duration::ZERO));
        set.map_err(|source| Fault::Io {
            step: "setting SO_LINGER",
            source,
        })
    }

    /// Makes the kernel hold back later bytes until they fill a segment or the connection is closed. The FIN is then
    /// in the same segment as the last byte, so no answer can come before it.
    pub(crate) fn hold_back(&self) -> Result<(), Fault> {
        #[cfg(target_os = "linux")]
        SockRef::from(&self.stream)
            .set_tcp_cork(true)
            .map_err(|source| Fault::Io {
                step: "setting TCP_CORK",
                source,
            })?;
        Ok(())
    }
}

/// Returns the code of a goodbye with this payload; `None` if it is malformed.
pub(crate) fn goodbye_code(payload: &[u8]) -> Option<u16> {
    Goodbye::decode(payload).ok().map(|goodbye| goodbye.code)
}
