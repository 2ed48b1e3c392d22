//! The content of a goodbye or a notice: one type for kicks, closes, refusals and drains. It is checked when it is built.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use crate::wire::{ADDRESS_LIMIT, GAME_CODE_MIN, Goodbye, Notice, cut_reason};
use crate::{Advice, Cause};

/// The content of a goodbye or a notice: the game's code, the next step for the client, and words for the player.
///
/// The client of this project shows every field to its game, and acts on none of them by itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    code: Option<GameCode>,
    advice: Advice,
    delay_ms: u32,
    address: Option<Address>,
    reason: String,
}

impl Default for Message {
    fn default() -> Self {
        Self {
            code: None,
            advice: Advice::MayReconnect,
            delay_ms: DEFAULT_DELAY_MS,
            address: None,
            reason: String::new(),
        }
    }
}

impl Message {
    /// Returns the message of `cause` without words, with its default advice. If the default is `elsewhere`, the
    /// advice is `after_delay`, since there is no address yet.
    #[must_use]
    pub fn of(cause: Cause) -> Self {
        let advice = match cause.advice() {
            Some(Advice::Elsewhere) => Advice::AfterDelay,
            Some(advice) => advice,
            None => Advice::MayReconnect,
        };
        Self::default().with_advice(advice)
    }

    /// Adds the game's code, for a kick, a close or a refusal of credentials. Default: none. Without a code of the
    /// game, and with every other cause, the goodbye has the code of its cause. With a code of the game the goodbye
    /// also names its cause.
    #[must_use]
    pub fn with_code(mut self, code: GameCode) -> Self {
        self.code = Some(code);
        self
    }

    /// Adds the next step for the client. Default: the client may reconnect. `elsewhere` needs an address: use
    /// [`with_address`](Self::with_address); without an address the client chooses.
    #[must_use]
    pub fn with_advice(mut self, advice: Advice) -> Self {
        self.advice = advice;
        self
    }

    /// Sends the client to another server: adds its address, and the advice `elsewhere`.
    #[must_use]
    pub fn with_address(mut self, address: Address) -> Self {
        self.address = Some(address);
        self.advice = Advice::Elsewhere;
        self
    }

    /// Adds the least time before the client takes the next step, rounded up to whole milliseconds, at most 49.7 days.
    /// Default: 2 s. The client then waits for a random time of up to the same length, so that clients do not return
    /// together.
    #[must_use]
    pub fn with_delay(mut self, delay: Duration) -> Self {
        self.delay_ms = u32::try_from(delay.as_nanos().div_ceil(1_000_000)).unwrap_or(u32::MAX);
        self
    }

    /// Adds words for the player. Text over 512 bytes is cut between characters. Default: no words.
    #[must_use]
    pub fn with_reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self.reason.truncate(cut_reason(&self.reason).len());
        self
    }

    /// Returns the game's code, if there is one.
    #[must_use]
    pub fn code(&self) -> Option<GameCode> {
        self.code
    }

    /// Returns the next step for the client.
    #[must_use]
    pub fn advice(&self) -> Advice {
        self.advice
    }

    /// Returns the least time before the client takes the next step.
    #[must_use]
    pub fn delay(&self) -> Duration {
        Duration::from_millis(u64::from(self.delay_ms))
    }

    /// Returns the address of the other server, if there is one.
    #[must_use]
    pub fn address(&self) -> Option<&Address> {
        self.address.as_ref()
    }

    /// Returns the words for the player, at most 512 bytes.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// Returns the code on the wire: the code of `cause`, or the game's where `cause` is a decision of the game.
    pub(crate) fn code_for(&self, cause: Cause) -> u16 {
        let code = self.code.filter(|_| cause.advised_by_game());
        code.map_or(cause.code(), GameCode::value)
    }

    /// Returns the goodbye of a session that is over.
    pub(crate) fn goodbye(&self, cause: Cause) -> Goodbye<'_> {
        let code = self.code_for(cause);
        Goodbye {
            over: true,
            code,
            game_cause: (code != cause.code()).then_some(cause),
            advice: self.advice.code(),
            delay_ms: self.delay_ms,
            address: self.address_text().into(),
            reason: self.reason.as_str().into(),
        }
    }

    /// Returns the notice of `cause`, which happens after this time.
    #[must_use]
    pub fn notice(&self, cause: Cause, deadline: Duration) -> Notice<'static> {
        Notice {
            code: self.code_for(cause),
            advice: self.advice.code(),
            deadline_ms: u32::try_from(deadline.as_millis()).unwrap_or(u32::MAX),
            address: self.address_text().to_owned().into(),
            reason: self.reason.clone().into(),
        }
    }

    fn address_text(&self) -> &str {
        self.address.as_ref().map_or("", Address::as_str)
    }
}

/// The game's own code on the wire: 4096 or more, so that it differs from all codes of this layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GameCode(u16);

impl GameCode {
    /// Returns a code; `None` below 4096.
    #[must_use]
    pub const fn new(code: u16) -> Option<Self> {
        if code >= GAME_CODE_MIN {
            Some(Self(code))
        } else {
            None
        }
    }

    /// Returns the number on the wire.
    #[must_use]
    pub const fn value(self) -> u16 {
        self.0
    }
}

/// The address of another server for a client: 1 to 255 bytes without white space or control characters. The wire has
/// no other rule for its form. A client of this project connects to a host and a port, such as `eu2.example.net:7000`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Address(Box<str>);

/// The error for a text that is not an address for clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "an address for clients has 1 to {ADDRESS_LIMIT} bytes and no white space: write a host and a port, such as \
     \"eu2.example.net:7000\""
)]
pub struct InvalidAddress;

impl Address {
    /// Makes an address from a text. The text is never cut, because a cut address would name another host.
    ///
    /// # Errors
    /// Returns [`InvalidAddress`] if the text is empty, too long, or has white space or control characters.
    pub fn new<'a>(text: impl Into<Cow<'a, str>>) -> Result<Self, InvalidAddress> {
        let text = text.into();
        let is_one_word = !text
            .chars()
            .any(|char| char.is_whitespace() || char.is_control());
        if is_one_word && (1..=ADDRESS_LIMIT).contains(&text.len()) {
            Ok(Self(text.into()))
        } else {
            Err(InvalidAddress)
        }
    }

    /// Returns the text on the wire.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

const DEFAULT_DELAY_MS: u32 = 2000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_kick_and_a_drain_carry_every_field_of_the_wire() {
        let message = Message::default()
            .with_code(GameCode::new(4_100).unwrap())
            .with_address(Address::new("eu2.example.net:7000").unwrap())
            .with_delay(Duration::from_millis(1_500))
            .with_reason("restart");
        let goodbye = message.goodbye(Cause::Kicked);
        let expected = Goodbye {
            over: true,
            code: 4_100,
            game_cause: Some(Cause::Kicked),
            advice: 2,
            delay_ms: 1_500,
            address: "eu2.example.net:7000".into(),
            reason: "restart".into(),
        };
        assert_eq!(goodbye, expected);
        assert_eq!(
            Message::default()
                .notice(Cause::Drained, Duration::MAX)
                .deadline_ms,
            u32::MAX
        );
        let notice = message.notice(Cause::Drained, Duration::from_secs(30));
        let expected = Notice {
            code: 85,
            advice: 2,
            deadline_ms: 30_000,
            address: "eu2.example.net:7000".into(),
            reason: "restart".into(),
        };
        assert_eq!(notice, expected);
    }

    #[test]
    fn without_a_code_of_the_game_the_code_is_that_of_the_cause() {
        let message = Message::default();
        let goodbye = message.goodbye(Cause::Kicked);
        assert_eq!((goodbye.code, goodbye.game_cause), (80, None));
        assert_eq!((goodbye.advice, goodbye.delay_ms), (0, 2_000));
    }

    #[test]
    fn a_code_of_the_game_never_hides_what_ended_the_session() {
        let message = Message::default().with_code(GameCode::new(4_100).unwrap());
        for cause in Cause::ALL {
            let goodbye = message.goodbye(cause);
            let told = Cause::from_code(goodbye.code).or(goodbye.game_cause);
            assert_eq!(told, Some(cause));
            assert_eq!(goodbye.code == 4_100, cause.advised_by_game(), "{cause}");
        }
    }

    #[test]
    fn no_cause_says_elsewhere_before_it_has_an_address() {
        for cause in Cause::ALL {
            let message = Message::of(cause);
            assert_ne!(message.advice(), Advice::Elsewhere, "{cause}");
            match cause.advice() {
                Some(Advice::Elsewhere) => assert_eq!(message.advice(), Advice::AfterDelay),
                advice => assert_eq!(message.advice(), advice.unwrap_or(Advice::MayReconnect)),
            }
        }
        let address = Address::new("eu2:7000").unwrap();
        let message = Message::of(Cause::Drained).with_address(address);
        assert_eq!(message.advice(), Advice::Elsewhere);
    }

    #[test]
    fn words_are_cut_between_characters_and_a_delay_is_never_shortened() {
        let message = Message::default().with_reason("é".repeat(300));
        assert_eq!(message.reason(), "é".repeat(256));
        for (delay, ms) in [
            (Duration::ZERO, 0),
            (Duration::from_micros(1_001), 2),
            (Duration::MAX, u32::MAX),
        ] {
            let message = Message::default().with_delay(delay);
            assert_eq!(message.delay(), Duration::from_millis(u64::from(ms)));
        }
    }

    #[test]
    fn an_address_is_one_word_that_fits_and_is_never_cut() {
        for text in ["eu2.example.net:7000", "[::1]:7000", "wss://é.example/game"] {
            assert_eq!(Address::new(text).unwrap().as_str(), text);
        }
        assert!(Address::new("a".repeat(255)).is_ok());
        let too_long = "a".repeat(256);
        for text in ["", " ", "eu2 7000", "eu2:7000\n", "a\0b", &too_long] {
            assert_eq!(Address::new(text), Err(InvalidAddress), "{text:?}");
        }
    }
}
