//! Whether and how long a session outlives its connection: which knocks it lets in, and when it is over.

#[cfg(test)]
mod model;
#[cfg(test)]
mod tests;

use std::time::Duration;

use crate::{Cause, Close, DepartureCause, Message, Resumable, Time};

/// The life of a session that may resume, as its server sees it.
///
/// ```text
///   welcome ──► Offered(1) ── first ack ──► Attached ◄── first ack ── Offered(n) ◄─┐
///                   │                         │  │                     │  │        │ knock
///                   │ any end                 │  └── knock ────────────┼──┼────────┤ (n grows)
///                   ▼                         │ resumable end          │  │ knock   │
///                 Over ◄── other end ─────────┤                        │  └────────┤
///                   ▲                         ▼                        │           │
///                   └──── now ≥ until ────── Away ◄── an end ──────────┘           │
///                                              └───────── knock ───────────────────┘
/// ```
/// A decision of the game or the server (a kick, a drain, a second login) ends it in every state. A *knock* is a hello that
/// resumes, with a valid token. A refused knock changes nothing: [`Resume::check`] cannot.
///
/// *Tokens.* They have generations. The confirmed one is valid and, from a welcome on, the offered one after it. The first
/// ack on a connection confirms the token of its welcome. A knock with the offered token confirms it, too: its client has
/// the welcome. A knock with the confirmed token gets the same offer as before.
///
/// *Window.* It runs from the end of a confirmed connection. An unconfirmed one does not stop it, so a client
/// cannot keep a session by knocking alone.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Resume {
    state: State,
    /// A token above the confirmed one was offered and is not confirmed.
    has_offer: bool,
    is_secured: bool,
    /// The end of the window; [`Time::NEVER`] while it does not run.
    until: Time,
    /// Up to when its resumes are paid for: each costs [`PACE`].
    paced: Time,
    window_ms: u32,
    epoch: u32,
    generation: u32,
    attempt: u32,
    frame_limit: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum State {
    /// A welcome was sent: the client's first ack is awaited.
    Offered,
    /// The client has confirmed the connection.
    Attached,
    /// There is no connection.
    Away,
}

/// The properties of a new session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// How long the session waits for its player, at most 24 h.
    pub window: Duration,
    /// The frame limit of the first hello, in bytes: no later one may be lower.
    pub frame_limit: u32,
    /// Whether the first connection has TLS: then every one must.
    pub is_secured: bool,
}

/// A hello that resumes. The caller has checked its token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Knock {
    /// The generation of its token.
    pub generation: u32,
    /// The client's count of its hellos for this session, from 1. `None` if the client does not tell.
    pub attempt: Option<u32>,
    /// The client's count of received data frames.
    pub received: u64,
    /// The longest data payload that the client accepts, in bytes.
    pub frame_limit: u32,
    /// Whether the connection has TLS.
    pub is_secured: bool,
}

/// The offer of a welcome.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Offer {
    /// The number of the connection in the session.
    pub epoch: u32,
    /// The generation of the offered token.
    pub generation: u32,
}

/// Why a knock is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The token is not valid, or the window is over.
    Stale,
    /// The session has a connection, of the same or of a later attempt.
    Raced,
    /// Frames that the client did not receive are no longer kept.
    Gap,
    /// The client claims more frames than were sent.
    Ahead,
    /// The frame limit is below the session's, or TLS is missing.
    Unfit,
    /// The session has resumed too often in a short time.
    TooOften,
}

/// The state of a session after the end of its connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It waits for its player until then.
    Away(Time),
    /// It is over.
    Over(DepartureCause),
}

impl Resume {
    /// The session of a welcome that is sent now, and its offer.
    #[must_use]
    pub fn new(terms: Terms) -> (Self, Offer) {
        let resume = Self {
            state: State::Offered,
            has_offer: true,
            is_secured: terms.is_secured,
            until: Time::NEVER,
            paced: Time::ORIGIN,
            window_ms: millis(terms.window),
            epoch: 1,
            generation: 0,
            attempt: 0,
            frame_limit: terms.frame_limit,
        };
        let offer = resume.offer();
        (resume, offer)
    }

    /// Checks a knock. `floor` is the number of the session's data frames that are no longer kept, and `sent` that of all
    /// it has sent.
    ///
    /// # Errors
    /// Returns why it is refused.
    pub fn check(&self, now: Time, knock: &Knock, floor: u64, sent: u64) -> Result<(), Refusal> {
        if !self.takes(knock.generation) || self.is_expired(now) {
            return Err(Refusal::Stale);
        }
        let has_connection = self.state != State::Away;
        if has_connection && knock.attempt.is_some_and(|attempt| attempt <= self.attempt) {
            return Err(Refusal::Raced);
        }
        if knock.received < floor {
            return Err(Refusal::Gap);
        }
        if knock.received > sent {
            return Err(Refusal::Ahead);
        }
        if knock.frame_limit < self.frame_limit || self.is_secured && !knock.is_secured {
            return Err(Refusal::Unfit);
        }
        if self.paced.since(now) > PACE * (AT_ONCE - 1) {
            return Err(Refusal::TooOften);
        }
        Ok(())
    }

    /// Takes the connection of a knock that [`Resume::check`] let in. Returns the offer of its welcome.
    pub fn adopt(&mut self, now: Time, knock: &Knock) -> Offer {
        // The window is left as it is until the client confirms.
        self.generation = knock.generation;
        self.has_offer = true;
        self.state = State::Offered;
        self.epoch = self.epoch.saturating_add(1);
        self.attempt = knock.attempt.unwrap_or(self.attempt);
        self.frame_limit = knock.frame_limit;
        self.is_secured |= knock.is_secured;
        self.paced = self.paced.max(now) + PACE;
        self.offer()
    }

    /// Returns whether the client knows the newest welcome: it has confirmed it, or this checked knock does so.
    pub(crate) fn is_confirmed_by(&self, knock: &Knock) -> bool {
        !self.has_offer || knock.generation != self.generation
    }

    /// Takes note of the client's first ack on its connection. Returns whether the player is back: not on the first
    /// connection, and not by a later ack.
    pub fn on_ack(&mut self) -> bool {
        if self.state != State::Offered {
            return false;
        }
        self.state = State::Attached;
        self.confirm();
        self.until = Time::NEVER;
        self.epoch > 1
    }

    /// Takes note that the connection ended. `is_paused` is what the peer's goodbye said, if there was one.
    pub fn on_end(&mut self, now: Time, cause: Cause, is_paused: Option<bool>) -> Fate {
        // A goodbye confirms as an ack does.
        let is_unconfirmed = self.state == State::Offered && is_paused.is_none();
        let may_resume = match cause.resumable() {
            Resumable::Yes => true,
            Resumable::IfPaused => is_paused == Some(true),
            // A peer cannot end a session by acts on a connection that it has not confirmed.
            Resumable::No | Resumable::NoSession => is_unconfirmed && !cause.ends_session(),
        };
        if !may_resume || self.epoch == 1 && is_unconfirmed {
            return Fate::Over(cause.into());
        }
        if is_paused.is_some() && self.state == State::Offered {
            self.confirm();
            self.until = Time::NEVER;
        }
        self.state = State::Away;
        self.until = self.until.min(now + self.window());
        Fate::Away(self.until)
    }

    /// Changes how long an away session waits from now on, at most 24 h. Without effect on one that has a connection.
    pub fn hold(&mut self, now: Time, time: Duration) {
        if self.state == State::Away && !self.is_expired(now) {
            self.until = now + Duration::from_millis(millis(time).into());
        }
    }

    /// Returns whether an away session has waited for its whole window: it is over, as
    /// [`DepartureCause::ResumeExpired`].
    #[must_use]
    pub fn is_expired(&self, now: Time) -> bool {
        now >= self.poll_timeout()
    }

    /// Returns when the window of an away session ends; [`Time::NEVER`] while it has a connection.
    #[must_use]
    pub fn poll_timeout(&self) -> Time {
        match self.state {
            State::Away => self.until,
            State::Offered | State::Attached => Time::NEVER,
        }
    }

    /// Whether there is no connection.
    #[must_use]
    pub fn is_away(&self) -> bool {
        self.state == State::Away
    }

    /// Whether the client's first ack on its connection is awaited.
    #[must_use]
    pub fn awaits_ack(&self) -> bool {
        self.state == State::Offered
    }

    /// Returns the generations of the valid tokens: the confirmed one and the offered one.
    pub fn generations(&self) -> impl Iterator<Item = u32> + use<> {
        Self::valid_generations(self.generation, self.has_offer)
    }

    /// Returns the same for a state that [`Resume::token_state`] returned.
    pub fn valid_generations(confirmed: u32, has_offer: bool) -> impl Iterator<Item = u32> {
        let offered = has_offer.then(|| confirmed.saturating_add(1));
        (confirmed > 0)
            .then_some(confirmed)
            .into_iter()
            .chain(offered)
    }

    /// Returns the generation of the confirmed token, 0 where there is none, and whether the one after it is offered.
    #[must_use]
    pub fn token_state(&self) -> (u32, bool) {
        (self.generation, self.has_offer)
    }

    /// Returns the number of the connection in the session, from 1.
    #[must_use]
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// Returns the window of a welcome, in milliseconds.
    pub(crate) fn window_ms(&self) -> u32 {
        self.window_ms
    }

    /// Returns how long the session waits for its player.
    #[must_use]
    pub fn window(&self) -> Duration {
        Duration::from_millis(self.window_ms.into())
    }

    fn takes(&self, generation: u32) -> bool {
        self.generations().any(|valid| valid == generation)
    }

    fn confirm(&mut self) {
        self.generation = self.next_generation();
        self.has_offer = false;
    }

    fn next_generation(&self) -> u32 {
        self.generation.saturating_add(1)
    }

    fn offer(&self) -> Offer {
        Offer {
            epoch: self.epoch,
            generation: self.next_generation(),
        }
    }
}

impl Refusal {
    /// Returns the answer to a client with a token that was valid when a decision ended its session: the goodbye of that
    /// decision. The connection itself is a resume that was refused.
    #[must_use]
    pub fn ended_by(end: &Close) -> Close {
        Close {
            names: Some(end.cause),
            ..Close::with(Cause::ResumeRefused, end.message.clone())
        }
    }

    /// Returns the answer to the client.
    #[must_use]
    pub fn close(self) -> Close {
        match self {
            Self::Stale => refused("this session cannot be resumed here: say hello anew"),
            Self::Raced => Close {
                paused: true,
                ..refused("a newer connection of this session is live")
            },
            Self::Gap => refused("too many frames were missed: say hello anew"),
            Self::Ahead => refused("the count of received frames is too high: say hello anew"),
            Self::Unfit => refused("a resume needs the frame limit and the TLS of its session"),
            Self::TooOften => Close::new(Cause::Overloaded),
        }
    }
}

fn refused(reason: &str) -> Close {
    let cause = Cause::ResumeRefused;
    Close::with(cause, Message::of(cause).with_reason(reason))
}

/// A window in milliseconds, at most 24 h.
fn millis(time: Duration) -> u32 {
    u32::try_from(time.min(WINDOW_MAX).as_millis()).unwrap_or(u32::MAX)
}

/// The longest window.
const WINDOW_MAX: Duration = Duration::from_secs(24 * 60 * 60);
/// Each resume writes everything again that is not acknowledged: so many at once, and then one in this time.
const AT_ONCE: u32 = 10;
const PACE: Duration = Duration::from_secs(2);
