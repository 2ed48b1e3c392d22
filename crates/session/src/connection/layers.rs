//! The layers between the socket and the frames, which the driver takes off the bytes: a PROXY header, TLS.

use super::state::State;
use super::{Config, Connection, Event, Host, Input, Records, Sealed};
use crate::close::Close;
use crate::ending::Layer;
use crate::{Cause, Phase, Proxied, ProxyFault, Time};

impl Config {
    /// Whether the kernel at the other end of the wire is a proxy's.
    pub(super) fn is_behind_proxy(&self) -> bool {
        self.behind_proxy || self.proxy_header
    }
}

impl Connection {
    /// Whether the next bytes are those of a PROXY header, which the driver takes off ([`ProxyHeader`](crate::ProxyHeader))
    /// before it hands the rest to [`Connection::feed`].
    pub(super) fn awaits_proxy_header(&self) -> bool {
        matches!(*self.state, State::Proxy { .. })
    }

    /// Takes the PROXY header off these bytes, where it is still awaited. Returns how many of them belong to it.
    pub(super) fn take_proxy_header(
        &mut self,
        host: &mut impl Host,
        now: Time,
        bytes: Option<&[u8]>,
    ) -> usize {
        let Some(bytes) = bytes.filter(|_| self.awaits_proxy_header()) else {
            return 0;
        };
        let rare = self.rare.as_mut();
        let begun = rare.and_then(|rare| rare.proxy_header.take());
        let mut header = begun.unwrap_or_default();
        let read = header.read(bytes);
        let (outcome, len) = match read {
            Ok(Some((proxied, len))) => (Some(Ok(proxied)), len),
            Ok(None) => (None, bytes.len()),
            Err(fault) => (Some(Err(fault)), bytes.len()),
        };
        self.bytes_arrived(now, len);
        let Some(outcome) = outcome else {
            self.rare_mut().proxy_header = Some(header);
            return len;
        };
        let refusal = outcome.ok().and_then(|proxied| host.proxied(proxied));
        self.handle(now, Input::ProxyHeader(outcome));
        if let Some(refusal) = refusal {
            self.handle(now, Input::Refuse(&refusal));
        }
        len
    }

    /// Takes note of what TLS found in the bytes that were just read. Its failure comes behind the frames.
    pub(super) fn on_records(
        &mut self,
        host: &mut impl Host,
        now: Time,
        records: Option<&Records>,
    ) {
        let Some(records) = records else { return };
        self.on_sealed(0, Some(records.sealed));
        if records.secured {
            self.handle(now, Input::Secured);
            if self.is_live() {
                self.tell(host, now, Event::Secured);
            }
        }
        if records.closed {
            self.handle(now, Input::TlsClosed);
        }
    }

    /// Takes note of what TLS, if there is any, made of the `plain` bytes that it took last. Without data among them the
    /// last acknowledgement says nothing of data.
    pub(super) fn on_sealed(&mut self, plain: usize, sealed: Option<Sealed>) {
        let Some(sealed) = sealed else { return };
        let more = u32::try_from(sealed.bytes.saturating_sub(plain)).unwrap_or(u32::MAX);
        self.bytes_out += u64::from(more);
        if self.behind_data > 0 || plain == 0 {
            self.behind_data = self.behind_data.saturating_add(more);
        }
        self.set_layer_holds(sealed.holds);
    }

    /// The proxy has said on whose behalf it connects, or no proxy did.
    pub(super) fn on_proxy_header(&mut self, now: Time, header: Result<Proxied, ProxyFault>) {
        let State::Proxy { .. } = *self.state else {
            return;
        };
        match header {
            Ok(Proxied::Peer(_) | Proxied::Unnamed) => self.pass_proxy_header(now),
            Ok(Proxied::Probe) => {
                self.pass_proxy_header(now);
                self.close_quietly(now, Cause::PeerProbe);
            }
            Err(fault) => {
                self.note(now, Layer::Proxy, fault.label());
                self.close_silently(now, Cause::ProxyHeaderInvalid);
            }
        }
    }

    /// The peer of the header is not let in. It hears why once it has said hello, if it might resume; else, and where there
    /// is TLS, behind the handshake.
    pub(super) fn on_refused(&mut self, now: Time, close: &Close) {
        if !self.is_undecided() {
            return;
        }
        let refusal = (Phase::Proxy, close.clone());
        match self.config.resume {
            Some(_) if close.cause != Cause::AddressDenied => self.becomes_guest(now, refusal),
            _ => self.refuse_guest(now, refusal),
        }
    }

    /// Whether the connection was refused before the peer's first byte.
    pub(super) fn is_refused(&self) -> bool {
        matches!(self.phase, Phase::Admission | Phase::Proxy)
    }

    /// Sets whether the layer below holds bytes that it took and that the kernel has not taken. While it does, something
    /// waits to be written.
    pub fn set_layer_holds(&mut self, holds: bool) {
        self.layer_holds = holds;
    }

    pub(super) fn on_secured(&mut self, now: Time) {
        let State::Tls { .. } = *self.state else {
            return;
        };
        let rare = self.rare.as_mut();
        match rare.and_then(|rare| rare.timing_behind_tls.take()) {
            Some(timing) => self.go_live(now, timing),
            None => self.pass_tls(now),
        }
    }

    /// The peer gets the layer's alert, and our FIN behind it.
    pub(super) fn on_tls_failed(&mut self, now: Time, steps: &[&'static str]) {
        if !self.is_undecided() {
            return;
        }
        for step in steps {
            self.note(now, Layer::Tls, step);
        }
        self.close_quietly(now, Cause::TlsFailed);
        // Not the rest of a frame either: nothing can be sealed.
        self.stream.queue = None;
    }

    pub(super) fn is_tls_closed(&self) -> bool {
        self.rare.as_ref().is_some_and(|rare| rare.tls_closed)
    }

    /// Whether no frame can be written yet.
    pub(super) fn is_below_frames(&self) -> bool {
        matches!(*self.state, State::Tls { .. })
    }

    /// Whether the peer awaits TLS, in which we cannot say anything yet. A peer that is refused may go on with its
    /// handshake meanwhile: its goodbye waits for that in the layer.
    pub(super) fn cannot_speak_yet(&self) -> bool {
        let awaits_header = matches!(*self.state, State::Proxy { .. });
        self.config.tls && awaits_header || self.is_below_frames() && !self.is_refused()
    }
}
