//! A game with existing clients keeps its wire: a little-endian `u16` of length, an opcode, a body. The example maps
//! the ping, pong and goodbye of that wire. With these the layer distinguishes a dead path from a quiet player, and a
//! quit from a crash.
//!
//! `cargo run --example existing_protocol -- 127.0.0.1:7000`
#![expect(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use std::sync::Arc;

use lastword::dialect::{Dialect, Framing, Goodbye, Meaning, Measure};
use lastword::{Credentials, Player, Refusal, Server, Session};

/// The wire: the length of opcode and body, then the opcode and the body.
struct OldWire;

impl OldWire {
    fn write(opcode: u8, body: &[u8], out: &mut Vec<u8>) {
        // The frame limit in `main` keeps the length within a `u16`.
        let len = u16::try_from(body.len() + 1).unwrap_or(u16::MAX);
        out.extend_from_slice(&len.to_le_bytes());
        out.push(opcode);
        out.extend_from_slice(body);
    }
}

impl Dialect for OldWire {
    fn measure(&self, bytes: &[u8], _seen: usize) -> Measure {
        match bytes
            .first_chunk::<2>()
            .map(|prefix| u16::from_le_bytes(*prefix))
        {
            None => Measure::Short,
            // A frame of this wire has at least an opcode.
            Some(0) => Measure::Foreign,
            Some(len) => Measure::Frame {
                header: 2,
                payload: usize::from(len),
            },
        }
    }

    fn read<'a>(&self, _header: &'a [u8], payload: &'a [u8]) -> Meaning<'a> {
        match payload.split_first() {
            Some((&DATA | &LOGIN, body)) => Meaning::Data(body),
            Some((&PING, body)) => Meaning::Ping(body),
            Some((&PONG, _)) => Meaning::Pong,
            Some((&BYE, _)) => Meaning::Goodbye,
            _ => Meaning::Malformed,
        }
    }

    fn write_data(&self, payload: &[u8], out: &mut Vec<u8>) {
        Self::write(DATA, payload, out);
    }

    /// The clients ping every five seconds, even while the game is idle, so a silent client is
    /// noticed.
    fn has_heartbeats(&self) -> bool {
        true
    }

    fn write_pong(&self, ping: &[u8], out: &mut Vec<u8>) -> bool {
        Self::write(PONG, ping, out);
        true
    }

    fn write_ping(&self, out: &mut Vec<u8>) -> bool {
        Self::write(PING, &[], out);
        true
    }

    fn write_goodbye(&self, goodbye: &Goodbye<'_>, out: &mut Vec<u8>) -> bool {
        Self::write(BYE, goodbye.reason.as_bytes(), out);
        true
    }
}

/// The first frame is the login.
async fn log_in(credentials: Credentials) -> Result<Player, Refusal> {
    match std::str::from_utf8(&credentials.bytes) {
        Ok(name) if !name.is_empty() => Ok(Player::new(name)),
        _ => Err(Refusal::rejected("a login is a name")),
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The layer logs to the program's subscriber, and logs nothing without one.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let addr = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let mut config = lastword::Config::default();
    // The largest `u16`, without the opcode.
    config.limits.frame_bytes_max = 65_534;
    config.limits.outbound_frame_bytes_max = 65_534;
    let mut server = Server::builder()
        .config(config)
        .listen(addr)
        .framing(Framing::Dialect(Arc::new(OldWire)))
        .authenticator(log_in)
        .bind()
        .await?;
    println!("listening on {}", server.local_addr());
    let handle = server.handle().clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            handle.drain(handle.drain_timeout()).await;
        }
    });
    while let Some(session) = server.accept().await {
        tokio::spawn(play(session));
    }
    Ok(())
}

async fn play(mut session: Session) {
    // The login also arrives here, as the first frame.
    while let Some(payload) = session.recv().await {
        if let Err(error) = session.send(payload) {
            println!("{}: not sent: {error}", session.id());
        }
    }
    println!("{}", session.close().await);
}

const DATA: u8 = 0;
const LOGIN: u8 = 1;
const PING: u8 = 2;
const PONG: u8 = 3;
const BYE: u8 = 4;
