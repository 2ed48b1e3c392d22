//! A session with a driver that keeps its contract, and a kernel and peer that may do anything.

use std::io::ErrorKind;
use std::time::Duration;

use lastword_session::{
    Call, Connection, Dropped, Ending, FirstError, Flow, Input, KernelSample, Message, OsError,
    Outbound, Output, Phase, Readings, SendError, Terminal, Time, Verdict,
};

/// One step of a life.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    Bytes(Vec<u8>),
    Decide(u8),
    Admit,
    Notice,
    DrainExpired,
    Abort,
    Pause,
    Resume,
    Pass(u32),
    Write(usize),
    Send(Outbound, usize),
    Refused,
    EndNoticed,
    WriteFailed,
    Ended(u8),
}

/// The kernel's answers, right or wrong.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Words {
    pub(crate) kernel: Option<KernelSample>,
    pub(crate) error: Option<ErrorKind>,
}

pub(crate) struct Life {
    pub(crate) connection: Connection,
    pub(crate) now: Time,
    departed: Option<Verdict>,
    /// The deadline, while the session is calm.
    calm: Option<Time>,
    pub(crate) ending: Option<Box<Ending>>,
    words: Words,
    bytes_read: u64,
    noticed: bool,
    ended: bool,
    /// Whether the peer takes the written bytes.
    peer_reads: bool,
    /// The frames of the game that were taken.
    taken: u64,
}

impl Life {
    pub(crate) fn new(connection: Connection, now: Time, words: Words, peer_reads: bool) -> Self {
        Self {
            connection,
            now,
            departed: None,
            calm: None,
            ending: None,
            words,
            bytes_read: 0,
            noticed: false,
            ended: false,
            peer_reads,
            taken: 0,
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
            bytes_read: self.bytes_read,
            ..Readings::default()
        }
    }

    pub(crate) fn handle(&mut self, input: Input<'_>) {
        self.connection.handle(self.now, input);
        self.poll();
    }

    pub(crate) fn read(&mut self, bytes: &[u8]) {
        if self.ended || !self.connection.wants_read() {
            return;
        }
        self.bytes_read += u64::try_from(bytes.len()).expect("it fits");
        self.connection.bytes_arrived(self.now, bytes.len());
        self.connection
            .feed(self.now, &mut bytes.to_vec(), |connection, _| {
                assert!(connection.delivers(), "an event after the end of delivery");
                Flow::More
            });
        assert!(!self.connection.has_unread() || !self.connection.wants_read());
        if self.connection.wants_read() {
            self.connection.caught_up();
        }
        self.poll();
    }

    pub(crate) fn write(&mut self, most: usize) {
        let waiting: usize = self
            .connection
            .slices()
            .iter()
            .map(|slice| slice.len())
            .sum();
        assert_eq!(waiting > 0, self.connection.wants_write());
        if self.peer_reads && waiting > 0 {
            self.connection.transmitted(self.now, waiting.min(most));
        }
        self.poll();
    }

    pub(crate) fn send(&mut self, how: Outbound, len: usize) {
        let lives = self.connection.phase() == Phase::Live && !self.connection.is_closed();
        let sent = self.connection.send_as(self.now, how, &vec![0; len]);
        assert_eq!(sent == Err(SendError::Closed), !lives);
        if how == Outbound::Droppable {
            assert_ne!(sent, Err(SendError::QueueFull), "it is dropped instead");
        }
        self.taken += u64::from(sent.is_ok());
        self.poll();
    }

    /// The kernel takes nothing now.
    pub(crate) fn refused(&mut self) {
        if self.connection.wants_write() && self.connection.write_refused() {
            let kernel = self.words.kernel;
            self.handle(Input::Overflowed(kernel));
        }
        self.poll();
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

    pub(crate) fn ended(&mut self, terminal: Terminal) {
        if !self.ended && self.connection.wants_read() {
            self.ended = true;
            let readings = self.readings();
            self.handle(Input::ReadEnded(terminal, readings));
        }
    }

    /// Lets time pass, and handles each deadline when it is due.
    pub(crate) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        for _ in 0..WAKES_MAX {
            let (at, _) = self.connection.poll_timeout();
            if at > end {
                self.now = end;
                return;
            }
            self.now = self.now.max(at);
            let readings = self.readings();
            self.handle(Input::Timeout(readings));
        }
        panic!(
            "{:?} does not let time pass",
            self.connection.poll_timeout().1
        );
    }

    /// Lets time pass without events from outside: the driver only does its own work.
    pub(crate) fn is_left_alone(&mut self, limit: Duration) {
        self.handle(Input::Resumed);
        if self.noticed {
            self.ended(Terminal::Eof);
        }
        let end = self.now + limit;
        while self.ending.is_none() && self.now < end {
            self.write(usize::MAX);
            let next = self.connection.poll_timeout().0.min(end);
            self.pass(next.since(self.now).max(Duration::from_millis(1)));
        }
    }

    /// Checks that no output comes after the end, for any input.
    pub(crate) fn stays_closed(&mut self) {
        let readings = self.readings();
        let close = lastword_session::Close::new(lastword_session::Cause::Kicked);
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
        assert!(
            self.connection
                .slices()
                .iter()
                .all(|slice| slice.is_empty())
        );
        assert_eq!(self.connection.poll_timeout().0, Time::NEVER);
        assert!(self.connection.poll_output().is_none());
        assert!(!self.connection.wants_read() && !self.connection.wants_write());
    }

    /// Each frame that was taken is in the record once.
    fn check_frames(&self) {
        let Some(ending) = &self.ending else { return };
        let evidence = &ending.evidence;
        let lost = evidence.frames_unsent + evidence.frames_dropped + evidence.frames_replaced;
        assert_eq!(self.taken, evidence.frames_out + lost, "{evidence:?}");
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

    /// Reads the bytes that had to wait.
    fn feed_unread(&mut self) {
        let reads = self.connection.wants_read() && !self.connection.is_paused();
        if reads && self.connection.has_unread() {
            self.connection.feed(self.now, &mut [], |connection, _| {
                assert!(connection.delivers(), "an event after the end of delivery");
                Flow::More
            });
        }
    }

    /// Does what the session asks, with a game that takes each frame at once.
    fn poll(&mut self) {
        loop {
            self.feed_unread();
            self.poll_outputs();
            let readings = self.readings();
            let input = if self.connection.awaits_delivery() {
                Input::Delivered(readings)
            } else if self.connection.poll_timeout().0 == Time::ORIGIN {
                Input::Timeout(readings)
            } else {
                return self.check_calm();
            };
            self.connection.handle(self.now, input);
        }
    }

    fn poll_outputs(&mut self) {
        while let Some(output) = self.connection.poll_output() {
            assert!(self.ending.is_none(), "{output:?} after the end");
            match output {
                Output::Shut => self.connection.handle(self.now, Input::Shut),
                Output::Link(_) | Output::HoldGiveUp(_) => assert!(self.connection.is_live()),
                Output::Departed => {
                    assert!(self.departed.is_none(), "a session departs once");
                    let heard = self.connection.departure(self.now, &self.readings());
                    self.departed = heard.map(|ending| ending.verdict);
                }
                Output::Closed => {
                    self.ending = self.connection.take_ending(Dropped::default());
                    let record = self.ending.as_ref().map(|ending| ending.verdict);
                    assert_eq!(self.departed, record, "the game heard what the record says");
                    self.check_frames();
                }
            }
        }
    }
}

/// Far more than the number of deadlines in the longest of these lives.
const WAKES_MAX: usize = 100_000;
