//! Commands of a storm's client to the game: some ways to end need the game's help. A game that obeys lets every
//! client end its own session in every way. So it must not serve real players.

use std::borrow::Cow;
use std::str;
use std::sync::atomic::{AtomicU64, Ordering};

/// A command, which is the payload of a data frame. The game sends back every other payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command<'a> {
    /// Answer with [`OBEYED`](Self::OBEYED), if the game obeys.
    Obey,
    /// Kick the sender, with this code of the game and this reason.
    Kick(u16, &'a str),
    /// Close the sender's session in order.
    Close,
    /// Panic in the sender's handler.
    Panic,
    /// Send frames to the sender until its queue is full.
    Flood,
    /// Answer how many frames the game was handed in all sessions, without this command and
    /// [`Command::Obey`].
    Taken,
}

/// The part of an obeying game that is the same in every shape: it reads the commands and counts the frames.
#[derive(Debug, Default)]
pub struct ObeyingGame {
    /// Frames of all sessions, without [`Command::Obey`] and [`Command::Taken`].
    taken: AtomicU64,
}

/// The action of an obeying game upon one frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Send this payload to the sender.
    Answer(Cow<'a, [u8]>),
    /// Kick the sender, with this code of the game and this reason.
    Kick(u16, &'a str),
    /// Close the sender's session in order.
    Close,
    /// Panic in the sender's handler.
    Panic,
    /// Send frames to the sender until its queue is full.
    Flood,
}

impl ObeyingGame {
    /// Credentials that an obeying authenticator never decides on.
    pub const AUTH_NEVER: &'static str = "!storm never";

    /// Credentials for which an obeying authenticator reports that it is unavailable.
    pub const AUTH_DOWN: &'static str = "!storm down";

    /// Returns the action upon a frame of any session with this payload.
    pub fn action<'a>(&self, payload: &'a [u8]) -> Action<'a> {
        let taken = |action| {
            self.taken.fetch_add(1, Ordering::Relaxed);
            action
        };
        match Command::parse(payload) {
            Some(Command::Obey) => Action::Answer(Command::OBEYED.into()),
            Some(Command::Taken) => {
                let count = self.taken.load(Ordering::Relaxed);
                Action::Answer(Command::taken(count).into())
            }
            Some(Command::Kick(code, reason)) => taken(Action::Kick(code, reason)),
            Some(Command::Close) => taken(Action::Close),
            Some(Command::Panic) => taken(Action::Panic),
            Some(Command::Flood) => taken(Action::Flood),
            None => taken(Action::Answer(payload.into())),
        }
    }
}

impl<'a> Command<'a> {
    /// The answer to [`Command::Obey`].
    pub(crate) const OBEYED: &'static [u8] = b"!storm obeyed";

    /// Reads a command from a payload; `None` for a payload that the game sends back.
    fn parse(payload: &'a [u8]) -> Option<Self> {
        let words = str::from_utf8(payload.strip_prefix(PREFIX)?).ok()?;
        match words {
            "obey" => Some(Self::Obey),
            "close" => Some(Self::Close),
            "panic" => Some(Self::Panic),
            "flood" => Some(Self::Flood),
            "taken" => Some(Self::Taken),
            _ => {
                let (code, reason) = words.strip_prefix("kick ")?.split_once(' ')?;
                Some(Self::Kick(code.parse().ok()?, reason))
            }
        }
    }

    /// Writes the command's payload.
    pub(crate) fn payload(self) -> Vec<u8> {
        let words = match self {
            Self::Obey => "obey".to_owned(),
            Self::Kick(code, reason) => format!("kick {code} {reason}"),
            Self::Close => "close".to_owned(),
            Self::Panic => "panic".to_owned(),
            Self::Flood => "flood".to_owned(),
            Self::Taken => "taken".to_owned(),
        };
        [PREFIX, words.as_bytes()].concat()
    }

    /// Writes the answer to [`Command::Taken`].
    fn taken(count: u64) -> Vec<u8> {
        [PREFIX, format!("{TAKEN}{count}").as_bytes()].concat()
    }

    /// Reads the count in the answer to [`Command::Taken`].
    pub(crate) fn count_of(answer: &[u8]) -> Option<u64> {
        let words = str::from_utf8(answer.strip_prefix(PREFIX)?).ok()?;
        words.strip_prefix(TAKEN)?.parse().ok()
    }
}

const PREFIX: &[u8] = b"!storm ";
const TAKEN: &str = "taken ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_that_is_written_is_read_as_it_was() {
        for command in [
            Command::Obey,
            Command::Kick(4_711, "for a test"),
            Command::Close,
            Command::Panic,
            Command::Flood,
            Command::Taken,
        ] {
            assert_eq!(Command::parse(&command.payload()), Some(command));
        }
    }

    #[test]
    fn an_obeying_game_counts_every_frame_but_the_two_questions() {
        let game = ObeyingGame::default();
        assert_eq!(game.action(b"hi"), Action::Answer(b"hi"[..].into()));
        let [close, obey, taken] =
            [Command::Close, Command::Obey, Command::Taken].map(Command::payload);
        assert_eq!(game.action(&close), Action::Close);
        let obeyed = Action::Answer(Command::OBEYED.into());
        assert_eq!(game.action(&obey), obeyed);
        let Action::Answer(answer) = game.action(&taken) else {
            panic!("no answer");
        };
        assert_eq!(Command::count_of(&answer), Some(2));
    }

    #[test]
    fn a_payload_that_is_no_command_is_echoed() {
        assert_eq!(Command::count_of(&Command::taken(7)), Some(7));
        assert_eq!(Command::count_of(Command::OBEYED), None);
        for payload in [
            "",
            "abc",
            "!storm",
            "!storm dance",
            "!storm kick",
            "!storm kick x y",
        ] {
            assert_eq!(Command::parse(payload.as_bytes()), None, "{payload}");
        }
    }
}
