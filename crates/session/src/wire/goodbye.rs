//! Goodbye and notice: what an end says before it ends, and what a server says before something happens.

use std::borrow::Cow;

use super::fields::{FrameWriter, Reader, flag};
use super::{Kind, Malformed};

const OVER: u8 = 0b01;

/// The last frame an end sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goodbye<'a> {
    /// The session is over and its token void; where clear it is paused, to be kept for the resume window.
    pub over: bool,
    /// Why: the layer's below [`GAME_CODE_MIN`](super::GAME_CODE_MIN), the game's from there.
    pub code: u16,
    /// What the client should do: 0 may reconnect, 1 after the delay, 2 elsewhere, 3 do not; others read as 1.
    pub advice: u8,
    /// The least time until a reconnect, in milliseconds.
    pub delay_ms: u32,
    /// Where to go instead, at most 255 bytes; empty for nowhere, and where it was not UTF-8.
    pub address: Cow<'a, str>,
    /// The text for the player, at most [`REASON_LIMIT`](super::REASON_LIMIT) bytes; bad UTF-8 is replaced.
    pub reason: Cow<'a, str>,
}

impl<'a> Goodbye<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// The first layout rule that it breaks, in the order of its bytes.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        Ok(Self {
            over: reader.u8("flags")? & OVER != 0,
            code: reader.u16("code")?,
            advice: reader.u8("advice")?,
            delay_ms: reader.u32("delay")?,
            address: reader.address()?,
            reason: reader.reason()?,
        })
    }

    /// Appends the whole frame, header included; an address over 255 bytes is left out, a reason over
    /// [`REASON_LIMIT`](super::REASON_LIMIT) is cut between characters.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut frame = FrameWriter::begin(Kind::Goodbye, out);
        frame.u8(flag(self.over, OVER));
        frame.u16(self.code);
        frame.u8(self.advice);
        frame.u32(self.delay_ms);
        frame.address(&self.address);
        frame.reason(&self.reason);
        frame.finish();
    }
}

/// A warning of the server that something is about to happen; nothing ends yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice<'a> {
    /// Why, as in [`Goodbye::code`].
    pub code: u16,
    /// What the client should do, as in [`Goodbye::advice`].
    pub advice: u8,
    /// The time until it happens, in milliseconds.
    pub deadline_ms: u32,
    /// Where to go instead, as in [`Goodbye::address`].
    pub address: Cow<'a, str>,
    /// The text for the player, as in [`Goodbye::reason`].
    pub reason: Cow<'a, str>,
}

impl<'a> Notice<'a> {
    /// Reads a payload.
    ///
    /// # Errors
    /// The first layout rule that it breaks, in the order of its bytes.
    pub fn decode(payload: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(payload);
        Ok(Self {
            code: reader.u16("code")?,
            advice: reader.u8("advice")?,
            deadline_ms: reader.u32("deadline")?,
            address: reader.address()?,
            reason: reader.reason()?,
        })
    }

    /// Appends the whole frame, header included; an address over 255 bytes is left out, a reason over
    /// [`REASON_LIMIT`](super::REASON_LIMIT) is cut between characters.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut frame = FrameWriter::begin(Kind::Notice, out);
        frame.u16(self.code);
        frame.u8(self.advice);
        frame.u32(self.deadline_ms);
        frame.address(&self.address);
        frame.reason(&self.reason);
        frame.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::super::{CONTROL_LIMIT, HEADER_LEN, Header, REASON_LIMIT};
    use super::*;

    fn goodbye(address: &str, reason: &str) -> Vec<u8> {
        let mut out = Vec::new();
        Goodbye {
            over: true,
            code: 80,
            advice: 3,
            delay_ms: 0,
            address: address.into(),
            reason: reason.into(),
        }
        .encode(&mut out);
        out
    }

    #[test]
    fn a_reason_that_is_too_long_is_cut_between_characters_and_an_address_is_left_out() {
        let frame = goodbye(&"é".repeat(128), &"🎮!".repeat(200));
        let decoded = Goodbye::decode(&frame[HEADER_LEN..]).expect("it was cut to fit");
        assert_eq!(decoded.address, "");
        assert_eq!(decoded.reason, "🎮!".repeat(102));
    }

    #[test]
    fn the_longest_goodbye_is_a_control_frame() {
        let frame = goodbye(&"a".repeat(255), &"r".repeat(600));
        let header = Header::decode(*frame.first_chunk().expect("a header"));
        assert_eq!(header.len, 9 + 255 + 512);
        assert!(header.len <= CONTROL_LIMIT);
    }

    #[test]
    fn a_reason_of_bad_utf8_is_replaced_and_an_address_of_it_is_none() {
        let decoded = Goodbye::decode(b"\x01\x00\x50\x03\x00\x00\x00\x00\x03a\xffbbye\xff")
            .expect("it is well-formed");
        assert_eq!(decoded.address, "");
        assert_eq!(decoded.reason, "bye\u{fffd}");
    }

    #[test]
    fn a_reason_over_its_limit_is_malformed() {
        let mut frame = goodbye("", &"r".repeat(REASON_LIMIT));
        frame.push(b'r');
        let decoded = Goodbye::decode(&frame[HEADER_LEN..]);
        assert_eq!(decoded, Err(Malformed::ReasonTooLong { len: 513 }));
    }
}
