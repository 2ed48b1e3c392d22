//! Our bare socket: it reports each call's result as the kernel gives it.

use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;

use lastword_load::peer::{Order, PATIENCE, Peer, until};
use lastword_sys::{KernelSample, borrow, sample};

use super::peer::{serve, start};
use crate::cases::observed::Returned;

/// A connection between two processes, without the layer.
#[derive(Debug)]
pub(super) struct Socket {
    stream: TcpStream,
    /// The same socket as a file. Unlike `send` in `std`, its `write(2)` has no flag that suppresses `SIGPIPE`.
    file: File,
}

impl Socket {
    /// Accepts a connection from the other process.
    pub(super) fn accept_from(peer: &mut Peer, at: IpAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind((at, 0))?;
        peer.ask(Order::Connect(listener.local_addr()?))?;
        Self::new(listener.accept()?.0)
    }

    /// Starts another process and accepts its connection, on loopback.
    pub(super) fn accepted() -> anyhow::Result<(Self, Peer)> {
        let mut peer = start()?;
        let socket = Self::accept_from(&mut peer, Ipv4Addr::LOCALHOST.into())?;
        Ok((socket, peer))
    }

    /// Starts another process that accepts, and connects to it.
    pub(super) fn connected() -> anyhow::Result<(Self, Peer)> {
        let (mut peer, addr): (Peer, SocketAddr) = serve()?;
        let socket = Self::new(TcpStream::connect_timeout(&addr, PATIENCE)?)?;
        peer.ask(Order::Accept)?;
        Ok((socket, peer))
    }

    fn new(stream: TcpStream) -> anyhow::Result<Self> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        let file = File::from(OwnedFd::from(stream.try_clone()?));
        Ok(Self { stream, file })
    }

    /// Reads until the result is 0. It reads on after an error, which the kernel reports only once.
    pub(super) fn recv_to_the_end(&mut self) -> Vec<Returned> {
        let (mut read, mut calls) = (0, Vec::new());
        while !matches!(calls.last(), Some(Returned::End | Returned::Nothing)) {
            let returned = self.recv();
            if let Returned::Bytes(bytes) = returned {
                read += bytes;
            } else {
                calls.push(returned);
            }
        }
        if read > 0 {
            calls.insert(0, Returned::Bytes(read));
        }
        calls
    }

    /// Reads all the bytes that are there now, or up to the end of the stream.
    pub(super) fn recv_what_there_is(&mut self) -> io::Result<Vec<Returned>> {
        self.stream.set_nonblocking(true)?;
        Ok(self.recv_to_the_end())
    }

    /// Reads once.
    fn recv(&mut self) -> Returned {
        match self.stream.read(&mut [0; 65_536]) {
            Ok(0) => Returned::End,
            Ok(n) => Returned::Bytes(u64::try_from(n).unwrap_or(u64::MAX)),
            Err(error) => returned(&error),
        }
    }

    /// Sends a few bytes with `write(2)`.
    pub(super) fn send(&mut self) -> Returned {
        let written = self.file.write_all(b"news");
        written.map_or_else(|error| returned(&error), |()| Returned::Sent)
    }

    /// Waits until the peer's FIN has arrived, without consuming an error.
    pub(super) fn until_fin(&self) -> io::Result<()> {
        until("a FIN arrives", || Ok(self.sample()?.state == CLOSE_WAIT))
    }

    /// Waits until a reset has arrived.
    pub(super) fn until_dead(&self) -> io::Result<()> {
        until("a reset arrives", || Ok(self.sample()?.is_closed()))
    }

    /// Waits until the other kernel has acknowledged all that was sent.
    pub(super) fn until_acknowledged(&self) -> io::Result<()> {
        until("an acknowledgement", || Ok(self.sample()?.outq == 0))
    }

    /// Waits until the oldest unacknowledged bytes were retransmitted this many times.
    pub(super) fn until_retransmitted(&self, times: u8) -> io::Result<()> {
        until(
            "retransmissions",
            || Ok(self.sample()?.retransmits >= times),
        )
    }

    /// Returns how many bytes lie in our kernel.
    pub(super) fn held(&self) -> Option<u64> {
        let sample = self.sample().ok()?;
        Some(u64::from(sample.inq))
    }

    fn sample(&self) -> io::Result<KernelSample> {
        Ok(sample(borrow(&self.stream)).ok_or(io::ErrorKind::Unsupported)?)
    }
}

fn returned(error: &io::Error) -> Returned {
    match error.raw_os_error() {
        Some(code) if error.kind() != io::ErrorKind::WouldBlock => Returned::Errno(code),
        _ => Returned::Nothing,
    }
}

/// `TCP_CLOSE_WAIT`.
const CLOSE_WAIT: u8 = 8;
