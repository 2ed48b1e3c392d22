//! The query parameters of `/api/closes`.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lastword_server::{Cause, Disconnect, SessionId};

/// Selects records. A missing parameter matches every record.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ClosesQuery {
    causes: Vec<Cause>,
    player: Option<String>,
    session: Option<SessionId>,
    since: Option<SystemTime>,
    /// The most records.
    pub(crate) limit: usize,
    /// Only records after this number, oldest first.
    pub(crate) after: Option<u64>,
}

/// The error in a request, in one line.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidQuery {
    /// There is no such parameter.
    #[error("there is no parameter `{}`; allowed is {allowed}", shown(.name))]
    Unknown { name: String, allowed: &'static str },
    /// A parameter that has one value was given two.
    #[error("`{0}` is given twice; allowed is once")]
    Twice(&'static str),
    /// Its value is not allowed.
    #[error("`{parameter}` is \"{}\"; allowed is {allowed}", shown(.value))]
    Value {
        parameter: &'static str,
        value: String,
        allowed: String,
    },
}

impl InvalidQuery {
    pub(crate) fn unknown(name: &str, allowed: &'static str) -> Self {
        Self::Unknown {
            name: name.to_owned(),
            allowed,
        }
    }

    /// The number is not used yet: it comes from another server, or from this server before a restart.
    pub(crate) fn beyond_the_last(after: u64, last: u64) -> Self {
        let allowed = format!(
            "0 to {last}, the last record: a server that is started again counts from 1, so begin again with after=0"
        );
        Self::Value {
            parameter: "after",
            value: after.to_string(),
            allowed,
        }
    }
}

impl ClosesQuery {
    /// Parses the text after the `?`.
    ///
    /// # Errors
    /// The first wrong parameter.
    pub(crate) fn parse(query: &str) -> Result<Self, InvalidQuery> {
        let mut causes = Vec::new();
        let (mut player, mut session, mut since) = (None, None, None);
        let (mut limit, mut after) = (None, None);
        for (name, value) in form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "cause" => {
                    for label in value.split(',') {
                        causes.push(one("cause", label, "a label of docs/causes.md", cause)?);
                    }
                }
                "player" => once("player", &mut player, value.into_owned())?,
                "session" => {
                    let id = one("session", &value, "32 hexadecimal digits", number)?;
                    once("session", &mut session, id)?;
                }
                "since" => once("since", &mut since, one("since", &value, TIMES, time)?)?,
                "limit" => once(
                    "limit",
                    &mut limit,
                    one("limit", &value, "1 to 10000", size::<LIMIT_MAX>)?,
                )?,
                "after" => {
                    let seq = one("after", &value, "the seq of a record, or 0", number)?;
                    once("after", &mut after, seq)?;
                }
                _ => return Err(InvalidQuery::unknown(&name, PARAMETERS)),
            }
        }
        Ok(Self {
            causes,
            player,
            session,
            since,
            limit: limit.unwrap_or(LIMIT_DEFAULT),
            after,
        })
    }

    /// Whether the query matches this record.
    pub(crate) fn asks_for(&self, close: &Disconnect) -> bool {
        let of_cause = self.causes.is_empty() || self.causes.contains(&close.cause());
        let of_player = self.player.as_ref().is_none_or(|name| close.is_of(name));
        let of_session = self.session.is_none_or(|id| close.session == Some(id));
        let since = self.since.is_none_or(|since| close.at >= since);
        of_cause && of_player && of_session && since
    }
}

/// Parses one value.
pub(crate) fn one<T>(
    parameter: &'static str,
    value: &str,
    allowed: &str,
    read: impl FnOnce(&str) -> Option<T>,
) -> Result<T, InvalidQuery> {
    read(value).ok_or_else(|| InvalidQuery::Value {
        parameter,
        value: value.to_owned(),
        allowed: allowed.to_owned(),
    })
}

pub(crate) fn once<T>(
    parameter: &'static str,
    place: &mut Option<T>,
    value: T,
) -> Result<(), InvalidQuery> {
    match place.replace(value) {
        None => Ok(()),
        Some(_) => Err(InvalidQuery::Twice(parameter)),
    }
}

fn cause(label: &str) -> Option<Cause> {
    Cause::ALL.into_iter().find(|cause| cause.label() == label)
}

fn number<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok()
}

pub(crate) fn size<const MAX: usize>(text: &str) -> Option<usize> {
    number(text).filter(|limit| (1..=MAX).contains(limit))
}

fn time(text: &str) -> Option<SystemTime> {
    match text.parse() {
        Ok(seconds) => UNIX_EPOCH.checked_add(Duration::from_secs(seconds)),
        Err(_) => humantime::parse_rfc3339(text).ok(),
    }
}

/// A value as an answer shows it: in one line, and limited in length.
fn shown(value: &str) -> String {
    value
        .chars()
        .take(VALUE_CHARS_MAX)
        .flat_map(char::escape_debug)
        .collect()
}

const PARAMETERS: &str = "cause, player, session, since, limit and after";
const TIMES: &str = "seconds since 1970, or RFC 3339 in UTC such as 2026-11-22T20:49:55Z";
const LIMIT_DEFAULT: usize = 1_000;
const LIMIT_MAX: usize = 10_000;
const VALUE_CHARS_MAX: usize = 64;

#[cfg(test)]
mod tests;
