//! The attackers: many connections of one kind on one thread. A connection that the server ends is opened again.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Registry, Token};

use crate::load::spread;
use crate::report::{Control, Order, Report};
use crate::wire::{self, Framing, Resume};

/// Attacks a server until stdin ends.
#[derive(Debug, Clone, clap::Parser)]
pub struct Attack {
    /// The server's address.
    pub addr: SocketAddr,
    /// The behaviour of the attackers.
    #[arg(value_enum)]
    pub kind: Kind,
    /// How frames are delimited.
    #[arg(long, value_enum, default_value = "lastword")]
    pub framing: Framing,
    /// How many attackers are connected at a time.
    #[arg(long, default_value_t = 10_000)]
    pub attackers: u32,
    /// How many connections are opened per second at most, once all attackers have connected.
    #[arg(long, default_value_t = 2_000)]
    pub opens_per_second: u32,
}

/// The behaviour of an attacker.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum, serde::Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// Says nothing.
    Silent,
    /// Sends the hello, or the first frame, one byte a second.
    Slow,
    /// Announces a first frame of the greatest length, and sends 8 bytes of it.
    Oversize,
    /// Sends 64 bytes that are no frame.
    Garbage,
    /// Sends the start of a TLS handshake.
    TlsHello,
    /// Joins, writes frames without payload as fast as the server takes them, and discards the echoes.
    Flood,
    /// One after the other of all these.
    Mixed,
}

impl Kind {
    const SINGLE: [Self; 6] = [
        Self::Silent,
        Self::Slow,
        Self::Oversize,
        Self::Garbage,
        Self::TlsHello,
        Self::Flood,
    ];

    fn of(self, n: u32) -> Self {
        let turn = usize::try_from(n).unwrap_or(0) % Self::SINGLE.len();
        match self {
            Self::Mixed => Self::SINGLE.get(turn).copied().unwrap_or(Self::Silent),
            one => one,
        }
    }

    /// Returns the bytes that an attacker of this kind sends at once when it is connected.
    fn first_bytes(self, framing: Framing) -> Result<Vec<u8>> {
        let mut bytes = Vec::new();
        match self {
            Self::Silent | Self::Slow | Self::Mixed => {}
            Self::Oversize => bytes.extend_from_slice(&[0xff, 0xff, 0xff, 1, b'L', b'W', 1, 1]),
            Self::Garbage => bytes.extend((0..64_u8).map(|n| n.wrapping_mul(167) | 0x80)),
            Self::TlsHello => bytes.extend_from_slice(&TLS_HELLO),
            Self::Flood if framing == Framing::Lastword => {
                wire::put_hello("flood", Resume::Off, &mut bytes)?;
            }
            Self::Flood => {}
        }
        Ok(bytes)
    }
}

/// The first bytes of a ClientHello record: type, version, length, handshake type, length, version.
const TLS_HELLO: [u8; 11] = [0x16, 3, 1, 2, 0, 1, 0, 1, 0xfc, 3, 3];

/// Runs the attack and prints its reports: ready, when all attackers are connected, and at the end how many connections
/// were opened.
///
/// # Errors
/// When a connection cannot be opened.
pub fn run(attack: &Attack) -> Result<()> {
    let control = Control::from_stdin();
    let mut all = Attackers::connect(attack)?;
    Report::Ready.print()?;
    let started = Instant::now();
    while control.poll() != Some(Order::Stop) {
        all.turn()?;
    }
    Report::Done {
        messages: all.opened,
        seconds: started.elapsed().as_secs_f64(),
    }
    .print()
}

struct Attackers<'a> {
    attack: &'a Attack,
    poll: Poll,
    events: Events,
    buffer: Vec<u8>,
    connections: Vec<Option<Attacker>>,
    /// The attackers whose connection the server ended.
    ended: Vec<u32>,
    hello: Vec<u8>,
    frames: Vec<u8>,
    opened: u64,
    started: Instant,
    reopened: u32,
    drip_at: Instant,
}

struct Attacker {
    stream: TcpStream,
    kind: Kind,
    /// How many bytes of the hello a slow attacker has sent.
    dripped: usize,
}

impl<'a> Attackers<'a> {
    fn connect(attack: &'a Attack) -> Result<Self> {
        ensure!(attack.attackers > 0, "there must be an attacker");
        let mut hello = Vec::new();
        wire::put_hello("slow", Resume::Off, &mut hello)?;
        let mut frames = Vec::new();
        for _ in 0..FRAMES_A_WRITE {
            attack.framing.put_header(0, &mut frames)?;
        }
        let mut all = Self {
            attack,
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            buffer: vec![0; 64 * 1024],
            connections: Vec::new(),
            ended: Vec::new(),
            hello,
            frames,
            opened: 0,
            started: Instant::now(),
            reopened: 0,
            drip_at: Instant::now(),
        };
        for n in 0..attack.attackers {
            let attacker = all.open(n).with_context(|| format!("attacker {n}"))?;
            all.connections.push(Some(attacker));
        }
        all.started = Instant::now();
        Ok(all)
    }

    fn open(&mut self, n: u32) -> Result<Attacker> {
        let addr = spread(self.attack.addr, n, self.attack.attackers);
        let stream = std::net::TcpStream::connect_timeout(&addr, OPEN_TIMEOUT)?;
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        register(self.poll.registry(), &mut stream, n)?;
        let kind = self.attack.kind.of(n);
        let first = kind.first_bytes(self.attack.framing)?;
        // The server may have refused this connection already: the next event tells.
        let _refused = stream.write(&first);
        self.opened += 1;
        Ok(Attacker {
            stream,
            kind,
            dripped: 0,
        })
    }

    fn turn(&mut self) -> Result<()> {
        match self.poll.poll(&mut self.events, Some(STEP)) {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error).context("cannot wait for events"),
        }
        for event in &self.events {
            let Token(n) = event.token();
            let Some(place) = self.connections.get_mut(n) else {
                continue;
            };
            let goes_on = place
                .as_mut()
                .is_some_and(|attacker| attacker.goes_on(&mut self.buffer, &self.frames));
            if !goes_on && place.take().is_some() {
                self.ended.push(u32::try_from(n)?);
            }
        }
        self.drip();
        self.reopen()
    }

    /// Each slow attacker sends one byte a second.
    fn drip(&mut self) {
        let now = Instant::now();
        if now < self.drip_at {
            return;
        }
        self.drip_at = now + Duration::from_secs(1);
        for attacker in self.connections.iter_mut().flatten() {
            if attacker.kind == Kind::Slow {
                if let Some(byte) = self.hello.get(attacker.dripped..=attacker.dripped) {
                    // An attacker that the server ended is found by its event.
                    let _ended = attacker.stream.write(byte);
                    attacker.dripped += 1;
                }
            }
        }
    }

    fn reopen(&mut self) -> Result<()> {
        let seconds = self.started.elapsed().as_secs_f64();
        while f64::from(self.reopened) < seconds * f64::from(self.attack.opens_per_second) {
            let Some(n) = self.ended.pop() else {
                return Ok(());
            };
            self.reopened += 1;
            let attacker = self.open(n)?;
            if let Some(place) = self.connections.get_mut(usize::try_from(n)?) {
                *place = Some(attacker);
            }
        }
        Ok(())
    }
}

impl Attacker {
    /// Reads, and writes if it is one that floods. Returns whether the connection is still open.
    fn goes_on(&mut self, buffer: &mut [u8], frames: &[u8]) -> bool {
        for _ in 0..READS_A_TURN {
            match self.stream.read(buffer) {
                Ok(0) => return false,
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(_) => return false,
            }
        }
        if self.kind != Kind::Flood {
            return true;
        }
        // A frame without payload is four zero bytes in both framings, so a write may stop anywhere.
        match self.stream.write(frames) {
            Ok(_) => true,
            Err(error) => error.kind() == ErrorKind::WouldBlock,
        }
    }
}

fn register(registry: &Registry, stream: &mut TcpStream, n: u32) -> Result<()> {
    let interest = Interest::READABLE | Interest::WRITABLE;
    Ok(registry.register(stream, Token(usize::try_from(n)?), interest)?)
}

const FRAMES_A_WRITE: usize = 16 * 1024;
const READS_A_TURN: u32 = 16;
const STEP: Duration = Duration::from_millis(20);
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
