//! A dialect with all that the connection can use of one: heartbeats and a goodbye.

use std::sync::Arc;

use lastword_session::wire::Goodbye;
use lastword_session::{Dialect, Framing, LengthPrefixed, Meaning, Measure, encode_data};

/// A wire with heartbeats and a goodbye: the first byte of a payload may give it a meaning.
pub(crate) struct Beating;

impl Beating {
    pub(crate) const PING: u8 = 0xf0;
    pub(crate) const PONG: u8 = 0xf1;
    pub(crate) const GOODBYE: u8 = 0xf2;
    pub(crate) const MALFORMED: u8 = 0xf3;
    /// No frame begins with it.
    pub(crate) const FOREIGN: u8 = 0xff;
}

impl Dialect for Beating {
    fn measure(&self, bytes: &[u8], seen: usize) -> Measure {
        match bytes.first() {
            Some(&Self::FOREIGN) => Measure::Foreign,
            _ => LengthPrefixed.measure(bytes, seen),
        }
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        match payload {
            [Self::PING, rest @ ..] => Meaning::Ping(rest),
            [Self::PONG, ..] => Meaning::Pong,
            [Self::GOODBYE, ..] => Meaning::Goodbye,
            [Self::MALFORMED, ..] => Meaning::Malformed,
            data => Meaning::Data(data),
        }
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        LengthPrefixed.write_data(payload, out);
    }

    fn write_pong(&self, ping: &[u8], out: &mut Vec<u8>) -> bool {
        LengthPrefixed.write_data(&[&[Self::PONG], ping].concat(), out);
        true
    }

    fn write_ping(&self, out: &mut Vec<u8>) -> bool {
        LengthPrefixed.write_data(&[Self::PING], out);
        true
    }

    fn write_goodbye(&self, _goodbye: &Goodbye<'_>, out: &mut Vec<u8>) -> bool {
        LengthPrefixed.write_data(&[Self::GOODBYE], out);
        true
    }

    fn write_goodbye_answer(&self, out: &mut Vec<u8>) -> bool {
        LengthPrefixed.write_data(&[Self::GOODBYE], out);
        true
    }

    fn has_heartbeats(&self) -> bool {
        true
    }
}

/// One frame of the dialect with this first byte.
pub(crate) fn of_dialect(first: u8, rest: &[u8]) -> Vec<u8> {
    let framing = Framing::Dialect(Arc::new(Beating));
    let mut bytes = Vec::new();
    encode_data(&framing, &[&[first], rest].concat(), &mut bytes);
    bytes
}
