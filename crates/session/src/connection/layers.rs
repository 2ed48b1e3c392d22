//! The layers between the socket and the frames, which the driver takes off the bytes: a PROXY header.

use super::state::State;
use super::{Config, Connection};
use crate::ending::Layer;
use crate::{Cause, Proxied, ProxyFault, Time};

impl Config {
    /// Returns whether the kernel at the other end of the wire is a proxy's.
    #[must_use]
    pub fn is_behind_proxy(&self) -> bool {
        self.behind_proxy || self.proxy_header
    }
}

impl Connection {
    /// Whether the next bytes are those of a PROXY header, which the driver takes off ([`ProxyHeader`](crate::ProxyHeader))
    /// before it hands the rest to [`Connection::feed`].
    #[must_use]
    pub fn awaits_proxy_header(&self) -> bool {
        matches!(*self.state, State::Proxy { .. })
    }

    /// The proxy has said on whose behalf it connects, or no proxy did.
    pub(super) fn on_proxy_header(&mut self, now: Time, header: Result<Proxied, ProxyFault>) {
        let State::Proxy { .. } = *self.state else {
            return;
        };
        match header {
            Ok(Proxied::Peer(_) | Proxied::Unnamed) => self.await_hello(now),
            Ok(Proxied::Probe) => {
                self.await_hello(now);
                self.close_quietly(now, Cause::PeerProbe);
            }
            Err(fault) => {
                self.note(now, Layer::Proxy, fault.label());
                self.close_silently(now, Cause::ProxyHeaderInvalid);
            }
        }
    }
}
