//! A client's account of the end of its connection, next to the server's own.

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, SystemTime};

use lastword_session::wire::Previous;
use lastword_session::{BothEnds, Cause, SessionId};
use serde::Serialize;

use super::units::rfc3339;

/// A client's account of the end of its connection, told when it came back to its session. The server does not check it: it
/// is shown, and changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Told {
    /// When the client told it.
    pub at: SystemTime,
    /// The client's account.
    pub previous: Previous,
    /// The comparison with the server's cause.
    pub both_ends: BothEnds,
}

/// A record whose client has told its side.
#[derive(Clone, Debug)]
pub struct PeerTold {
    /// The number of the record ([`Disconnect::seq`](crate::Disconnect::seq)).
    pub seq: u64,
    /// The session.
    pub session: SessionId,
    /// The player's name or id; `None` for a player without a name.
    pub player: Option<String>,
    /// The number of the connection in its session.
    pub connection: u32,
    /// The server's cause.
    pub cause: Cause,
    /// The client's account.
    pub told: Told,
}

/// A client's account in flat fields: a part of the record of its connection, and of a log line of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Account {
    /// Both accounts compared: the label of a [`BothEnds`].
    pub told: &'static str,
    /// Both accounts and the comparison in words.
    pub told_words: String,
    /// When the client told it: RFC 3339, UTC.
    pub told_at: String,
    /// The label of the cause that the client found; `code 999` for a code that this version does not know. Absent where it
    /// found none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_cause: Option<Cow<'static, str>>,
    /// The code of the goodbye that the client read, if it read one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_goodbye: Option<u16>,
    /// How long before its account the connection had ended for the client.
    pub told_ended_ms: u32,
    /// For how long the connection had been silent for the client when it ended.
    pub told_silence_ms: u32,
    /// `true` if the client had paused its session itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_paused: Option<bool>,
    /// `true` if the client's machine had slept.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_slept: Option<bool>,
    /// `true` if the client's address has changed since.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub told_moved: Option<bool>,
}

impl Told {
    /// The account of a client, for the record of a connection whose cause was found so long before.
    pub(crate) fn new(
        at: SystemTime,
        previous: Previous,
        cause: Cause,
        found_ago: Duration,
    ) -> Self {
        Self {
            at,
            previous,
            both_ends: BothEnds::of(cause, found_ago, &previous),
        }
    }

    /// Returns the account with the names and units of the record, for a record with this cause.
    #[must_use]
    pub fn account(&self, cause: Cause) -> Account {
        let Self {
            at,
            previous,
            both_ends,
        } = self;
        Account {
            told: both_ends.label(),
            told_words: both_ends.in_words(cause, previous),
            told_at: rfc3339(*at),
            told_cause: label_of(previous.cause),
            told_goodbye: (previous.goodbye != 0).then_some(previous.goodbye),
            told_ended_ms: previous.ended_ms,
            told_silence_ms: previous.silence_ms,
            told_paused: previous.paused.then_some(true),
            told_slept: previous.slept.then_some(true),
            told_moved: previous.moved.then_some(true),
        }
    }
}

/// Writes both accounts in words, for people.
impl fmt::Display for PeerTold {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Told {
            previous,
            both_ends,
            ..
        } = &self.told;
        f.write_str(&both_ends.in_words(self.cause, previous))
    }
}

fn label_of(code: u16) -> Option<Cow<'static, str>> {
    match (code, Cause::from_code(code)) {
        (0, _) => None,
        (_, Some(cause)) => Some(cause.label().into()),
        (_, None) => Some(format!("code {code}").into()),
    }
}
