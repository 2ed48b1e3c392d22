//! Drives one session over two pipes as a driver does over a socket, and checks the session's contract meanwhile.

use std::io::ErrorKind;
use std::time::Duration;

use lastword_session::{
    Admission, Call, Close, Connection, Dropped, Ending, Event, FirstError, Flow, Input,
    KernelSample, Link, OsError, Output, OwnFault, Readings, Terminal, Time,
};

use super::pipe::{Pipe, Read};

/// The reports of a session to its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Data(Vec<u8>),
    Credentials(Vec<u8>),
    Welcome(Admission),
    Notice {
        code: u16,
        deadline_ms: u32,
        reason: String,
    },
    Link(Link),
    RoundTrip(Duration),
}

/// The answer of a server's authenticator.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Admit(Admission),
    Refuse(Close),
    Wait,
}

/// The kernel's readings, as the session gets them.
#[derive(Clone, Copy, Debug)]
pub(crate) enum View {
    /// A kernel's readings of these pipes.
    Honest,
    /// The honest view, with these counters of unanswered segments and probes.
    Unanswered { retransmits: u8, probes: u8 },
    /// The honest view; at this time one segment was sent again.
    Lossy(Time),
    /// The honest view, with an old retransmission that the kernel never settles.
    Unsettled,
    /// Nothing, as on a system without `TCP_INFO`.
    Blind,
}

pub(crate) struct Host {
    pub(crate) connection: Connection,
    pub(crate) seen: Vec<Seen>,
    pub(crate) answer: Answer,
    pub(crate) view: View,
    /// The answer of the system about our own network, if it is asked.
    pub(crate) own_fault: Option<OwnFault>,
    /// The end, as the game heard of it.
    pub(crate) departed: Option<Ending>,
    pub(crate) ending: Option<Box<Ending>>,
    /// Whether the driver reads; it does not while the game takes nothing.
    pub(crate) reads: bool,
    /// Whether the game takes each frame at once and answers it.
    pub(crate) answers: bool,
    /// Whether the session has put the kernel's own give-up off.
    pub(crate) holds_give_up: bool,
    first_error: Option<FirstError>,
    is_shut: bool,
}

impl Host {
    pub(crate) fn new(connection: Connection, answer: Answer) -> Self {
        Self {
            connection,
            seen: Vec::new(),
            answer,
            view: View::Honest,
            own_fault: None,
            departed: None,
            ending: None,
            reads: true,
            answers: true,
            holds_give_up: false,
            first_error: None,
            is_shut: false,
        }
    }

    /// Does everything that is ready, once. Returns whether anything was.
    pub(crate) fn turn(&mut self, now: Time, inbound: &mut Pipe, outbound: &mut Pipe) -> bool {
        if self.ending.is_some() {
            self.stays_closed();
            return false;
        }
        let read = self.read(now, inbound, outbound);
        let delivered = self.answers && self.connection.awaits_delivery();
        if delivered {
            let readings = self.readings(now, inbound, outbound);
            self.connection.handle(now, Input::Delivered(readings));
        }
        let due = self.check_deadline(now, inbound, outbound);
        let written = self.write(now, inbound, outbound);
        let asked = self.poll_outputs(now, inbound, outbound);
        read || delivered || due || written || asked
    }

    pub(crate) fn readings(&self, now: Time, inbound: &Pipe, outbound: &Pipe) -> Readings {
        let inq = inbound.arrived(now);
        let fin = inbound.has_fin(now);
        let our_fin = u32::from(self.is_shut && outbound.is_cut);
        let mut kernel = KernelSample {
            state: match (inbound.is_reset(), fin) {
                (true, _) => CLOSE,
                (false, true) => CLOSE_WAIT,
                (false, false) => ESTABLISHED,
            },
            snd_wnd: Some(65_536),
            outq: u32::try_from(outbound.unacked(now)).expect("it fits") + our_fin,
            inq: u32::try_from(inq).expect("it fits"),
            bytes_received: inbound.taken + u64::try_from(inq).expect("it fits") + u64::from(fin),
            retransmits: u8::from(outbound.is_cut && outbound.unacked(now) > 0),
            unacked: u32::from(outbound.unacked(now) > 0),
            bytes_acked: outbound.written()
                - u64::try_from(outbound.unacked(now)).expect("it fits"),
            segs_in: u32::try_from(inbound.taken).expect("it fits"),
            last_ack_recv_ms: if outbound.is_cut || inbound.is_cut {
                AGES_MS
            } else {
                0
            },
            ..KernelSample::default()
        };
        match self.view {
            View::Honest | View::Blind | View::Lossy(_) => {}
            View::Unsettled => (kernel.retrans, kernel.total_retrans) = (1, 1),
            View::Unanswered {
                retransmits,
                probes,
            } => {
                kernel = KernelSample {
                    retransmits,
                    probes,
                    unacked: u32::from(retransmits > 0),
                    last_ack_recv_ms: AGES_MS,
                    bytes_acked: 0,
                    ..kernel
                };
            }
        }
        if let View::Lossy(at) = self.view {
            kernel.total_retrans = u32::from(now >= at);
        }
        let mut readings = Readings {
            kernel: (!matches!(self.view, View::Blind)).then_some(kernel),
            first_error: self.first_error,
            after_fin: false,
            bytes_read: inbound.taken,
            own_fault: None,
            inquiries: 1,
        };
        let is_asked = self.connection.may_blame_path(now, &readings);
        readings.own_fault = self.own_fault.filter(|_| is_asked);
        readings
    }

    fn read(&mut self, now: Time, inbound: &mut Pipe, outbound: &Pipe) -> bool {
        if !self.connection.wants_read() || !self.reads {
            return false;
        }
        if self.connection.has_unread() {
            self.feed(now, &mut []);
            return true;
        }
        let terminal = match inbound.read(now) {
            Read::Nothing => {
                self.connection.caught_up();
                return false;
            }
            Read::Bytes(mut bytes) => {
                self.connection.bytes_arrived(now, bytes.len());
                self.seen
                    .extend(self.connection.poll_link().map(Seen::Link));
                self.feed(now, &mut bytes);
                if self.connection.wants_sample(now) {
                    let sample = self.readings(now, inbound, outbound).kernel;
                    self.connection.handle(now, Input::Sampled(sample));
                }
                return true;
            }
            Read::Fin => Terminal::Eof,
            Read::Reset => {
                self.fails(Call::Read, ErrorKind::ConnectionReset);
                Terminal::Error(error(ErrorKind::ConnectionReset))
            }
        };
        let readings = self.readings(now, inbound, outbound);
        self.connection
            .handle(now, Input::ReadEnded(terminal, readings));
        true
    }

    fn feed(&mut self, now: Time, bytes: &mut [u8]) {
        let seen = &mut self.seen;
        self.connection.feed(now, bytes, |connection, event| {
            assert!(connection.delivers() || !matches!(event, Event::Data(_)));
            seen.push(Seen::from(event));
            Flow::More
        });
        assert!(
            !self.connection.has_unread() || !self.connection.wants_read(),
            "all is consumed unless the host stops it"
        );
        if self.connection.is_authenticating() {
            match &self.answer {
                Answer::Admit(admission) => self.connection.handle(now, Input::Admit(*admission)),
                Answer::Refuse(close) => self.connection.handle(now, Input::Close(close)),
                Answer::Wait => {}
            }
        }
    }

    fn check_deadline(&mut self, now: Time, inbound: &Pipe, outbound: &Pipe) -> bool {
        for n in 0.. {
            let (at, timer) = self.connection.poll_timeout();
            if at > now {
                return n > 0;
            }
            assert!(n < 8, "{timer:?} stays due");
            let readings = self.readings(now, inbound, outbound);
            self.connection.handle(now, Input::Timeout(readings));
        }
        true
    }

    fn write(&mut self, now: Time, inbound: &mut Pipe, outbound: &mut Pipe) -> bool {
        let mut busy = false;
        while self.connection.wants_write() {
            if inbound.is_reset() {
                self.fails(Call::Write, ErrorKind::BrokenPipe);
                let readings = self.readings(now, inbound, outbound);
                self.connection.handle(now, Input::WriteFailed(readings));
                return true;
            }
            let bytes = self.connection.slices().concat_all();
            let written = outbound.write(now, &bytes);
            if written == 0 {
                if self.connection.write_refused() {
                    let sample = self.readings(now, inbound, outbound).kernel;
                    self.connection.handle(now, Input::Overflowed(sample));
                    busy |= self.connection.is_ending();
                }
                break;
            }
            self.connection.transmitted(now, written);
            if outbound.is_reader_gone {
                inbound.reset(now);
            }
            busy = true;
        }
        busy
    }

    fn poll_outputs(&mut self, now: Time, inbound: &mut Pipe, outbound: &mut Pipe) -> bool {
        let mut busy = false;
        while let Some(output) = self.connection.poll_output() {
            busy = true;
            match output {
                Output::Shut => {
                    assert!(!self.is_shut, "the write side is shut once");
                    self.is_shut = true;
                    outbound.fin(now);
                    self.connection.handle(now, Input::Shut);
                }
                Output::Link(link) => self.seen.push(Seen::Link(link)),
                Output::HoldGiveUp(hold) => {
                    assert!(!self.is_shut, "the last value is set with the shutdown");
                    self.holds_give_up = hold;
                }
                Output::Departed => {
                    assert!(self.departed.is_none(), "a session departs once");
                    let readings = self.readings(now, inbound, outbound);
                    self.departed = self.connection.departure(now, &readings);
                    assert!(self.departed.is_some(), "a cause stands");
                }
                Output::Closed => {
                    assert!(self.departed.is_some(), "the game hears first");
                    let ending = self.connection.take_ending(Dropped::default());
                    self.close(now, inbound, outbound, ending.expect("a verdict"));
                    return true;
                }
            }
        }
        busy
    }

    fn close(&mut self, now: Time, inbound: &mut Pipe, outbound: &mut Pipe, ending: Box<Ending>) {
        inbound.is_reader_gone = true;
        if ending.abort || inbound.arrived(now) > 0 {
            outbound.reset(now);
        } else {
            outbound.fin(now);
        }
        self.ending = Some(ending);
        self.stays_closed();
    }

    /// Checks that nothing comes after `Closed`.
    fn stays_closed(&mut self) {
        assert!(self.connection.is_closed());
        assert!(self.connection.poll_output().is_none());
        assert_eq!(self.connection.poll_timeout().0, Time::NEVER);
        assert!(self.connection.slices().concat_all().is_empty());
        assert!(!self.connection.wants_write() && !self.connection.wants_read());
    }

    fn fails(&mut self, call: Call, kind: ErrorKind) {
        let first = FirstError {
            call,
            error: error(kind),
        };
        self.first_error.get_or_insert(first);
    }
}

impl Seen {
    pub(crate) fn payload(&self) -> Option<&[u8]> {
        match self {
            Self::Data(payload) => Some(payload),
            Self::Credentials(_)
            | Self::Welcome(_)
            | Self::Notice { .. }
            | Self::Link(_)
            | Self::RoundTrip(_) => None,
        }
    }
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Data(payload) => Self::Data(payload.to_vec()),
            Event::Credentials(credentials) => Self::Credentials(credentials.to_vec()),
            Event::Welcome(admission) => Self::Welcome(admission),
            Event::RoundTrip(rtt) => Self::RoundTrip(rtt),
            Event::Notice(notice) => Self::Notice {
                code: notice.code,
                deadline_ms: notice.deadline_ms,
                reason: notice.reason.into_owned(),
            },
        }
    }
}

/// Joins the bytes of several slices.
pub(crate) trait ConcatAll {
    fn concat_all(&self) -> Vec<u8>;
}

impl ConcatAll for [std::io::IoSlice<'_>; 3] {
    fn concat_all(&self) -> Vec<u8> {
        self.iter().flat_map(|slice| slice.to_vec()).collect()
    }
}

fn error(kind: ErrorKind) -> OsError {
    OsError { code: None, kind }
}

/// An age beyond all that the tests look at.
const AGES_MS: u32 = 3_600_000;
const ESTABLISHED: u8 = 1;
const CLOSE: u8 = 7;
const CLOSE_WAIT: u8 = 8;
