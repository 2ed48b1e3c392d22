//! The properties of a cause besides its name: its class, its initiator, the advice for a client, and whether the
//! session may resume.

use std::fmt;

/// The class of a cause, which tells an operator what to do: a coarse, exhaustive grouping of [`Cause`](crate::Cause).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Class {
    /// An ordinary end: nothing to do.
    Normal,
    /// The connection ended without a goodbye on the peer's side: look for crashes of the client.
    Abrupt,
    /// The path between the two hosts failed: look at the network.
    Network,
    /// The peer is there, but does not keep up.
    Stuck,
    /// The peer broke a rule, or does not speak this protocol.
    Abuse,
    /// We could not take the load.
    Capacity,
    /// An operator, or the game on an operator's behalf, ended the connection.
    Operator,
    /// A defect of this layer, of the game or of the embedder: look at the code.
    Defect,
}

impl Class {
    /// Every class, in the order of the documentation.
    pub const ALL: [Self; 8] = [
        Self::Normal,
        Self::Abrupt,
        Self::Network,
        Self::Stuck,
        Self::Abuse,
        Self::Capacity,
        Self::Operator,
        Self::Defect,
    ];

    /// Returns the stable label used in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Normal => "normal",
            Self::Abrupt => "abrupt",
            Self::Network => "network",
            Self::Stuck => "stuck",
            Self::Abuse => "abuse",
            Self::Capacity => "capacity",
            Self::Operator => "operator",
            Self::Defect => "defect",
        }
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// The side whose act, state or broken rule made the end necessary. It is not always the side that called close.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Initiator {
    /// The other end.
    Peer,
    /// Something between the two ends.
    Network,
    /// This end: the layer, the game, the operator or this host.
    Local,
}

impl Initiator {
    /// Every initiator.
    pub const ALL: [Self; 3] = [Self::Peer, Self::Network, Self::Local];

    /// Returns the stable label used in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Peer => "peer",
            Self::Network => "network",
            Self::Local => "local",
        }
    }
}

impl fmt::Display for Initiator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// The next step that a goodbye or a notice advises to the client; the discriminant is the byte on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Advice {
    /// Reconnect at will.
    MayReconnect = 0,
    /// Reconnect after the delay in the frame.
    AfterDelay = 1,
    /// Connect to another server: the address in the frame, if it has one.
    Elsewhere = 2,
    /// Do not reconnect automatically.
    DoNot = 3,
}

impl Advice {
    /// Every advice, in the order of the codes.
    pub const ALL: [Self; 4] = [
        Self::MayReconnect,
        Self::AfterDelay,
        Self::Elsewhere,
        Self::DoNot,
    ];

    /// Returns the byte on the wire.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// Reads the byte on the wire; `None` if this version does not know the advice.
    #[must_use]
    pub const fn from_code(code: u8) -> Option<Self> {
        match code {
            0 => Some(Self::MayReconnect),
            1 => Some(Self::AfterDelay),
            2 => Some(Self::Elsewhere),
            3 => Some(Self::DoNot),
            _ => None,
        }
    }

    /// Returns the stable label used in logs and in the documentation.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::MayReconnect => "may_reconnect",
            Self::AfterDelay => "after_delay",
            Self::Elsewhere => "elsewhere",
            Self::DoNot => "do_not",
        }
    }
}

impl fmt::Display for Advice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// Whether the session may continue on a new connection after a cause.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Resumable {
    /// The session may continue, within the resume window.
    Yes,
    /// The session is over with the connection.
    No,
    /// The session may continue if the peer's goodbye said *paused*. It is over if the goodbye said *over*.
    IfPaused,
    /// The connection had no session: no session had joined yet, or the session continues elsewhere.
    NoSession,
}

impl Resumable {
    /// Returns the stable label used in logs and in the documentation.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::IfPaused => "if_paused",
            Self::NoSession => "no_session",
        }
    }
}

impl fmt::Display for Resumable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_advice_survives_its_byte_and_an_unknown_byte_is_none() {
        for advice in Advice::ALL {
            assert_eq!(Advice::from_code(advice.code()), Some(advice));
        }
        assert!((4..=u8::MAX).all(|code| Advice::from_code(code).is_none()));
    }
}
