//! The socket of one connection of the load generator, with TLS above it or without.

use std::io::{self, ErrorKind, Read, Write};
use std::net::TcpStream as BlockingStream;
use std::sync::Arc;

use anyhow::{Context, Result};
use mio::net::TcpStream;
use rustls::{ClientConfig, ClientConnection};

use crate::tls;

/// A connection that is being made: it blocks.
pub(super) struct Opening {
    stream: BlockingStream,
    tls: Option<Box<ClientConnection>>,
}

/// A connection whose reads and writes do not block.
pub(super) struct Stream {
    socket: TcpStream,
    tls: Option<Box<ClientConnection>>,
}

impl Opening {
    /// With a configuration, does the handshake.
    pub(super) fn over(
        mut stream: BlockingStream,
        config: Option<&Arc<ClientConfig>>,
    ) -> Result<Self> {
        let Some(config) = config else {
            return Ok(Self { stream, tls: None });
        };
        let mut tls = Box::new(tls::connection(config)?);
        while tls.is_handshaking() {
            tls.complete_io(&mut stream)
                .context("in the handshake of TLS")?;
        }
        Ok(Self {
            stream,
            tls: Some(tls),
        })
    }

    pub(super) fn nonblocking(self) -> Result<Stream> {
        self.stream.set_nonblocking(true)?;
        Ok(Stream {
            socket: TcpStream::from_std(self.stream),
            tls: self.tls,
        })
    }

    fn io(&mut self) -> impl Read + Write + '_ {
        Either(self.tls.as_deref_mut(), &mut self.stream)
    }
}

impl Read for Opening {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.io().read(buffer)
    }
}

impl Write for Opening {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.io().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.io().flush()
    }
}

impl Stream {
    /// The socket, to be registered.
    pub(super) fn socket(&mut self) -> &mut TcpStream {
        &mut self.socket
    }

    /// Reads as many bytes as there are. With TLS a read that does not fill the buffer may have left some in the socket.
    pub(super) fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return self.socket.read(buffer);
        };
        loop {
            match tls.reader().read(buffer) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                read => return read,
            }
            if tls.read_tls(&mut self.socket)? == 0 {
                return Ok(0);
            }
            tls.process_new_packets().map_err(io::Error::other)?;
        }
    }

    /// Whether a read that does not fill the buffer has emptied the socket.
    pub(super) fn ends_short(&self) -> bool {
        self.tls.is_none()
    }

    /// Writes as many bytes as the socket takes. TLS takes all of them: call it again once the socket is writable.
    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let Some(tls) = &mut self.tls else {
            return match bytes.is_empty() {
                true => Ok(0),
                false => self.socket.write(bytes),
            };
        };
        tls.writer().write_all(bytes)?;
        while tls.wants_write() {
            match tls.write_tls(&mut self.socket) {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(bytes.len())
    }
}

/// A blocking stream, with TLS or without.
struct Either<'a>(Option<&'a mut ClientConnection>, &'a mut BlockingStream);

impl Read for Either<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(tls) => rustls::Stream::new(*tls, self.1).read(buffer),
            None => self.1.read(buffer),
        }
    }
}

impl Write for Either<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match &mut self.0 {
            Some(tls) => rustls::Stream::new(*tls, self.1).write(bytes),
            None => self.1.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.0 {
            Some(tls) => rustls::Stream::new(*tls, self.1).flush(),
            None => self.1.flush(),
        }
    }
}
