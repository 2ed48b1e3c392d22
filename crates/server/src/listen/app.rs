//! One connection of a server: admission, authentication, and the game's side.

mod ending;
mod resuming;
mod standing;
mod told;
mod tombstone;

use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use lastword_keepalive::KernelKnobs;
use lastword_session::wire::Notice;
use lastword_session::{
    Admission, Cause, Claim, Close, DepartureCause, Diagnosis, Dropped, Ending, Evidence, Framing,
    Link, Proxied, Refusal as NotResumed, Resume, Traffic,
};
use lastword_transport::{
    App, Carried, Clock, Continues, Linger, Newcomer, Outbox, Returned, Room, canonical,
};

use crate::books::{UnknownName, log};
use crate::core::{Admitted, Core};
use crate::guard::{guarded, lock, logged, withheld_before};
use crate::player::{
    Address, Check, CredentialSource, Credentials, Joined, LinkFlag, LinkFlags, Player, Refusal,
    Remote, RemoteSource, SessionIdentity, Suspicion, Tokens, random_session,
};
use crate::shape::events::WakeRequest;
use crate::shape::{Arrival, Context as GameContext, Game, Shape};
use standing::{Accepted, Asking, Standing};

/// The state that a listener's connections share: the server and the shape of its game.
pub(crate) struct Front<S> {
    pub(crate) core: Arc<Core>,
    pub(crate) shape: S,
}

/// The server's side of one connection. The connection is counted in before this is made. Its end, or its drop, counts
/// it out exactly once.
pub(crate) struct ServerApp<S: Shape> {
    front: Arc<Front<S>>,
    standing: Standing,
    slot: u32,
    /// Whether the limits of admission count it. `None` once its end is counted.
    admitted: Option<Admitted>,
    /// The place of this connection is free for another.
    lingers: Option<Linger>,
    paused: bool,
    /// It was refused when it arrived, and has no place.
    is_refused: bool,
    game: Option<S::Game>,
}

impl<S: Shape> ServerApp<S> {
    pub(crate) fn new(front: Arc<Front<S>>, remote: Remote, slot: u32, admitted: Admitted) -> Self {
        Self {
            front,
            standing: Standing::Outside(Box::new(remote)),
            slot,
            admitted: Some(admitted),
            lingers: None,
            paused: false,
            is_refused: false,
            game: None,
        }
    }

    /// This connection is refused: it stays open only to learn the reason, if it may.
    pub(crate) fn refuse(&mut self, lingers: Linger) {
        self.standing = Standing::Refused(Box::new(self.standing.remote()));
        self.lingers = Some(lingers);
        self.is_refused = true;
    }

    /// Stores the diagnosis of the peer's silence where any thread can read it.
    fn suspected_as(&self, suspicion: Option<Diagnosis>) {
        let Some(identity) = self.standing.identity() else {
            return;
        };
        let before = identity.suspicion.replace(suspicion);
        self.core().books.traffic.suspect(before, suspicion);
    }

    /// Counts this session as congested, or its peer as over its rate, or no longer.
    fn flagged(&self, flag: LinkFlag, is_set: bool) {
        let Some(identity) = self.standing.identity() else {
            return;
        };
        if identity.link.replace(flag, is_set) == is_set {
            return;
        }
        let traffic = &self.core().books.traffic;
        match flag {
            LinkFlag::Congested => traffic.congested(is_set),
            LinkFlag::RateLimited => traffic.rate_limited(is_set),
            LinkFlag::Away => {}
        }
    }

    fn core(&self) -> &Arc<Core> {
        &self.front.core
    }

    /// Moves a peer on from `Asking` or `Admitted`. Dropping the authenticator's future, or a player's data, runs the
    /// game's code.
    fn answered(&mut self, standing: Standing) {
        let asking = std::mem::replace(&mut self.standing, standing);
        let words = "an authenticator, or a player's data, panicked when it was dropped";
        guarded(words, || drop(asking));
    }

    /// Gives the session of an admitted player its id.
    fn identity_for(&self, player: &Player) -> Result<Arc<SessionIdentity>, Close> {
        let core = self.core();
        // Both names are looked up before either is refused, so that each unknown name is counted.
        let cohort = core.books.cohorts.index(player.cohort.as_deref());
        let profile = core.books.profiles.index(player.profile.as_deref());
        let refused =
            |unknown: UnknownName<'_>| Refusal::unavailable(unknown.to_string()).into_close();
        let session = random_session().map_err(|error| {
            let words = "no randomness for a session id";
            if let Some(withheld) = withheld_before(words) {
                logged(|| tracing::error!(%error, withheld, "{words}"));
            }
            Close::new(Cause::AuthUnavailable)
        })?;
        Ok(Arc::new(SessionIdentity {
            session,
            player: player.id.as_deref().map(Box::from),
            slot: self.slot,
            address: Address::new(self.standing.remote()),
            cohort: cohort.map_err(refused)?,
            profile: profile.map_err(refused)?,
            data: player.data.clone(),
            suspicion: Suspicion::default(),
            link: LinkFlags::default(),
            joined: Joined::at(Clock::real()),
            tokens: Tokens::default(),
        }))
    }

    /// Gives an accepted player its identity, or returns the refusal.
    fn place(&self, player: Player, first_frame: Option<Bytes>) -> Result<Accepted, Close> {
        // The player asked before the drain, and the answer came during it. There is no session yet, so it is refused.
        let identity = if self.core().is_draining() {
            Err(self.core().refused_draining())
        } else {
            self.identity_for(&player)
        };
        match identity {
            Ok(identity) => Ok(Accepted {
                claim: self.core().claim_of(&identity),
                identity,
                player,
                first_frame,
                room: WakeRequest::default(),
            }),
            Err(close) => {
                // Dropping the player's data runs the game's code.
                guarded("a player's data panicked when it was dropped", || {
                    drop(player)
                });
                Err(close)
            }
        }
    }

    /// The authenticator's answer, once it is there: an accepted player is admitted from then on.
    fn poll_answer(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Close>> {
        let Standing::Asking(asking) = &mut self.standing else {
            return Poll::Ready(Ok(()));
        };
        // If the game's queue has no room, admission waits, within the same auth timeout.
        ready!(self.front.shape.poll_room(cx, &mut asking.room));
        let answer = ready!(asking.poll_answer(cx));
        let first_frame = asking.first_frame.take();
        let took = Clock::real() - asking.since;
        self.core()
            .books
            .measure(|metrics| metrics.auth_duration.record(took));
        let player = answer.map_err(Refusal::into_close)?;
        let accepted = self.place(player, first_frame)?;
        self.answered(Standing::Admitted(Box::new(accepted)));
        Poll::Ready(Ok(()))
    }

    /// The admission of an accepted player, once its session may join: at once, or when an earlier one has departed.
    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Result<Admission, Close>> {
        let Standing::Admitted(accepted) = &mut self.standing else {
            return Poll::Pending;
        };
        ready!(self.front.shape.poll_room(cx, &mut accepted.room));
        ready!(accepted.poll_claim(cx))?;
        let identity = &accepted.identity;
        let of_profile = self.front.core.settings.resume_window(identity.profile);
        Poll::Ready(Ok(Admission {
            session: *identity.session.as_bytes(),
            timing: self.front.core.settings.timing(identity.profile),
            resume_window: Some(accepted.player.resume_window.unwrap_or(of_profile)),
        }))
    }
}

impl<S: Shape> App for ServerApp<S> {
    fn proxied(&mut self, proxied: Proxied) -> Option<Close> {
        let Proxied::Peer(addr) = proxied else {
            return None;
        };
        let Standing::Outside(remote) = &mut self.standing else {
            return None;
        };
        let addr = canonical(addr);
        **remote = Remote {
            addr,
            source: RemoteSource::ProxyHeader,
        };
        let core = Arc::clone(self.core());
        match core.decide_named(addr.ip(), self.admitted?) {
            Ok(admitted) => {
                self.admitted = Some(admitted);
                None
            }
            Err(refusal) => {
                // It was counted out already.
                self.admitted = Some(Admitted::Exempt);
                let listener = core.listeners.number_of(self.slot);
                let has_tls = core.settings.live().listener(listener).session.tls;
                self.refuse(core.books.ledger.refuse(has_tls));
                Some(refusal)
            }
        }
    }

    fn authenticate(&mut self, credentials: &[u8]) {
        let core = Arc::clone(self.core());
        let bytes = Bytes::copy_from_slice(credentials);
        let mailbox = core.mailboxes.table.find(self.slot);
        let (source, first_frame) = match mailbox.as_ref().map(|mailbox| mailbox.framing()) {
            None | Some(Framing::Native) => (CredentialSource::Hello, None),
            Some(Framing::Dialect(_)) => (CredentialSource::FirstFrame, Some(bytes.clone())),
        };
        let remote = self.standing.remote();
        let credentials = Credentials {
            bytes,
            source,
            remote: remote.addr,
            remote_source: remote.source,
        };
        let since = Clock::real();
        let check: Check = Box::pin(async move { core.authentication.check(credentials).await });
        self.standing = Standing::Asking(Box::new(Asking {
            remote,
            since,
            check,
            first_frame,
            room: WakeRequest::default(),
        }));
    }

    fn poll_admission(&mut self, cx: &mut Context<'_>) -> Poll<Result<Admission, Close>> {
        let admission = match ready!(self.poll_answer(cx)) {
            Ok(()) => ready!(self.poll_turn(cx)),
            Err(close) => Err(close),
        };
        if admission.is_err() {
            self.authentication_cancelled();
        }
        Poll::Ready(admission)
    }

    fn authentication_cancelled(&mut self) {
        if let Standing::Asking(_) | Standing::Admitted(_) = &self.standing {
            let remote = Box::new(self.standing.remote());
            self.answered(Standing::Cancelled(remote));
        }
    }

    fn knobs(&self) -> Option<KernelKnobs> {
        let identity = self.standing.identity()?;
        self.core().settings.own_knobs(identity.profile)
    }

    fn joined(&mut self, outbox: &mut Outbox<'_>, _admission: &Admission) {
        let Some(admitted) = self.standing.join() else {
            return;
        };
        let Accepted {
            identity,
            player,
            first_frame,
            claim,
            room: _,
        } = admitted;
        let core = self.core();
        if claim.is_some() {
            identity.joined.now_at(Clock::real());
        }
        core.books.ledger.join();
        if let Some(admitted) = self.admitted.filter(|admitted| admitted.is_counted()) {
            lock(&core.admission).joined(admitted);
        }
        core.books.live_sessions.put(&identity);
        if let Some(claim) = claim {
            // Last: to another login of this player, an owner that has joined and is in no list is not well.
            claim.joined();
        }
        log::joined(&identity, core.settings.profile_name(identity.profile));
        let mailbox = Arc::clone(outbox.mailbox());
        mailbox.set_policy(player.policy);
        let arrival = Arrival {
            mailbox: &mailbox,
            identity: &identity,
            player: &player,
        };
        let game = self.game.insert(self.front.shape.join(&arrival));
        game.joined(&mut GameContext::new(outbox, &identity));
        if let Some(frame) = first_frame {
            game.frame(&mut GameContext::new(outbox, &identity), &frame);
        }
    }

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.game
            .as_mut()
            .map_or(Poll::Ready(()), |game| game.poll_ready(cx))
    }

    fn frame(&mut self, outbox: &mut Outbox<'_>, payload: &[u8]) -> Room {
        match (&mut self.game, &self.standing) {
            (Some(game), Standing::Joined(identity)) => {
                game.frame(&mut GameContext::new(outbox, identity), payload)
            }
            _ => Room::MustPoll,
        }
    }

    fn link(&mut self, outbox: &mut Outbox<'_>, link: Link) {
        match link {
            Link::Suspect(diagnosis) => self.suspected_as(Some(diagnosis)),
            Link::Healthy => self.suspected_as(None),
            Link::Congested => self.flagged(LinkFlag::Congested, true),
            Link::Flowing => self.flagged(LinkFlag::Congested, false),
            Link::RateLimited => self.flagged(LinkFlag::RateLimited, true),
            Link::WithinRate => self.flagged(LinkFlag::RateLimited, false),
            // The change of the connection tells these, and not the connection.
            Link::Lost(_) | Link::Back(_) | _ => {}
        }
        if let (Some(game), Standing::Joined(identity)) = (&mut self.game, &self.standing) {
            game.link(&mut GameContext::new(outbox, identity), link);
        }
    }

    fn notice(&mut self, _notice: &Notice<'_>) {}

    fn poll_delivered(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.game
            .as_mut()
            .map_or(Poll::Ready(()), |game| game.poll_delivered(cx))
    }

    fn paused(&mut self, paused: bool) {
        if self.paused != paused && matches!(self.standing, Standing::Joined(_)) {
            self.paused = paused;
            self.core().books.traffic.paused(paused);
        }
    }

    fn round_trip(&mut self, rtt: Duration) {
        let books = &self.core().books;
        books.traffic.round_trip(rtt);
        books.measure(|metrics| metrics.heartbeat_rtt.record(rtt));
    }

    fn taken(&self) -> u64 {
        self.game.as_ref().map_or(0, Game::taken)
    }

    fn reported(&mut self, so_far: Evidence) {
        let Some(identity) = self.standing.identity() else {
            return;
        };
        let core = self.core();
        let profile = core.settings.profile_name(identity.profile);
        let suspended_for = self.standing.away_for(Clock::real());
        let books = &core.books;
        books.describe(identity, profile, suspended_for, self.paused, &so_far);
    }

    fn traffic(&mut self, traffic: Traffic) {
        self.core().books.traffic.add(traffic);
    }

    fn panicked(&mut self) {
        let words = "the game's code panicked";
        if let Some(withheld) = withheld_before(words) {
            let remote = self.standing.remote().addr;
            logged(|| tracing::error!(%remote, withheld, "{words}"));
        }
        if !S::Game::IN_PLACE {
            return;
        }
        // If this drop panics too, it must not end the connection's task.
        let game = self.game.take();
        guarded(
            "the game panicked again when its handler was dropped",
            || drop(game),
        );
    }

    fn departed(&mut self, ending: Ending) -> Linger {
        self.depart(ending)
    }

    fn closed(&mut self, ending: Box<Ending>) {
        self.end(*ending);
    }

    fn claim(&mut self, claim: &Claim<'_>) -> Result<(), Close> {
        self.on_claim(claim)
    }

    fn resume(&mut self, resume: &Resume) {
        if let Some(identity) = self.standing.identity() {
            identity.tokens.set(resume);
        }
    }

    fn hand_over(&mut self, carried: Box<Carried>) {
        self.goes_to_door(carried);
    }

    fn poll_returned(&mut self, is_late: bool) -> Poll<Option<Returned>> {
        self.poll_answer_of_session(is_late)
    }

    fn poll_newcomer(&mut self, cx: &mut Context<'_>) -> Poll<Option<Newcomer>> {
        self.poll_visitor(cx)
    }

    fn adopted(&mut self, older: Option<Box<Carried>>) {
        self.on_adopted(older);
    }

    fn refused(&mut self, newcomer: Box<Carried>, refusal: NotResumed) {
        self.on_refused(newcomer, refusal);
    }

    fn lost(&mut self, outbox: &mut Outbox<'_>, ending: Ending) -> Linger {
        self.on_lost(outbox, ending)
    }

    fn back(&mut self, outbox: &mut Outbox<'_>) {
        self.on_back(outbox);
    }

    fn away(&mut self, ending: Box<Ending>) -> Continues {
        self.on_away(ending)
    }

    fn left(&mut self, cause: DepartureCause, by: Option<Close>, unsent: Dropped) {
        self.on_left(cause, by, unsent);
    }
}

#[cfg(test)]
mod tests {
    use lastword_transport::{Driver, Mailbox};

    use super::*;
    use crate::shape::events::EventShape;
    use crate::shape::{Handler, HandlerShape};

    struct Nothing;

    impl Handler for Nothing {
        fn frame(&mut self, _context: &mut GameContext<'_, '_>, _payload: &[u8]) {}
    }

    /// tokio allocates a task in steps of 128 bytes, and its own 96 bytes count. So a driver of 417 bytes costs 128
    /// more than one of 416. The bytes left up to that step are for the state of the game's handler, which lies in the
    /// driver. A tick loop has the next step, up to 544.
    #[test]
    fn an_idle_session_stays_small() {
        fn driver<F: Fn(&Player) -> Nothing + Send + Sync + 'static>(_: &F) -> usize {
            size_of::<Driver<ServerApp<HandlerShape<F>>>>()
        }
        let driver = driver(&|_: &Player| Nothing);
        let (mailbox, identity) = (size_of::<Mailbox>(), size_of::<SessionIdentity>());
        assert!(driver <= 408, "{driver}");
        let of_tick = size_of::<Driver<ServerApp<EventShape>>>();
        assert!(of_tick <= 512, "{of_tick}");
        assert!(mailbox <= 104, "{mailbox}");
        assert!(identity <= 88, "{identity}");
    }
}
