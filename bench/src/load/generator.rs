//! All connections of a load generator on one epoll instance and one thread.

use std::io::ErrorKind;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mio::{Events, Interest, Poll, Token};

use super::Load;
use super::connection::{Connection, Work};
use crate::tls;
use crate::wire::Framing;

/// A load generator whose connections are open.
pub struct Generator {
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    connections: Vec<Connection>,
    work: Work,
    beat_due: Instant,
}

/// When to stop sending.
#[derive(Debug, Clone, Copy)]
pub struct Until {
    /// The time to stop; the generator then waits a while longer for the frames in flight.
    pub deadline: Instant,
    /// Alternatively, the number of frames after which each connection stops.
    pub frames_each: Option<u64>,
}

impl Generator {
    /// Opens all connections, one after the other.
    ///
    /// # Errors
    /// When a connection cannot be opened.
    pub fn connect(load: &Load) -> Result<Self> {
        ensure!(load.depth > 0, "a depth of 0 sends nothing");
        ensure!(
            !load.resume || load.framing == Framing::Lastword,
            "only the framing of lastword has acks"
        );
        let mut generator = Self {
            poll: Poll::new()?,
            events: Events::with_capacity(EVENTS_MAX),
            buffer: vec![0; BUFFER_BYTES],
            connections: Vec::new(),
            work: Work::new(load.framing, load.payload_bytes, load.depth)?,
            beat_due: Instant::now(),
        };
        let tls = load.tls.then(tls::client).transpose()?;
        for id in 0..load.connections {
            let addr = spread(load.addr, id, load.connections);
            let mut connection = Connection::open(addr, id, load, tls.as_ref())
                .with_context(|| format!("connection {id} of {}", load.connections))?;
            let token = Token(generator.connections.len());
            let interest = Interest::READABLE | Interest::WRITABLE;
            generator
                .poll
                .registry()
                .register(connection.stream.socket(), token, interest)?;
            generator.connections.push(connection);
        }
        Ok(generator)
    }

    /// Opens connections, one after another, and closes each at once. Returns how many there were.
    ///
    /// # Errors
    /// When a connection cannot be opened.
    pub fn knock(load: &Load, deadline: Instant) -> Result<u64> {
        let tls = load.tls.then(tls::client).transpose()?;
        let mut n = 0;
        while Instant::now() < deadline {
            let id = u32::try_from(n)?;
            let addr = spread(load.addr, id, SPREAD_FROM);
            drop(Connection::open(addr, id, load, tls.as_ref())?);
            n += 1;
        }
        Ok(n)
    }

    /// Keeps frames in flight until the end of the run, waits for those in flight, and returns how many came back.
    ///
    /// # Errors
    /// When a connection ends, an echo is wrong, or frames in flight do not come back in time.
    pub fn drive(&mut self, until: Until) -> Result<u64> {
        let before = self.work.echoed;
        self.prime(until)?;
        while self.work.sent > self.work.echoed {
            let now = Instant::now();
            ensure!(
                now < until.deadline + IN_FLIGHT_TIMEOUT,
                "{} frames never came back",
                self.work.sent - self.work.echoed,
            );
            self.work.sending = now < until.deadline;
            self.turn(POLL_STEP)?;
        }
        self.work.sending = false;
        Ok(self.work.echoed - before)
    }

    /// Waits for events for at most `timeout` and handles them.
    ///
    /// # Errors
    /// When a connection ends or the server sends something wrong.
    pub fn turn(&mut self, timeout: Duration) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(timeout)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("cannot wait for events"),
        }
        for event in &self.events {
            let Some(connection) = self.connections.get_mut(event.token().0) else {
                continue;
            };
            connection.read(&mut self.buffer, &mut self.work)?;
            ensure!(
                !event.is_read_closed(),
                "the server closed connection {}",
                event.token().0
            );
            connection.top_up(&mut self.work)?;
        }
        self.beat()
    }

    fn prime(&mut self, until: Until) -> Result<()> {
        self.work.sending = true;
        for connection in &mut self.connections {
            connection.allow(until.frames_each);
            connection.top_up(&mut self.work)?;
        }
        Ok(())
    }

    fn beat(&mut self) -> Result<()> {
        let now = Instant::now();
        if now >= self.beat_due {
            self.beat_due = now + BEAT_STEP;
            for connection in &mut self.connections {
                connection.beat(now, &mut self.work)?;
            }
        }
        Ok(())
    }
}

/// Loopback has 28,000 ports for one pair of addresses, so many connections need several addresses.
pub(crate) fn spread(addr: SocketAddr, id: u32, connections: u32) -> SocketAddr {
    let last = u8::try_from(1 + id % SPREAD_OVER).unwrap_or(1);
    if connections < SPREAD_FROM || addr.ip() != IpAddr::V4(Ipv4Addr::LOCALHOST) {
        return addr;
    }
    SocketAddr::new(Ipv4Addr::new(127, 0, 0, last).into(), addr.port())
}

const EVENTS_MAX: usize = 1024;
const BUFFER_BYTES: usize = 64 * 1024;
const SPREAD_OVER: u32 = 4;
const SPREAD_FROM: u32 = 10_000;
const POLL_STEP: Duration = Duration::from_millis(50);
const BEAT_STEP: Duration = Duration::from_millis(100);
const IN_FLIGHT_TIMEOUT: Duration = Duration::from_secs(20);
