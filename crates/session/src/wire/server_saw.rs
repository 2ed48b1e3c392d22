//! The extension of a welcome that resumes: how the previous connection ended for the server.

use super::fields::Reader;
use super::{Extensions, ExtensionsBuf, ExtensionsFull};

const KIND: u16 = 1;

/// How the last connection that the client had confirmed ended for the server. A client can compare it with what it saw
/// itself ([`BothEnds`](crate::BothEnds)).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServerSaw {
    /// The number of that connection in the session.
    pub connection: u32,
    /// The code of the cause that the server found.
    pub cause: u16,
    /// How long ago the server found it, in milliseconds.
    pub ended_ms: u32,
}

impl ServerSaw {
    /// Finds it among the extensions of a welcome. One that is too short is not there; later bytes are ignored.
    #[must_use]
    pub fn find(extensions: &Extensions<'_>) -> Option<Self> {
        Self::decode(extensions.find(KIND)?)
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(value);
        Some(Self {
            connection: reader.u32("connection").ok()?,
            cause: reader.u16("cause").ok()?,
            ended_ms: reader.u32("ended").ok()?,
        })
    }

    /// Appends it to the extensions of a welcome.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn push(&self, extensions: &mut ExtensionsBuf) -> Result<(), ExtensionsFull> {
        let mut value = Vec::with_capacity(LEN);
        value.extend_from_slice(&self.connection.to_be_bytes());
        value.extend_from_slice(&self.cause.to_be_bytes());
        value.extend_from_slice(&self.ended_ms.to_be_bytes());
        extensions.push(KIND, &value)
    }
}

const LEN: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    const SAW: ServerSaw = ServerSaw {
        connection: 3,
        cause: 5,
        ended_ms: 70_000,
    };

    #[test]
    fn it_is_read_as_it_was_written_and_later_bytes_are_ignored() {
        let mut extensions = ExtensionsBuf::default();
        SAW.push(&mut extensions).expect("there is room");
        let bytes = extensions.as_extensions();
        assert_eq!(
            bytes.as_bytes(),
            b"\0\x01\0\x0a\0\0\0\x03\0\x05\0\x01\x11\x70"
        );
        assert_eq!(ServerSaw::find(&bytes), Some(SAW));
        let (_, value) = bytes.iter().next().expect("it is one");
        let longer = [value, &[9, 9]].concat();
        assert_eq!(ServerSaw::decode(&longer), Some(SAW));
        for len in 0..LEN {
            assert_eq!(ServerSaw::decode(&value[..len]), None);
        }
    }

    #[test]
    fn it_is_found_behind_an_extension_of_a_later_version() {
        let mut extensions = ExtensionsBuf::default();
        extensions.push(9, b"later").expect("there is room");
        SAW.push(&mut extensions).expect("there is room");
        assert_eq!(ServerSaw::find(&extensions.as_extensions()), Some(SAW));
        assert_eq!(ServerSaw::find(&Extensions::EMPTY), None);
    }
}
