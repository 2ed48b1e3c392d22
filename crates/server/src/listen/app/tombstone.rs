//! The tombstone of a session that a decision ended, for a client that may not have read the goodbye.

use std::sync::Arc;

use lastword_session::{Close, GoodbyeProgress, Refusal};
use lastword_transport::Clock;

use super::ServerApp;
use super::standing::Standing;
use crate::books::Disconnect;
use crate::core::Tombstone;
use crate::player::SessionIdentity;
use crate::shape::Shape;

impl<S: Shape> ServerApp<S> {
    /// The session is over, by this decision if there was one: its client may read it for the rest of the resume window.
    pub(super) fn leave_tombstone(&self, identity: &SessionIdentity, by: Option<Close>) {
        let core = self.core();
        let generations = two_generations(identity);
        let had_token = (generations != [NO_GENERATION; 2]).then_some(generations);
        let now = Clock::real();
        let tombstone = by.zip(had_token).map(|(close, generations)| {
            let lost = if let Standing::Away(away) = &self.standing {
                away.since
            } else {
                now
            };
            Tombstone {
                until: lost + core.settings.resume_window(identity.profile),
                generations,
                close: Arc::new(close),
            }
        });
        if let Some(tombstone) = &tombstone {
            core.tombstones
                .put(now, identity.session, tombstone.clone());
        }
        core.doors.shut(identity.session, &answer_of(tombstone));
    }

    /// A client that answered the goodbye has read it.
    pub(super) fn may_need_no_tombstone(&self, disconnect: &Disconnect) {
        let Disconnect {
            session, ending, ..
        } = disconnect;
        if ending.evidence.farewell != GoodbyeProgress::FinSeen {
            return;
        }
        if let (Some(session), Some(decided)) = (session, &ending.decided) {
            self.core().tombstones.was_read(*session, decided.cause);
        }
    }
}

/// The answer to a client with a token that is or was valid, where the session is over.
pub(super) fn answer_of(tombstone: Option<Tombstone>) -> Close {
    tombstone.map_or_else(
        || Refusal::Stale.close(),
        |tombstone| Refusal::ended_by(&tombstone.close),
    )
}

/// The generations of the valid tokens. They are always two, so that each check takes as long as any other.
pub(super) fn two_generations(identity: &SessionIdentity) -> [u32; 2] {
    let mut valid = identity.tokens.generations();
    [(); 2].map(|()| valid.next().unwrap_or(NO_GENERATION))
}

/// No token that was ever given has it.
pub(super) const NO_GENERATION: u32 = 0;
