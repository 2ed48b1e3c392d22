//! How a client's connection ended, as seen from this side.

use std::fmt;

use lastword_session::{Cause, Ending, Evidence, FirstError, GoodbyeProgress, Phase, TrailEvent};

use crate::PeerGoodbye;

/// The end of a connection: one cause, and the evidence for it.
#[derive(Clone, Debug, PartialEq)]
pub struct Ended {
    /// The cause as seen from here: `peer_goodbye` if the server said goodbye, `closed_by_game` if this client left.
    pub cause: Cause,
    /// How far the connection had come: `auth` until the welcome, then `live`.
    pub phase: Phase,
    /// The server's goodbye, if there was one.
    pub peer_goodbye: Option<PeerGoodbye>,
    /// The reason of our own goodbye, as passed to [`Client::goodbye_with`](crate::Client::goodbye_with). `None`
    /// without a reason, and if the connection had ended before.
    pub said: Option<String>,
    /// The first error that any call on the socket had returned when the cause was fixed.
    pub first_error: Option<FirstError>,
    /// The readings of the kernel and of our clocks.
    pub evidence: Evidence,
    /// The last events before the end, oldest first, at most eight.
    pub trail: Vec<TrailEvent>,
}

impl From<Ending> for Ended {
    fn from(ending: Ending) -> Self {
        Self {
            cause: ending.verdict.cause,
            phase: ending.verdict.phase,
            peer_goodbye: ending.peer_goodbye.map(PeerGoodbye::from),
            said: ending
                .decided
                .map(|decided| decided.message.reason().to_owned())
                .filter(|words| !words.is_empty()),
            first_error: ending.first_error,
            evidence: ending.evidence,
            trail: ending.trail,
        }
    }
}

/// Writes the cause and how this client saw the end: the server's goodbye, our own, or another explanation.
impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.cause)?;
        match (self.cause, &self.peer_goodbye) {
            (Cause::ClosedByGame, _) => self.write_our_goodbye(f),
            (_, Some(peer_goodbye)) => write!(f, "{peer_goodbye}"),
            (cause, None) => f.write_str(cause.seen_by_client()),
        }
    }
}

impl Ended {
    fn write_our_goodbye(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let was_written = self.evidence.farewell != GoodbyeProgress::None;
        let clause = match was_written {
            true => "we said goodbye",
            false => "we left without a goodbye",
        };
        f.write_str(clause)?;
        match &self.said {
            None => Ok(()),
            Some(words) if was_written => write!(f, ": {words:?}"),
            Some(words) => write!(f, ", and our words were not sent: {words:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use lastword_session::{Phase, Time};

    use super::*;

    fn ended(cause: Cause) -> Ended {
        let mut ending = Ending::without_verdict(Phase::Live, Time::ORIGIN);
        ending.verdict.cause = cause;
        Ended::from(ending)
    }

    #[test]
    fn our_own_goodbye_is_reported_in_its_words() {
        let mut ended = ended(Cause::ClosedByGame);
        let left = "closed_by_game: we left without a goodbye";
        assert_eq!(ended.to_string(), left);
        ended.said = Some("see you".to_owned());
        let unsent = format!("{left}, and our words were not sent: \"see you\"");
        assert_eq!(ended.to_string(), unsent);
        ended.evidence.farewell = GoodbyeProgress::Acked;
        assert_eq!(
            ended.to_string(),
            "closed_by_game: we said goodbye: \"see you\""
        );
        ended.said = None;
        assert_eq!(ended.to_string(), "closed_by_game: we said goodbye");
    }

    #[test]
    fn an_end_without_a_goodbye_is_described_from_the_clients_side() {
        assert_eq!(
            ended(Cause::PathDead).to_string(),
            "path_dead: the server's machine or the path to it does not answer"
        );
    }
}
