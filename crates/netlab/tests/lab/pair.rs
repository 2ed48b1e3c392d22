//! One TCP connection across the lab.

use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, TcpListener, TcpStream};
use std::time::Duration;

use lastword_netlab::{Host, Lab, Outcome};

/// A connection from the client to the server, with both of its ends.
pub(crate) struct Pair {
    pub(crate) client: TcpStream,
    pub(crate) server: TcpStream,
}

impl Pair {
    pub(crate) fn connect(lab: &Lab) -> io::Result<Self> {
        Self::connect_to(lab, lab.addr(Host::Server))
    }

    /// Connects to this address of the server.
    pub(crate) fn connect_to(lab: &Lab, addr: IpAddr) -> io::Result<Self> {
        let listener = lab.on(Host::Server, || TcpListener::bind((addr, 0)))?;
        let server_addr = listener.local_addr()?;
        let client = lab.on(Host::Client, || {
            TcpStream::connect_timeout(&server_addr, TIMEOUT)
        })?;
        let (server, _) = listener.accept()?;
        client.set_read_timeout(Some(TIMEOUT))?;
        server.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { client, server })
    }

    pub(crate) fn end(&mut self, host: Host) -> &mut TcpStream {
        match host {
            Host::Server => &mut self.server,
            Host::Client => &mut self.client,
        }
    }

    pub(crate) fn round_trip(&mut self) -> Outcome {
        self.client.write_all(b"ping")?;
        assert_eq!(read_four(&mut self.server)?, *b"ping");
        self.server.write_all(b"pong")?;
        assert_eq!(read_four(&mut self.client)?, *b"pong");
        Ok(())
    }
}

pub(crate) fn read_four(stream: &mut TcpStream) -> io::Result<[u8; 4]> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

pub(crate) fn is_silent(stream: &TcpStream) -> io::Result<bool> {
    stream.set_read_timeout(Some(SILENCE))?;
    let heard = peek(stream);
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(kind(heard) == Some(ErrorKind::WouldBlock))
}

/// Waits for something to read. A program of the lab that ends interrupts the call, as [`Lab`] says.
pub(crate) fn peek(stream: &TcpStream) -> io::Result<usize> {
    loop {
        match stream.peek(&mut [0]) {
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            heard => return heard,
        }
    }
}

pub(crate) fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

/// Long enough for data that must arrive.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than the first retransmissions take.
pub(crate) const SILENCE: Duration = Duration::from_millis(500);
