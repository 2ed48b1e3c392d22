//! One session and what lies outside of it: clock, mailbox, game and socket. A wake-up is one [`Session::drive`], and what the contract of a [`Host`](lastword_session::Host) says is checked meanwhile.

use std::io::{self, ErrorKind, IoSlice};
use std::ops::{Deref, DerefMut, Range};
use std::panic::resume_unwind;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use allocation_counter::opt_out;
use lastword_session::{
    Admission, Ask, Backlog, Call, Close, Connection, DepartureCause, Dropped, Ending, Event,
    Evidence, FirstError, Io, Knock, Knocked, Linger, Mail, Opened, OsError, Outbound, OwnFault,
    Progress, Proxied, Readings, Refusal, Room, SendError, SendQueue, Session, SessionId, Taken,
    Time,
};

use super::game::{Acts, Answer, Game, Seen};
use super::kernel::{View, Words};
use super::mailbox::Mailbox;
use super::pipe::{Pipe, Read};
use super::tls::Tls;

pub(crate) struct Host {
    /// Where there is no resume, it has one connection only.
    pub(crate) session: Session,
    /// The most memory that the connection took for itself in one wake-up, where it is measured.
    pub(crate) memory_most: u64,
    pub(crate) measures: bool,
    outside: Outside,
}

/// Everything outside of the connection, but for its two pipes.
pub(crate) struct Outside {
    pub(crate) seen: Vec<Seen>,
    pub(crate) answer: Answer,
    /// Why the peer of a PROXY header is not let in.
    pub(crate) refusal: Option<Close>,
    pub(crate) view: View,
    /// The answer of the system about our own network, if it is asked.
    pub(crate) own_fault: Option<OwnFault>,
    /// The end, as the game heard of it.
    pub(crate) departed: Option<Ending>,
    /// The end of a connection whose session lives on, as the game heard of it.
    pub(crate) lost: Option<Ending>,
    /// The end of a session without a connection, as the game heard of it.
    pub(crate) left: Option<DepartureCause>,
    pub(crate) ending: Option<Box<Ending>>,
    /// Whether there is a place for the connection of a session that has departed.
    pub(crate) linger: Linger,
    /// Whether the game takes frames: while it does not, nothing is read.
    pub(crate) reads: bool,
    /// Whether the game takes each frame at once and answers it.
    pub(crate) answers: bool,
    /// How many frames the game has taken, where it does not take each at once.
    pub(crate) taken: u64,
    pub(crate) game: Game,
    /// How often evidence was reported.
    pub(crate) reports: u32,
    pub(crate) mailbox: Mailbox,
    pub(crate) tls: Option<Tls>,
    pub(crate) faults: Faults,
    /// The lengths of the reads, over and over; without any, a read takes all that there is.
    pub(crate) read_lens: Vec<usize>,
    /// Whether the session has put the kernel's own give-up off.
    pub(crate) holds_give_up: bool,
    /// For how long in all the process stood still.
    pub(crate) stood_still: Duration,
    /// What the connection's clock shows at a time of the pipes.
    pub(crate) clock: Box<dyn Fn(Time) -> Time>,
    /// Whether a deadline that only moved later is kept for a second, as a driver does; else it is computed each time.
    pub(crate) keeps_deadline: bool,
    /// When the connection must be driven again.
    pub(crate) wake_at: Time,
    /// The bytes of frames that were taken to be written, and the number of bytes that were made of them.
    pub(crate) plain: Vec<u8>,
    pub(crate) bytes_out: u64,
    /// An end was seen before reading came to it.
    pub(crate) is_noticed: bool,
    pub(crate) read_ended: bool,
    pub(crate) is_shut: bool,
    /// The connection said that the game's code panicked.
    pub(crate) has_panicked: bool,
    /// When the deadline was last set.
    pub(crate) wake_set: Time,
    reads_done: usize,
    events: usize,
    panics: u32,
    /// A law was not yet found to hold for this event.
    law_broken: bool,
    /// The game has no room in this wake-up.
    is_full: bool,
    first_error: Option<FirstError>,
}

/// The calls of the socket that fail from now on.
#[derive(Debug, Default)]
pub(crate) struct Faults {
    pub(crate) write: Option<ErrorKind>,
    pub(crate) shut: Option<ErrorKind>,
    /// An end shows while nothing is read.
    pub(crate) end_shows: bool,
}

/// The buffer of a turn's reads. Its memory is not the connection's.
struct Buffer(Vec<u8>);

/// The outside during one wake-up.
struct Woken<'a> {
    outside: &'a mut Outside,
    now: Time,
    inbound: &'a mut Pipe,
    outbound: &'a mut Pipe,
    /// Whether anything happened.
    busy: bool,
}

impl Host {
    pub(crate) fn new(connection: Connection, answer: Answer) -> Self {
        let mut mailbox = Mailbox::default();
        if connection.is_live() {
            mailbox.open(connection.peer_frame_limit());
        }
        let outside = Outside {
            seen: Vec::new(),
            answer,
            refusal: None,
            view: View::Honest,
            own_fault: None,
            departed: None,
            lost: None,
            left: None,
            ending: None,
            linger: Linger::Allowed,
            reads: true,
            answers: true,
            taken: 0,
            game: Game::default(),
            reports: 0,
            mailbox,
            tls: None,
            faults: Faults::default(),
            read_lens: Vec::new(),
            holds_give_up: false,
            stood_still: Duration::ZERO,
            clock: Box::new(|now| now),
            keeps_deadline: false,
            wake_at: Time::ORIGIN,
            plain: Vec::new(),
            bytes_out: 0,
            is_noticed: false,
            read_ended: false,
            is_shut: false,
            has_panicked: false,
            wake_set: Time::ORIGIN,
            reads_done: 0,
            events: 0,
            panics: 0,
            law_broken: false,
            is_full: false,
            first_error: None,
        };
        Self {
            session: Session::new(connection),
            memory_most: 0,
            measures: false,
            outside,
        }
    }

    /// Does everything that is ready. Returns whether anything was.
    pub(crate) fn turn(&mut self, now: Time, inbound: &mut Pipe, outbound: &mut Pipe) -> bool {
        if self.ending.is_some() && !self.is_away() {
            self.stays_closed(now);
            return false;
        }
        self.outside.game.was_live |= self.session.connection().is_live();
        self.outside.is_full = false;
        let mut woken = Woken {
            outside: &mut self.outside,
            now,
            inbound,
            outbound,
            busy: false,
        };
        let mut next = Progress::Yield;
        let session = &mut self.session;
        let mut drive = || next = session.drive(&mut woken);
        match self.measures {
            true => {
                let memory = allocation_counter::measure(drive);
                self.memory_most = self.memory_most.max(memory.bytes_max);
            }
            false => drive(),
        }
        let is_told = woken.outside.panics == 0 || woken.outside.has_panicked;
        assert!(is_told, "a panic is told");
        match next {
            Progress::Wait(_) => return woken.busy || woken.outside.is_full,
            Progress::Yield => return true,
            Progress::Away(ending) | Progress::Over(_, Some(ending)) => woken.close(ending),
            Progress::Over(cause, None) => {
                woken.outside.wake_at = Time::NEVER;
                assert_eq!(woken.outside.left, Some(cause), "the game heard it");
            }
        }
        self.stays_closed(now);
        true
    }

    pub(crate) fn connection(&self) -> &Connection {
        self.session.connection()
    }

    pub(crate) fn connection_mut(&mut self) -> &mut Connection {
        self.session.connection_mut()
    }

    /// Whether the session has no connection and waits for its player, at its server.
    pub(crate) fn is_away(&self) -> bool {
        let connection = self.connection();
        let has_ended = self.ending.is_some() && self.left.is_none();
        has_ended && connection.lives_on() && connection.resume().is_some()
    }

    /// Another connection asks to go on with this session. If it does, the other host has the session from now on, and its
    /// game, and this one has the older connection.
    ///
    /// # Errors
    /// The session does not go on with it, and has not changed.
    pub(crate) fn goes_on(
        &mut self,
        now: Time,
        newcomer: &mut Self,
        knock: (SessionId, &Knock),
        readings: Readings,
    ) -> Result<(), Refusal> {
        let nothing = || Session::new(Connection::server(Arc::default(), now));
        let mut next = std::mem::replace(&mut newcomer.session, nothing());
        let next = std::mem::replace(
            next.connection_mut(),
            Connection::server(Arc::default(), now),
        );
        let (before, was_closed) = (format!("{:?}", self.session), self.connection().is_closed());
        match self.session.knock(now, next, knock, readings) {
            Knocked::Adopted { older, lost } => {
                newcomer.session = std::mem::replace(&mut self.session, Session::new(older));
                assert_ne!(lost.is_some(), self.lost.is_some(), "the game hears once");
                self.lost = self.lost.take().or(lost.map(|lost| *lost));
                std::mem::swap(&mut newcomer.game, &mut self.game);
                std::mem::swap(&mut newcomer.mailbox, &mut self.mailbox);
                Ok(())
            }
            Knocked::Refused {
                newcomer: next,
                refusal,
            } => {
                newcomer.session = Session::new(next);
                // An end that was seen already is concluded before the answer.
                if was_closed == self.connection().is_closed() {
                    let after = format!("{:?}", self.session);
                    assert_eq!(before, after, "a refusal changes nothing");
                }
                Err(refusal)
            }
        }
    }

    /// The game sends a frame.
    pub(crate) fn send(&mut self, now: Time, how: Outbound, len: usize) {
        let game = &mut self.outside.game;
        let frame = game.next(how, len);
        let connection = self.session.connection_mut();
        let taken = connection.send_as(now, how, &frame.payload);
        game.sent(connection, frame, taken);
    }

    /// Checks that nothing comes after `Closed`.
    fn stays_closed(&mut self, now: Time) {
        let told = [&self.departed, &self.lost].map(Option::is_some);
        assert_ne!(told[0], told[1], "the game hears first, and once");
        let connection = self.connection_mut();
        assert!(connection.is_closed() && !connection.is_live());
        if !connection.lives_on() {
            let late = connection.send_as(now, Outbound::Kept, b"late");
            assert_eq!(late, Err(SendError::Closed));
        }
        assert!(connection.take_ending(Dropped::default()).is_none());
    }
}

impl Deref for Host {
    type Target = Outside;

    fn deref(&self) -> &Outside {
        &self.outside
    }
}

impl DerefMut for Host {
    fn deref_mut(&mut self) -> &mut Outside {
        &mut self.outside
    }
}

impl Outside {
    pub(crate) fn readings(&self, now: Time, inbound: &Pipe, outbound: &Pipe) -> Readings {
        let said = match self.view {
            View::Said(words) => words,
            View::Honest
            | View::Unanswered { .. }
            | View::Lossy(_)
            | View::Unsettled
            | View::Blind => Words::default(),
        };
        let said_error = said.error.map(|kind| FirstError {
            call: Call::Read,
            error: error(kind),
        });
        Readings {
            kernel: self.view.kernel(now, inbound, outbound, self.is_shut),
            first_error: self.first_error.or(said_error),
            after_fin: said.kernel.is_some_and(|kernel| kernel.is_after_fin()),
            bytes_read: inbound.taken,
            own_fault: None,
            inquiries: 1,
        }
    }

    fn fails(&mut self, call: Call, kind: ErrorKind) -> io::Error {
        let first = FirstError {
            call,
            error: error(kind),
        };
        self.first_error.get_or_insert(first);
        kind.into()
    }

    /// The most bytes of the next read.
    fn next_read(&mut self) -> usize {
        let len = self
            .read_lens
            .get(self.reads_done % self.read_lens.len().max(1));
        self.reads_done += 1;
        len.map_or(usize::MAX, |len| (*len).max(1))
    }

    fn hears(&mut self, connection: &Connection, now: Time, event: Event<'_>) -> Acts {
        let has_ended = self.departed.is_some() || self.lost.is_some();
        assert!(!has_ended, "{event:?} after the end");
        if let Event::Joined(_) | Event::Secured | Event::Back = event {
            self.mailbox.open(connection.peer_frame_limit());
        }
        if self.answers && self.game.counts_taken {
            self.taken += u64::from(matches!(event, Event::Data(_)));
        }
        let stops = &self.game.stops;
        self.is_full |= stops
            .get(self.events % stops.len().max(1))
            .is_some_and(|stops| *stops);
        self.events += 1;
        let mut acts = self.game.hears(connection, &event);
        if let Some((config, frame)) = acts.mail.take() {
            let left = self.mailbox.send(&config, now, frame.how, &frame.payload);
            if left.is_ok() {
                self.game.sent.push(frame);
            }
        }
        // The server gave this answer itself.
        let is_own = matches!((&self.answer, &event), (Answer::Admit(_), Event::Joined(_)));
        if !is_own {
            self.seen.push(Seen::from(event));
        }
        acts
    }
}

impl Woken<'_> {
    fn close(&mut self, ending: Box<Ending>) {
        self.inbound.is_reader_gone = true;
        if ending.abort || self.inbound.arrived(self.now) > 0 {
            self.outbound.reset(self.now);
        } else {
            self.outbound.fin(self.now);
        }
        self.outside.wake_at = Time::NEVER;
        self.outside.ending = Some(ending);
    }

    /// Writes to the outbound pipe what fits.
    fn write(&mut self, bytes: &[u8]) -> Io<usize> {
        let refused = self.inbound.has_failed().then_some(ErrorKind::BrokenPipe);
        if let Some(kind) = self.outside.faults.write.or(refused) {
            self.outside.is_noticed = true;
            return Poll::Ready(Err(self.outside.fails(Call::Write, kind)));
        }
        let written = self.outbound.write(self.now, bytes);
        self.busy |= written > 0;
        if self.outbound.is_reader_gone && written > 0 {
            self.inbound.reset(self.now);
        }
        ready_if(written > 0, Ok(written))
    }

    fn write_frames(&mut self, slices: &[IoSlice<'_>]) -> Io<Taken> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let taken = match self.outside.tls.take() {
            Some(mut tls) => {
                let taken = tls.write_by(slices, |bytes| self.write(bytes));
                self.outside.tls = Some(tls);
                taken
            }
            None => self.write(&bytes).map_ok(Taken::as_it_is),
        };
        if let Poll::Ready(Ok(Taken { plain, sealed })) = taken {
            let made = sealed.map_or(plain, |sealed| sealed.bytes);
            self.outside.bytes_out += u64_of(made);
            self.outside.plain.extend_from_slice(&bytes[..plain]);
        }
        taken
    }

    /// Sends our FIN, behind what TLS has for the peer. Returns whether it is out.
    fn end_writing(&mut self) -> io::Result<bool> {
        if let Some(mut tls) = self.outside.tls.take() {
            tls.close();
            let flushed = tls.write_by(&[], |bytes| self.write(bytes));
            let holds = tls.holds();
            self.outside.tls = Some(tls);
            match flushed {
                Poll::Ready(Err(error)) => return Err(error),
                Poll::Ready(Ok(_)) | Poll::Pending if holds => return Ok(false),
                Poll::Ready(Ok(_)) | Poll::Pending => {}
            }
        }
        if let Some(kind) = self.outside.faults.shut {
            self.outside.is_noticed = true;
            return Err(self.outside.fails(Call::Shutdown, kind));
        }
        assert!(!self.outside.is_shut, "the write side is shut once");
        self.outside.is_shut = true;
        self.busy = true;
        self.outbound.fin(self.now);
        Ok(true)
    }
}

impl lastword_session::Host for Woken<'_> {
    type Buffer = Buffer;

    fn now(&mut self) -> (Time, Duration) {
        ((self.outside.clock)(self.now), self.outside.stood_still)
    }

    fn wake_by(&mut self, now: Time, at: Time) {
        (self.outside.wake_set, self.outside.wake_at) = (now, at);
    }

    fn may_be_due(&self, now: Time) -> bool {
        !self.outside.keeps_deadline || self.outside.wake_at <= now
    }

    fn is_fresh(&self, now: Time) -> bool {
        let is_young = now.since(self.outside.wake_set) < Duration::from_secs(1);
        self.outside.keeps_deadline && self.outside.wake_at > now && is_young
    }

    fn mail(&mut self) -> Option<Mail> {
        let mail = self.outside.mailbox.take();
        self.busy |= mail.is_some();
        mail
    }

    fn recycle(&mut self, queue: Box<SendQueue>) {
        assert!(queue.is_empty(), "its frames were taken");
    }

    fn queued(&mut self, backlog: Backlog) {
        self.outside.mailbox.set_owned(backlog);
    }

    fn close_mail(&mut self, departed: bool) -> Dropped {
        self.outside.mailbox.close(departed)
    }

    fn poll_admission(&mut self, awaited: bool) -> Poll<Result<Admission, Close>> {
        match &self.outside.answer {
            Answer::Admit(admission) if awaited => Poll::Ready(Ok(*admission)),
            Answer::Refuse(close) if awaited => Poll::Ready(Err(close.clone())),
            Answer::Admit(_) | Answer::Refuse(_) | Answer::Wait => Poll::Pending,
        }
    }

    fn proxied(&mut self, _: Proxied) -> Option<Close> {
        self.outside.refusal.clone()
    }

    fn event(&mut self, connection: &mut Connection, now: Time, event: Event<'_>) -> Room {
        self.busy = true;
        let mut acts = Acts::default();
        self.outside.law_broken = true;
        opt_out(|| acts = self.outside.hears(connection, now, event));
        if let Some(frame) = acts.answer {
            let taken = connection.send_as(now, frame.how, &frame.payload);
            opt_out(|| self.outside.game.sent(connection, frame, taken));
        }
        if let Some(close) = acts.close {
            connection.end(now, &close);
        }
        self.outside.law_broken = false;
        if acts.panics {
            self.outside.panics += 1;
            // Without the message and the backtrace of a panic.
            resume_unwind(Box::new("the game panics"));
        }
        Room::MustPoll
    }

    fn panicked(&mut self) {
        // A law that was broken in an event is no panic of the game.
        let is_planned = self.outside.panics > 0 && !self.outside.law_broken;
        assert!(is_planned, "a law does not hold: see above");
        self.outside.has_panicked = true;
    }

    fn poll_room(&mut self) -> Poll<()> {
        ready_if(self.outside.reads && !self.outside.is_full, ())
    }

    fn poll_delivered(&mut self) -> Poll<()> {
        ready_if(self.outside.answers, ())
    }

    fn taken(&self) -> u64 {
        self.outside.taken
    }

    fn reported(&mut self, _: Evidence) {
        self.outside.reports += 1;
    }

    fn departed(&mut self, ending: Ending) -> Linger {
        assert!(self.outside.departed.is_none(), "a session departs once");
        self.outside.departed = Some(ending);
        self.outside.linger
    }

    fn lost(&mut self, _: &mut Connection, _: Time, ending: Ending) -> Linger {
        assert!(self.outside.lost.is_none(), "a connection is lost once");
        self.outside.lost = Some(ending);
        self.outside.linger
    }

    fn left(&mut self, cause: DepartureCause, by: Option<Close>, _: Dropped) {
        let cause_of_decision = by.map(|close| close.cause.into());
        let decided = Some(cause).filter(|cause| *cause != DepartureCause::ResumeExpired);
        assert_eq!(cause_of_decision, decided);
        assert!(self.outside.left.is_none(), "a session leaves once");
        self.outside.left = Some(cause);
    }

    fn buffer(&mut self) -> Buffer {
        Buffer(Vec::new())
    }

    fn poll_read(&mut self, buffer: &mut Buffer, most: usize, _: Ask) -> Io<usize> {
        let mut read = Read::Nothing;
        opt_out(|| {
            let most = self.outside.next_read().min(most);
            read = self.inbound.read(self.now, most);
        });
        let read = match read {
            Read::Nothing => return Poll::Pending,
            Read::Bytes(bytes) => {
                buffer.put(bytes);
                Ok(buffer.0.len())
            }
            Read::Fin => Ok(0),
            Read::Error(kind) => Err(self.outside.fails(Call::Read, kind)),
        };
        self.outside.read_ended |= !matches!(read, Ok(1..));
        self.busy = true;
        Poll::Ready(read)
    }

    fn open<'b>(&mut self, buffer: &'b mut Buffer, bytes: Range<usize>) -> Opened<'b> {
        let Some(tls) = &mut self.outside.tls else {
            return Opened {
                bytes: &mut buffer.0[bytes],
                records: None,
            };
        };
        let mut opened = None;
        opt_out(|| {
            let (content, records) = tls.open(&buffer.0[bytes]);
            buffer.put(content);
            opened = Some(records);
        });
        let made = opened.as_ref().map_or(0, |records| records.sealed.bytes);
        self.outside.bytes_out += u64_of(made);
        Opened {
            bytes: &mut buffer.0,
            records: opened,
        }
    }

    fn poll_end(&mut self) -> Poll<()> {
        self.outside.is_noticed |= self.outside.faults.end_shows;
        ready_if(self.outside.faults.end_shows, ())
    }

    fn poll_write(&mut self, slices: &[IoSlice<'_>], _: Ask) -> Io<Taken> {
        let mut taken = Poll::Pending;
        opt_out(|| taken = self.write_frames(slices));
        taken
    }

    fn shut(&mut self) -> io::Result<bool> {
        let mut is_out = Ok(false);
        opt_out(|| is_out = self.end_writing());
        is_out
    }

    fn hold_give_up(&mut self, hold: bool) {
        let is_shut = self.outside.is_shut;
        assert!(!is_shut, "the last value is set with the shutdown");
        self.outside.holds_give_up = hold;
    }

    fn readings(&mut self) -> Readings {
        self.outside.readings(self.now, self.inbound, self.outbound)
    }

    fn own_fault(&mut self) -> Option<OwnFault> {
        self.outside.own_fault
    }
}

impl Buffer {
    fn put(&mut self, bytes: Vec<u8>) {
        opt_out(|| self.0 = bytes);
    }
}

impl AsMut<[u8]> for Buffer {
    fn as_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        self.put(Vec::new());
    }
}

fn ready_if<T>(ready: bool, outcome: T) -> Poll<T> {
    match ready {
        true => Poll::Ready(outcome),
        false => Poll::Pending,
    }
}

fn error(kind: ErrorKind) -> OsError {
    OsError { code: None, kind }
}

fn u64_of(n: usize) -> u64 {
    u64::try_from(n).expect("it fits")
}
