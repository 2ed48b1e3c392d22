//! One direction of a connection: bytes in flight, then perhaps a FIN or an error.

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::time::Duration;

use lastword_session::Time;

/// The result of a read from a pipe.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Read {
    Nothing,
    Bytes(Vec<u8>),
    Fin,
    Error(ErrorKind),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum End {
    Fin(Time),
    Error(Time, ErrorKind),
}

/// Bytes on their way, and the properties of the path.
#[derive(Debug)]
pub(crate) struct Pipe {
    bytes: VecDeque<(Time, u8)>,
    end: Option<End>,
    end_read: Option<End>,
    /// The bytes that fit; a writer waits while its reader does not read.
    pub(crate) capacity: usize,
    /// The most bytes that one read returns.
    pub(crate) chunk: usize,
    pub(crate) latency: Duration,
    /// Nothing arrives any longer, and no end is told.
    pub(crate) is_cut: bool,
    /// Bytes that are written from now on are lost on their way.
    pub(crate) is_broken: bool,
    /// The reader closed its socket: further bytes are refused.
    pub(crate) is_reader_gone: bool,
    /// Bytes that did not arrive.
    pub(crate) refused: usize,
    /// Bytes that the reader took.
    pub(crate) taken: u64,
    /// All bytes written since the log was last cleared.
    pub(crate) log: Vec<u8>,
    written: usize,
}

impl Default for Pipe {
    fn default() -> Self {
        Self {
            bytes: VecDeque::new(),
            end: None,
            end_read: None,
            capacity: usize::MAX,
            chunk: usize::MAX,
            latency: Duration::ZERO,
            is_cut: false,
            is_broken: false,
            is_reader_gone: false,
            refused: 0,
            taken: 0,
            log: Vec::new(),
            written: 0,
        }
    }
}

impl Pipe {
    /// Takes as many bytes as fit.
    pub(crate) fn write(&mut self, now: Time, bytes: &[u8]) -> usize {
        let room = self.capacity - self.bytes.len().min(self.capacity);
        let bytes = &bytes[..bytes.len().min(room)];
        self.log.extend_from_slice(bytes);
        self.written += bytes.len();
        if self.is_reader_gone || self.is_broken {
            self.refused += bytes.len();
        } else {
            // No byte overtakes another one.
            let last = self.bytes.back().map_or(now, |(at, _)| *at);
            let at = last.max(now + self.latency);
            self.bytes.extend(bytes.iter().map(|byte| (at, *byte)));
        }
        bytes.len()
    }

    /// The path breaks: what has not arrived never does. An end may still arrive.
    pub(crate) fn breaks(&mut self, now: Time) {
        self.is_broken = true;
        let arrived = self.arrived(now);
        self.refused += self.bytes.len() - arrived;
        self.bytes.truncate(arrived);
    }

    pub(crate) fn fin(&mut self, now: Time) {
        if self.end.is_none() {
            self.end = Some(End::Fin(now + self.latency));
        }
    }

    pub(crate) fn reset(&mut self, now: Time) {
        self.fails(now, ErrorKind::ConnectionReset);
    }

    /// The reader gets this error behind all bytes. A path that is cut carries none.
    pub(crate) fn fails(&mut self, now: Time, error: ErrorKind) {
        if !self.has_failed() && !self.is_cut {
            self.end = Some(End::Error(now + self.latency, error));
        }
    }

    pub(crate) fn has_failed(&self) -> bool {
        matches!(self.end, Some(End::Error(..)))
    }

    pub(crate) fn read(&mut self, now: Time, most: usize) -> Read {
        let ready = self.arrived(now).min(self.chunk).min(most);
        if ready > 0 {
            self.taken += u64::try_from(ready).expect("it fits");
            return Read::Bytes(self.bytes.drain(..ready).map(|(_, byte)| byte).collect());
        }
        if self.is_cut || !self.bytes.is_empty() || self.end == self.end_read {
            return Read::Nothing;
        }
        let (at, read) = match self.end {
            Some(End::Fin(at)) => (at, Read::Fin),
            Some(End::Error(at, error)) => (at, Read::Error(error)),
            None => return Read::Nothing,
        };
        if at > now {
            return Read::Nothing;
        }
        self.end_read = self.end;
        read
    }

    /// Bytes that the reader's kernel holds.
    pub(crate) fn arrived(&self, now: Time) -> usize {
        match self.is_cut {
            true => 0,
            false => self.bytes.partition_point(|(at, _)| *at <= now),
        }
    }

    /// Bytes that the reader's kernel has not acknowledged.
    pub(crate) fn unacked(&self, now: Time) -> usize {
        self.bytes.len() - self.arrived(now) + self.refused
    }

    /// Whether a FIN has reached the reader's kernel.
    pub(crate) fn has_fin(&self, now: Time) -> bool {
        let arrived = matches!(self.end, Some(End::Fin(at)) if at <= now);
        let read = matches!(self.end_read, Some(End::Fin(_)));
        read || (arrived && !self.is_cut && self.arrived(now) == self.bytes.len())
    }

    /// All bytes that were ever written.
    pub(crate) fn written(&self) -> u64 {
        u64::try_from(self.written).expect("it fits")
    }

    /// When the next byte or end arrives.
    pub(crate) fn next_arrival(&self, now: Time) -> Time {
        let end = self.end.map(|end| match end {
            End::Fin(at) | End::Error(at, _) => at,
        });
        let bytes = self.bytes.get(self.arrived(now)).map(|(at, _)| *at);
        match self.is_cut {
            true => Time::NEVER,
            false => bytes
                .into_iter()
                .chain(end.filter(|at| *at > now))
                .min()
                .unwrap_or(Time::NEVER),
        }
    }
}
