//! One connection of the load generator: its frames in flight, the next expected echo, and its next heartbeat.

use std::io::{ErrorKind, Read, Write};
use std::mem;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use rustls::ClientConfig;

use super::Load;
use super::acks::Acks;
use super::stream::{Opening, Stream};
use crate::wire::{self, Frame, Framing, HEADER_BYTES, Resume, kind};

/// State that all connections share: the frame to send, and the bytes that leave in the next write.
pub(super) struct Work {
    framing: Framing,
    payload: Vec<u8>,
    out: Vec<u8>,
    origin: Instant,
    depth: u64,
    /// Whether connections send new frames; frames in flight come back in any case.
    pub(super) sending: bool,
    /// Frames sent by all connections.
    pub(super) sent: u64,
    /// Frames echoed to all connections.
    pub(super) echoed: u64,
}

pub(super) struct Connection {
    pub(super) stream: Stream,
    id: u32,
    sent: u64,
    /// The frame number at which the present run ends for this connection.
    sent_max: u64,
    received: u64,
    /// The start of a frame whose rest has not arrived.
    inbound: Vec<u8>,
    /// Bytes that the socket has not taken yet.
    outbound: Vec<u8>,
    beat: Option<Beat>,
    /// Where the session can be resumed.
    acks: Option<Acks>,
}

/// A ping is due in each interval in which nothing was sent or nothing received.
struct Beat {
    interval: Duration,
    due: Instant,
    sent_before: u64,
    received_before: u64,
}

impl Work {
    pub(super) fn new(framing: Framing, payload_bytes: usize, depth: u64) -> Result<Self> {
        ensure!(
            payload_bytes >= STAMP_BYTES,
            "a payload needs {STAMP_BYTES} bytes for its numbers"
        );
        let payload = (b'a'..=b'z').cycle().take(payload_bytes).collect();
        Ok(Self {
            framing,
            payload,
            out: Vec::new(),
            origin: Instant::now(),
            depth,
            sending: false,
            sent: 0,
            echoed: 0,
        })
    }

    /// Fills the payload for frame `sequence` of connection `id`.
    fn stamp(&mut self, id: u32, sequence: u64) {
        let (numbers, _) = self.payload.split_at_mut(STAMP_BYTES);
        let (id_bytes, sequence_bytes) = numbers.split_at_mut(size_of::<u32>());
        id_bytes.copy_from_slice(&id.to_be_bytes());
        sequence_bytes.copy_from_slice(&sequence.to_be_bytes());
    }

    fn put_frame(&mut self, id: u32, sequence: u64) -> Result<()> {
        self.framing.put_header(self.payload.len(), &mut self.out)?;
        self.stamp(id, sequence);
        self.out.extend_from_slice(&self.payload);
        self.sent += 1;
        Ok(())
    }

    fn clock_us(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Connection {
    /// Connects and, where there is TLS, does its handshake. Where the framing has one, exchanges hello and welcome.
    pub(super) fn open(
        addr: SocketAddr,
        id: u32,
        load: &Load,
        tls: Option<&Arc<ClientConfig>>,
    ) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&addr, OPEN_TIMEOUT)
            .with_context(|| format!("cannot connect to {addr}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(OPEN_TIMEOUT))?;
        let mut stream = Opening::over(stream, tls)?;
        let resume = load.resume();
        let beat = match load.framing {
            Framing::U32 => None,
            Framing::Lastword => {
                let interval_ms = greet(&mut stream, id, resume).context("in the handshake")?;
                Beat::new(interval_ms, id)
            }
        };
        Ok(Self {
            stream: stream.nonblocking()?,
            id,
            sent: 0,
            sent_max: 0,
            received: 0,
            inbound: Vec::new(),
            outbound: Vec::new(),
            beat,
            acks: (resume == Resume::On).then(Acks::default),
        })
    }

    /// Lets the connection send `frames` more, or as many as it can.
    pub(super) fn allow(&mut self, frames: Option<u64>) {
        self.sent_max = frames.map_or(u64::MAX, |frames| self.sent + frames);
    }

    /// Reads and checks the bytes that have arrived.
    pub(super) fn read(&mut self, buffer: &mut [u8], work: &mut Work) -> Result<()> {
        loop {
            let read = match self.stream.read(buffer) {
                Ok(0) => bail!("the server closed connection {}", self.id),
                Ok(read) => read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error).context("cannot read"),
            };
            self.take(buffer.get(..read).unwrap_or_default(), work)?;
            // A short read has emptied the socket: the next bytes trigger a new edge.
            if read < buffer.len() && self.stream.ends_short() {
                return Ok(());
            }
        }
    }

    /// Adds frames until enough are in flight, and writes everything at once.
    pub(super) fn top_up(&mut self, work: &mut Work) -> Result<()> {
        let sent_max = self.sent_max.min(self.received + work.depth);
        while work.sending && self.sent < sent_max {
            work.put_frame(self.id, self.sent)?;
            self.sent += 1;
        }
        let is_writing = !work.out.is_empty();
        if self
            .acks
            .as_ref()
            .is_some_and(|acks| acks.is_due(is_writing))
        {
            self.put_ack(work)?;
        }
        self.flush(work)
    }

    /// Sends a ping if one is due.
    pub(super) fn beat(&mut self, now: Instant, work: &mut Work) -> Result<()> {
        if self.acks.as_mut().is_some_and(|acks| acks.is_old(now)) {
            self.put_ack(work)?;
            self.flush(work)?;
        }
        let Some(beat) = self.beat.as_mut().filter(|beat| beat.due <= now) else {
            return Ok(());
        };
        let quiet = beat.sent_before == self.sent || beat.received_before == self.received;
        beat.due += beat.interval;
        beat.sent_before = self.sent;
        beat.received_before = self.received;
        if quiet {
            wire::put_ping(work.clock_us(), self.received, &mut work.out)?;
            self.on_told();
        }
        self.flush(work)
    }

    fn take(&mut self, bytes: &[u8], work: &mut Work) -> Result<()> {
        if self.inbound.is_empty() {
            let used = self.take_frames(bytes, work)?;
            self.inbound
                .extend_from_slice(bytes.get(used..).unwrap_or_default());
            return Ok(());
        }
        let mut joined = mem::take(&mut self.inbound);
        joined.extend_from_slice(bytes);
        let used = self.take_frames(&joined, work)?;
        joined.drain(..used);
        self.inbound = joined;
        Ok(())
    }

    fn take_frames(&mut self, bytes: &[u8], work: &mut Work) -> Result<usize> {
        let mut rest = bytes;
        while let Some((frame, after)) = work.framing.split(rest) {
            self.take_frame(frame, work)?;
            rest = after;
        }
        Ok(bytes.len() - rest.len())
    }

    fn take_frame(&mut self, frame: Frame<'_>, work: &mut Work) -> Result<()> {
        match frame.kind {
            kind::DATA => self.check_echo(frame.payload, work),
            kind::PING => {
                let clock_us = work.clock_us();
                self.on_told();
                wire::put_pong(frame.payload, clock_us, self.received, &mut work.out)
            }
            kind::PONG | kind::ACK | kind::NOTICE => Ok(()),
            kind::GOODBYE => bail!("connection {}: {}", self.id, wire::goodbye(frame.payload)),
            extension if extension >= FIRST_EXTENSION => Ok(()),
            other => bail!("connection {}: a frame of kind {other}", self.id),
        }
    }

    fn check_echo(&mut self, payload: &[u8], work: &mut Work) -> Result<()> {
        work.stamp(self.id, self.received);
        ensure!(
            self.received < self.sent && payload == work.payload,
            "connection {}: what came back is not frame {}",
            self.id,
            self.received,
        );
        self.received += 1;
        work.echoed += 1;
        if let Some(acks) = &mut self.acks {
            acks.on_frame(payload.len());
        }
        Ok(())
    }

    fn put_ack(&mut self, work: &mut Work) -> Result<()> {
        self.on_told();
        wire::put_ack(self.received, &mut work.out)
    }

    /// The frame that is added now tells the server how many frames came.
    fn on_told(&mut self) {
        if let Some(acks) = &mut self.acks {
            *acks = Acks::default();
        }
    }

    /// Writes as much as the socket takes; the rest waits until the socket is writable.
    fn flush(&mut self, work: &mut Work) -> Result<()> {
        if self.outbound.is_empty() {
            let written = write(&mut self.stream, &work.out)?;
            self.outbound
                .extend_from_slice(work.out.get(written..).unwrap_or_default());
        } else {
            self.outbound.extend_from_slice(&work.out);
            let written = write(&mut self.stream, &self.outbound)?;
            self.outbound.drain(..written);
        }
        work.out.clear();
        Ok(())
    }
}

impl Beat {
    /// Spreads the first heartbeats of the connections over one interval.
    fn new(interval_ms: u32, id: u32) -> Option<Self> {
        let phase_ms = id.wrapping_mul(PHASE_STEP_MS).checked_rem(interval_ms)?;
        Some(Self {
            interval: Duration::from_millis(interval_ms.into()),
            due: Instant::now() + Duration::from_millis(phase_ms.into()),
            sent_before: 0,
            received_before: 0,
        })
    }
}

/// Exchanges hello and welcome without reading beyond them, and returns the heartbeat interval. Where the session can be
/// resumed, an ack confirms it.
fn greet(stream: &mut Opening, id: u32, resume: Resume) -> Result<u32> {
    let mut hello = Vec::new();
    wire::put_hello(&format!("bench-{id}"), resume, &mut hello)?;
    stream.write_all(&hello)?;
    let mut header = [0; HEADER_BYTES];
    stream.read_exact(&mut header)?;
    let (kind, len) = Framing::Lastword.header(header);
    let mut payload = vec![0; usize::try_from(len)?];
    stream.read_exact(&mut payload)?;
    let payload = &payload;
    let interval_ms = wire::heartbeat_interval_ms(Frame { kind, payload }, resume)?;
    if resume == Resume::On {
        let mut ack = Vec::new();
        wire::put_ack(0, &mut ack)?;
        stream.write_all(&ack)?;
    }
    Ok(interval_ms)
}

fn write(stream: &mut Stream, bytes: &[u8]) -> Result<usize> {
    match stream.write(bytes) {
        Ok(written) => Ok(written),
        Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(0),
        Err(error) => Err(error).context("cannot write"),
    }
}

const STAMP_BYTES: usize = size_of::<u32>() + size_of::<u64>();
const FIRST_EXTENSION: u8 = 0x80;
/// A prime, so that neighbouring connections send their heartbeats far apart.
const PHASE_STEP_MS: u32 = 7919;
const OPEN_TIMEOUT: Duration = Duration::from_secs(10);
