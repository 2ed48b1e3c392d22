//! The extension of a hello that resumes: how the previous connection ended for the client.

use super::fields::Reader;
use super::{Extensions, ExtensionsBuf, ExtensionsFull};

const KIND: u16 = 1;
const PAUSED: u8 = 0b001;
const SLEPT: u8 = 0b010;
const MOVED: u8 = 0b100;

/// How the client's previous connection ended for it. The server shows it and believes none of it; only the attempt
/// orders hellos with the same token.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Previous {
    /// The number of that connection in the session.
    pub connection: u32,
    /// The client's count of its hellos for this session, from 1.
    pub attempt: u32,
    /// The code of the cause that the client found; 0 where it found none.
    pub cause: u16,
    /// The code of the goodbye that it read; 0 where it read none.
    pub goodbye: u16,
    /// How long ago it ended, in milliseconds.
    pub ended_ms: u32,
    /// For how long it had been silent then, in milliseconds.
    pub silence_ms: u32,
    /// The client had paused the session itself.
    pub paused: bool,
    /// Its machine had slept.
    pub slept: bool,
    /// Its address has changed since.
    pub moved: bool,
}

impl Previous {
    /// Finds it among the extensions of a hello. One that is too short is not there; later bytes are ignored.
    #[must_use]
    pub fn find(extensions: &Extensions<'_>) -> Option<Self> {
        Self::decode(extensions.find(KIND)?)
    }

    fn decode(value: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(value);
        let mut previous = Self {
            connection: reader.u32("connection").ok()?,
            attempt: reader.u32("attempt").ok()?,
            cause: reader.u16("cause").ok()?,
            goodbye: reader.u16("goodbye").ok()?,
            ended_ms: reader.u32("ended").ok()?,
            silence_ms: reader.u32("silence").ok()?,
            ..Self::default()
        };
        let flags = reader.u8("flags").ok()?;
        previous.paused = flags & PAUSED != 0;
        previous.slept = flags & SLEPT != 0;
        previous.moved = flags & MOVED != 0;
        Some(previous)
    }

    /// Appends it to the extensions of a hello.
    ///
    /// # Errors
    /// There is no room for it.
    pub fn push(&self, extensions: &mut ExtensionsBuf) -> Result<(), ExtensionsFull> {
        let mut value = Vec::with_capacity(LEN);
        value.extend_from_slice(&self.connection.to_be_bytes());
        value.extend_from_slice(&self.attempt.to_be_bytes());
        value.extend_from_slice(&self.cause.to_be_bytes());
        value.extend_from_slice(&self.goodbye.to_be_bytes());
        value.extend_from_slice(&self.ended_ms.to_be_bytes());
        value.extend_from_slice(&self.silence_ms.to_be_bytes());
        let flags = [
            (self.paused, PAUSED),
            (self.slept, SLEPT),
            (self.moved, MOVED),
        ];
        let flags = flags.map(|(is, bit)| if is { bit } else { 0 });
        value.push(flags.iter().sum());
        extensions.push(KIND, &value)
    }
}

const LEN: usize = 21;

#[cfg(test)]
mod tests {
    use super::*;

    const PREVIOUS: Previous = Previous {
        connection: 1,
        attempt: 2,
        cause: 5,
        goodbye: 83,
        ended_ms: 1_500,
        silence_ms: 7_500,
        paused: true,
        slept: false,
        moved: true,
    };

    #[test]
    fn it_is_read_as_it_was_written_and_later_bytes_are_ignored() {
        let mut extensions = ExtensionsBuf::default();
        PREVIOUS.push(&mut extensions).expect("there is room");
        let found = Previous::find(&extensions.as_extensions());
        assert_eq!(found, Some(PREVIOUS));
        let (_, value) = extensions.as_extensions().iter().next().expect("it is one");
        assert_eq!(value.len(), LEN);
        let longer = [value, &[9, 9]].concat();
        assert_eq!(Previous::decode(&longer), Some(PREVIOUS));
        for len in 0..LEN {
            assert_eq!(Previous::decode(&value[..len]), None);
        }
    }

    #[test]
    fn a_hello_without_it_tells_nothing() {
        assert_eq!(Previous::find(&Extensions::EMPTY), None);
    }
}
