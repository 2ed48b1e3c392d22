//! Feeds bytes to a connection and reports why it ended. The setting is that of `docs/wire.md`, section 14.

use lastword_session::Config;

use crate::support::{Answer, Solo};

/// The label of the cause for which `stream` ends a connection, or `none`.
///
/// `state` is `first` for the first bytes of a connection and `live` for those right after welcome. `direction` is the
/// end that sent them.
pub(crate) fn verdict(state: &str, direction: &str, stream: &[u8]) -> &'static str {
    let mut solo = match (direction, state) {
        ("client", "live") => Solo::live(),
        ("client", _) => Solo::server_with(Config::default(), Answer::Wait),
        (_, "live") => Solo::live_client(),
        _ => Solo::client(),
    };
    solo.says(stream);
    // The peer leaves only once we have: so only the bytes can have ended the connection.
    if solo.host.is_shut {
        solo.fin();
    }
    match &solo.host.ending {
        Some(ending) => ending.verdict.cause.label(),
        None => "none",
    }
}
