//! Drives one session over two pipes as a driver does over a socket, and checks the session's contract meanwhile.

use std::io::{self, ErrorKind, IoSlice};
use std::ops::{Deref, DerefMut, Range};
use std::task::Poll;
use std::time::Duration;

use lastword_session::{
    Admission, Ask, Backlog, Call, Close, Connection, DepartureCause, Dropped, Ending, Event,
    Evidence, FirstError, Io, KernelSample, Linger, Link, Mail, Next, Opened, OsError, OwnFault,
    Progress, Proxied, Readings, Room, SendQueue, Session, SessionId, Taken, Time,
};

use super::pipe::{Pipe, Read};

/// The reports of a session to its owner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Seen {
    Data(Vec<u8>),
    Credentials(Vec<u8>),
    Secured,
    Welcome(Admission),
    Notice {
        code: u16,
        deadline_ms: u32,
        reason: String,
    },
    Link(Link),
    RoundTrip(Duration),
    Claim {
        session: SessionId,
        token: Vec<u8>,
        attempt: Option<u32>,
        received: u64,
        frame_limit: u32,
    },
    Back,
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
    outside: Outside,
}

/// What lies outside of the connection, but for its two pipes.
pub(crate) struct Outside {
    pub(crate) seen: Vec<Seen>,
    pub(crate) answer: Answer,
    pub(crate) view: View,
    /// The answer of the system about our own network, if it is asked.
    pub(crate) own_fault: Option<OwnFault>,
    /// The end, as the game heard of it.
    pub(crate) departed: Option<Ending>,
    /// The end of a connection whose session lives on, as the game heard of it.
    pub(crate) lost: Option<Ending>,
    /// The end of a session without a connection, as the game heard of it.
    pub(crate) left: Option<DepartureCause>,
    /// Frames and decisions that others left for the session.
    pub(crate) mail: Option<Mail>,
    pub(crate) ending: Option<Box<Ending>>,
    /// Whether the game takes frames: while it does not, nothing is read.
    pub(crate) reads: bool,
    /// Whether the game takes each frame at once and answers it.
    pub(crate) answers: bool,
    /// How many frames the game has taken, where it does not take each at once.
    pub(crate) taken: u64,
    /// Whether the session has put the kernel's own give-up off.
    pub(crate) holds_give_up: bool,
    /// For how long in all the process stood still.
    pub(crate) stood_still: Duration,
    /// What the connection's clock shows at a time of the pipes.
    pub(crate) clock: Box<dyn Fn(Time) -> Time>,
    first_error: Option<FirstError>,
    is_shut: bool,
}

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
        let outside = Outside {
            seen: Vec::new(),
            answer,
            view: View::Honest,
            own_fault: None,
            departed: None,
            lost: None,
            left: None,
            mail: None,
            ending: None,
            reads: true,
            answers: true,
            taken: 0,
            holds_give_up: false,
            stood_still: Duration::ZERO,
            clock: Box::new(|now| now),
            first_error: None,
            is_shut: false,
        };
        Self {
            connection,
            outside,
        }
    }

    /// Does everything that is ready. Returns whether anything was.
    pub(crate) fn turn(&mut self, now: Time, inbound: &mut Pipe, outbound: &mut Pipe) -> bool {
        if self.ending.is_some() {
            self.stays_closed();
            return false;
        }
        let mut woken = Woken {
            outside: &mut self.outside,
            now,
            inbound,
            outbound,
            busy: false,
        };
        match self.connection.drive(&mut woken) {
            Next::Wait(_) => woken.busy,
            Next::Yield => true,
            Next::Closed(ending) => {
                woken.close(ending);
                self.stays_closed();
                true
            }
        }
    }

    pub(crate) fn readings(&self, now: Time, inbound: &Pipe, outbound: &Pipe) -> Readings {
        let mut readings = self.outside.readings(now, inbound, outbound);
        let is_asked = self.connection.may_blame_path(now, &readings);
        readings.own_fault = self.own_fault.filter(|_| is_asked);
        readings
    }

    /// Drives a session that has no connection.
    pub(crate) fn waits(&mut self, session: &mut Session, now: Time) -> Progress {
        let (mut inbound, mut outbound) = (Pipe::default(), Pipe::default());
        session.drive(&mut Woken {
            outside: &mut self.outside,
            now,
            inbound: &mut inbound,
            outbound: &mut outbound,
            busy: false,
        })
    }

    /// Checks that nothing comes after `Closed`.
    fn stays_closed(&mut self) {
        let told = [&self.departed, &self.lost].map(Option::is_some);
        assert_ne!(told[0], told[1], "the game hears first, and once");
        assert!(self.connection.is_closed());
        assert!(self.connection.poll_output().is_none());
        assert_eq!(self.connection.poll_timeout().0, Time::NEVER);
        let slices = self.connection.slices();
        assert!(slices.iter().all(|slice| slice.is_empty()));
        assert!(!self.connection.wants_write() && !self.connection.wants_read());
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
    fn readings(&self, now: Time, inbound: &Pipe, outbound: &Pipe) -> Readings {
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
        Readings {
            kernel: (!matches!(self.view, View::Blind)).then_some(kernel),
            first_error: self.first_error,
            after_fin: false,
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
}

impl Woken<'_> {
    fn close(&mut self, ending: Box<Ending>) {
        self.inbound.is_reader_gone = true;
        if ending.abort || self.inbound.arrived(self.now) > 0 {
            self.outbound.reset(self.now);
        } else {
            self.outbound.fin(self.now);
        }
        self.outside.ending = Some(ending);
    }
}

impl lastword_session::Host for Woken<'_> {
    type Buffer = Vec<u8>;

    fn now(&mut self) -> (Time, Duration) {
        ((self.outside.clock)(self.now), self.outside.stood_still)
    }

    fn wake_by(&mut self, _: Time, _: Time) {}

    fn may_be_due(&self, _: Time) -> bool {
        true
    }

    fn is_fresh(&self, _: Time) -> bool {
        false
    }

    fn mail(&mut self) -> Option<Mail> {
        self.outside.mail.take()
    }

    fn recycle(&mut self, _: Box<SendQueue>) {}

    fn queued(&mut self, _: Backlog) {}

    fn close_mail(&mut self, _: bool) -> Dropped {
        Dropped::default()
    }

    fn poll_admission(&mut self, awaited: bool) -> Poll<Result<Admission, Close>> {
        match &self.outside.answer {
            Answer::Admit(admission) if awaited => Poll::Ready(Ok(*admission)),
            Answer::Refuse(close) if awaited => Poll::Ready(Err(close.clone())),
            Answer::Admit(_) | Answer::Refuse(_) | Answer::Wait => Poll::Pending,
        }
    }

    fn proxied(&mut self, _: Proxied) -> Option<Close> {
        None
    }

    fn event(&mut self, connection: &mut Connection, _: Time, event: Event<'_>) -> Room {
        assert!(connection.delivers() || !matches!(event, Event::Data(_)));
        self.busy = true;
        let is_server = matches!(self.outside.answer, Answer::Admit(_));
        if !(is_server && matches!(event, Event::Joined(_))) {
            self.outside.seen.push(Seen::from(event));
        }
        Room::MustPoll
    }

    fn panicked(&mut self) {}

    fn poll_room(&mut self) -> Poll<()> {
        ready_if(self.outside.reads, ())
    }

    fn poll_delivered(&mut self) -> Poll<()> {
        ready_if(self.outside.answers, ())
    }

    fn taken(&self) -> u64 {
        self.outside.taken
    }

    fn reported(&mut self, _: Evidence) {}

    fn departed(&mut self, ending: Ending) -> Linger {
        assert!(self.outside.departed.is_none(), "a session departs once");
        self.outside.departed = Some(ending);
        Linger::Allowed
    }

    fn lost(&mut self, _: &mut Connection, _: Time, ending: Ending) -> Linger {
        assert!(self.outside.lost.is_none(), "a connection is lost once");
        self.outside.lost = Some(ending);
        Linger::Allowed
    }

    fn left(&mut self, cause: DepartureCause, _: Dropped) {
        assert!(self.outside.left.is_none(), "a session leaves once");
        self.outside.left = Some(cause);
    }

    fn buffer(&mut self) -> Vec<u8> {
        Vec::new()
    }

    fn poll_read(&mut self, buffer: &mut Vec<u8>, most: usize, _: Ask) -> Io<usize> {
        let read = match self.inbound.read(self.now, most) {
            Read::Nothing => return Poll::Pending,
            Read::Bytes(bytes) => {
                *buffer = bytes;
                Ok(buffer.len())
            }
            Read::Fin => Ok(0),
            Read::Reset => Err(self.outside.fails(Call::Read, ErrorKind::ConnectionReset)),
        };
        self.busy = true;
        Poll::Ready(read)
    }

    fn open<'b>(&mut self, buffer: &'b mut Vec<u8>, bytes: Range<usize>) -> Opened<'b> {
        Opened {
            bytes: &mut buffer[bytes],
            records: None,
        }
    }

    fn poll_end(&mut self) -> Poll<()> {
        Poll::Pending
    }

    fn poll_write(&mut self, slices: &[IoSlice<'_>], _: Ask) -> Io<Taken> {
        if self.inbound.is_reset() {
            let error = self.outside.fails(Call::Write, ErrorKind::BrokenPipe);
            return Poll::Ready(Err(error));
        }
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.to_vec()).collect();
        let written = self.outbound.write(self.now, &bytes);
        self.busy |= written > 0;
        if self.outbound.is_reader_gone && written > 0 {
            self.inbound.reset(self.now);
        }
        ready_if(written > 0, Ok(Taken::as_it_is(written)))
    }

    fn shut(&mut self) -> io::Result<bool> {
        assert!(!self.outside.is_shut, "the write side is shut once");
        self.outside.is_shut = true;
        self.busy = true;
        self.outbound.fin(self.now);
        Ok(true)
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

fn ready_if<T>(ready: bool, outcome: T) -> Poll<T> {
    match ready {
        true => Poll::Ready(outcome),
        false => Poll::Pending,
    }
}

impl Seen {
    pub(crate) fn payload(&self) -> Option<&[u8]> {
        match self {
            Self::Data(payload) => Some(payload),
            Self::Credentials(_)
            | Self::Secured
            | Self::Welcome(_)
            | Self::Notice { .. }
            | Self::Link(_)
            | Self::RoundTrip(_)
            | Self::Claim { .. }
            | Self::Back => None,
        }
    }
}

impl From<Event<'_>> for Seen {
    fn from(event: Event<'_>) -> Self {
        match event {
            Event::Data(payload) => Self::Data(payload.to_vec()),
            Event::Credentials(credentials) => Self::Credentials(credentials.to_vec()),
            Event::Joined(admission) => Self::Welcome(admission),
            Event::Secured => Self::Secured,
            Event::Link(link) => Self::Link(link),
            Event::Claim(claim) => Self::Claim {
                session: claim.session,
                token: claim.token.to_vec(),
                attempt: claim.attempt,
                received: claim.received,
                frame_limit: claim.frame_limit,
            },
            Event::Back => Self::Back,
            Event::RoundTrip(rtt) => Self::RoundTrip(rtt),
            Event::Notice(notice) => Self::Notice {
                code: notice.code,
                deadline_ms: notice.deadline_ms,
                reason: notice.reason.into_owned(),
            },
        }
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
