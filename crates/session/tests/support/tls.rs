//! A layer as TLS is, without encryption: records with a kind, a length and a content.

use std::io::IoSlice;
use std::task::{Poll, ready};

use lastword_session::{Io, Records, Sealed, Taken};

/// The records of a peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Record {
    /// The last one of its handshake.
    Finished,
    Data,
    /// `close_notify`.
    Closed,
    /// The peer has failed.
    Alert,
    /// It breaks a rule.
    Bad,
}

impl Record {
    pub(crate) const ALL: [Self; 5] = [
        Self::Finished,
        Self::Data,
        Self::Closed,
        Self::Alert,
        Self::Bad,
    ];

    /// This record around a content of less than 64 KiB.
    pub(crate) fn around(self, content: &[u8]) -> Vec<u8> {
        let kind = Self::ALL.iter().position(|kind| *kind == self);
        let kind = u8::try_from(kind.expect("it is one of them")).expect("there are five");
        let [high, low] = u16::try_from(content.len()).expect("it fits").to_be_bytes();
        [&[kind, high, low], content].concat()
    }

    fn of(kind: u8) -> Self {
        *Self::ALL.get(usize::from(kind)).unwrap_or(&Self::Bad)
    }
}

/// Our end of the layer.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    /// The beginning of a record.
    rest: Vec<u8>,
    /// The bytes that the kernel has not taken.
    held: Vec<u8>,
    is_secured: bool,
    has_failed: bool,
    /// Our `close_notify` was made.
    is_closed: bool,
    /// The peer's was read: nothing counts that comes behind it.
    peer_closed: bool,
}

impl Tls {
    /// A client's end: the beginning of its handshake waits for the kernel.
    pub(crate) fn client() -> Self {
        Self {
            held: vec![FINISHED; 20],
            ..Self::default()
        }
    }

    /// Takes the records off these bytes. Returns their content.
    pub(crate) fn open(&mut self, bytes: &[u8]) -> (Vec<u8>, Records) {
        let (mut content, mut records) = (Vec::new(), Records::default());
        self.rest.extend_from_slice(bytes);
        while let Some((record, whole)) = self.next().filter(|_| !self.has_failed) {
            match record {
                Record::Finished if !self.is_secured => {
                    self.is_secured = true;
                    records.secured = true;
                    records.sealed.bytes += self.hold(&[FINISHED; 12]);
                }
                Record::Data if self.is_secured && !self.peer_closed => content.extend(whole),
                Record::Data if self.is_secured => {}
                Record::Closed => {
                    self.peer_closed = true;
                    records.closed = true;
                }
                Record::Alert => records.failed = Some(self.fail(["alert_received", "unknown_ca"])),
                Record::Finished | Record::Data | Record::Bad => {
                    records.sealed.bytes += self.hold(&[ALERT; 7]);
                    records.failed = Some(self.fail(["alert_sent", "decode_error"]));
                }
            }
        }
        records.sealed.holds = !self.held.is_empty();
        (content, records)
    }

    /// Writes the bytes that are held, and then what can be sealed of these slices in one record.
    pub(crate) fn write_by(
        &mut self,
        slices: &[IoSlice<'_>],
        mut write: impl FnMut(&[u8]) -> Io<usize>,
    ) -> Io<Taken> {
        while !self.held.is_empty() {
            let n = ready!(write(&self.held))?;
            self.held.drain(..n);
        }
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let can_seal = self.is_secured && !self.has_failed && !self.is_closed;
        if !bytes.is_empty() && !can_seal {
            return Poll::Pending;
        }
        let bytes = &bytes[..bytes.len().min(CONTENT_MAX)];
        let sealed = match bytes {
            [] => Vec::new(),
            bytes => Record::Data.around(bytes),
        };
        let written = match sealed.as_slice() {
            [] => 0,
            sealed => match write(sealed)? {
                Poll::Ready(n) => n,
                Poll::Pending => 0,
            },
        };
        self.held.extend_from_slice(&sealed[written..]);
        Poll::Ready(Ok(Taken {
            plain: bytes.len(),
            sealed: Some(Sealed {
                bytes: sealed.len(),
                holds: !self.held.is_empty(),
            }),
        }))
    }

    /// Makes our `close_notify`, once. Returns its bytes.
    pub(crate) fn close(&mut self) -> usize {
        let is_due = self.is_secured && !self.has_failed && !self.is_closed;
        self.is_closed = true;
        match is_due {
            true => self.hold(&Record::Closed.around(&[])),
            false => 0,
        }
    }

    /// Whether bytes wait for the kernel.
    pub(crate) fn holds(&self) -> bool {
        !self.held.is_empty()
    }

    pub(crate) fn has_failed(&self) -> bool {
        self.has_failed
    }

    /// The next record that is complete.
    fn next(&mut self) -> Option<(Record, Vec<u8>)> {
        let (&[kind, high, low], rest) = self.rest.split_first_chunk()?;
        let content = rest.get(..usize::from(u16::from_be_bytes([high, low])))?;
        let whole = content.to_vec();
        self.rest.drain(..3 + whole.len());
        Some((Record::of(kind), whole))
    }

    fn hold(&mut self, bytes: &[u8]) -> usize {
        self.held.extend_from_slice(bytes);
        bytes.len()
    }

    fn fail(&mut self, steps: [&'static str; 2]) -> [&'static str; 2] {
        self.has_failed = true;
        steps
    }
}

/// The bytes of our part of a handshake, and of an alert.
const FINISHED: u8 = 0xaa;
const ALERT: u8 = 0xbb;
/// The most of one record.
const CONTENT_MAX: usize = 1_024;
