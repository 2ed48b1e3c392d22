//! A session with a driver that keeps its contract, and a kernel and peer that may do anything. After each turn it checks
//! the laws that hold for any connection.

use std::io::ErrorKind;
use std::time::Duration;

use lastword_session::wire::HEADER_LEN;
use lastword_session::{
    Admission, Call, Close, Connection, Dropped, Ending, Event, FirstError, Flow, Input,
    KernelSample, Message, OsError, Outbound, Output, Phase, Readings, SendError, Terminal, Time,
    Verdict,
};

/// The kernel's answers, right or wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    pub(crate) kernel: Option<KernelSample>,
    pub(crate) error: Option<ErrorKind>,
}

/// A frame of the game that was taken.
#[derive(Debug)]
pub(crate) struct Sent {
    pub(crate) how: Outbound,
    pub(crate) payload: Vec<u8>,
}

pub(crate) struct Life {
    pub(crate) connection: Connection,
    pub(crate) now: Time,
    pub(crate) words: Words,
    /// The lengths of the reads, over and over; without any, a read takes everything.
    pub(crate) reads: Vec<usize>,
    /// Whether the peer takes the written bytes.
    pub(crate) peer_reads: bool,
    /// Whether the game takes each frame at once, and has room for more.
    pub(crate) game_takes: bool,
    pub(crate) game_has_room: bool,
    /// Whether a silent peer is given up one day.
    pub(crate) has_dead_limit: bool,
    pub(crate) ending: Option<Box<Ending>>,
    /// The payloads that the game got, and the frames that it sent.
    pub(crate) taken: Vec<Vec<u8>>,
    pub(crate) sent: Vec<Sent>,
    pub(crate) written: Vec<u8>,
    departed: Option<Verdict>,
    /// The deadline, while the session is calm.
    calm: Option<Time>,
    /// The bytes that came and are not read, and the end of reading behind them.
    arrived: Vec<u8>,
    end: Option<Terminal>,
    times_read: usize,
    bytes_read: usize,
    stood_still: Duration,
    noticed: bool,
    ended: bool,
    is_closing: bool,
}

impl Life {
    pub(crate) fn new(connection: Connection, now: Time) -> Self {
        Self {
            connection,
            now,
            words: Words {
                kernel: None,
                error: None,
            },
            reads: Vec::new(),
            peer_reads: true,
            game_takes: true,
            game_has_room: true,
            has_dead_limit: true,
            ending: None,
            taken: Vec::new(),
            sent: Vec::new(),
            written: Vec::new(),
            departed: None,
            calm: None,
            arrived: Vec::new(),
            end: None,
            times_read: 0,
            bytes_read: 0,
            stood_still: Duration::ZERO,
            noticed: false,
            ended: false,
            is_closing: false,
        }
    }

    pub(crate) fn readings(&self) -> Readings {
        Readings {
            kernel: self.words.kernel,
            after_fin: self
                .words
                .kernel
                .is_some_and(|kernel| kernel.is_after_fin()),
            first_error: self.words.error.map(|kind| FirstError {
                call: Call::Read,
                error: OsError { code: None, kind },
            }),
            bytes_read: u64_of(self.bytes_read),
            ..Readings::default()
        }
    }

    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.connection.handle(self.now, input);
        self.turn();
    }

    pub(crate) fn admit(&mut self, admission: Admission) {
        if self.connection.is_authenticating() {
            self.has_dead_limit = admission.timing.dead_ms > 0;
        }
        self.handle(Input::Admit(admission));
    }

    /// Bytes come, and are read as far as the session reads.
    pub(crate) fn arrives(&mut self, bytes: &[u8]) {
        if self.end.is_none() && !self.ended {
            self.arrived.extend_from_slice(bytes);
        }
        self.turn();
    }

    /// Reading comes to its end behind what has arrived.
    pub(crate) fn ends(&mut self, terminal: Terminal) {
        self.end.get_or_insert(terminal);
        self.turn();
    }

    pub(crate) fn write(&mut self, most: usize) {
        let slices = self.connection.slices();
        let waiting: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        assert_eq!(!waiting.is_empty(), self.connection.wants_write());
        if waiting.is_empty() {
            return;
        }
        if !self.peer_reads {
            return self.write_refused();
        }
        let written = &waiting[..waiting.len().min(most)];
        self.written.extend_from_slice(written);
        self.connection.transmitted(self.now, written.len());
        self.turn();
    }

    /// The kernel refuses a write.
    pub(crate) fn write_refused(&mut self) {
        if self.connection.wants_write() && self.connection.write_refused() {
            let sample = self.readings().kernel;
            self.connection.handle(self.now, Input::Overflowed(sample));
        }
        self.turn();
    }

    /// The game sends a frame that shows which one it is, except where it is empty: that one is kept.
    pub(crate) fn send(&mut self, how: Outbound, len: usize) {
        let lives = self.connection.phase() == Phase::Live && !self.connection.is_closed();
        let len = match how {
            Outbound::Kept => len,
            Outbound::Droppable | Outbound::Latest(_) => len.max(1),
        };
        let payload = vec![u8::try_from(self.sent.len() % 100).expect("it fits"); len];
        let sent = self.connection.send_as(self.now, how, &payload);
        assert_eq!(sent == Err(SendError::Closed), !lives);
        if how == Outbound::Droppable {
            assert_ne!(sent, Err(SendError::QueueFull), "it is dropped instead");
        }
        if sent.is_ok() {
            self.sent.push(Sent { how, payload });
        }
        self.turn();
    }

    pub(crate) fn end_noticed(&mut self) {
        self.noticed = true;
        let readings = self.readings();
        self.handle(Input::EndNoticed(readings));
    }

    pub(crate) fn write_failed(&mut self) {
        self.noticed = true;
        let readings = self.readings();
        self.handle(Input::WriteFailed(readings));
    }

    /// There is no place for the connection of a session that has departed.
    pub(crate) fn linger_refused(&mut self) {
        if self.departed.is_some() && self.ending.is_none() {
            let readings = self.readings();
            self.handle(Input::LingerRefused(readings));
        }
    }

    pub(crate) fn sampled(&mut self) {
        if self.connection.wants_sample(self.now) {
            let sample = self.readings().kernel;
            self.handle(Input::Sampled(sample));
        }
    }

    /// This process stands still.
    pub(crate) fn stands_still(&mut self, time: Duration) {
        self.stood_still += time;
        self.connection.stood_still(self.stood_still);
        self.turn();
    }

    /// Lets time pass, and handles each deadline when it is due.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        let mut at_once = 0;
        for _ in 0..WAKES_MAX {
            let (at, timer) = self.connection.poll_timeout();
            if at > end {
                self.now = end;
                return;
            }
            at_once = if at > self.now { 0 } else { at_once + 1 };
            assert!(at_once < DUE_AT_ONCE_MAX, "{timer:?} stays due");
            self.now = self.now.max(at);
            let readings = self.readings();
            self.handle(Input::Timeout(readings));
        }
        panic!(
            "{:?} does not let time pass",
            self.connection.poll_timeout().1
        );
    }

    /// Lets time pass without events from outside: the driver only does its own work. Where this process stood still, its
    /// deadlines are later by that.
    pub(crate) fn is_left_alone(&mut self, limit: Duration) {
        self.game_has_room = true;
        self.turn();
        if self.noticed {
            self.ends(Terminal::Eof);
        }
        let end = self.now + limit + self.stood_still;
        while self.ending.is_none() && self.now < end {
            self.write(usize::MAX);
            let next = self.connection.poll_timeout().0.min(end);
            self.pass(next.since(self.now).max(Duration::from_millis(1)));
        }
    }

    /// Checks that no output comes after the end, for any input.
    pub(crate) fn stays_closed(&mut self) {
        let readings = self.readings();
        let close = Close::new(lastword_session::Cause::Kicked);
        let message = Message::of(lastword_session::Cause::DrainExpired);
        for input in [
            Input::Close(&close),
            Input::DrainExpired(&message),
            Input::Abort(readings),
            Input::Paused,
            Input::Resumed,
            Input::EndNoticed(readings),
            Input::WriteFailed(readings),
            Input::ReadEnded(Terminal::Eof, readings),
            Input::Delivered(readings),
            Input::Shut,
            Input::Timeout(readings),
        ] {
            self.connection.handle(self.now, input);
            assert!(self.connection.poll_output().is_none());
        }
        self.connection.bytes_arrived(self.now, 5);
        self.connection
            .feed(self.now, &mut b"\0\0\x01\0x".to_vec(), |_, event| {
                panic!("{event:?} after the end")
            });
        assert_eq!(
            self.connection.send(self.now, b"late"),
            Err(SendError::Closed)
        );
        let slices = self.connection.slices();
        assert!(slices.iter().all(|slice| slice.is_empty()));
        assert_eq!(self.connection.poll_timeout().0, Time::NEVER);
        assert!(self.connection.poll_output().is_none());
        assert!(!self.connection.wants_read() && !self.connection.wants_write());
    }

    /// Does everything that is ready, as a driver does, and then checks the laws.
    fn turn(&mut self) {
        for turn in 0.. {
            assert!(turn < TURNS_MAX, "{:?}", self.connection);
            self.poll_outputs();
            if self.ending.is_some() {
                return;
            }
            if !(self.read() || self.deliver() || self.take_readings()) {
                break;
            }
        }
        self.check_calm();
        self.check_deadline();
        self.check_counts();
    }

    fn read(&mut self) -> bool {
        if !self.may_read() {
            return false;
        }
        if self.connection.has_unread() || !self.arrived.is_empty() {
            let next = self.reads.get(self.times_read % self.reads.len().max(1));
            let most = next.map_or(usize::MAX, |next| (*next).max(1));
            let most = most.min(self.connection.read_bytes_max());
            self.times_read += 1;
            let piece: Vec<u8> = match self.connection.has_unread() {
                true => Vec::new(),
                false => {
                    let len = self.arrived.len().min(most);
                    self.arrived.drain(..len).collect()
                }
            };
            self.feed(piece);
            return true;
        }
        if self.end.is_none() {
            self.connection.caught_up();
        }
        // A path that is dead has no end: it is read until nothing is left.
        let is_dead = self.connection.hands_over_the_rest();
        let Some(terminal) = self.end.or(is_dead.then_some(Terminal::Open)) else {
            return false;
        };
        self.ended = true;
        let readings = self.readings();
        self.connection
            .handle(self.now, Input::ReadEnded(terminal, readings));
        true
    }

    /// Reading stops while the game has no room, so that the peer feels it.
    fn may_read(&mut self) -> bool {
        if self.ended || !self.connection.wants_read() {
            return false;
        }
        let takes = !self.connection.asks_for_room() || self.game_has_room;
        if takes == self.connection.is_paused() {
            let input = if takes { Input::Resumed } else { Input::Paused };
            self.connection.handle(self.now, input);
        }
        takes
    }

    /// Feeds a piece, and checks that the session takes no memory on the peer's word.
    fn feed(&mut self, mut piece: Vec<u8>) {
        if !piece.is_empty() {
            self.bytes_read += piece.len();
            self.connection.bytes_arrived(self.now, piece.len());
        }
        let now = self.now;
        let (taken, has_dead_limit) = (&mut self.taken, &mut self.has_dead_limit);
        let connection = &mut self.connection;
        // A dropped frame lies in the queue until many bytes are freed together.
        let sent = self.sent.iter().map(|sent| HEADER_LEN + sent.payload.len());
        let ours = connection.queued_bytes() + sent.sum::<usize>();
        let memory = allocation_counter::measure(|| {
            connection.feed(now, &mut piece, |connection, event| {
                assert!(connection.delivers(), "an event after the end of delivery");
                match event {
                    Event::Data(payload) => {
                        allocation_counter::opt_out(|| taken.push(payload.to_vec()));
                    }
                    Event::Joined(joined) => *has_dead_limit = joined.timing.dead_ms > 0,
                    Event::Credentials(_)
                    | Event::Secured
                    | Event::Claim(_)
                    | Event::Back
                    | Event::Link(_)
                    | Event::Notice(_)
                    | Event::RoundTrip(_) => {}
                }
                Flow::More
            });
        });
        let bound = MEMORY_BASE + MEMORY_PER_BYTE * (self.bytes_read + ours);
        assert!(
            memory.bytes_max <= u64_of(bound),
            "{} bytes of memory for {} bytes of the peer and {ours} bytes of ours",
            memory.bytes_max,
            self.bytes_read
        );
        assert!(!self.connection.has_unread() || !self.connection.wants_read());
    }

    fn deliver(&mut self) -> bool {
        if self.connection.is_ending() && !self.connection.is_closed() {
            let taken = if self.game_takes { self.taken.len() } else { 0 };
            self.connection.taken(self.now, u64_of(taken));
        }
        let delivers = self.game_takes && self.connection.awaits_delivery();
        if delivers {
            let readings = self.readings();
            self.connection.handle(self.now, Input::Delivered(readings));
        }
        delivers
    }

    fn take_readings(&mut self) -> bool {
        let is_due = self.connection.poll_timeout().0 == Time::ORIGIN;
        if is_due {
            let readings = self.readings();
            self.connection.handle(self.now, Input::Timeout(readings));
        }
        is_due
    }

    fn poll_outputs(&mut self) {
        while let Some(output) = self.connection.poll_output() {
            assert!(self.ending.is_none(), "{output:?} after the end");
            match output {
                Output::Shut => {
                    assert!(!self.is_closing, "the write side is shut once");
                    self.is_closing = true;
                    self.connection.handle(self.now, Input::Shut);
                }
                Output::Link(_) | Output::HoldGiveUp(_) => assert!(self.connection.is_live()),
                Output::Departed => {
                    assert!(self.departed.is_none(), "a session departs once");
                    let heard = self.connection.departure(self.now, &self.readings());
                    self.departed = heard.map(|ending| ending.verdict);
                }
                Output::Closed => {
                    self.check_counts();
                    self.ending = self.connection.take_ending(Dropped::default());
                    let record = self.ending.as_ref().map(|ending| ending.verdict);
                    assert!(record.is_some(), "the end has a record");
                    assert_eq!(self.departed, record, "the game heard what the record says");
                }
            }
        }
    }

    /// While the session is calm, its deadline only moves later.
    fn check_calm(&mut self) {
        let (by, _) = self.connection.poll_timeout();
        let calm = self.connection.is_calm().then_some(by);
        if let (Some(before), Some(by)) = (self.calm, calm) {
            assert!(
                by >= before || before <= self.now,
                "{by:?} and before {before:?}"
            );
        }
        self.calm = calm;
    }

    /// A session has a deadline, with three exceptions: the end of reading is awaited, it is live without a dead limit, or
    /// the game has no room.
    fn check_deadline(&self) {
        let connection = &self.connection;
        let is_excused = connection.is_live() && (!self.has_dead_limit || connection.is_paused());
        let reads_to_the_end = self.noticed && !self.ended;
        assert!(
            connection.poll_timeout().0 < Time::NEVER || is_excused || reads_to_the_end,
            "without a deadline: {connection:?}"
        );
    }

    fn check_counts(&self) {
        let traffic = self.connection.traffic();
        assert_eq!(traffic.frames_in, u64_of(self.taken.len()));
        assert_eq!(traffic.bytes_in, u64_of(self.bytes_read));
        assert_eq!(traffic.bytes_out, u64_of(self.written.len()));
    }
}

fn u64_of(n: usize) -> u64 {
    u64::try_from(n).expect("it fits")
}

/// Far more than the number of deadlines in the longest of these lives.
const WAKES_MAX: usize = 100_000;
/// More than the deadlines that fall on one moment.
const DUE_AT_ONCE_MAX: usize = 8;
/// More than the reads of one step and what follows from them.
const TURNS_MAX: usize = 100_000;
/// A vector that doubles, with both copies while it moves.
const MEMORY_PER_BYTE: usize = 4;
/// The rare parts of a session, and the record of its end.
const MEMORY_BASE: usize = 8 * 1024;
