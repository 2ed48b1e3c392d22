//! Clients that attack a server: a slow hello, noise, and a flood of frames. Each plays until the server ends it.

use std::future::pending;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_session::wire::Kind;
use lastword_session::{Cause, Phase};
use tokio::io::{AsyncWriteExt, copy, sink};
use tokio::time::timeout;

use crate::client_rng::ClientRng;
use crate::frames::frame;
use crate::last_frames::hello;
use crate::socket::Raw;
use crate::{Clients, Ending, Fault};

/// A kind of attacker.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Attack {
    /// Says its hello a byte at a time, so slowly that the hello timeout passes.
    Slow,
    /// Sends bytes of no protocol.
    Garbage,
    /// Joins, and sends frames as fast as the server takes them.
    Flood,
}

impl Attack {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Slow, Self::Garbage, Self::Flood];

    /// Returns the word for this kind. It is also the name of the player that floods.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Slow => "slow",
            Self::Garbage => "garbage",
            Self::Flood => "flood",
        }
    }

    /// Returns the ending that the server must record. A flood needs a server with a limit of frames a second
    /// (`rates.frames_per_second`), and a slow hello a timeout of less than 10 s (`timeouts.hello_ms`).
    #[must_use]
    pub const fn truth(self) -> Ending {
        match self {
            Self::Slow => Ending {
                cause: Cause::HelloTimeout,
                phase: Phase::Hello,
            },
            Self::Garbage => Ending {
                cause: Cause::WrongProtocol,
                phase: Phase::Hello,
            },
            Self::Flood => Ending::live(Cause::RateLimited),
        }
    }
}

impl Clients {
    /// Attacks as client `n` until the server ends it. Returns the address that it connected from, which is the `remote`
    /// of its record.
    ///
    /// # Errors
    /// The client could not connect or join, or the server did not end it within a minute.
    ///
    /// # Cancel safety
    /// If the call is dropped, it closes its connection.
    pub async fn attack(&self, n: u32, attack: Attack) -> Result<SocketAddr, Fault> {
        let raw = Raw::connect(self.local_ip(n), self.server).await;
        let raw = raw.map_err(Fault::Connect)?;
        let local = raw.local_addr().map_err(Fault::Connect)?;
        let played = async {
            match attack {
                Attack::Slow => slow(raw).await,
                Attack::Garbage => garbage(raw, ClientRng::of(self.scenario.seed, n)).await,
                Attack::Flood => flood(raw).await?,
            }
            Ok(())
        };
        let in_time = timeout(DEADLINE, played).await;
        in_time.unwrap_or(Err(Fault::TooLong {
            step: "attacking",
            after: DEADLINE,
        }))?;
        Ok(local)
    }
}

async fn slow(mut raw: Raw) {
    let mut bytes = Vec::new();
    hello(Attack::Slow.name()).encode(&mut bytes);
    for byte in bytes {
        if raw.write(&[byte]).await.is_err() {
            return;
        }
        // A goodbye or the end.
        if timeout(DRIP, raw.frame()).await.is_ok() {
            return;
        }
    }
    raw.frame().await;
}

async fn garbage(mut raw: Raw, mut rng: ClientRng) {
    let mut noise = rng.letters(NOISE_BYTES);
    noise.iter_mut().for_each(|byte| *byte |= 0x80);
    // The end may come before the bytes are written, and may be a reset.
    if raw.write(&noise).await.is_ok() {
        raw.discard().await.ok();
    }
}

async fn flood(mut raw: Raw) -> Result<(), Fault> {
    raw.join(Attack::Flood.name()).await?;
    let (stream, _) = raw.into_parts();
    let (mut echoes, writer) = stream.into_split();
    let mut nowhere = sink();
    tokio::select! {
        biased;
        () = write_empty_frames(writer) => {}
        // Only this one ends. Whether by a FIN or by a reset does not matter.
        _end = copy(&mut echoes, &mut nowhere) => {}
    }
    Ok(())
}

/// Writes until the server ends the connection, and then waits for ever.
async fn write_empty_frames(mut writer: impl AsyncWriteExt + Unpin) {
    let mut frames = Vec::new();
    (0..FRAMES_A_WRITE).for_each(|_| frame(Kind::Data, b"", &mut frames));
    while writer.write_all(&frames).await.is_ok() {}
    pending().await
}

/// Four bytes a second: a hello takes more than 10 s.
const DRIP: Duration = Duration::from_millis(250);
const NOISE_BYTES: u32 = 64;
const FRAMES_A_WRITE: usize = 1_024;
const DEADLINE: Duration = Duration::from_secs(60);
