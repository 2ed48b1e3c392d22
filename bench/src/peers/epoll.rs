//! The limit: an edge-triggered epoll loop with one read buffer for all sessions, and nothing above it.

use std::io::{self, ErrorKind, Read, Write};
use std::net::SocketAddr;

use anyhow::{Context, Result};
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};
use slab::Slab;

use crate::report::Report;
use crate::wire::Framing;

const READ_BUFFER_BYTES: usize = 64 * 1024;
const LISTENER: Token = Token(usize::MAX);

/// Serves until the process ends.
pub(super) fn serve(listen: SocketAddr) -> Result<()> {
    let mut listener = TcpListener::bind(listen).context("cannot listen")?;
    let mut poll = Poll::new()?;
    poll.registry()
        .register(&mut listener, LISTENER, Interest::READABLE)?;
    Report::Listening {
        addr: listener.local_addr()?,
    }
    .print()?;
    let mut events = Events::with_capacity(1024);
    let mut buffer = vec![0; READ_BUFFER_BYTES];
    let mut sessions = Slab::<Session>::new();
    loop {
        match poll.poll(&mut events, None) {
            Ok(()) => {}
            // A tracer that attaches interrupts the wait; `events` is then empty.
            Err(error) if error.kind() == ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).context("cannot wait for events"),
        }
        for event in &events {
            if event.token() == LISTENER {
                accept_all(&poll, &listener, &mut sessions)?;
                continue;
            }
            let Token(key) = event.token();
            let open = match sessions.get_mut(key) {
                Some(session) => session.echo(&mut buffer, event.is_read_closed()),
                None => continue,
            };
            if !matches!(open, Ok(true)) {
                sessions.remove(key);
            }
        }
    }
}

fn accept_all(poll: &Poll, listener: &TcpListener, sessions: &mut Slab<Session>) -> Result<()> {
    loop {
        let mut stream = match listener.accept() {
            Ok((stream, _)) => stream,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error).context("cannot accept"),
        };
        stream.set_nodelay(true)?;
        let entry = sessions.vacant_entry();
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry()
            .register(&mut stream, Token(entry.key()), interest)?;
        entry.insert(Session {
            stream,
            backlog: None,
        });
    }
}

struct Session {
    stream: TcpStream,
    /// Boxed because it is rare: an idle session pays one word for it.
    backlog: Option<Box<Backlog>>,
}

#[derive(Default)]
struct Backlog {
    /// The start of a frame whose rest has not arrived.
    inbound: Vec<u8>,
    /// Echoes that the socket has not taken yet.
    outbound: Vec<u8>,
}

impl Session {
    /// Echoes the data that can be read; returns `false` at the peer's FIN. `fin_seen` says that the FIN has arrived.
    fn echo(&mut self, buffer: &mut [u8], fin_seen: bool) -> io::Result<bool> {
        loop {
            if !self.flush()? {
                // Reading waits for the edge that says that the socket takes bytes again.
                return Ok(true);
            }
            let kept = self.take_partial(buffer);
            let room = buffer.get_mut(kept..).unwrap_or_default();
            let room_len = room.len();
            let read = match self.stream.read(room) {
                Ok(0) => return Ok(false),
                Ok(read) => Some(read),
                Err(error) if error.kind() == ErrorKind::WouldBlock => None,
                Err(error) => return Err(error),
            };
            let bytes = buffer.get(..kept + read.unwrap_or(0)).unwrap_or_default();
            let (frames, partial) = bytes.split_at(Framing::U32.complete_len(bytes));
            if !partial.is_empty() {
                self.backlog
                    .get_or_insert_default()
                    .inbound
                    .extend_from_slice(partial);
            }
            self.write(frames)?;
            // A short read has emptied the socket: the next bytes, or the FIN, trigger a new edge.
            let drained = read.is_none_or(|read| read < room_len && !fin_seen);
            if drained {
                return Ok(true);
            }
        }
    }

    /// Moves the kept start of a frame to the front of `buffer` and returns its length.
    fn take_partial(&mut self, buffer: &mut [u8]) -> usize {
        let Some(backlog) = self.backlog.take_if(|backlog| backlog.outbound.is_empty()) else {
            return 0;
        };
        let kept = backlog.inbound.len();
        if let Some(start) = buffer.get_mut(..kept) {
            start.copy_from_slice(&backlog.inbound);
        }
        kept
    }

    fn write(&mut self, frames: &[u8]) -> io::Result<()> {
        if frames.is_empty() {
            return Ok(());
        }
        let written = match self.stream.write(frames) {
            Ok(written) => written,
            Err(error) if error.kind() == ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        if let Some(rest) = frames.get(written..).filter(|rest| !rest.is_empty()) {
            self.backlog
                .get_or_insert_default()
                .outbound
                .extend_from_slice(rest);
        }
        Ok(())
    }

    /// Writes what the socket refused before; `true` when nothing is left.
    fn flush(&mut self) -> io::Result<bool> {
        let Some(backlog) = &mut self.backlog else {
            return Ok(true);
        };
        while !backlog.outbound.is_empty() {
            match self.stream.write(&backlog.outbound) {
                Ok(written) => drop(backlog.outbound.drain(..written)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}
