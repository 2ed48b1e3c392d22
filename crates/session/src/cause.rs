//! The cause of a connection's end. Every exhaustive match on [`Cause`] lives in this crate; outside code matches on
//! [`Class`] instead.

mod client_view;
mod departure;
mod facets;
mod table;

use std::fmt;

use crate::Phase;

pub use departure::DepartureCause;
pub use facets::{Advice, Class, Initiator, Resumable};
pub use table::Cause;

use table::AdviceRule;

impl Cause {
    /// Returns the stable label used in metrics, logs and the documentation, in snake case.
    #[must_use]
    pub const fn label(self) -> &'static str {
        self.row().label
    }

    /// Returns the code that our goodbye carries.
    #[must_use]
    pub const fn code(self) -> u16 {
        self as u16
    }

    /// Returns the class of the cause, which tells an operator what to do.
    #[must_use]
    pub const fn class(self) -> Class {
        self.row().class
    }

    /// Returns the side whose act, state or broken rule made the end necessary.
    #[must_use]
    pub const fn initiator(self) -> Initiator {
        self.row().initiator
    }

    /// Returns whether the session may continue on a new connection.
    #[must_use]
    pub const fn resumable(self) -> Resumable {
        self.row().resumable
    }

    /// Returns the advice of our goodbye; `None` where no goodbye is sent or it advises nothing.
    ///
    /// Where the game advises ([`advised_by_game`](Self::advised_by_game)), this is the default.
    #[must_use]
    pub const fn advice(self) -> Option<Advice> {
        match self.row().advice {
            AdviceRule::Nothing => None,
            AdviceRule::MayReconnect | AdviceRule::ByGame => Some(Advice::MayReconnect),
            AdviceRule::AfterDelay => Some(Advice::AfterDelay),
            AdviceRule::Elsewhere => Some(Advice::Elsewhere),
            AdviceRule::DoNot => Some(Advice::DoNot),
        }
    }

    /// Returns whether the game chooses the advice.
    #[must_use]
    pub const fn advised_by_game(self) -> bool {
        matches!(self.row().advice, AdviceRule::ByGame)
    }

    /// Returns the phases of a server's connection in which this cause can occur; metrics have series only for these.
    #[must_use]
    pub const fn phases(self) -> &'static [Phase] {
        self.row().phases
    }

    /// Returns whether this cause can occur in `phase`.
    #[must_use]
    pub fn occurs_in(self, phase: Phase) -> bool {
        self.phases().contains(&phase)
    }

    /// Returns whether only the passing of time reveals this cause: such a cause has a detection time and a bound.
    #[must_use]
    pub const fn is_silent(self) -> bool {
        matches!(
            self,
            Self::PathDead
                | Self::PathDeadOutbound
                | Self::LocalNetworkDown
                | Self::PeerSilent
                | Self::PeerFrozen
                | Self::PeerNotReading
                | Self::Idle
                | Self::GameStalled
        )
    }

    /// Returns whether this version ends connections with this cause.
    ///
    /// The other causes already have their label, code and series, so that dashboards and clients can be written for
    /// them.
    #[must_use]
    pub const fn is_produced(self) -> bool {
        !matches!(self, Self::GameStalled | Self::MovedToNode)
    }

    /// Returns whether this is a decision about a session and not only about its connection: of the game, of the server,
    /// or by a defect. It also ends a session whose connection is not confirmed.
    #[must_use]
    pub const fn ends_session(self) -> bool {
        matches!(
            self,
            Self::Kicked
                | Self::ClosedByGame
                | Self::ReplacedByLogin
                | Self::Drained
                | Self::DrainExpired
                | Self::HandlerPanicked
                | Self::VerdictMissing
        )
    }

    /// Returns whether a session may go on behind an end with this cause, so that its client can tell its side.
    #[must_use]
    pub const fn may_be_told(self) -> bool {
        let may_resume = matches!(self.resumable(), Resumable::Yes | Resumable::IfPaused);
        may_resume || matches!(self, Self::SupersededByResume)
    }

    /// Returns whether a goodbye with this cause refuses a connection before the server looks at its session. Such a
    /// goodbye voids no token: the client may try again to resume, as the advice says.
    #[must_use]
    pub const fn keeps_token(self) -> bool {
        matches!(
            self,
            Self::AuthTimeout
                | Self::AuthUnavailable
                | Self::ServerFull
                | Self::AddressLimit
                | Self::Overloaded
                | Self::RefusedDraining
        )
    }

    /// Returns one plain sentence on one line, which explains the cause to a person who does not know this layer.
    ///
    /// The peer in this sentence is a client. For a client's own view see [`Cause::seen_by_client`] and
    /// [`Cause::told_to_client`].
    #[must_use]
    pub const fn sentence(self) -> &'static str {
        self.row().sentence
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_and_codes_find_their_cause_and_nothing_else_does() {
        for cause in Cause::ALL {
            assert_eq!(Cause::from_code(cause.code()), Some(cause));
            assert_eq!(Cause::from_label(cause.label()), Some(cause));
            assert_eq!(cause.to_string(), cause.label());
        }
        let named = (0..=u16::MAX).filter_map(Cause::from_code).count();
        assert_eq!(named, Cause::ALL.len());
        assert_eq!(Cause::from_label("unknown"), None);
    }

    #[test]
    fn every_cause_can_occur_somewhere_and_its_phases_are_in_order() {
        for cause in Cause::ALL {
            assert!(!cause.phases().is_empty(), "{cause}");
            assert!(cause.phases().is_sorted_by(|a, b| a < b), "{cause}");
        }
    }

    #[test]
    fn a_session_can_only_be_resumed_where_there_was_one() {
        for cause in Cause::ALL {
            let keeps_a_session = matches!(cause.resumable(), Resumable::Yes | Resumable::IfPaused);
            assert!(!keeps_a_session || cause.occurs_in(Phase::Live), "{cause}");
        }
    }

    #[test]
    fn a_decision_about_a_session_is_never_resumable() {
        for cause in Cause::ALL.into_iter().filter(|cause| cause.ends_session()) {
            assert_eq!(cause.resumable(), Resumable::No, "{cause}");
        }
    }

    /// The wire's text names these codes.
    #[test]
    fn only_a_refused_connection_keeps_its_token_and_it_had_no_session_yet() {
        let kept: Vec<_> = Cause::ALL
            .into_iter()
            .filter(|cause| cause.keeps_token())
            .collect();
        let codes: Vec<_> = kept.iter().map(|cause| cause.code()).collect();
        assert_eq!(codes, [61, 62, 65, 66, 67, 68]);
        for cause in kept {
            assert_eq!(cause.resumable(), Resumable::NoSession, "{cause}");
        }
    }

    #[test]
    fn a_sentence_is_one_sentence_on_one_line() {
        for cause in Cause::ALL {
            let sentence = cause.sentence();
            assert!(sentence.ends_with('.'), "{cause}");
            assert_eq!(sentence.matches(". ").count(), 0, "{cause}");
            assert!(!sentence.contains(['\n', '|']), "{cause}");
            assert!(sentence.starts_with(char::is_uppercase), "{cause}");
        }
    }
}
