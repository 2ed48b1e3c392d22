//! Making a session, handing things in, taking bytes and outputs out.

use std::io::IoSlice;
use std::sync::Arc;
use std::time::Duration;

use lastword_keepalive::{Liveness, Timing};

use super::state::{CurrentState, State};
use super::{Calm, Config, Connection, DrainNotice, Input, Output, Rare, Role, SendError, Traffic};
use crate::bucket::{Bucket, Rate};
use crate::close::Close;
use crate::dialect::Framing;
use crate::ending::{GoodbyeProgress, Layer, TrailEvent};
use crate::policy::Outbound;
use crate::round_trip::RoundTrip;
use crate::send_queue::{Dropped, SendQueue};
use crate::stream::Stream;
use crate::wire::{self, Hello, Notice};
use crate::{Cause, Decoder, KernelSample, Phase, ProxyFault, Time};

impl Connection {
    /// The server's end of a connection that was just accepted.
    #[must_use]
    pub fn server(config: Arc<Config>, now: Time) -> Self {
        Self::new(config, Role::Server, now)
    }

    /// The client's end of a connection that was just made; the hello is queued.
    #[must_use]
    pub fn client(config: Arc<Config>, hello: &Hello<'_>, now: Time) -> Self {
        let mut session = Self::new(config, Role::Client, now);
        if !hello.no_resume {
            session.rare_mut().resumes = true;
        }
        session
            .stream
            .queue_mut()
            .push_control(|out| hello.encode(out));
        session
    }

    /// The client's end on a dialect, which has no hello: live at once, or behind the TLS handshake, with `timing`, since
    /// no welcome says it.
    #[must_use]
    pub fn client_of_dialect(config: Arc<Config>, timing: Timing, now: Time) -> Self {
        let mut session = Self::new(config, Role::Client, now);
        match session.is_below_frames() {
            true => session.rare_mut().timing_behind_tls = Some(timing),
            false => session.go_live(now, timing),
        }
        session
    }

    /// The server's end of a connection that is not let in at all: it hears why, in phase `admission`.
    #[must_use]
    pub fn refused(config: Arc<Config>, now: Time, close: &Close) -> Self {
        let mut session = Self::new(config, Role::Server, now);
        session.refuse_guest(now, (Phase::Admission, close.clone()));
        session
    }

    /// The server's end of a connection that is let in for its hello only: one that resumes may go on with its session. Any
    /// other client hears why it is not let in, as with [`Connection::refused`], and so does one that says nothing for
    /// 2 s.
    #[must_use]
    pub fn guest(config: Arc<Config>, now: Time, close: &Close) -> Self {
        let mut session = Self::new(config, Role::Server, now);
        session.becomes_guest(now, (Phase::Admission, close.clone()));
        session
    }

    /// The server's end of a connection that comes from no listed proxy: it is closed without a word.
    #[must_use]
    pub fn unlisted(config: Arc<Config>, now: Time) -> Self {
        let mut session = Self::new(config, Role::Server, now);
        session.on_proxy_header(now, Err(ProxyFault::NotListed));
        session
    }

    fn new(config: Arc<Config>, role: Role, now: Time) -> Self {
        let peer_frame_limit = config.limits.outbound_frame_bytes_max;
        let (phase, state) = CurrentState::first(now, &config, role);
        Self {
            liveness: Liveness::new(now, role == Role::Client, config.is_behind_proxy()),
            state,
            config,
            role,
            phase,
            end_noticed: false,
            write_failed: false,
            shut: false,
            read_ended: false,
            fin_seen: false,
            has_spoken: false,
            layer_holds: false,
            calm: Calm::No,
            drain_notice: DrainNotice::None,
            farewell: GoodbyeProgress::None,
            decoder: Decoder::default(),
            stream: Stream::default(),
            peer_frame_limit,
            behind_data: 0,
            pings: Bucket::full(now, Rate::of_pings(Timing::default())),
            bytes_in: 0,
            bytes_out: 0,
            phase_since: now,
            opened: now,
            last_pong: Time::ORIGIN,
            last_data: now,
            round_trip: RoundTrip::default(),
            rare: None,
        }
    }

    /// Says for how long in all this process had stood still when the connection was made; zero without this call.
    #[must_use]
    pub fn behind(mut self, total: Duration) -> Self {
        self.liveness.stood_still(total);
        self.liveness.heard_before();
        self.opened = self.liveness.real(self.opened);
        self.phase_since = self.opened;
        self
    }

    /// Sets for how long in all this process has stood still, which is how far the clock of `now` is behind the real
    /// one. It never shrinks. Needed before the other calls of a wake-up.
    pub(super) fn stood_still(&mut self, total: Duration) {
        self.liveness.stood_still(total);
    }

    /// Returns this moment on the real clock, which the wire carries.
    #[must_use]
    pub fn real(&self, now: Time) -> Time {
        self.liveness.real(now)
    }

    /// Ends the connection, as its game decides while it has an event. Without effect on the cause once an end was seen.
    pub fn end(&mut self, now: Time, close: &Close) {
        self.on_close(now, close);
    }

    /// Takes note of something that happened. Never fails; what it leads to comes out of
    /// [`Connection::poll_output`] and [`Connection::slices`].
    pub(super) fn handle(&mut self, now: Time, input: Input<'_>) {
        if self.is_guest() && input.ends_visit() {
            self.end_visit(now);
        }
        match input {
            Input::ProxyHeader(header) => self.on_proxy_header(now, header),
            Input::Refuse(close) => self.on_refused(now, close),
            Input::Secured => self.on_secured(now),
            Input::TlsFailed(steps) => self.on_tls_failed(now, steps),
            Input::TlsClosed => self.rare_mut().tls_closed = true,
            Input::Admit(admission) => self.on_admit(now, admission),
            Input::Close(close) => self.on_close(now, close),
            Input::Abort(readings) => self.on_abort(now, readings),
            Input::Notice(notice) => self.on_notice(notice),
            Input::DrainExpired(message) => self.on_drain_expired(now, message),
            Input::Probe => self.on_probe(now),
            Input::Paused => self.on_paused(now),
            Input::Resumed => self.on_resumed(now),
            Input::EndNoticed(readings) => self.on_end_noticed(now, readings),
            Input::QueueFull => self.on_queue_full(),
            Input::Overflowed(sample) => self.on_overflowed(now, sample),
            Input::WriteFailed(readings) => self.on_write_failed(now, readings),
            Input::ReadEnded(terminal, readings) => self.on_read_ended(now, terminal, readings),
            Input::Delivered(readings) => self.on_delivered(now, readings),
            Input::Shut => self.on_shut(now),
            Input::LingerRefused(readings) => self.on_linger_over(now, readings),
            Input::Timeout(readings) => self.on_timeout(now, readings),
            Input::Sampled(sample) => self.on_sampled(now, sample),
        }
    }

    /// Queues a data frame. From the peer's end, or from our decision to end, until the verdict is out, the frame is
    /// discarded and counted as unsent. So a game that still reads what came before the end need not look for it.
    ///
    /// # Errors
    /// [`SendError::TooLarge`]; [`SendError::Closed`] before the session is live and after its verdict; or
    /// [`SendError::QueueFull`], where the frame is not taken. A droppable frame without room is dropped at once, which is
    /// no error.
    #[inline]
    pub fn send_as(&mut self, now: Time, how: Outbound, payload: &[u8]) -> Result<(), SendError> {
        if self.phase != Phase::Live || self.is_closed() && !self.lives_on() {
            return Err(SendError::Closed);
        }
        if payload.len() > usize_of(self.peer_frame_limit) {
            return Err(SendError::TooLarge);
        }
        if !self.keeps_data() {
            self.discard(payload);
            return Ok(());
        }
        self.may_set_aside();
        let room = self.config.limits.outbound_room(self.queued_bytes());
        let size = payload.len() + wire::HEADER_LEN;
        if size > room && !self.make_room(size) {
            return self.refuse(how);
        }
        let queue = self.stream.unsent_mut();
        queue.push(now, how, |out| {
            encode_data(&self.config.framing, payload, out);
        });
        if how != Outbound::Kept {
            self.count_lost();
        }
        Ok(())
    }

    /// Counts a frame that comes after the end.
    #[cold]
    fn discard(&mut self, payload: &[u8]) {
        let mut frame = Vec::with_capacity(payload.len() + wire::HEADER_LEN);
        encode_data(&self.config.framing, payload, &mut frame);
        self.count_unsent(Dropped {
            frames: 1,
            bytes: u64::try_from(frame.len()).unwrap_or(u64::MAX),
            ..Dropped::default()
        });
    }

    /// Counts frames that will not be written, also behind the verdict.
    pub(super) fn count_unsent(&mut self, dropped: Dropped) {
        let rare = self.rare_mut();
        rare.dropped += dropped;
        if let Some(ending) = &mut rare.ending {
            ending.evidence.add_unsent(dropped);
        }
    }

    /// Takes over frames that others queued for this session; what comes too late is counted as dropped.
    pub fn adopt(&mut self, now: Time, queue: &mut Box<SendQueue>) {
        queue.queued_by(now);
        if !self.keeps_data() {
            self.count_unsent(queue.drop_unstarted());
        } else {
            self.may_set_aside();
            self.session_stream_mut().append(queue);
        }
        self.count_lost();
    }

    /// Lends a buffer to queue into, where the session has none: steady traffic then allocates nothing.
    pub fn lend(&mut self, spare: impl FnOnce() -> Box<SendQueue>) {
        if self.stream.queue.is_none() {
            self.stream.queue = Some(spare());
        }
    }

    /// Gives the buffer back once it is written out.
    pub fn reclaim(&mut self) -> Option<Box<SendQueue>> {
        self.stream.queue.take_if(|queue| queue.is_empty())
    }

    /// Lends the bytes to write next, in order; all empty when there is nothing to write.
    pub(super) fn slices(&mut self) -> [IoSlice<'_>; 3] {
        let can_write = self.can_write() && !self.is_below_frames();
        match can_write {
            true => self.stream.slices(),
            false => Stream::nothing(),
        }
    }

    /// Whether bytes wait to be written.
    pub(super) fn wants_write(&self) -> bool {
        let has_frames = self.stream.wants_write();
        self.can_write() && (self.layer_holds || has_frames && !self.is_below_frames())
    }

    /// Takes note that the layer below took `n` bytes of [`Connection::slices`]. A frame whose first byte it took has
    /// begun: it has its number, and is never dropped.
    pub(super) fn transmitted(&mut self, now: Time, n: usize) {
        let kept_max = self.config.limits.outbound_bytes_max;
        let Some(written) = self.stream.advance(n, kept_max) else {
            return;
        };
        let behind_data = u32::try_from(written.behind_data).unwrap_or(u32::MAX);
        self.behind_data = match written.data {
            true => behind_data,
            false => self.behind_data.saturating_add(behind_data),
        };
        let queue = self.stream.queue.as_ref();
        let has_written_control = || queue.is_none_or(|queue| queue.control_is_empty());
        if self.drain_notice == DrainNotice::Queued && has_written_control() {
            self.drain_notice = DrainNotice::Written;
        }
        let kept = queue.map_or(0, |queue| queue.kept_bytes());
        let over = kept > self.config.limits.outbound_bytes_max;
        self.bytes_out += u64::try_from(n).unwrap_or(u64::MAX);
        self.liveness.wrote(now);
        if let Some(rare) = self.rare.as_mut().filter(|_| !over) {
            rare.overfull = false;
        }
        self.may_flow(now);
    }

    /// Takes note that the kernel refuses a write for now. Returns whether a frame found no room, and more than the outbound
    /// cap still waits, of frames that may not be dropped. Then the caller asks the kernel itself, and hands in
    /// [`Input::Overflowed`] if it refuses. It returns `true` only once the owner was told that the session is congested.
    pub(super) fn write_refused(&mut self) -> bool {
        let Some(queue) = &mut self.stream.queue else {
            return false;
        };
        queue.refused();
        let over = queue.kept_bytes() > self.config.limits.outbound_bytes_max;
        self.may_congest();
        let overfull = self.rare.as_ref().is_some_and(|rare| rare.overfull);
        overfull && over && self.told_congested() && self.is_live() && !self.end_noticed
    }

    /// Says what to do next; to be asked after every input and write until it returns `None`.
    pub(super) fn poll_output(&mut self) -> Option<Output> {
        if let Some(link) = self.poll_link() {
            return Some(Output::Link(link));
        }
        self.trim();
        // An end sets the last value itself.
        if let Some(hold) = self.liveness.poll_give_up().filter(|_| self.is_live()) {
            return Some(Output::HoldGiveUp(hold));
        }
        if self.queue_is_empty() {
            // Before the departure: what is written stays written, also where the connection may not linger.
            if matches!(*self.state, State::Closing { .. }) {
                return Some(Output::Shut);
            }
            self.settle();
        }
        self.poll_end()
    }

    /// Whether the authenticator is awaited.
    pub(super) fn is_authenticating(&self) -> bool {
        matches!(*self.state, State::Auth { .. })
    }

    /// Returns the frames and bytes in and out so far, and what the policies of the queue did.
    #[must_use]
    pub fn traffic(&self) -> Traffic {
        let lost = self.rare.as_ref().map(|rare| rare.dropped);
        let lost = lost.unwrap_or_default();
        let (frames_in, frames_out) = self.frames_here();
        Traffic {
            frames_in,
            frames_out,
            bytes_in: self.bytes_in,
            bytes_out: self.bytes_out,
            frames_dropped: lost.oldest,
            frames_replaced: lost.replaced,
        }
    }

    /// Whether frames of the game are taken in either direction.
    #[must_use]
    pub fn is_live(&self) -> bool {
        matches!(*self.state, State::Live)
    }

    /// Whether frames that are read go to the game, at its pace.
    pub(super) fn hands_over(&self) -> bool {
        matches!(*self.state, State::Live | State::Delivering { .. })
    }

    /// Whether the verdict stands and only what lies in the kernel is still to be handed over: once there is
    /// nothing more to read, [`Input::ReadEnded`] with [`Terminal::Open`](crate::Terminal::Open) is due.
    pub(super) fn hands_over_the_rest(&self) -> bool {
        matches!(*self.state, State::Delivering { .. })
    }

    /// Whether the verdict came out.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        matches!(*self.state, State::Closed)
    }

    /// Whether the driver must read: until the peer's end was read, but not while the peer is to wait
    /// ([`reads_no_further`](Self::reads_no_further)).
    pub(super) fn wants_read(&self) -> bool {
        !self.read_ended
            && !self.reads_no_further()
            && !matches!(
                *self.state,
                State::Flushing { .. } | State::Settling { .. } | State::Closed
            )
    }

    /// Data frames in and out, of the whole session.
    pub(super) fn frames(&self) -> (u64, u64) {
        (self.stream.received(), self.stream.sent())
    }

    /// Data frames in and out over this connection. A frame that is written again does not count.
    pub(super) fn frames_here(&self) -> (u64, u64) {
        let (received, sent) = self.frames();
        let before = self.rare.as_ref().map(|rare| rare.frames_before);
        let (received_before, sent_before) = before.unwrap_or_default();
        (received - received_before, sent - sent_before)
    }

    /// Bytes that wait to be written.
    #[inline]
    pub(super) fn queued_bytes(&self) -> usize {
        self.stream.queued_bytes()
    }

    /// Bytes that wait although a write was tried.
    pub(super) fn refused_bytes(&self) -> usize {
        self.queued_bytes() - self.untried_bytes()
    }

    /// Bytes that wait for their first write.
    pub(super) fn untried_bytes(&self) -> usize {
        let queue = self.stream.queue.as_ref();
        queue.map_or(0, |queue| queue.untried())
    }

    /// Bytes of data payload that the peer accepts and that we send.
    #[must_use]
    pub fn peer_frame_limit(&self) -> u32 {
        self.peer_frame_limit
    }

    fn on_notice(&mut self, notice: &Notice<'_>) {
        // A client that left before the notice did not leave because of it.
        let hears = self.is_live() && !self.end_noticed;
        if hears && matches!(self.config.framing, Framing::Native) {
            let queue = self.stream.queue_mut();
            queue.push_control(|out| notice.encode(out));
            if self.drain_notice == DrainNotice::None {
                self.drain_notice = DrainNotice::Queued;
            }
        }
    }

    /// Whether frames for the peer are taken.
    pub(super) fn takes_data(&self) -> bool {
        let state = matches!(
            *self.state,
            State::Live | State::Answering { .. } | State::Flushing { .. }
        );
        state && self.can_write()
    }

    /// Whether frames for the peer are taken, now or for its next connection.
    #[inline]
    pub(super) fn keeps_data(&self) -> bool {
        self.takes_data() || self.may_live_on()
    }

    pub(super) fn can_write(&self) -> bool {
        !self.write_failed && !self.shut && !self.is_closed()
    }

    /// Whether nothing waits to be written, neither here nor in the layer below.
    pub(super) fn queue_is_empty(&self) -> bool {
        !self.layer_holds && !self.stream.wants_write()
    }

    pub(super) fn rare_mut(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub(super) fn note(&mut self, at: Time, layer: Layer, what: &'static str) {
        let trail = &mut self.rare_mut().trail;
        if trail.len() < TRAIL_EVENTS_MAX {
            trail.push(TrailEvent { at, layer, what });
        }
    }

    /// Queues our goodbye behind what is queued, where this wire has one.
    pub(super) fn queue_goodbye(&mut self, now: Time, close: &Close) {
        self.ack_before_goodbye();
        let mut goodbye = close.message.goodbye(close.names.unwrap_or(close.cause));
        // Its session lives on, but not for the client of this connection.
        let is_superseded = close.cause == Cause::SupersededByResume;
        goodbye.over = is_superseded || !(close.paused || self.lives_on());
        if self.role == Role::Client && close.cause == Cause::ClosedByGame {
            goodbye.code = ORDINARY;
        }
        self.queue_last(now, |framing, out| match framing {
            Framing::Native => goodbye.encode(out),
            Framing::Dialect(dialect) => {
                dialect.write_goodbye(&goodbye, out);
            }
        });
    }

    /// Queues the answer to the peer's goodbye behind the game's own answers, where this wire has one.
    pub(super) fn queue_goodbye_answer(&mut self, now: Time) {
        self.queue_last(now, |framing, out| {
            if let Framing::Dialect(dialect) = framing {
                dialect.write_goodbye_answer(out);
            }
        });
    }

    fn queue_last(&mut self, now: Time, encode: impl FnOnce(&Framing, &mut Vec<u8>)) {
        let queue = self.stream.queue_mut();
        let before = queue.len();
        queue.push_last(now, |out| encode(&self.config.framing, out));
        let has_grown = queue.len() > before;
        self.rare_mut().goodbye_queued = has_grown;
    }

    /// A frame found no room: the next write decides whether the peer is slow.
    pub(super) fn on_queue_full(&mut self) {
        self.rare_mut().overfull = true;
    }

    /// The peer reads too slowly, or is not there at all: that the kernel knows.
    fn on_overflowed(&mut self, now: Time, sample: Option<KernelSample>) {
        self.rare_mut().overfull = false;
        self.on_sampled(now, sample);
        self.on_close(now, &Close::new(Cause::SendQueueFull));
    }
}

/// Appends a data frame in the given framing; the payload is within the frame limits.
#[inline]
pub fn encode_data(framing: &Framing, payload: &[u8], out: &mut Vec<u8>) {
    match framing {
        Framing::Native => {
            let header = wire::Header {
                len: u32::try_from(payload.len()).unwrap_or(u32::MAX),
                kind: wire::Kind::Data.to_byte(),
            };
            out.extend_from_slice(&header.encode());
            out.extend_from_slice(payload);
        }
        Framing::Dialect(dialect) => dialect.write_data(payload, out),
    }
}

fn usize_of(len: u32) -> usize {
    usize::try_from(len).unwrap_or(usize::MAX)
}

/// The code of a client that leaves.
const ORDINARY: u16 = 0;
const TRAIL_EVENTS_MAX: usize = 8;
