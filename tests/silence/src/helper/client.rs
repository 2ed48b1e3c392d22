//! One client on the wire: it joins, and then sends heartbeats, reads and sends as ordered.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_load::{Frame, Frames, Raw, frame};
use lastword_session::wire::{Kind, Ping, Pong, Welcome};
use socket2::SockRef;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::mpsc::{Receiver, Sender, channel};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::accounts::SessionAccount;
use crate::behaviour::{ClientBehaviour, Clients, Reads};

/// A client that has its welcome.
#[derive(Debug)]
pub(super) struct Client {
    stream: TcpStream,
    behaviour: ClientBehaviour,
    account: SessionAccount,
    frames: Frames,
    heartbeat: Duration,
    dead: Duration,
}

impl Client {
    /// Connects, says hello and reads the welcome.
    pub(super) async fn join(
        clients: &Clients,
        name: &str,
        account: SessionAccount,
    ) -> anyhow::Result<Self> {
        let mut raw = Raw::over(timeout(PATIENCE, connect(clients)).await??)?;
        let welcome = timeout(PATIENCE, raw.join(name)).await??;
        let welcome = Welcome::decode(&welcome)?;
        let (stream, frames) = raw.into_parts();
        Ok(Self {
            stream,
            behaviour: clients.behaviour,
            account,
            frames,
            heartbeat: Duration::from_millis(u64::from(welcome.heartbeat_ms)),
            dead: Duration::from_millis(u64::from(welcome.dead_ms)),
        })
    }

    /// The heartbeat interval that the welcome asks for.
    pub(super) const fn heartbeat(&self) -> Duration {
        self.heartbeat
    }
}

/// Follows the client's behaviour until the connection ends; the client begins to send after `offset`.
pub(super) async fn behave(client: Client, offset: Duration) {
    let Client {
        stream,
        behaviour,
        account,
        frames,
        heartbeat,
        dead,
    } = client;
    let (answer, pongs) = channel(PONGS_MAX);
    let (from_server, to_server) = stream.into_split();
    let writer = Writer {
        stream: to_server,
        account: account.clone(),
        pongs,
        offset,
        beat: behaviour.beats.then_some(heartbeat),
        sends: behaviour.sends,
        frames_max: behaviour.frames_max,
    };
    let writer = tokio::spawn(writer.write());
    let mut reader = Reader {
        stream: from_server,
        account,
        frames,
        answer,
    };
    if behaviour.gives_up {
        reader.read_within(dead).await;
    } else {
        reader.read(behaviour.reads).await;
    }
    // Ends as a client that gives up: with a reset, once both halves are gone.
    let socket: &TcpStream = reader.stream.as_ref();
    SockRef::from(socket).set_linger(Some(Duration::ZERO)).ok();
    writer.abort();
}

async fn connect(clients: &Clients) -> anyhow::Result<TcpStream> {
    let socket = match clients.server {
        SocketAddr::V4(_) => TcpSocket::new_v4()?,
        SocketAddr::V6(_) => TcpSocket::new_v6()?,
    };
    if let Some(bytes) = clients.behaviour.receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    if let Some(ms) = clients.rto_max_ms {
        let rto_max = Duration::from_millis(ms);
        lastword_sys::set_rto_max(lastword_sys::borrow(&socket), rto_max)?;
    }
    Ok(socket.connect(clients.server).await?)
}

struct Reader {
    stream: OwnedReadHalf,
    account: SessionAccount,
    frames: Frames,
    /// Pings that wait for an answer.
    answer: Sender<Ping>,
}

impl Reader {
    async fn read(&mut self, reads: Reads) {
        match reads {
            Reads::All => while self.read_some(BUFFER_BYTES).await {},
            Reads::Never => pending().await,
            Reads::Rate(bytes) => {
                let step = usize::try_from(bytes / 10).unwrap_or(BUFFER_BYTES);
                while self.read_some(step).await {
                    sleep(Duration::from_millis(100)).await;
                }
            }
            Reads::Every(ms) => loop {
                sleep(Duration::from_millis(ms)).await;
                if !self.read_what_came() {
                    return;
                }
            },
        }
    }

    /// Reads everything, until no data arrives for this long.
    async fn read_within(&mut self, dead: Duration) {
        while let Ok(true) = timeout(dead, self.read_some(BUFFER_BYTES)).await {}
    }

    /// Returns whether the connection continues.
    async fn read_some(&mut self, most: usize) -> bool {
        let mut buffer = [0; BUFFER_BYTES];
        let Some(buffer) = buffer.get_mut(..most.clamp(1, BUFFER_BYTES)) else {
            return false;
        };
        match self.stream.read(buffer).await {
            Ok(0) | Err(_) => false,
            Ok(read) => {
                self.take(buffer.get(..read).unwrap_or_default());
                true
            }
        }
    }

    fn read_what_came(&mut self) -> bool {
        let mut buffer = [0; BUFFER_BYTES];
        loop {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return false,
                Ok(read) => self.take(buffer.get(..read).unwrap_or_default()),
                Err(error) => return error.kind() == std::io::ErrorKind::WouldBlock,
            }
        }
    }

    fn take(&mut self, bytes: &[u8]) {
        self.frames.push(bytes);
        while let Some(Frame { kind, payload }) = self.frames.take() {
            if kind == Some(Kind::Data) {
                self.account.take(&payload);
            } else if let (Some(Kind::Ping), Ok(ping)) = (kind, Ping::decode(&payload)) {
                // A writer that is blocked answers only some of them.
                self.answer.try_send(ping).ok();
            }
        }
    }
}

struct Writer {
    stream: OwnedWriteHalf,
    account: SessionAccount,
    pongs: Receiver<Ping>,
    /// When the client begins to send.
    offset: Duration,
    /// The interval of its heartbeats.
    beat: Option<Duration>,
    sends: u32,
    frames_max: u32,
}

impl Writer {
    async fn write(mut self) {
        let start = Instant::now();
        let mut beat_at = self.beat.map(|_| start + self.offset);
        let frames = (self.sends / FRAME_BYTES_MIN).clamp(1, self.frames_max);
        let frame_bytes = usize::try_from(self.sends / frames).unwrap_or(0);
        let mut data_at = (self.sends > 0).then_some(start + self.offset);
        loop {
            let bytes = tokio::select! {
                biased;
                Some(ping) = self.pongs.recv() => self.pong(ping, start),
                () = until(beat_at) => {
                    beat_at = next(beat_at, self.beat);
                    self.ping(start)
                }
                () = until(data_at) => {
                    data_at = next(data_at, Some(Duration::from_secs(1) / frames));
                    self.data(frame_bytes)
                }
            };
            if self.stream.write_all(&bytes).await.is_err() {
                return pending().await;
            }
        }
    }

    fn ping(&self, start: Instant) -> Vec<u8> {
        let mut bytes = Vec::new();
        let ping = Ping {
            clock_us: micros(start.elapsed()),
            received: self.account.taken(),
        };
        ping.encode(&mut bytes);
        bytes
    }

    fn pong(&self, ping: Ping, start: Instant) -> Vec<u8> {
        let mut bytes = Vec::new();
        let pong = Pong {
            ping_clock_us: ping.clock_us,
            clock_us: micros(start.elapsed()),
            held_us: 0,
            received: self.account.taken(),
        };
        pong.encode(&mut bytes);
        bytes
    }

    fn data(&self, frame_bytes: usize) -> Vec<u8> {
        let Some(payload) = self.account.next_payload(frame_bytes) else {
            return Vec::new();
        };
        self.account.sent();
        let mut bytes = Vec::new();
        frame(Kind::Data, &payload, &mut bytes);
        bytes
    }
}

async fn until(at: Option<Instant>) {
    match at {
        Some(at) => sleep_until(at).await,
        None => pending().await,
    }
}

/// Returns the time of the next turn; a delayed sender does not make up for missed turns.
fn next(at: Option<Instant>, interval: Option<Duration>) -> Option<Instant> {
    Some((at? + interval?).max(Instant::now()))
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

const PATIENCE: Duration = Duration::from_secs(60);
const BUFFER_BYTES: usize = 16 * 1_024;
const FRAME_BYTES_MIN: u32 = 16;
const PONGS_MAX: usize = 64;
