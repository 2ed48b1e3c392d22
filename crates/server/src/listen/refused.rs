//! The end of a connection that was refused and reset: it never had a task.

use std::sync::Arc;
use std::time::SystemTime;

use lastword_session::{Cause, Ending, Phase, Verdict};

use crate::books::{Closing, Disconnect, log};
use crate::core::Core;
use crate::player::Remote;

/// Counts the connection out and reports its end, as if its task had done so.
pub(super) fn report(core: &Core, remote: Remote, listener: u8, cause: Cause) {
    let verdict = Verdict {
        cause,
        phase: Phase::Admission,
        at: core.clock.now(),
    };
    let closing = Closing {
        cause,
        phase: verdict.phase,
        cohort: 0,
        lingered: true,
        refused: true,
        code: None,
    };
    let seq = core.books.ledger.close(closing, |_| ());
    let disconnect = Arc::new(Disconnect {
        seq,
        at: SystemTime::now(),
        listener: core.listeners.addr_of_listener(listener),
        remote: remote.addr,
        remote_source: remote.source,
        player: None,
        session: None,
        connection: 0,
        profile: core.settings.profile_name(0),
        undelivered_frames: 0,
        session_lives_on: false,
        undelivered_bytes: 0,
        told: None,
        ending: Ending::without_evidence(verdict),
    });
    log::disconnect(&core.books.log_limit, &disconnect);
    core.observers
        .tell(|observer| observer.disconnected(&disconnect));
    core.books.ledger.gone();
}
