//! The outside of a connection that a test drives by hand, up to the first call that meets the end.

use std::io::{self, IoSlice};
use std::ops::Range;
use std::task::{Context, Poll};
use std::time::Duration;

use lastword_session::{
    Admission, Ask, Backlog, Close, Connection, Dropped, Ending, Event, Evidence, Host, Io, Linger,
    Mail, Opened, OwnFault, Proxied, Readings, Room, SendQueue, Taken, Time, Timing,
};
use lastword_transport::Tap;

/// A game that takes everything, a clock without deadlines, and a socket without TLS.
pub(crate) struct Hand<'a, 'c> {
    pub(crate) cx: &'a mut Context<'c>,
    pub(crate) tap: &'a mut Tap,
    pub(crate) now: Time,
    pub(crate) reads: Reads<'a>,
    /// The bytes that wait to be written.
    pub(crate) left: usize,
    /// The error of a write.
    pub(crate) failed: Option<io::Error>,
}

/// Where the bytes of a read come from.
#[derive(Clone, Copy)]
pub(crate) enum Reads<'a> {
    Socket,
    /// The test has read them already. Nothing more is read.
    Done(&'a [u8]),
}

impl Host for Hand<'_, '_> {
    type Buffer = [u8; 1024];

    fn now(&mut self) -> (Time, Duration) {
        (self.now, Duration::ZERO)
    }

    fn wake_by(&mut self, _: Time, _: Time) {}

    fn may_be_due(&self, _: Time) -> bool {
        false
    }

    fn is_fresh(&self, _: Time) -> bool {
        true
    }

    fn mail(&mut self) -> Option<Mail> {
        None
    }

    fn recycle(&mut self, _: Box<SendQueue>) {}

    fn queued(&mut self, backlog: Backlog) {
        self.left = backlog.bytes;
    }

    fn close_mail(&mut self, _: bool) -> Dropped {
        Dropped::default()
    }

    fn poll_admission(&mut self, awaited: bool) -> Poll<Result<Admission, Close>> {
        let admission = Admission {
            session: [7; 16],
            timing: Timing::default(),
            resume_window: None,
        };
        match awaited {
            true => Poll::Ready(Ok(admission)),
            false => Poll::Pending,
        }
    }

    fn proxied(&mut self, _: Proxied) -> Option<Close> {
        None
    }

    fn event(&mut self, _: &mut Connection, _: Time, _: Event<'_>) -> Room {
        Room::Available
    }

    fn panicked(&mut self) {
        panic!("nothing here panics");
    }

    fn poll_room(&mut self) -> Poll<()> {
        Poll::Ready(())
    }

    fn poll_delivered(&mut self) -> Poll<()> {
        Poll::Ready(())
    }

    fn taken(&self) -> u64 {
        0
    }

    fn reported(&mut self, _: Evidence) {}

    fn departed(&mut self, ending: Ending) -> Linger {
        panic!("the driver finds the end: {:?}", ending.verdict);
    }

    fn buffer(&mut self) -> [u8; 1024] {
        [0; 1024]
    }

    fn poll_read(&mut self, buffer: &mut [u8; 1024], most: usize, _: Ask) -> Io<usize> {
        let most = most.min(buffer.len());
        match &mut self.reads {
            Reads::Socket => self.tap.poll_read(self.cx, &mut buffer[..most]),
            Reads::Done([]) => Poll::Pending,
            Reads::Done(bytes) => {
                let (now, later) = bytes.split_at(bytes.len().min(most));
                buffer[..now.len()].copy_from_slice(now);
                *bytes = later;
                Poll::Ready(Ok(now.len()))
            }
        }
    }

    fn open<'b>(&mut self, buffer: &'b mut [u8; 1024], bytes: Range<usize>) -> Opened<'b> {
        Opened {
            bytes: &mut buffer[bytes],
            records: None,
        }
    }

    fn poll_end(&mut self) -> Poll<()> {
        Poll::Pending
    }

    fn poll_write(&mut self, slices: &[IoSlice<'_>], _: Ask) -> Io<Taken> {
        let written = self.tap.poll_write(self.cx, slices);
        if let Poll::Ready(Err(error)) = &written {
            self.failed = Some(error.kind().into());
        }
        written.map_ok(Taken::as_it_is)
    }

    fn shut(&mut self) -> io::Result<bool> {
        self.tap.shutdown().map(|()| true)
    }

    fn hold_give_up(&mut self, _: bool) {}

    fn readings(&mut self) -> Readings {
        self.tap.readings()
    }

    fn own_fault(&mut self) -> Option<OwnFault> {
        None
    }
}
