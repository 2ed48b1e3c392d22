//! The cause of a session's end, which may come long after the end of its last connection.

use std::fmt;

use super::{Cause, Class};

/// The cause of a session's end: the cause of its last connection, or a later event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DepartureCause {
    /// The session ended together with its connection, for that connection's cause.
    Ended(Cause),
    /// The connection was lost, and the player did not come back within the resume window.
    ResumeExpired,
    /// The session continues at another node.
    HandedOver,
}

impl DepartureCause {
    /// Returns the stable label used in metrics and logs.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Ended(cause) => cause.label(),
            Self::ResumeExpired => "resume_expired",
            Self::HandedOver => "handed_over",
        }
    }

    /// Returns the class, which tells an operator what to do. A session whose player never came back left abruptly.
    #[must_use]
    pub const fn class(self) -> Class {
        match self {
            Self::Ended(cause) => cause.class(),
            Self::ResumeExpired => Class::Abrupt,
            Self::HandedOver => Class::Operator,
        }
    }
}

impl From<Cause> for DepartureCause {
    fn from(cause: Cause) -> Self {
        Self::Ended(cause)
    }
}

impl fmt::Display for DepartureCause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_label_of_a_departure_is_also_one_of_a_cause() {
        for departure in [DepartureCause::ResumeExpired, DepartureCause::HandedOver] {
            assert_eq!(Cause::from_label(departure.label()), None);
        }
        assert_eq!(DepartureCause::from(Cause::Idle).label(), "idle");
    }
}
