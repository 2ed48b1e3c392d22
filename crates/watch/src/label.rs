//! The answers: why a connection ended, as seen from outside, and how sure that is.

use std::fmt;

/// Why a connection ended, as far as this can be seen from outside. A label with the name of a cause of `docs/causes.md` means the
/// same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Label {
    /// The peer closed.
    PeerFin,
    /// The peer closed without having sent a byte.
    PeerProbe,
    /// The peer closed, and data of the server came after that.
    PeerClosedWhileSending,
    /// A reset came.
    PeerReset,
    /// A reset came after a time in which nothing arrived.
    ResetAfterOutage,
    /// The peer does not answer, and the kernel gave up.
    PathDead,
    /// The peer reads nothing, and the kernel gave up.
    PeerNotReading,
    /// This host's own network carries nothing.
    LocalNetworkDown,
    /// The server closed first.
    ServerClosed,
    /// The server reset the connection, or closed it with unread bytes.
    ServerAborted,
    /// An operator destroyed the socket (`ss -K`).
    SocketDestroyed,
    /// A reset in one direction or the other: it cannot be told which.
    ResetOrAbort,
}

/// How sure a label is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Certainty {
    /// Nothing else explains the facts.
    Proven,
    /// It follows from counters that another end could also leave, which is rare.
    Inferred,
    /// The connection was younger than one poll, so only its last message is known.
    Unpolled,
}

/// One property of each label.
struct Row {
    label: Label,
    name: &'static str,
    sentence: &'static str,
}

const ROWS: &[Row] = &[
    Row {
        label: Label::PeerFin,
        name: "peer_fin",
        sentence: "The peer closed: by a goodbye, an exit or a kill.",
    },
    Row {
        label: Label::PeerProbe,
        name: "peer_probe",
        sentence: "The peer closed without having sent a byte: a health check or a port scan.",
    },
    Row {
        label: Label::PeerClosedWhileSending,
        name: "peer_closed_while_sending",
        sentence: "The peer closed while the server was still sending.",
    },
    Row {
        label: Label::PeerReset,
        name: "peer_reset",
        sentence: "A reset came: from the peer or a box on the way.",
    },
    Row {
        label: Label::ResetAfterOutage,
        name: "reset_after_outage",
        sentence: "A reset came after a time without an answer.",
    },
    Row {
        label: Label::PathDead,
        name: "path_dead",
        sentence: "The peer did not answer any more: a pulled cable, or a host that is gone.",
    },
    Row {
        label: Label::PeerNotReading,
        name: "peer_not_reading",
        sentence: "The peer was there and did not read.",
    },
    Row {
        label: Label::LocalNetworkDown,
        name: "local_network_down",
        sentence: "This host's own network carried nothing.",
    },
    Row {
        label: Label::ServerClosed,
        name: "server_closed",
        sentence: "The server closed: why, only the server knows.",
    },
    Row {
        label: Label::ServerAborted,
        name: "server_aborted",
        sentence: "The server reset the connection, or closed it with unread bytes.",
    },
    Row {
        label: Label::SocketDestroyed,
        name: "socket_destroyed",
        sentence: "An operator destroyed the socket.",
    },
    Row {
        label: Label::ResetOrAbort,
        name: "reset_or_abort",
        sentence: "A reset, by the peer or by the server: it cannot be told which.",
    },
];

impl Label {
    /// All labels, in the order in which they are shown.
    pub fn all() -> impl Iterator<Item = Self> {
        ROWS.iter().map(|row| row.label)
    }

    fn row(self) -> Option<&'static Row> {
        ROWS.iter().find(|row| row.label == self)
    }

    /// Returns the name, as in metrics and in JSON.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().map_or("", |row| row.name)
    }

    /// Returns one sentence for people.
    #[must_use]
    pub fn sentence(self) -> &'static str {
        self.row().map_or("", |row| row.sentence)
    }
}

impl fmt::Display for Label {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Certainty {
    /// All, the surest first.
    pub const ALL: [Self; 3] = [Self::Proven, Self::Inferred, Self::Unpolled];

    /// Returns the name, as in metrics and in JSON.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Proven => "proven",
            Self::Inferred => "inferred",
            Self::Unpolled => "unpolled",
        }
    }
}

impl fmt::Display for Certainty {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use lastword_session::Cause;

    use super::*;

    #[test]
    fn each_label_has_one_row_and_a_name_of_its_own() {
        let names: HashSet<_> = Label::all().map(Label::name).collect();
        assert_eq!(names.len(), ROWS.len());
        assert!(names.iter().all(|name| !name.is_empty()));
    }

    #[test]
    fn a_label_that_is_no_cause_is_one_of_those_that_only_an_outsider_needs() {
        let causes: HashSet<_> = Cause::ALL.iter().map(|cause| cause.label()).collect();
        let own: Vec<_> = Label::all()
            .filter(|label| !causes.contains(label.name()))
            .collect();
        assert_eq!(
            own,
            [
                Label::ServerClosed,
                Label::ServerAborted,
                Label::ResetOrAbort
            ]
        );
    }
}
