//! A session that outlives its connections, as its connection sees it: the offer of a welcome, acks, what an end leaves,
//! and the change to a newer connection.

use super::receive::Outcome;
use super::state::State;
use super::ticket::Ticket;
use super::{Admission, Claim, Connection, End, Event, Readings};
use crate::close::Close;
use crate::resume::{Fate, Knock, Offer, Refusal, Resume, Terms};
use crate::send_queue::Dropped;
use crate::stream::Stream;
use crate::wire::{self, Ack, ExtensionsBuf, Hello, Kind, Previous, ServerSaw, Welcome};
use crate::{Cause, DepartureCause, Ending, Phase, Resumable, SessionId, Terminal, Time, Timing};

impl Connection {
    /// Makes the client's end of a connection that was just made, over which a session asks to go on; the hello is queued.
    /// It must say what `stream` has received, and name the session and its newest token.
    #[must_use]
    pub fn resuming(mut self, stream: Stream) -> Self {
        self.rare_mut().resuming = Some(Box::new(stream));
        self
    }

    /// Client: returns its right to go on with the session on another connection. `None` before the welcome, and where the
    /// session ends with this connection.
    #[must_use]
    pub fn ticket(&self) -> Option<&Ticket> {
        self.rare.as_ref()?.ticket.as_deref()
    }

    /// Client: returns how the last connection that it had confirmed ended for the server. `None` where the welcome does not
    /// say, as on the first connection of a session.
    #[must_use]
    pub fn server_saw(&self) -> Option<ServerSaw> {
        self.rare.as_ref()?.server_saw
    }

    /// Takes the session out of a connection that has ended, for the next one.
    #[must_use]
    pub fn take_stream(&mut self) -> Stream {
        let resuming = self.rare.as_mut().and_then(|rare| rare.resuming.take());
        resuming.map_or_else(|| self.stream.leave(), |stream| *stream)
    }

    /// Returns the state of a session that may outlive its connection, at its server.
    #[must_use]
    pub fn resume(&self) -> Option<&Resume> {
        self.stream.resume()
    }

    /// The same, to change it.
    pub fn resume_mut(&mut self) -> Option<&mut Resume> {
        self.stream.resume_mut()
    }

    /// Whether the session lives on although the cause of this connection's end stands. A session that asks to go on over
    /// this connection is not touched by its end before the welcome.
    #[must_use]
    pub fn lives_on(&self) -> bool {
        let Some(rare) = &self.rare else { return false };
        match rare.fate {
            Some(fate) => matches!(fate, Fate::Away(_)),
            None => rare.resuming.is_some(),
        }
    }

    /// Whether the connection is closed, and its record was taken.
    pub(crate) fn is_over(&self) -> bool {
        let holds_record = self.rare.as_ref().is_some_and(|rare| rare.ending.is_some());
        self.is_closed() && !holds_record
    }

    /// Whether the session lives on, or its fate is not known yet: a write has failed, or the peer's end was seen, and the
    /// cause does not stand.
    pub(super) fn may_live_on(&self) -> bool {
        let is_settled = self.rare.as_ref().is_some_and(|rare| rare.fate.is_some());
        let may_outlive = self.phase == Phase::Live && self.stream.outlives();
        self.lives_on() || !is_settled && may_outlive
    }

    /// Where nothing more goes out on this connection, what is queued waits for the next one.
    #[inline]
    pub(super) fn may_set_aside(&mut self) {
        if !self.takes_data() {
            self.stream.set_aside();
        }
    }

    /// Checks whether the session of this connection would go on with another one. Changes nothing.
    ///
    /// # Errors
    /// Returns why not.
    pub fn check_knock(&self, now: Time, knock: &Knock) -> Result<(), Refusal> {
        let fate = self.rare.as_ref().and_then(|rare| rare.fate);
        let resume = self.stream.resume().ok_or(Refusal::Stale)?;
        if let Some(Fate::Over(_)) = fate {
            return Err(Refusal::Stale);
        }
        resume.check(now, knock, self.stream.floor(), self.stream.sent())
    }

    /// Concludes an end that was seen already: a newer connection does not wait for what the peer may still acknowledge
    /// here, nor for what it may still have sent. The peer sends that again.
    pub(crate) fn conclude_seen_end(&mut self, now: Time, readings: Readings) {
        match *self.state {
            State::Flushing { .. } | State::Settling { .. } => {
                self.conclude(now, Terminal::Eof, readings);
            }
            State::Delivering { verdict } => self.close(now, verdict, readings, true),
            State::Proxy { .. }
            | State::Tls { .. }
            | State::Hello { .. }
            | State::Auth { .. }
            | State::Live
            | State::Answering { .. }
            | State::Closing { .. }
            | State::Lingering { .. }
            | State::Closed => {}
        }
    }

    /// Lets the session go on with `newcomer`, whose hello was checked ([`Connection::check_knock`]), and answers that
    /// hello. The timing and the id are those of the session. Returns the older connection. If it has not ended, it is
    /// superseded and says so. Nothing counts that it still reads.
    pub(crate) fn resume_with(
        &mut self,
        now: Time,
        mut newcomer: Self,
        admission: &Admission,
        knock: &Knock,
    ) -> Self {
        let mut stream = self.stream.leave();
        // A client that does not know the welcome of this connection has not lost it.
        let knows_this = stream
            .resume()
            .is_some_and(|resume| resume.is_confirmed_by(knock));
        let offer = stream.resume_mut().map(|resume| resume.adopt(now, knock));
        if self.is_undecided() {
            self.rare_mut().fate = Some(Fate::Away(Time::NEVER));
            self.decide(now, &Close::new(Cause::SupersededByResume));
            self.note_end(now, Cause::SupersededByResume);
        }
        let ends = self.rare.as_ref();
        let ends = ends.map(|rare| (rare.end, rare.end_before));
        let (end, end_before) = ends.unwrap_or_default();
        newcomer.rare_mut().end_before = if knows_this { end } else { end_before };
        stream.attach(knock.received);
        newcomer.stream = stream;
        newcomer.queue_welcome(now, admission, offer);
        newcomer.go_live(now, admission.timing);
        let frames = newcomer.frames();
        let rare = newcomer.rare_mut();
        rare.frames_before = frames;
        rare.number = offer.map_or(0, |offer| offer.epoch);
        // The age of the frames that waited counts from now, and again from the client's first ack.
        rare.age_since = now;
        std::mem::replace(self, newcomer)
    }

    /// Returns the loss of this connection for the game, where it stands and the game has not heard of it: it counts as told.
    pub(crate) fn tell_loss(&mut self, now: Time, readings: &Readings) -> Option<Ending> {
        self.complete_fixed(now, readings);
        let ending = self.departure(now, readings)?;
        let rare = self.rare_mut();
        rare.told_lost = true;
        let is_new = !std::mem::replace(&mut rare.delivery.departed, true);
        is_new.then_some(ending)
    }

    /// Returns the bytes of frames that the session holds: those that wait, and those that may have to be written again.
    #[must_use]
    pub fn held_bytes(&self) -> usize {
        self.stream.held_bytes()
    }

    /// Drops the frames that may have to be written again, since memory is short: a player that needs one of them cannot come
    /// back.
    pub fn evict(&mut self) {
        self.stream.evict();
    }

    /// Returns the number of this connection in its session, from 1; 0 before the session joins.
    #[must_use]
    pub fn number(&self) -> u32 {
        let later = self.rare.as_ref().map_or(0, |rare| rare.number);
        if self.phase == Phase::Live {
            later.max(1)
        } else {
            0
        }
    }

    /// There is no place for one more connection that lingers.
    pub(crate) fn does_not_linger(&mut self, now: Time) {
        self.on_linger_over(now, Readings::default());
    }

    /// A decision ends a session that would live on, although its connection has ended already, or ends now: an end that
    /// was seen first is the cause of both.
    pub(super) fn end_session(&mut self, close: &Close) {
        let over = Fate::Over(close.cause.into());
        if self.lives_on() {
            let rare = self.rare_mut();
            rare.fate = Some(over);
            rare.over_by = Some(Box::new(close.clone()));
            let dropped = self.drop_what_waits();
            self.count_unsent(dropped);
        } else if self.end_noticed && self.may_live_on() {
            self.rare_mut().fate = Some(over);
        }
    }

    /// Why the session is over, as [`Connection::over_behind_loss`] says, and by which decision, where its owner has not heard
    /// of it.
    pub(crate) fn tell_over(&mut self) -> Option<(DepartureCause, Option<Close>)> {
        let cause = self.over_behind_loss()?;
        let rare = self.rare_mut();
        let is_told = std::mem::replace(&mut rare.told_over, true);
        let by = rare.over_by.take().map(|close| *close);
        (!is_told).then_some((cause, by))
    }

    /// Why the session is over, where a decision ended it behind the loss of its connection.
    pub(crate) fn over_behind_loss(&self) -> Option<DepartureCause> {
        let rare = self.rare.as_ref().filter(|rare| rare.told_lost)?;
        match rare.fate? {
            Fate::Over(cause) => Some(cause),
            Fate::Away(_) => None,
        }
    }

    /// Drops the frames that wait for another connection.
    pub(crate) fn drop_what_waits(&mut self) -> Dropped {
        self.stream.drop_unstarted()
    }

    /// Returns heartbeat and dead limit.
    #[must_use]
    pub fn timing(&self) -> Timing {
        self.liveness.timing()
    }

    /// The claim of this hello.
    pub(super) fn claim<'h>(&self, hello: &Hello<'h>) -> Claim<'h> {
        Claim {
            session: SessionId::from_bytes(hello.session),
            token: hello.token,
            previous: Previous::find(&hello.extensions),
            received: hello.received,
            frame_limit: self.peer_frame_limit,
            is_secured: self.config.tls,
        }
    }

    /// The offer of a new session, where it may outlive its connection.
    pub(super) fn first_offer(&mut self, admission: &Admission) -> Option<Offer> {
        let resumes = matches!(*self.state, State::Auth { resumes: true, .. });
        let config = self.config.resume.as_ref().filter(|_| resumes)?;
        let window = admission.resume_window.unwrap_or(config.window);
        if window.is_zero() {
            return None;
        }
        let (resume, offer) = Resume::new(Terms {
            window,
            frame_limit: self.peer_frame_limit,
            is_secured: self.config.tls,
        });
        self.stream.outlive(Some(resume));
        Some(offer)
    }

    pub(super) fn queue_welcome(&mut self, now: Time, admission: &Admission, offer: Option<Offer>) {
        let session = SessionId::from_bytes(admission.session);
        let config = self.config.resume.as_ref();
        let token = config
            .zip(offer)
            .map(|(config, offer)| config.key.token(session, offer.generation));
        let window_ms = self.stream.resume().map_or(0, Resume::window_ms);
        let epoch = offer.map_or(1, |offer| offer.epoch);
        let extensions = self.welcome_extensions(now);
        let welcome = Welcome {
            version: wire::VERSION,
            resumed: epoch > 1,
            session: admission.session,
            connection: epoch,
            received: self.stream.tell_received(),
            heartbeat_ms: admission.timing.heartbeat_ms,
            dead_ms: admission.timing.dead_ms,
            resume_window_ms: window_ms,
            frame_limit: self.config.limits.frame_bytes_max,
            token: token.as_ref().map_or(&[], |token| &token.as_bytes()[..]),
            extensions: extensions.as_extensions(),
        };
        let queue = self.stream.queue_mut();
        queue.push_control(|out| welcome.encode(out));
    }

    /// The extensions of a welcome: how the client's previous connection ended here.
    fn welcome_extensions(&self, now: Time) -> ExtensionsBuf {
        let mut extensions = ExtensionsBuf::default();
        let end = self.rare.as_ref().and_then(|rare| rare.end_before);
        if let Some(end) = end {
            let saw = ServerSaw {
                connection: end.connection,
                cause: end.cause.code(),
                ended_ms: u32::try_from(now.since(end.at).as_millis()).unwrap_or(u32::MAX),
            };
            // The list is empty, so there is room.
            let _room = saw.push(&mut extensions);
        }
        extensions
    }

    /// Remembers the end of this connection for the welcome of the next one.
    fn note_end(&mut self, at: Time, cause: Cause) {
        let connection = self.number();
        self.rare_mut().end = Some(End {
            connection,
            cause,
            at,
        });
    }

    /// Whether a frame may be the client's first one behind a welcome that offers a token.
    pub(super) fn may_come_first(&self, kind: Kind) -> bool {
        !self.is_live() || matches!(kind, Kind::Ack | Kind::Goodbye)
    }

    /// The client has confirmed the connection. No waiting frame is older than that.
    pub(super) fn is_back(&mut self, now: Time) -> Outcome<'static> {
        self.rare_mut().age_since = now;
        Outcome::Event(Event::Back)
    }

    /// Client: the welcome says that the session goes on.
    pub(super) fn go_on_with(
        &mut self,
        now: Time,
        mut stream: Box<Stream>,
        received: u64,
    ) -> Outcome<'static> {
        if received < stream.floor() {
            // The server hears that its session is over. The stream stays as it is.
            self.decide(now, &Close::new(Cause::ResumeRefused));
            let rare = self.rare_mut();
            rare.resuming = Some(stream);
            // No frame came over this connection.
            rare.delivery.done = true;
            return Outcome::Done;
        }
        stream.attach(received);
        self.stream = *stream;
        let frames = self.frames();
        let rare = self.rare_mut();
        rare.frames_before = frames;
        rare.standing = None;
        self.queue_ack();
        self.is_back(now)
    }

    /// Queues an ack that is due, or one that joins what is written anyway.
    #[inline]
    pub(super) fn may_ack(&mut self, now: Time) {
        let goes_out = |joins| self.stream.ack_goes_out(now, joins);
        // One that may not even join a write is not due by itself.
        if goes_out(true) && self.is_live() && (self.wants_write() || goes_out(false)) {
            self.queue_ack();
        }
    }

    pub(super) fn queue_ack(&mut self) {
        let ack = Ack {
            received: self.stream.tell_received(),
        };
        let queue = self.stream.queue_mut();
        queue.push_control(|out| ack.encode(out));
    }

    /// The peer need not send again what we have.
    pub(super) fn ack_before_goodbye(&mut self) {
        if self.stream.ack_due_at() < Time::NEVER {
            self.queue_ack();
        }
    }

    /// When an ack is due.
    pub(super) fn ack_by(&self) -> Time {
        match self.can_write() {
            true => self.stream.ack_due_at(),
            false => Time::NEVER,
        }
    }

    /// The cause stands: from now on it is known whether the session lives on.
    pub(super) fn settle_fate(&mut self, now: Time, cause: Cause) {
        let rare = self.rare.as_ref();
        let is_settled = rare.is_some_and(|rare| rare.end.is_some());
        if is_settled || self.phase != Phase::Live || !self.stream.outlives() {
            return;
        }
        let over = rare.and_then(|rare| rare.fate);
        let goodbye = rare.and_then(|rare| rare.peer_goodbye.as_ref());
        let is_paused = goodbye.map(|goodbye| !goodbye.over);
        let decided = rare.and_then(|rare| rare.decided.as_ref());
        let we_pause = decided.is_some_and(|close| close.paused);
        let has_ticket = self.ticket().is_some();
        let fate = || match self.stream.resume_mut() {
            Some(resume) => resume.on_end(now, cause, is_paused),
            None if !has_ticket => Fate::Over(cause.into()),
            None if we_pause => Fate::Away(Time::NEVER),
            None => client_fate(cause, is_paused),
        };
        let fate = over.unwrap_or_else(fate);
        self.rare_mut().fate = Some(fate);
        self.note_end(now, cause);
    }

    /// Nothing more is written here: a session that lives on keeps its frames for the next connection.
    pub(super) fn keep_for_the_next(&mut self) {
        if self.lives_on() {
            self.stream.detach();
        }
    }
}

/// The fate as a client knows it: only its server says when the window ends.
fn client_fate(cause: Cause, is_paused: Option<bool>) -> Fate {
    let lives_on = match cause.resumable() {
        Resumable::Yes => is_paused != Some(false),
        Resumable::IfPaused => is_paused == Some(true),
        Resumable::No | Resumable::NoSession => false,
    };
    match lives_on {
        true => Fate::Away(Time::NEVER),
        false => Fate::Over(cause.into()),
    }
}
