//! What a client of a storm asks of the game: some ways to end need its help. A game that obeys lets every client end
//! its own session in every way, so it has no place on a port of players.

use std::str;

/// A request that is the payload of a data frame; whatever is none of these is to be sent back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command<'a> {
    /// Answer with [`OBEYED`](Self::OBEYED), if you obey.
    Obey,
    /// Throw me out, with this code of the game's and these words.
    Kick(u16, &'a str),
    /// Close my session in order.
    Close,
    /// Panic.
    Panic,
    /// Send me frames until my queue is full.
    Flood,
    /// Answer with [`Command::taken`]: how many frames you were handed in all sessions, but for this command and
    /// [`Command::Obey`].
    Taken,
}

impl<'a> Command<'a> {
    /// The answer to [`Command::Obey`].
    pub const OBEYED: &'static [u8] = b"!storm obeyed";

    /// Credentials on which an authenticator that obeys never decides.
    pub const AUTH_NEVER: &'static str = "!storm never";

    /// Credentials for which an authenticator that obeys is down.
    pub const AUTH_DOWN: &'static str = "!storm down";

    /// Reads a payload; `None` for one that is to be sent back.
    #[must_use]
    pub fn parse(payload: &'a [u8]) -> Option<Self> {
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

    /// Writes the payload.
    #[must_use]
    pub fn payload(self) -> Vec<u8> {
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

    /// The answer to [`Command::Taken`].
    #[must_use]
    pub fn taken(count: u64) -> Vec<u8> {
        [PREFIX, format!("{TAKEN}{count}").as_bytes()].concat()
    }

    /// Reads that answer.
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
    fn whatever_is_no_command_is_to_be_sent_back() {
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
