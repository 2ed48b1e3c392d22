//! The watcher: it asks the kernel, and hands what it learns to the [`Tracker`].

use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use lastword_sys::TcpInfoFields;
use lastword_sys::diag::{
    AbortCounters, Deaths, Family, Sockets, TcpSocket, TcpState, abort_counters,
};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::time::{ClockId, Timespec, clock_gettime};

use crate::pace::Pace;
use crate::tracker::{End, Tracker};

/// Watches the connections of some ports, in the network namespace of the thread that opened it.
///
/// It never touches the watched processes. It holds about 400 bytes for each living connection.
pub struct Watcher {
    ports: Vec<u16>,
    sockets: Sockets,
    deaths: Deaths,
    tracker: Tracker,
    pace: Pace,
    next_poll: Instant,
    begun: Instant,
    living: Vec<Living>,
    batch: Vec<(TcpSocket, Option<TcpState>)>,
    processor: Duration,
    counters: AbortCounters,
}

/// The connections of one port, as the last poll saw them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Living {
    /// The local port.
    pub port: u16,
    /// All that are established.
    pub established: u64,
    /// Those whose peer has not acknowledged our data, although it was sent again.
    pub unanswered: u64,
    /// Those whose peer has no room for the data that waits.
    pub not_reading: u64,
    /// Those that the peer has closed, and the server not yet.
    pub half_closed: u64,
}

/// The result of a turn.
#[derive(Debug)]
pub struct Turn {
    /// The connections that ended.
    pub ends: Vec<End>,
    /// Whether a poll was made.
    pub polled: bool,
}

impl Watcher {
    /// Watches these local ports, from now on, in the network namespace of this thread. `buffer_bytes` is for messages that
    /// were not read yet, about 1,280 bytes each; the kernel gives twice that, and at most twice `net.core.rmem_max`.
    ///
    /// # Errors
    /// The error of the system, where it has no `sock_diag`, or does not tell it to this process.
    /// [`io::ErrorKind::Unsupported`] where its `TCP_INFO` lacks the peer's window (before Linux 5.4).
    pub fn open(ports: &[u16], buffer_bytes: usize) -> io::Result<Self> {
        let mut ports = ports.to_vec();
        ports.sort_unstable();
        ports.dedup();
        if lastword_sys::tcp_info().fields < TcpInfoFields::Window {
            return Err(io::ErrorKind::Unsupported.into());
        }
        let now = Instant::now();
        let counters = abort_counters()?;
        let mut tracker = Tracker::default();
        tracker.batch(Duration::ZERO, &[], counters);
        Ok(Self {
            sockets: Sockets::open()?,
            deaths: Deaths::open(&ports, buffer_bytes)?,
            tracker,
            pace: Pace::default(),
            next_poll: now,
            begun: now,
            living: Vec::new(),
            batch: Vec::new(),
            processor: Duration::ZERO,
            counters,
            ports,
        })
    }

    /// Waits until something ends or a poll is due, at most until `deadline`, and does it.
    ///
    /// # Errors
    /// The error of the system: the watcher cannot go on.
    pub fn turn(&mut self, deadline: Instant) -> io::Result<Turn> {
        self.wait(deadline.min(self.next_poll))?;
        let begun = cpu_time();
        let polled = Instant::now() >= self.next_poll;
        // Read first: a connection that ends during the poll was seen by the one before.
        let ends = self.take_deaths()?;
        if polled {
            self.poll()?;
        }
        self.processor += cpu_time().saturating_sub(begun);
        Ok(Turn { ends, polled })
    }

    /// Returns the processor time that all turns have taken.
    #[must_use]
    pub const fn processor_time(&self) -> Duration {
        self.processor
    }

    /// Returns the connections of each watched port, as the last poll saw them.
    #[must_use]
    pub fn living(&self) -> &[Living] {
        &self.living
    }

    /// Returns the pace of the polls, and what each costs.
    #[must_use]
    pub const fn pace(&self) -> Pace {
        self.pace
    }

    /// Returns how many messages the kernel could not queue: ends of which nothing is known.
    ///
    /// # Errors
    /// The error of the system.
    pub fn lost(&self) -> io::Result<u32> {
        self.deaths.lost()
    }

    fn wait(&self, deadline: Instant) -> io::Result<()> {
        let left = deadline.saturating_duration_since(Instant::now());
        let left = Timespec::try_from(left).map_err(io::Error::other)?;
        let mut fds = [PollFd::from_borrowed_fd(self.deaths.as_fd(), PollFlags::IN)];
        match poll(&mut fds, Some(&left)) {
            Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    fn take_deaths(&mut self) -> io::Result<Vec<End>> {
        self.batch.clear();
        while self.batch.len() < BATCH_MAX {
            let Some(dead) = self.deaths.read()? else {
                break;
            };
            let mini = match self.tracker.wants_mini(&dead) {
                true => self.sockets.find(dead.local, dead.peer)?,
                false => None,
            };
            let mini = mini
                .map(|mini| mini.state)
                .filter(|state| MINI.contains(state));
            self.batch.push((dead, mini));
        }
        if self.batch.is_empty() {
            return Ok(Vec::new());
        }
        self.counters = abort_counters()?;
        Ok(self
            .tracker
            .batch(self.begun.elapsed(), &self.batch, self.counters))
    }

    fn poll(&mut self) -> io::Result<()> {
        let begun = (Instant::now(), cpu_time());
        self.counters = abort_counters()?;
        self.tracker.begin_poll();
        self.living.clear();
        for port in &self.ports {
            let mut living = Living {
                port: *port,
                ..Living::default()
            };
            for family in Family::ALL {
                let (tracker, resets_out) = (&mut self.tracker, self.counters.resets_out);
                let each = |socket: &TcpSocket| {
                    tracker.saw(socket, resets_out);
                    living.count(socket);
                };
                let dumped = self.sockets.dump(family, Some(*port), &WATCHED, each);
                // A table that changes meanwhile gives an incomplete answer: the next poll sees the rest.
                if let Err(error) = dumped {
                    if error.kind() != io::ErrorKind::Interrupted {
                        return Err(error);
                    }
                }
            }
            self.living.push(living);
        }
        self.tracker.end_poll();
        self.pace.took(cpu_time().saturating_sub(begun.1));
        self.next_poll = begun.0 + self.pace.interval();
        Ok(())
    }
}

impl Living {
    fn count(&mut self, socket: &TcpSocket) {
        let Some(counters) = socket.counters else {
            return;
        };
        let waits = socket.unacked > 0;
        self.established += u64::from(socket.state == TcpState::Established);
        self.half_closed += u64::from(socket.state == TcpState::CloseWait);
        self.not_reading += u64::from(waits && counters.snd_wnd == 0);
        self.unanswered += u64::from(waits && counters.snd_wnd > 0 && counters.retransmits > 0);
    }
}

/// The processor time of this thread.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::try_from(time).unwrap_or_default()
}

/// The states of connections with a full socket. The others are in no message.
const WATCHED: [TcpState; 6] = [
    TcpState::Established,
    TcpState::CloseWait,
    TcpState::LastAck,
    TcpState::FinWait1,
    TcpState::FinWait2,
    TcpState::Closing,
];
/// The states of a mini socket that an active close leaves.
const MINI: [TcpState; 2] = [TcpState::TimeWait, TcpState::FinWait2];
/// So many messages are taken at once, before the counters are read.
const BATCH_MAX: usize = 256;
