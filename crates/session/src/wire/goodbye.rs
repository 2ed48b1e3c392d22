//! Goodbye and notice: an end sends goodbye before it ends; a server sends notice before something happens.

use std::borrow::Cow;

use super::fields::{FrameWriter, Reader, flag};
use super::{GAME_CODE_MIN, Kind, Malformed};
use crate::Cause;

const OVER: u8 = 0b001;
/// A number of two bits: 0 names no cause, and the others are positions in [`GAME_CAUSES`], from 1.
const GAME_CAUSE: u8 = 0b110;
const GAME_CAUSE_UNIT: u8 = 0b010;
const GAME_CAUSES: [Cause; 3] = [Cause::Kicked, Cause::ClosedByGame, Cause::AuthRejected];

/// The last frame that an end sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Goodbye<'a> {
    /// Whether the session is over and its token void. If not, it is paused, and kept for the resume window.
    pub over: bool,
    /// The code of the cause: a code of the layer below [`GAME_CODE_MIN`], otherwise a code of the game.
    pub code: u16,
    /// The layer's cause behind a game's code: [`Cause::Kicked`], [`Cause::ClosedByGame`] or [`Cause::AuthRejected`].
    /// `None` if the sender does not state it, or if the code is a code of the layer, which is the cause itself.
    pub game_cause: Option<Cause>,
    /// The advice to the client: 0 may reconnect, 1 after the delay, 2 elsewhere, 3 do not; others count as 1.
    pub advice: u8,
    /// The least time until a reconnect, in milliseconds.
    pub delay_ms: u32,
    /// The address to go to instead, at most 255 bytes; empty where there is none or it was not UTF-8.
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
        let flags = reader.u8("flags")?;
        let code = reader.u16("code")?;
        Ok(Self {
            over: flags & OVER != 0,
            code,
            game_cause: game_cause(flags, code),
            advice: reader.u8("advice")?,
            delay_ms: reader.u32("delay")?,
            address: reader.address()?,
            reason: reader.reason()?,
        })
    }

    /// Appends the whole frame, header included.
    ///
    /// An address over 255 bytes is left out. A reason over [`REASON_LIMIT`](super::REASON_LIMIT) is cut between
    /// characters.
    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut frame = FrameWriter::begin(Kind::Goodbye, out);
        frame.u8(flag(self.over, OVER) | self.game_cause_bits());
        frame.u16(self.code);
        frame.u8(self.advice);
        frame.u32(self.delay_ms);
        frame.address(&self.address);
        frame.reason(&self.reason);
        frame.finish();
    }

    fn game_cause_bits(&self) -> u8 {
        if self.code < GAME_CODE_MIN {
            return 0;
        }
        (0..=GAME_CAUSE)
            .step_by(usize::from(GAME_CAUSE_UNIT))
            .find(|bits| game_cause(*bits, self.code) == self.game_cause)
            .unwrap_or(0)
    }
}

/// Reads the two bits, which have a meaning only with a game's code.
fn game_cause(flags: u8, code: u16) -> Option<Cause> {
    let number = usize::from((flags & GAME_CAUSE) / GAME_CAUSE_UNIT);
    let cause = GAME_CAUSES.get(number.checked_sub(1)?)?;
    (code >= GAME_CODE_MIN).then_some(*cause)
}

/// The server's warning that something is about to happen; nothing ends yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice<'a> {
    /// The code of the cause, as in [`Goodbye::code`].
    pub code: u16,
    /// The advice to the client, as in [`Goodbye::advice`].
    pub advice: u8,
    /// The time until the announced event, in milliseconds.
    pub deadline_ms: u32,
    /// The address to go to instead, as in [`Goodbye::address`].
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

    /// Appends the whole frame, header included.
    ///
    /// An address over 255 bytes is left out. A reason over [`REASON_LIMIT`](super::REASON_LIMIT) is cut between
    /// characters.
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
            game_cause: None,
            advice: 3,
            delay_ms: 0,
            address: address.into(),
            reason: reason.into(),
        }
        .encode(&mut out);
        out
    }

    fn coded(code: u16, game_cause: Option<Cause>) -> Vec<u8> {
        let mut out = Vec::new();
        Goodbye {
            over: true,
            code,
            game_cause,
            advice: 0,
            delay_ms: 0,
            address: "".into(),
            reason: "".into(),
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
    fn the_cause_behind_a_code_of_the_game_takes_the_two_bits_after_the_first() {
        let causes = [
            (None, 0b001),
            (Some(Cause::Kicked), 0b011),
            (Some(Cause::ClosedByGame), 0b101),
            (Some(Cause::AuthRejected), 0b111),
        ];
        for (game_cause, flags) in causes {
            let sent = coded(4_096, game_cause);
            assert_eq!(sent[HEADER_LEN], flags);
            let decoded = Goodbye::decode(&sent[HEADER_LEN..]).expect("it is well-formed");
            assert_eq!(decoded.game_cause, game_cause);
        }
    }

    #[test]
    fn a_code_of_the_layer_and_any_other_cause_leave_the_bits_clear() {
        for (code, cause) in [
            (4_095, Cause::Kicked),
            (80, Cause::Kicked),
            (4_096, Cause::Drained),
        ] {
            assert_eq!(coded(code, Some(cause))[HEADER_LEN], 0b001, "{code}");
        }
        let mut sent = coded(80, None);
        sent[HEADER_LEN] = 0b111;
        let decoded = Goodbye::decode(&sent[HEADER_LEN..]).expect("it is well-formed");
        assert_eq!((decoded.code, decoded.game_cause), (80, None));
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
