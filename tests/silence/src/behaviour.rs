//! The behaviour of the game in each session and of its client, as plain data that is sent to their processes.

use std::fmt;
use std::net::SocketAddr;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The behaviour of the server's game in one session. Every frame of either end begins with its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Game {
    /// Takes every frame and sends nothing.
    Quiet,
    /// Sends each frame back.
    Echo,
    /// Sends this many bytes a second, as far as there is room for them.
    Pour(u32),
    /// Sends whenever there is room.
    Flood,
    /// Takes nothing for this many seconds.
    Stall(u32),
}

/// The behaviour of a client once it has its welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ClientBehaviour {
    /// Whether it sends the heartbeats that its welcome asks for.
    pub(crate) beats: bool,
    /// How it reads.
    pub(crate) reads: Reads,
    /// Bytes of data frames a second.
    pub(crate) sends: u32,
    /// Into how many data frames they are divided at most.
    pub(crate) frames_max: u32,
    /// Whether it resets a connection on which no data arrived for the dead limit of its welcome.
    pub(crate) gives_up: bool,
    /// `SO_RCVBUF`; `None` leaves it to the kernel.
    pub(crate) receive_buffer: Option<u32>,
}

/// How a client reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Reads {
    /// All data, at once.
    All,
    /// This many bytes a second.
    Rate(u32),
    /// All data so far, each time after this many milliseconds.
    Every(u64),
    /// Nothing after the welcome.
    Never,
}

/// All clients of one process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Clients {
    /// The address to connect to.
    pub(crate) server: SocketAddr,
    /// The name of each client: its credentials, its player's id, and the choice of the game's behaviour.
    pub(crate) names: Vec<String>,
    /// The behaviour of all of them.
    pub(crate) behaviour: ClientBehaviour,
    /// `TCP_RTO_MAX_MS` of their sockets; `None` leaves it to the kernel.
    pub(crate) rto_max_ms: Option<u64>,
}

impl Game {
    /// Returns the name of the player with this number; the server derives the game's behaviour from it.
    pub(crate) fn player(self, number: usize) -> String {
        format!("{self}/{number}")
    }

    /// Returns the game's behaviour for the player with this name.
    pub(crate) fn of_player(name: &str) -> Option<Self> {
        name.split_once('/')?.0.parse().ok()
    }
}

impl fmt::Display for Game {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quiet => f.write_str("quiet"),
            Self::Echo => f.write_str("echo"),
            Self::Pour(bytes) => write!(f, "pour-{bytes}"),
            Self::Flood => f.write_str("flood"),
            Self::Stall(seconds) => write!(f, "stall-{seconds}"),
        }
    }
}

impl FromStr for Game {
    type Err = anyhow::Error;

    fn from_str(text: &str) -> anyhow::Result<Self> {
        match text.split_once('-') {
            Some(("pour", bytes)) => Ok(Self::Pour(bytes.parse()?)),
            Some(("stall", seconds)) => Ok(Self::Stall(seconds.parse()?)),
            None if text == "quiet" => Ok(Self::Quiet),
            None if text == "echo" => Ok(Self::Echo),
            None if text == "flood" => Ok(Self::Flood),
            Some(_) | None => anyhow::bail!("there is no game {text:?}"),
        }
    }
}

impl ClientBehaviour {
    /// Sends heartbeats, reads everything, sends no data and waits for ever.
    pub(crate) const HONEST: Self = Self {
        beats: true,
        reads: Reads::All,
        sends: 0,
        frames_max: 10,
        gives_up: false,
        receive_buffer: None,
    };

    /// Sends heartbeats, and lets its window close soon.
    pub(crate) const NEVER_READS: Self = Self::HONEST
        .reading(Reads::Never)
        .with_receive_buffer(16 * 1_024);

    pub(crate) const fn reading(self, reads: Reads) -> Self {
        Self { reads, ..self }
    }

    pub(crate) const fn sending(self, sends: u32) -> Self {
        Self { sends, ..self }
    }

    /// Sends twenty short data frames a second, as players that move do.
    pub(crate) const fn moving(self) -> Self {
        Self {
            frames_max: 20,
            ..self.sending(320)
        }
    }

    pub(crate) const fn giving_up(self) -> Self {
        Self {
            gives_up: true,
            ..self
        }
    }

    pub(crate) const fn with_receive_buffer(self, bytes: u32) -> Self {
        Self {
            receive_buffer: Some(bytes),
            ..self
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_of_a_player_tells_its_game() {
        let games = [
            Game::Quiet,
            Game::Echo,
            Game::Pour(16_384),
            Game::Flood,
            Game::Stall(60),
        ];
        for game in games {
            assert_eq!(Game::of_player(&game.player(7)), Some(game));
        }
        assert_eq!(Game::of_player("nonsense/7"), None);
    }
}
