//! Frames in: what each kind means in each state, and which rules it may break.

use std::time::Duration;

use lastword_keepalive::Timing;

use super::state::State;
use super::ticket::Ticket;
use super::{Admission, Connection, DrainNotice, Event, Flow, Role, Unread};
use crate::bucket::Rate;
use crate::close::Close;
use crate::decoder::{Expect, Frame, Step};
use crate::dialect::{Framing, Meaning};
use crate::ending::{Layer, PeerGoodbye};
use crate::wire::{self, Ack, Goodbye, Hello, Kind, Notice, Ping, Pong, ServerSaw, Welcome};
use crate::{Cause, Message, Time};

/// The meaning of one frame.
pub(super) enum Outcome<'f> {
    /// The session dealt with it.
    Done,
    /// It concerns the session's owner.
    Event(Event<'f>),
    Broken(Cause),
}

/// A control frame that counts as an ack.
enum Control {
    Ping(Ping),
    Pong(Pong),
    Ack(Ack),
}

impl Control {
    fn received(&self) -> u64 {
        match self {
            Self::Ping(ping) => ping.received,
            Self::Pong(pong) => pong.received,
            Self::Ack(ack) => ack.received,
        }
    }
}

impl Connection {
    /// Reads frames out of `input`, which the caller read from the socket, and hands each event to `each`. Frames are lent
    /// from where they lie.
    ///
    /// The answer of `each` may stop it ([`Flow`]). The rest is kept then, and comes first when this is called again, with
    /// or without more bytes ([`Connection::has_unread`]).
    pub(super) fn feed(
        &mut self,
        now: Time,
        input: &mut [u8],
        each: impl FnMut(&mut Self, Event<'_>) -> Flow,
    ) {
        match self.take_unread() {
            None => {
                let read = self.feed_from(now, input, 0, each);
                if let Some(rest) = input.get(read..).filter(|rest| !rest.is_empty()) {
                    self.rare_mut().unread = Some(Unread::new(rest));
                }
            }
            Some(mut unread) => {
                unread.bytes.extend_from_slice(input);
                unread.read = self.feed_from(now, &mut unread.bytes, unread.read, each);
                if unread.read < unread.bytes.len() {
                    self.rare_mut().unread = Some(unread);
                }
            }
        }
    }

    /// Whether bytes were read that [`Connection::feed`] has not looked at.
    pub(super) fn has_unread(&self) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| rare.unread.is_some())
    }

    fn take_unread(&mut self) -> Option<Unread> {
        self.rare.as_mut()?.unread.take()
    }

    /// Reads the frames of `input` from `at` on. Returns where it stopped.
    fn feed_from(
        &mut self,
        now: Time,
        input: &mut [u8],
        mut at: usize,
        mut each: impl FnMut(&mut Self, Event<'_>) -> Flow,
    ) -> usize {
        // Lent frames may lie in the decoder while `each` uses the connection: so it stands apart meanwhile.
        let mut decoder = std::mem::take(&mut self.decoder);
        while at < input.len() && !self.must_wait(now) {
            let Some(expect) = self.expects() else {
                at = input.len();
                break;
            };
            let outcome = match decoder.next(now, &self.config.framing, expect, input, &mut at) {
                Step::Short => break,
                Step::Broken(cause) => Outcome::Broken(cause),
                Step::Frame(span) => {
                    let frame = decoder.frame(span, input);
                    self.charge(frame.header.len() + frame.payload.len());
                    self.on_frame(now, frame)
                }
            };
            let flow = match outcome {
                Outcome::Done => Flow::More,
                Outcome::Broken(cause) => {
                    self.on_broken(now, cause);
                    Flow::More
                }
                Outcome::Event(event) => each(self, event),
            };
            match flow {
                Flow::More => {}
                Flow::Later => break,
                Flow::Full => {
                    // Also when nothing is left over: what the next read brings would find no room.
                    if self.hands_over() {
                        self.on_paused(now);
                    }
                    break;
                }
            }
        }
        decoder.release();
        self.decoder = decoder;
        at
    }

    /// Takes note that `n` bytes were read from the socket, before they are handed to [`Connection::feed`]. Those of a
    /// PROXY header count apart, before its [`Input::ProxyHeader`](super::Input::ProxyHeader).
    pub(super) fn bytes_arrived(&mut self, now: Time, n: usize) {
        self.bytes_in += u64::try_from(n).unwrap_or(u64::MAX);
        self.has_spoken |= n > 0 && !self.awaits_proxy_header();
        self.is_heard_by_probe(now);
        self.ends_silence(now);
        let since = self.liveness.silent_since();
        let stalled = self.liveness.stood_still_since_heard();
        let silence = now.since(since) + stalled;
        if silence > QUIET {
            let rate = Rate::of_pings(self.liveness.timing());
            self.pings.silence_ended(silence, since, now, rate);
        }
        self.credit_rates(silence, stalled, now);
        self.liveness.heard(now);
        self.notes_late_word(now);
    }

    /// Whether the peer's bytes lie unread for now, for another reason than the game: it is over its rate, or it is not
    /// let in yet. No welcome of a dialect says when its client may go on. A client that has left is not let in, and is
    /// read to its end.
    pub(super) fn reads_no_further(&self) -> bool {
        let is_outside = self.is_authenticating() && !self.end_noticed;
        let waits = is_outside && matches!(self.config.framing, Framing::Dialect(_));
        waits || self.waits_for_rate()
    }

    /// Returns the frames that may come next; `None` where everything is discarded.
    fn expects(&self) -> Option<Expect> {
        let limits = &self.config.limits;
        match (*self.state, self.role) {
            (State::Hello { .. }, Role::Server) => Some(Expect::Hello {
                limit: limits.hello_bytes_max,
            }),
            (State::Hello { .. }, Role::Client) => Some(Expect::Welcome),
            (State::Auth { .. }, _) if matches!(self.config.framing, Framing::Native) => {
                Some(Expect::Goodbye)
            }
            (State::Auth { .. } | State::Live | State::Delivering { .. }, _) => Some(Expect::Any {
                limit: limits.frame_bytes_max,
            }),
            _ => None,
        }
    }

    fn on_frame<'f>(&mut self, now: Time, frame: Frame<'f>) -> Outcome<'f> {
        if let Framing::Dialect(_) = self.config.framing {
            return self.on_dialect_frame(now, frame);
        }
        let Some(kind) = frame.header.last().copied().and_then(Kind::from_byte) else {
            return Outcome::Broken(Cause::ProtocolViolation);
        };
        if self.stream.awaits_ack() && !self.may_come_first(kind) {
            return Outcome::Broken(Cause::ProtocolViolation);
        }
        match (*self.state, kind) {
            (State::Live | State::Delivering { .. }, Kind::Data) => {
                self.on_data(now, frame.payload)
            }
            (State::Hello { .. }, Kind::Hello) => self.on_hello(now, frame),
            (State::Hello { .. }, Kind::Welcome) => self.on_welcome(now, frame),
            (_, Kind::Goodbye) => self.on_goodbye(now, frame),
            (State::Delivering { .. }, _) => Outcome::Done,
            (State::Live, Kind::Notice) if self.role == Role::Client => Self::on_notice_in(frame),
            (State::Live, Kind::Ping | Kind::Pong | Kind::Ack | Kind::Extension(_)) => {
                self.on_control(now, kind, frame)
            }
            _ => Outcome::Broken(Cause::ProtocolViolation),
        }
    }

    fn on_dialect_frame<'f>(&mut self, now: Time, frame: Frame<'f>) -> Outcome<'f> {
        let Framing::Dialect(dialect) = &self.config.framing else {
            return Outcome::Done;
        };
        match (dialect.read(frame.header, frame.payload), *self.state) {
            (Meaning::Data(credentials), State::Hello { .. }) => {
                self.await_admission(now, false);
                Outcome::Event(Event::Credentials(credentials))
            }
            (Meaning::Data(data), State::Live | State::Delivering { .. }) => {
                self.on_data(now, data)
            }
            (Meaning::Data(_) | Meaning::Ping(_) | Meaning::Pong, State::Auth { .. }) => {
                Outcome::Done
            }
            (Meaning::Ping(_) | Meaning::Pong, State::Live) if !self.affords(now) => {
                Outcome::Broken(Cause::PingFlood)
            }
            (Meaning::Ping(ping), State::Live) => {
                self.answer_in_dialect(ping);
                self.charge_ping(now);
                Outcome::Done
            }
            (Meaning::Pong, State::Live) => {
                self.last_pong = self.liveness.real(now);
                self.charge_pong_of_dialect(now);
                Outcome::Done
            }
            (Meaning::Goodbye, State::Auth { .. } | State::Live) => {
                self.leave(now, PeerGoodbye::silent());
                Outcome::Done
            }
            (_, State::Delivering { .. }) => Outcome::Done,
            (Meaning::Malformed, _) => Outcome::Broken(Cause::FrameMalformed),
            (_, State::Hello { .. }) => Outcome::Broken(Cause::WrongProtocol),
            _ => Outcome::Broken(Cause::ProtocolViolation),
        }
    }

    #[inline]
    fn on_data<'f>(&mut self, now: Time, data: &'f [u8]) -> Outcome<'f> {
        self.stream.on_frame(now, data.len());
        self.last_data = now;
        Outcome::Event(Event::Data(data))
    }

    fn on_hello<'f>(&mut self, now: Time, frame: Frame<'f>) -> Outcome<'f> {
        let Ok(hello) = Hello::decode(frame.payload) else {
            return Outcome::Broken(Cause::FrameMalformed);
        };
        let (resume, limit) = (hello.resume, hello.frame_limit);
        if !resume {
            self.end_visit(now);
        }
        if !self.is_undecided() {
            return Outcome::Done;
        }
        self.is_no_guest();
        self.peer_frame_limit = limit.min(self.config.limits.outbound_frame_bytes_max);
        self.await_admission(now, !hello.no_resume);
        if !resume {
            return Outcome::Event(Event::Credentials(hello.credentials));
        }
        if self.config.resume.is_some() {
            return Outcome::Event(Event::Claim(self.claim(&hello)));
        }
        let cause = Cause::ResumeRefused;
        let message =
            Message::of(cause).with_reason("this server does not resume sessions: say hello anew");
        self.on_close(now, &Close::with(cause, message));
        Outcome::Done
    }

    fn on_welcome(&mut self, now: Time, frame: Frame<'_>) -> Outcome<'static> {
        let Ok(welcome) = Welcome::decode(frame.payload) else {
            return Outcome::Broken(Cause::FrameMalformed);
        };
        if welcome.version != wire::VERSION {
            return Outcome::Broken(Cause::VersionUnsupported);
        }
        let rare = self.rare.as_ref();
        let resuming = rare.and_then(|rare| rare.resuming.as_deref());
        let is_answer = welcome.resumed == resuming.is_some() && welcome.connection > 0;
        if !is_answer || welcome.received > resuming.unwrap_or(&self.stream).sent() {
            return Outcome::Broken(Cause::ProtocolViolation);
        }
        let admission = Admission {
            session: welcome.session,
            timing: Timing {
                heartbeat_ms: welcome.heartbeat_ms,
                suspect_ms: suspect_ms(&welcome),
                dead_ms: welcome.dead_ms,
            },
            resume_window: None,
        };
        let own = self.config.limits.outbound_frame_bytes_max;
        self.peer_frame_limit = welcome.frame_limit.min(own);
        if welcome.resume_window_ms > 0 && self.rare.as_ref().is_some_and(|rare| rare.resumes) {
            let attempts = self.attempts();
            self.rare_mut().ticket = Some(Box::new(Ticket::of(&welcome, attempts)));
        }
        if welcome.resumed {
            self.rare_mut().server_saw = ServerSaw::find(&welcome.extensions);
        }
        self.go_live(now, admission.timing);
        match self.rare.as_mut().and_then(|rare| rare.resuming.take()) {
            Some(stream) => self.go_on_with(now, stream, welcome.received),
            None => {
                if self.ticket().is_some() {
                    self.stream.outlive(None);
                    self.queue_ack();
                }
                Outcome::Event(Event::Joined(admission))
            }
        }
    }

    fn on_goodbye(&mut self, now: Time, frame: Frame<'_>) -> Outcome<'static> {
        match Goodbye::decode(frame.payload) {
            Err(_) => Outcome::Broken(Cause::FrameMalformed),
            Ok(goodbye) => {
                let peer_goodbye = match self.role {
                    Role::Server => PeerGoodbye::of_client(&goodbye),
                    Role::Client => PeerGoodbye::from(&goodbye),
                };
                self.leave(now, peer_goodbye);
                Outcome::Done
            }
        }
    }

    fn on_notice_in(frame: Frame<'_>) -> Outcome<'_> {
        match Notice::decode(frame.payload) {
            Err(_) => Outcome::Broken(Cause::FrameMalformed),
            Ok(notice) => Outcome::Event(Event::Notice(notice)),
        }
    }

    fn on_control(&mut self, now: Time, kind: Kind, frame: Frame<'_>) -> Outcome<'static> {
        let payload = frame.payload;
        let read = match kind {
            Kind::Ping => Ping::decode(payload).map(|ping| Some(Control::Ping(ping))),
            Kind::Pong => Pong::decode(payload).map(|pong| Some(Control::Pong(pong))),
            Kind::Ack => Ack::decode(payload).map(|ack| Some(Control::Ack(ack))),
            Kind::Extension(_)
            | Kind::Data
            | Kind::Hello
            | Kind::Welcome
            | Kind::Goodbye
            | Kind::Notice => Ok(None),
        };
        let control = match read {
            Err(_) => return Outcome::Broken(Cause::FrameMalformed),
            Ok(None) if self.affords(now) => return Outcome::Done,
            Ok(None) => return Outcome::Broken(Cause::PingFlood),
            Ok(Some(control)) => control,
        };
        let count = control.received();
        let Some(acknowledged) = self.stream.count_acknowledged(count) else {
            return Outcome::Broken(Cause::ProtocolViolation);
        };
        // There are never more acks of new frames than frames that we sent. So a client that acks as the wire asks is no
        // flood at any rate of frames.
        let is_asked = matches!(control, Control::Ack(_)) && acknowledged > 0;
        if !is_asked && !self.affords(now) {
            return Outcome::Broken(Cause::PingFlood);
        }
        self.stream.acknowledge(acknowledged);
        match control {
            Control::Ping(ping) => {
                self.answer(now, ping);
                self.charge_ping(now);
            }
            Control::Pong(pong) => return self.on_pong(now, &pong),
            Control::Ack(_) => {
                if is_asked {
                    self.charge_nothing();
                }
                if self.stream.confirm() {
                    return self.is_back(now);
                }
            }
        }
        Outcome::Done
    }

    /// Only a server counts what a client asks of it.
    fn affords(&mut self, now: Time) -> bool {
        let rate = Rate::of_pings(self.liveness.timing());
        self.role == Role::Client || self.pings.try_take(now, rate)
    }

    /// The peer said goodbye: that is the cause, unless one stands already. We send no data from then on, with one
    /// exception: the client of a dialect may wait for the answers to what it said before.
    fn leave(&mut self, now: Time, peer_goodbye: PeerGoodbye) {
        let drained = self.drain_notice == DrainNotice::Written;
        self.note(now, Layer::Frame, "goodbye");
        self.rare_mut().peer_goodbye = Some(peer_goodbye);
        if self.hands_over_the_rest() {
            return;
        }
        let cause = if drained {
            Cause::Drained
        } else {
            Cause::PeerGoodbye
        };
        match (&self.config.framing, self.role, *self.state) {
            (Framing::Dialect(_), Role::Server, State::Live) => {
                self.await_answers(now, cause);
            }
            (Framing::Native | Framing::Dialect(_), Role::Server | Role::Client, _) => {
                self.close_quietly(now, cause);
            }
        }
    }

    pub(super) fn on_admit(&mut self, now: Time, admission: Admission) {
        if !self.is_authenticating() || self.end_noticed || self.role == Role::Client {
            return;
        }
        if let Framing::Native = self.config.framing {
            let offer = self.first_offer(&admission);
            self.queue_welcome(now, &admission, offer);
        }
        self.go_live(now, admission.timing);
    }

    /// A peer whose wire has no ping cannot be expected to send one: kernel keepalive alone finds it dead.
    pub(super) fn timing_for(&self, timing: Timing) -> Timing {
        match &self.config.framing {
            Framing::Dialect(dialect) if !dialect.has_heartbeats() => Timing::default(),
            Framing::Native | Framing::Dialect(_) => timing,
        }
    }

    /// A rule was broken: told in a goodbye, but not to who does not speak this protocol at all.
    fn on_broken(&mut self, now: Time, cause: Cause) {
        self.end_visit(now);
        self.note(now, Layer::Frame, cause.label());
        if let State::Delivering { verdict } = *self.state {
            self.close(now, verdict, super::Readings::default(), true);
        } else if cause == Cause::WrongProtocol {
            self.close_silently(now, cause);
        } else {
            self.decide(now, &Close::new(cause));
        }
    }
}

/// After so long without a byte there may be more in the next than one burst.
const QUIET: Duration = Duration::from_secs(1);

/// Half of the dead limit, and where there is time for it no sooner than one heartbeat and a half: no welcome says it.
fn suspect_ms(welcome: &Welcome<'_>) -> u32 {
    let half_ms = welcome.dead_ms / 2;
    let heartbeats_ms = welcome
        .heartbeat_ms
        .saturating_add(welcome.heartbeat_ms / 2);
    if heartbeats_ms < welcome.dead_ms {
        half_ms.max(heartbeats_ms)
    } else {
        half_ms
    }
}
