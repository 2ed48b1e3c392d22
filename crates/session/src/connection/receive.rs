//! Frames in: what each kind means in each state, and which rules it may break.

use std::ops::ControlFlow;
use std::time::Duration;

use lastword_keepalive::Timing;

use super::state::State;
use super::{Admission, Connection, DrainNotice, Event, Role};
use crate::close::Close;
use crate::decoder::{Decoder, Expect, Frame, Step};
use crate::dialect::{Framing, Meaning};
use crate::ending::{Layer, Parting};
use crate::wire::{self, Ack, Goodbye, Hello, Kind, Notice, Ping, Pong, Welcome};
use crate::{Cause, Message, Time};

/// The meaning of one frame.
pub(super) enum Outcome {
    /// The session dealt with it.
    Done,
    /// A frame for the game.
    Data,
    /// A peer asks to be let in: its credentials are the frame's data from `at` on.
    Credentials {
        at: usize,
    },
    Welcome(Admission),
    Notice,
    /// The peer answered our ping after this time.
    RoundTrip(Duration),
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
    /// Reads frames out of `input`, which the caller read from the socket, and hands each event to `each`. A game that
    /// takes no further frame stops it by [`ControlFlow::Break`]: reading is paused, and the rest is kept. It comes first
    /// when this is called again, with or without more bytes ([`Connection::has_unread`]).
    pub fn feed(
        &mut self,
        now: Time,
        input: &[u8],
        mut each: impl FnMut(&mut Self, Event<'_>) -> ControlFlow<()>,
    ) {
        let mut kept = self.take_unread();
        let input = match kept.is_empty() {
            true => input,
            false => {
                kept.extend_from_slice(input);
                &kept
            }
        };
        // Lent frames may lie in the decoder while `each` uses the session: so it stands apart meanwhile.
        let mut decoder = std::mem::take(&mut self.decoder);
        let mut at = 0;
        while !self.reads_no_further() {
            let Some(event) = self.receive(now, &mut decoder, input, &mut at) else {
                break;
            };
            if each(self, event).is_break() {
                // Also when nothing is left over: what the next read brings would find no room.
                if self.hands_over() {
                    self.on_paused(now);
                }
                break;
            }
        }
        decoder.release();
        self.decoder = decoder;
        if let Some(rest) = input.get(at..).filter(|rest| !rest.is_empty()) {
            self.rare_mut().unread = rest.to_vec();
        }
    }

    /// Whether bytes were read that [`Connection::feed`] has not looked at.
    #[must_use]
    pub fn has_unread(&self) -> bool {
        let rare = self.rare.as_ref();
        rare.is_some_and(|rare| !rare.unread.is_empty())
    }

    fn take_unread(&mut self) -> Vec<u8> {
        let rare = self.rare.as_mut();
        rare.map_or_else(Vec::new, |rare| std::mem::take(&mut rare.unread))
    }

    fn receive<'s>(
        &mut self,
        now: Time,
        decoder: &'s mut Decoder,
        input: &'s [u8],
        at: &mut usize,
    ) -> Option<Event<'s>> {
        loop {
            let Some(expect) = self.expects() else {
                *at = input.len();
                return None;
            };
            let span = match decoder.next(now, &self.config.framing, expect, input, at) {
                Step::Short => return None,
                Step::Frame(span) => span,
                Step::Broken(cause) => {
                    self.on_broken(now, cause);
                    continue;
                }
            };
            match self.on_frame(now, decoder.frame(span, input)) {
                Outcome::Done => {}
                Outcome::Broken(cause) => self.on_broken(now, cause),
                Outcome::Data => {
                    self.received += 1;
                    self.last_data = now;
                    return Some(Event::Data(self.data_of(decoder.frame(span, input))));
                }
                Outcome::Credentials { at } => {
                    let frame = decoder.frame(span, input);
                    let credentials = self.data_of(frame).get(at..).unwrap_or_default();
                    return Some(Event::Credentials(credentials));
                }
                Outcome::Welcome(admission) => return Some(Event::Welcome(admission)),
                Outcome::RoundTrip(rtt) => return Some(Event::RoundTrip(rtt)),
                Outcome::Notice => {
                    let payload = decoder.frame(span, input).payload;
                    return Notice::decode(payload).ok().map(Event::Notice);
                }
            }
        }
    }

    /// Takes note that `n` bytes were read from the socket, before they are handed to [`Connection::feed`].
    pub fn bytes_arrived(&mut self, now: Time, n: usize) {
        self.bytes_in += u64::try_from(n).unwrap_or(u64::MAX);
        self.ends_silence(now);
        let since = self.liveness.silent_since();
        let silence = now.since(since) + self.liveness.stood_still_since_heard();
        if silence > QUIET {
            self.bucket.silence_ended(silence, since, now);
        }
        self.liveness.heard(now);
    }

    /// No welcome of a dialect says when its client may go on: what it sends before it is let in lies unread. A client
    /// that has left is not let in, and is read to its end.
    #[must_use]
    pub fn reads_no_further(&self) -> bool {
        let waits = self.is_authenticating() && !self.end_noticed;
        waits && matches!(self.config.framing, Framing::Dialect(_))
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

    /// Returns the part of a data frame that is for the game: a dialect's may be shorter than the payload.
    fn data_of<'s>(&self, frame: Frame<'s>) -> &'s [u8] {
        match &self.config.framing {
            Framing::Native => frame.payload,
            Framing::Dialect(dialect) => match dialect.read(frame.header, frame.payload) {
                Meaning::Data(data) => data,
                Meaning::Ping(_) | Meaning::Pong | Meaning::Goodbye | Meaning::Malformed => &[],
            },
        }
    }

    fn on_frame(&mut self, now: Time, frame: Frame<'_>) -> Outcome {
        if let Framing::Dialect(_) = self.config.framing {
            return self.on_dialect_frame(now, frame);
        }
        let Some(kind) = frame.header.last().copied().and_then(Kind::from_byte) else {
            return Outcome::Broken(Cause::ProtocolViolation);
        };
        match (*self.state, kind) {
            (State::Live | State::Delivering { .. }, Kind::Data) => Outcome::Data,
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

    fn on_dialect_frame(&mut self, now: Time, frame: Frame<'_>) -> Outcome {
        let Framing::Dialect(dialect) = &self.config.framing else {
            return Outcome::Done;
        };
        match (dialect.read(frame.header, frame.payload), *self.state) {
            (Meaning::Data(_), State::Hello { .. }) => {
                self.await_admission(now);
                Outcome::Credentials { at: 0 }
            }
            (Meaning::Data(_), State::Live | State::Delivering { .. }) => Outcome::Data,
            (Meaning::Data(_) | Meaning::Ping(_) | Meaning::Pong, State::Auth { .. }) => {
                Outcome::Done
            }
            (Meaning::Ping(_) | Meaning::Pong, State::Live) if !self.affords(now) => {
                Outcome::Broken(Cause::PingFlood)
            }
            (Meaning::Ping(ping), State::Live) => {
                self.answer_in_dialect(now, ping);
                Outcome::Done
            }
            (Meaning::Pong, State::Live) => {
                self.last_pong = self.liveness.real(now);
                Outcome::Done
            }
            (Meaning::Goodbye, State::Auth { .. } | State::Live) => {
                self.leave(now, Parting::silent());
                Outcome::Done
            }
            (_, State::Delivering { .. }) => Outcome::Done,
            (Meaning::Malformed, _) => Outcome::Broken(Cause::FrameMalformed),
            (_, State::Hello { .. }) => Outcome::Broken(Cause::WrongProtocol),
            _ => Outcome::Broken(Cause::ProtocolViolation),
        }
    }

    fn on_hello(&mut self, now: Time, frame: Frame<'_>) -> Outcome {
        let Ok(hello) = Hello::decode(frame.payload) else {
            return Outcome::Broken(Cause::FrameMalformed);
        };
        let (resume, limit) = (hello.resume, hello.frame_limit);
        let at = frame.payload.len() - hello.credentials.len();
        self.peer_frame_limit = limit;
        self.await_admission(now);
        if resume {
            let cause = Cause::ResumeRefused;
            let message = Message::of(cause)
                .with_reason("this server does not resume sessions: say hello anew");
            self.on_close(now, &Close::with(cause, message));
            return Outcome::Done;
        }
        Outcome::Credentials { at }
    }

    fn on_welcome(&mut self, now: Time, frame: Frame<'_>) -> Outcome {
        let Ok(welcome) = Welcome::decode(frame.payload) else {
            return Outcome::Broken(Cause::FrameMalformed);
        };
        if welcome.version != wire::VERSION {
            return Outcome::Broken(Cause::VersionUnsupported);
        }
        if welcome.resumed || welcome.connection == 0 || welcome.received > self.sent {
            return Outcome::Broken(Cause::ProtocolViolation);
        }
        let admission = Admission {
            session: welcome.session,
            timing: Timing {
                heartbeat_ms: welcome.heartbeat_ms,
                suspect_ms: suspect_ms(&welcome),
                dead_ms: welcome.dead_ms,
            },
        };
        self.peer_frame_limit = welcome.frame_limit;
        self.go_live(now, admission.timing);
        Outcome::Welcome(admission)
    }

    fn on_goodbye(&mut self, now: Time, frame: Frame<'_>) -> Outcome {
        match Goodbye::decode(frame.payload) {
            Err(_) => Outcome::Broken(Cause::FrameMalformed),
            Ok(goodbye) => {
                let parting = match self.role {
                    Role::Server => Parting::of_client(&goodbye),
                    Role::Client => Parting::from(&goodbye),
                };
                self.leave(now, parting);
                Outcome::Done
            }
        }
    }

    fn on_notice_in(frame: Frame<'_>) -> Outcome {
        match Notice::decode(frame.payload) {
            Err(_) => Outcome::Broken(Cause::FrameMalformed),
            Ok(_) => Outcome::Notice,
        }
    }

    fn on_control(&mut self, now: Time, kind: Kind, frame: Frame<'_>) -> Outcome {
        if !self.affords(now) {
            return Outcome::Broken(Cause::PingFlood);
        }
        let payload = frame.payload;
        let read = match kind {
            Kind::Ping => Ping::decode(payload).map(Control::Ping),
            Kind::Pong => Pong::decode(payload).map(Control::Pong),
            Kind::Ack => Ack::decode(payload).map(Control::Ack),
            Kind::Extension(_)
            | Kind::Data
            | Kind::Hello
            | Kind::Welcome
            | Kind::Goodbye
            | Kind::Notice => return Outcome::Done,
        };
        let Ok(control) = read else {
            return Outcome::Broken(Cause::FrameMalformed);
        };
        let count = control.received();
        if count < self.peer_received || count > self.sent {
            return Outcome::Broken(Cause::ProtocolViolation);
        }
        self.peer_received = count;
        match control {
            Control::Ping(ping) => self.answer(now, ping),
            Control::Pong(pong) => return self.on_pong(now, &pong),
            Control::Ack(_) => {}
        }
        Outcome::Done
    }

    /// Only a server counts what a client asks of it.
    fn affords(&mut self, now: Time) -> bool {
        self.role == Role::Client || self.bucket.take(now)
    }

    /// The peer said goodbye: that is the cause, also if something else comes after it. We send no data from then on,
    /// with one exception: the client of a dialect may wait for the answers to what it said before.
    fn leave(&mut self, now: Time, parting: Parting) {
        let drained = self.drain_notice == DrainNotice::Written;
        self.note(now, Layer::Frame, "goodbye");
        self.rare_mut().parting = Some(parting);
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
            let welcome = Welcome {
                version: wire::VERSION,
                resumed: false,
                session: admission.session,
                connection: 1,
                received: 0,
                heartbeat_ms: admission.timing.heartbeat_ms,
                dead_ms: admission.timing.dead_ms,
                resume_window_ms: 0,
                frame_limit: self.config.limits.frame_bytes_max,
                token: &[],
                extensions: wire::Extensions::default(),
            };
            self.queue_mut().push_control(|out| welcome.encode(out));
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
