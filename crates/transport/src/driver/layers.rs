//! The layers between the tap and the machine: a PROXY header and TLS are taken off what is read, and TLS is put on what
//! is written. A connection without them pays one branch each way.

use std::io;
use std::task::{Context, Poll};

use lastword_session::{Input, Time};

use super::Driver;
use crate::app::App;
use crate::layer::Taken;
use crate::scratch::Plain;
use crate::tls::Tls;

impl<A: App> Driver<A> {
    /// Puts TLS between the tap and the frames. The connection must have been made for it
    /// ([`Config::tls`](lastword_session::Config::tls)).
    #[cfg(feature = "tls")]
    #[must_use]
    pub fn with_tls(mut self, tls: Tls) -> Self {
        self.connection.set_layer_holds(tls.holds());
        self.side().tls = Some(Box::new(tls));
        self
    }

    /// Puts the bytes of an incomplete record into the front of the buffer: what is read goes behind them.
    pub(super) fn put_rest(&self, buffer: &mut [u8]) -> usize {
        self.tls().map_or(0, |tls| tls.put_rest(buffer))
    }

    /// Takes the layers off `bytes`, of which the last `n` were just read. Returns the bytes of frames, and the steps of a
    /// failure that comes behind them.
    pub(super) fn open<'b>(
        &mut self,
        now: Time,
        bytes: &'b mut [u8],
        n: usize,
        plain: &'b mut Plain,
    ) -> (&'b mut [u8], Option<[&'static str; 2]>) {
        let rest = bytes.len() - n;
        let bytes = self.without_proxy_header(now, bytes);
        let arrived = bytes.len() - rest;
        self.connection.bytes_arrived(now, arrived);
        let tls = self.side.as_mut().and_then(|side| side.tls.as_mut());
        let Some(tls) = tls.filter(|_| arrived > 0) else {
            return (bytes, None);
        };
        let plain = plain.emptied();
        let opened = tls.open(bytes, plain);
        self.connection.set_layer_holds(tls.holds());
        self.connection.sealed(0, opened.sealed);
        if opened.secured {
            self.connection.handle(now, Input::Secured);
            if self.open_without_welcome() {
                self.app.secured();
            }
        }
        if opened.closed {
            self.connection.handle(now, Input::TlsClosed);
        }
        (plain, opened.failed)
    }

    /// Writes what is queued, through the layers.
    pub(super) fn poll_write_some(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Taken>> {
        let slices = self.connection.slices();
        match self.side.as_mut().and_then(|side| side.tls.as_mut()) {
            Some(tls) => tls.poll_write(&mut self.tap, cx, &slices),
            None => self.tap.poll_write(cx, &slices).map_ok(Taken::as_it_is),
        }
    }

    /// The same, even if the runtime does not yet know of the kernel's room.
    pub(super) fn write_some_now(&mut self) -> Option<io::Result<Taken>> {
        let slices = self.connection.slices();
        match self.side.as_mut().and_then(|side| side.tls.as_mut()) {
            Some(tls) => tls.write_now(&mut self.tap, &slices),
            None => self.tap.write_now(&slices).map(|n| n.map(Taken::as_it_is)),
        }
    }

    /// Tells the machine what the layers took.
    pub(super) fn taken(&mut self, now: Time, taken: Taken) {
        self.connection.transmitted(now, taken.plain);
        if let Some(tls) = self.tls() {
            let holds = tls.holds();
            self.connection.sealed(taken.plain, taken.sealed);
            self.connection.set_layer_holds(holds);
        }
    }

    /// Sends our FIN, behind the last word of TLS. Returns false where that word waits for the kernel.
    pub(super) fn shutdown(&mut self) -> io::Result<bool> {
        match self.side.as_mut().and_then(|side| side.tls.as_mut()) {
            Some(tls) => tls.shutdown(&mut self.tap),
            None => self.tap.shutdown().map(|()| true),
        }
    }

    fn tls(&self) -> Option<&Tls> {
        self.side.as_ref()?.tls.as_deref()
    }

    /// Takes the PROXY header off the bytes that were just read, where it is still awaited. Returns the bytes behind it.
    fn without_proxy_header<'b>(&mut self, now: Time, bytes: &'b mut [u8]) -> &'b mut [u8] {
        if !self.connection.awaits_proxy_header() {
            return bytes;
        }
        let header = self.side().proxy_header.get_or_insert_default();
        let read = header.read(bytes);
        let len = match read {
            Ok(Some((_, len))) => len,
            Ok(None) | Err(_) => bytes.len(),
        };
        self.connection.bytes_arrived(now, len);
        let (outcome, refusal) = match read {
            Ok(None) => return &mut [],
            Ok(Some((proxied, _))) => (Ok(proxied), self.app.proxied(proxied)),
            Err(fault) => (Err(fault), None),
        };
        self.side().proxy_header = None;
        self.drop_empty_side();
        self.connection.handle(now, Input::ProxyHeader(outcome));
        if let Some(refusal) = refusal {
            self.connection.handle(now, Input::Refuse(&refusal));
        }
        bytes.get_mut(len..).unwrap_or_default()
    }
}

impl Taken {
    fn as_it_is(n: usize) -> Self {
        Self {
            plain: n,
            sealed: n,
        }
    }
}
