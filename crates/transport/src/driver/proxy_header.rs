//! The PROXY header, which comes before the peer's first byte.

use lastword_session::{Input, Time};

use super::Driver;
use crate::app::App;

impl<A: App> Driver<A> {
    /// Takes the PROXY header off the bytes that were just read, where it is still awaited. Returns the bytes behind it.
    pub(super) fn without_proxy_header<'b>(
        &mut self,
        now: Time,
        bytes: &'b mut [u8],
    ) -> &'b mut [u8] {
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
        let outcome = match read {
            Ok(None) => return &mut [],
            Ok(Some((proxied, _))) => {
                self.app.proxied(proxied);
                Ok(proxied)
            }
            Err(fault) => Err(fault),
        };
        // Nothing else is in it before the first frame but a timer, which is set anew when the task rests.
        self.side = None;
        self.connection.handle(now, Input::ProxyHeader(outcome));
        bytes.get_mut(len..).unwrap_or_default()
    }
}
