//! The part of a connection's end that the demo shows.

use std::borrow::Cow;
use std::net::SocketAddr;

use lastword::evidence::Phase;
use lastword::{Cause, Disconnect};
use lastword_load::Ending;

/// A part of a [`Record`](lastword::evidence::Record).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Close {
    /// The time of the end: RFC 3339, UTC.
    pub(crate) at: String,
    pub(crate) cause: Cause,
    pub(crate) phase: Phase,
    pub(crate) remote: SocketAddr,
    pub(crate) player: Option<String>,
    /// The evidence.
    pub(crate) words: String,
}

impl Close {
    pub(crate) fn of(disconnect: &Disconnect) -> Self {
        let record = disconnect.record();
        Self {
            at: record.at,
            cause: disconnect.cause(),
            phase: disconnect.ending.verdict.phase,
            remote: record.remote,
            player: record.player.map(Cow::into_owned),
            words: record.words,
        }
    }

    pub(crate) const fn ending(&self) -> Ending {
        Ending {
            cause: self.cause,
            phase: self.phase,
        }
    }

    /// Returns the hours, minutes and seconds of the end.
    pub(crate) fn time(&self) -> &str {
        self.at.get(11..19).unwrap_or(&self.at)
    }

    /// Returns the evidence without the cause, with which it begins.
    pub(crate) fn evidence(&self) -> &str {
        let words = self.words.strip_prefix(self.cause.label());
        words.unwrap_or(&self.words).trim_start()
    }
}
