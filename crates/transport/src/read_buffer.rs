//! The thread's buffers for reads, lent to the connection that it polls: bytes of the socket, and what TLS opens of them.

use std::cell::Cell;
use std::ops::Range;

use lastword_session::Opened;

use crate::scratch::QUEUE_BYTES_MAX;
use crate::tls::Tls;

/// The thread's read buffer. It is returned when this is dropped, even by a panic. Nested use gets its own buffer.
pub(crate) struct ReadBuffer {
    bytes: Vec<u8>,
    /// So many bytes of an incomplete TLS record lie in front of what is read.
    pub(crate) rest: usize,
    plain: Plain,
}

impl ReadBuffer {
    pub(crate) fn take() -> Self {
        let mut bytes = READ.try_with(Cell::take).unwrap_or_default();
        bytes.resize(READ_BYTES, 0);
        Self {
            bytes,
            rest: 0,
            plain: Plain::default(),
        }
    }

    /// Takes TLS off these bytes, which were read behind the rest, where there is TLS.
    pub(crate) fn open(&mut self, bytes: Range<usize>, tls: Option<&mut Tls>) -> Opened<'_> {
        let bytes = bytes.start..self.rest + bytes.end;
        let bytes = self.bytes.get_mut(bytes).unwrap_or_default();
        let (bytes, records) = match tls {
            None => (bytes, None),
            Some(tls) => {
                let plain = self.plain.emptied();
                let records = tls.open(bytes, plain);
                (&mut plain[..], Some(records))
            }
        };
        Opened { bytes, records }
    }

    /// The room for the next read.
    pub(crate) fn room(&mut self, most: usize) -> &mut [u8] {
        let room = self.bytes.get_mut(self.rest..).unwrap_or_default();
        let most = room.len().min(most);
        room.get_mut(..most).unwrap_or_default()
    }
}

impl AsMut<[u8]> for ReadBuffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.bytes
    }
}

impl Drop for ReadBuffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        READ.try_with(|spare| spare.set(bytes)).ok();
    }
}

/// The thread's buffer for bytes that a layer opened. It is taken when it is needed first, and returned when this is
/// dropped. Nested use gets its own.
#[derive(Default)]
struct Plain(Vec<u8>);

impl Plain {
    fn emptied(&mut self) -> &mut Vec<u8> {
        if self.0.capacity() == 0 {
            self.0 = PLAIN.try_with(Cell::take).unwrap_or_default();
        }
        self.0.clear();
        &mut self.0
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        if (1..=QUEUE_BYTES_MAX).contains(&self.0.capacity()) {
            PLAIN
                .try_with(|spare| spare.set(std::mem::take(&mut self.0)))
                .ok();
        }
    }
}

thread_local! {
    static PLAIN: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    static READ: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The most bytes of one read.
const READ_BYTES: usize = 64 * 1024;
