//! The list of live sessions: players, addresses, and the state of each link.

use std::borrow::Cow;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lastword_keepalive::ProfileName;
use lastword_session::{Diagnosis, SessionId};
use lastword_transport::{Clock, Request};

use super::ServerHandle;
use crate::player::{Kick, LinkFlag, SessionIdentity, has_escapes, is_name_of, printable};

/// A live session in the list. [`ServerHandle::session_status`] asks one session for more.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The session.
    pub session: SessionId,
    /// The player's id, as the authenticator gave it.
    pub player: Option<String>,
    /// The peer's address; of the last connection while it is suspended.
    pub remote: SocketAddr,
    /// The cohort, if the player has one.
    pub cohort: Option<String>,
    /// The liveness profile.
    pub profile: Option<ProfileName>,
    /// The diagnosis of the peer's silence; `None` is healthy.
    pub suspected: Option<Diagnosis>,
    /// Whether it has no connection and waits for its player.
    pub suspended: bool,
    /// Whether it is congested: its peer reads more slowly than the game sends.
    pub congested: bool,
    /// Whether its peer is over its rate, so that its frames wait.
    pub rate_limited: bool,
    /// Time since the session joined, to a tenth of a second.
    pub live_for: Duration,
    /// The smoothed round trip of its heartbeats, if it is known.
    pub rtt: Option<Duration>,
}

impl SessionInfo {
    /// Returns the player's id for people: control and invisible characters are written as `<U+001B>`, as in
    /// records.
    #[must_use]
    pub fn player_shown(&self) -> Option<Cow<'_, str>> {
        self.player.as_deref().map(printable)
    }

    /// Returns whether the player has this name, unchanged or as records show it.
    #[must_use]
    pub fn is_of(&self, player: &str) -> bool {
        is_name_of(player, self.player.as_deref())
    }
}

/// The list of live sessions. A session is in the list when its handler's `joined` is called, and stays there as long
/// as [`ServerHandle::send`] reaches it. It leaves the list when its end is decided, such as by a kick. It is gone from
/// the list before the game and the observers are told of its end.
///
/// Reading the list is a scan. The scan waits for no session and does not lock the counts. A session that joins or
/// departs waits at most while the 256th part of the others is read.
impl ServerHandle {
    /// Returns the sessions that are live now, in the order of their ids. 20,000 sessions take a few milliseconds. On
    /// a larger server, [`ServerHandle::sessions_after`] reads a part at a time.
    #[must_use]
    pub fn sessions(&self) -> Vec<SessionInfo> {
        self.live_after(None, |_| true).collect()
    }

    /// Returns the next live sessions after this one, at most `limit`; `None` begins with the first.
    ///
    /// They come in the order of their ids. So a session that stays live is seen exactly once, even while others come and
    /// go. The session `after` may have departed.
    #[must_use]
    pub fn sessions_after(&self, after: Option<SessionId>, limit: usize) -> Vec<SessionInfo> {
        self.live_after(after, |_| true).take(limit).collect()
    }

    /// Returns the live sessions of this player, by the whole name, unchanged or as records show it. Where a player has
    /// one session only ([`ServerHandle::second_login`]), this is a look-up, except for a name with escapes such as
    /// `<U+001B>`. Otherwise it reads every session: a game that asks often keeps its own map.
    #[must_use]
    pub fn find(&self, player: &str) -> Vec<SessionInfo> {
        let identities = self.identities_of(player).into_iter();
        identities
            .filter_map(|identity| self.info(&identity))
            .collect()
    }

    /// Kicks a player from each of its live sessions: `kicked`. Returns how many there were. It finds them as
    /// [`ServerHandle::find`] does; a session that joins at the same time may be missed.
    pub fn kick_player(&self, player: &str, kick: Kick) -> usize {
        let request = Request::close(kick.into_close());
        let identities = self.identities_of(player).into_iter();
        let mailboxes = identities.filter_map(|identity| self.core.mailboxes.of(identity.session));
        mailboxes
            .map(|mailbox| mailbox.request(request.clone()))
            .count()
    }

    /// The sessions of this player. Some may no longer be live, or not live yet.
    fn identities_of(&self, player: &str) -> Vec<Arc<SessionIdentity>> {
        match &self.core.logins {
            // Several players may have names that records show like this one.
            Some(logins) if !player.is_empty() && !has_escapes(player) => {
                logins.find(player).into_iter().collect()
            }
            Some(_) | None => {
                let live = &self.core.books.live_sessions;
                live.scan(None, |identity| identity.is_of(player)).collect()
            }
        }
    }

    fn live_after<'a>(
        &'a self,
        after: Option<SessionId>,
        wanted: impl Fn(&SessionIdentity) -> bool + 'a,
    ) -> impl Iterator<Item = SessionInfo> + 'a {
        let identities = self.core.books.live_sessions.scan(after, wanted);
        identities.filter_map(|identity| self.info(&identity))
    }

    /// Describes a session; `None` if it is no longer live.
    fn info(&self, identity: &SessionIdentity) -> Option<SessionInfo> {
        let mailbox = self.core.mailboxes.of(identity.session)?;
        Some(SessionInfo {
            session: identity.session,
            player: identity.player.as_deref().map(str::to_owned),
            remote: identity.remote().addr,
            cohort: self.core.books.cohorts.name(identity.cohort).cloned(),
            profile: self.core.settings.profile_name(identity.profile),
            suspected: identity.suspicion.read(),
            suspended: identity.link.has(LinkFlag::Away),
            congested: identity.link.has(LinkFlag::Congested),
            rate_limited: identity.link.has(LinkFlag::RateLimited),
            live_for: identity.joined.live_for(Clock::real()),
            rtt: mailbox.round_trip().rtt(),
        })
    }
}
