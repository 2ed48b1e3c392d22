//! TLS by rustls, between the tap and the frames: opens the records that were read, and seals what is written. It owns no
//! buffer beyond a record that has not arrived, or not left, completely.
//!
//! ```text
//!   Waiting ── first byte ──► handshake ── finished ──► open and seal ── close_notify, either way
//!                                 └──────────┬──────────────┘
//!                                            └── bad record, alert ──► Failed: what is read is discarded
//! ```

mod alert;
mod end;
#[cfg(test)]
mod tests;

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::{Poll, ready};

use lastword_session::{Io, Records, Sealed, Taken};
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ServerConfig};

use crate::{Tap, scratch};
use end::{End, Step};

/// The TLS of one connection.
#[derive(Debug)]
pub struct Tls {
    end: End,
    /// The bytes of records that are not complete.
    rest: Vec<u8>,
    /// Sealed bytes that the kernel has not taken.
    held: Vec<u8>,
    secured: bool,
    /// The peer closed TLS: bytes behind that are discarded.
    closed: bool,
    shut: bool,
}

impl Tls {
    /// The server's side. It takes the memory of a handshake when the first byte comes.
    #[must_use]
    pub fn server(config: Arc<ServerConfig>) -> Self {
        Self::new(End::Waiting(config))
    }

    /// The client's side, for a server with this name.
    ///
    /// # Errors
    /// The configuration cannot be used, or there is no randomness.
    pub fn client(
        config: Arc<ClientConfig>,
        name: ServerName<'static>,
    ) -> Result<Self, rustls::Error> {
        let mut tls = Self::new(End::client(config, name)?);
        // The first word is the client's.
        tls.open(&mut [], &mut Vec::new());
        Ok(tls)
    }

    fn new(end: End) -> Self {
        Self {
            end,
            rest: Vec::new(),
            held: Vec::new(),
            secured: false,
            closed: false,
            shut: false,
        }
    }

    /// Whether sealed bytes wait for the kernel.
    pub(crate) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    /// Puts the bytes that were read before into the front of a buffer. Returns their number: what is read next goes
    /// behind them.
    pub(crate) fn put_rest(&self, buffer: &mut [u8]) -> usize {
        let place = buffer.get_mut(..self.rest.len());
        place.map_or(0, |place| {
            place.copy_from_slice(&self.rest);
            place.len()
        })
    }

    /// Opens the complete records in `bytes`, which begin with the rest, and appends their content to `plain`.
    pub(crate) fn open(&mut self, bytes: &mut [u8], plain: &mut Vec<u8>) -> Records {
        let mut opened = Records::default();
        let before = self.held.len();
        let mut at = 0;
        self.end.begin();
        loop {
            let unread = bytes.get_mut(at..).unwrap_or_default();
            let (discard, step) = self.end.step(unread, plain, &mut self.held);
            at += discard;
            match step {
                Step::More => {}
                Step::PeerClosed => opened.closed = true,
                Step::Blocked => break,
                Step::Failed(steps) => {
                    opened.failed = Some(steps);
                    at = bytes.len();
                    break;
                }
            }
        }
        opened.secured = !self.secured && self.end.is_secured();
        self.secured |= opened.secured;
        self.closed |= opened.closed;
        if self.closed {
            at = bytes.len();
        }
        self.rest.clear();
        self.rest
            .extend_from_slice(bytes.get(at..).unwrap_or_default());
        if self.rest.is_empty() {
            self.rest = Vec::new();
        }
        if self.rest.len() > REST_BYTES_MAX {
            opened.failed = Some(self.end.overflow(&mut self.held));
            self.rest = Vec::new();
        }
        opened.sealed = Sealed {
            bytes: self.held.len() - before,
            holds: self.holds(),
        };
        opened
    }

    /// Closes TLS and sends our FIN behind it. Returns false where bytes still wait for the kernel before the FIN.
    pub(crate) fn shutdown(&mut self, tap: &mut Tap) -> io::Result<bool> {
        if !std::mem::replace(&mut self.shut, true) {
            self.end.close(&mut self.rest, &mut self.held);
        }
        match self.write_by(&[], |bytes| tap.write_now(&[IoSlice::new(bytes)])) {
            Poll::Pending => Ok(false),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(_)) => tap.shutdown().map(|()| true),
        }
    }

    /// Seals bytes of these slices, at most 16 KiB, and writes as many as fit. Bytes that were sealed before go first.
    pub(crate) fn write_by(
        &mut self,
        slices: &[IoSlice<'_>],
        mut write: impl FnMut(&[u8]) -> Poll<io::Result<usize>>,
    ) -> Io<Taken> {
        while self.holds() {
            let n = ready!(write(&self.held))?;
            self.held.drain(..n);
        }
        self.held = Vec::new();
        let mut sealed = scratch::take_frame();
        let plain = self.end.seal(&mut self.rest, slices, &mut sealed);
        let outcome = match sealed.is_empty() {
            true => Poll::Ready(Ok(0)),
            false => write(&sealed),
        };
        let written = match outcome {
            Poll::Ready(Ok(n)) => n,
            Poll::Ready(Err(error)) => return Poll::Ready(Err(error)),
            Poll::Pending => 0,
        };
        self.held
            .extend_from_slice(sealed.get(written..).unwrap_or_default());
        let made = Sealed {
            bytes: sealed.len(),
            holds: self.holds(),
        };
        scratch::give_frame(sealed);
        // The handshake is not complete: nothing can be sealed.
        let has_more = slices.iter().any(|slice| !slice.is_empty());
        if plain == 0 && has_more {
            return Poll::Pending;
        }
        Poll::Ready(Ok(Taken {
            plain,
            sealed: Some(made),
        }))
    }
}

/// One record of TLS 1.2 with the most that its encryption may add.
const REST_BYTES_MAX: usize = 5 + 16 * 1024 + 2 * 1024;
