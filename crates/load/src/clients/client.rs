//! Plays one client from its connect to its end, along its way.

use std::net::SocketAddr;
use std::time::Duration;

use lastword_client::{Cause, Client};
use lastword_session::wire::Kind;
use tokio::time::timeout;

use super::Clients;
use crate::client_rng::ClientRng;
use crate::frames::frame;
use crate::last_frames::LastFrames;
use crate::socket::{Raw, goodbye_code};
use crate::way::{ClientEnd, Leaves, Play};
use crate::{Fault, Way};

/// The actions and observations of one client: the truth with which its record is compared.
#[derive(Debug)]
pub struct Played {
    pub(crate) n: u32,
    pub(crate) way: &'static Way,
    /// The address that it connected from, which is the `remote` of its record; `None` where it did not connect.
    pub local: Option<SocketAddr>,
    /// Complete data frames that the client sent.
    pub frames: u64,
    /// Data frames that came back unchanged.
    pub echoed: u64,
    /// An event that is not part of the client's way. Its record then says nothing about the way.
    pub fault: Option<Fault>,
    step: &'static str,
}

/// A client that is about to be played.
#[derive(Debug)]
pub(super) struct Plan<'c> {
    pub(crate) n: u32,
    /// The player's name, where the client joins.
    pub(crate) name: String,
    pub(crate) way: &'static Way,
    pub(crate) rng: ClientRng,
    pub(crate) clients: &'c Clients,
}

impl Played {
    pub(crate) const fn new(n: u32, way: &'static Way) -> Self {
        Self {
            n,
            way,
            local: None,
            frames: 0,
            echoed: 0,
            fault: None,
            step: "connecting",
        }
    }
}

impl Plan<'_> {
    /// Plays the client from its connect to its end, within a deadline.
    pub(crate) async fn play(mut self) -> Played {
        let mut played = Played::new(self.n, self.way);
        let result = match &self.way.play {
            Play::Raw {
                joins,
                says,
                leaves,
            } => timeout(DEADLINE, self.raw(*joins, *says, *leaves, &mut played)).await,
            Play::Client(end) => timeout(DEADLINE, self.client(*end, &mut played)).await,
        };
        let result = result.unwrap_or(Err(Fault::TooLong {
            step: played.step,
            after: DEADLINE,
        }));
        played.fault = result.err();
        played
    }

    async fn raw(
        &mut self,
        joins: bool,
        says: fn(&mut LastFrames),
        leaves: Leaves,
        played: &mut Played,
    ) -> Result<(), Fault> {
        let connecting = Raw::connect(self.clients.local_ip(self.n), self.clients.server);
        let mut raw = connecting.await.map_err(Fault::Connect)?;
        played.local = raw.local_addr().ok();
        let mut last = self.last_frames();
        if joins {
            played.step = "waiting for the welcome";
            raw.join(&self.name).await?;
            played.step = "waiting for a frame to come back";
            self.converse(&mut raw, &mut last, played).await?;
        }
        says(&mut last);
        played.frames += last.frames;
        played.step = "leaving";
        leave(raw, &last, leaves, self.way.hears, played).await
    }

    fn last_frames(&self) -> LastFrames {
        let scenario = &self.clients.scenario;
        let (_, frames_max) = scenario.frames;
        LastFrames::new(self.rng.clone(), scenario.payload_bytes, frames_max)
    }

    /// Sends frames one by one, and waits for the echo of each.
    async fn converse(
        &mut self,
        raw: &mut Raw,
        last: &mut LastFrames,
        played: &mut Played,
    ) -> Result<(), Fault> {
        let (least, most) = self.clients.scenario.frames;
        for _ in 0..self.rng.from(least, most) {
            let payload = last.payload();
            let mut bytes = Vec::with_capacity(payload.len() + 4);
            frame(Kind::Data, &payload, &mut bytes);
            raw.write(&bytes).await?;
            played.frames += 1;
            let Some(back) = raw.frame().await else {
                return Err(Fault::EchoMissing { missing: 1 });
            };
            if back.kind != Some(Kind::Data) || back.payload != payload {
                return Err(Fault::EchoDiffers);
            }
            played.echoed += 1;
        }
        Ok(())
    }

    async fn client(&mut self, end: ClientEnd, played: &mut Played) -> Result<(), Fault> {
        let Clients {
            server, scenario, ..
        } = self.clients;
        let connector = self.clients.connector(self.n);
        let dialled = connector.connect(*server, self.name.clone()).await;
        let mut client = dialled.map_err(|error| Fault::Client(error.to_string()))?;
        played.local = Some(client.local_addr());
        played.step = "waiting for a frame to come back";
        let mut last = self.last_frames();
        let (least, most) = scenario.frames;
        for _ in 0..self.rng.from(least, most) {
            echo(&mut client, last.payload(), played).await?;
        }
        played.step = "leaving";
        match end {
            ClientEnd::Goodbye => farewell(client).await,
            ClientEnd::Abort => {
                client.abort();
                Ok(())
            }
            ClientEnd::Drop => {
                drop(client);
                Ok(())
            }
        }
    }
}

async fn echo(client: &mut Client, payload: Vec<u8>, played: &mut Played) -> Result<(), Fault> {
    let sent = client.send(&payload);
    sent.map_err(|error| Fault::Client(error.to_string()))?;
    played.frames += 1;
    match client.recv().await {
        None => Err(Fault::EchoMissing { missing: 1 }),
        Some(back) if back != payload => Err(Fault::EchoDiffers),
        Some(_) => {
            played.echoed += 1;
            Ok(())
        }
    }
}

async fn farewell(client: Client) -> Result<(), Fault> {
    let ended = client.goodbye().await;
    if ended.cause == Cause::ClosedByGame {
        return Ok(());
    }
    Err(Fault::Client(format!(
        "the client left, but its own record is {ended}"
    )))
}

async fn leave(
    mut raw: Raw,
    last: &LastFrames,
    leaves: Leaves,
    hears: Option<u16>,
    played: &mut Played,
) -> Result<(), Fault> {
    if leaves == Leaves::WithLastFrame {
        raw.hold_back()?;
    }
    raw.write(&last.bytes).await?;
    match leaves {
        Leaves::Close | Leaves::WithLastFrame => Ok(()),
        Leaves::Reset => raw.reset(),
        Leaves::Unread => raw.until_readable().await,
        Leaves::Read | Leaves::ReadLate => {
            if leaves == Leaves::ReadLate {
                raw.until_readable().await?;
                tokio::time::sleep(LATE).await;
            }
            played.step = "waiting for the server's goodbye";
            let heard = goodbye(&mut raw).await;
            match hears {
                Some(due) if heard != Some(due) => Err(Fault::OtherGoodbye { due, heard }),
                _ => Ok(()),
            }
        }
        Leaves::HalfClose => {
            raw.finish().await?;
            played.step = "waiting for its last frames to come back";
            all_back(&mut raw, &last.echoes, played).await
        }
    }
}

/// How long a client that reads late reads nothing.
const LATE: Duration = Duration::from_millis(200);

/// Reads to the end. Returns the code of the goodbye, if there was one.
async fn goodbye(raw: &mut Raw) -> Option<u16> {
    let mut heard = None;
    while let Some(frame) = raw.frame().await {
        if frame.kind == Some(Kind::Goodbye) {
            heard = goodbye_code(&frame.payload);
        }
    }
    heard
}

/// Reads to the end, and checks that every echo arrives, in order.
async fn all_back(raw: &mut Raw, echoes: &[Vec<u8>], played: &mut Played) -> Result<(), Fault> {
    let mut due = echoes.iter();
    while let Some(back) = raw.frame().await {
        if due.next() != Some(&back.payload) {
            return Err(Fault::EchoDiffers);
        }
        played.echoed += 1;
    }
    match due.len() {
        0 => Ok(()),
        missing => Err(Fault::EchoMissing { missing }),
    }
}

/// Longer than any way takes with the server's default timeouts.
const DEADLINE: Duration = Duration::from_secs(60);
