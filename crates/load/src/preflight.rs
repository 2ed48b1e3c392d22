//! One session before the storm: it shows that players can join, that the game does what the scenario needs, and that
//! the records are those of this server, with the addresses that we have here.

use std::fmt::Write;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_session::wire::{Kind, Welcome};
use tokio::time::{Instant, sleep, timeout};

use crate::closes::{self, Cursor};
use crate::http::Http;
use crate::socket::{Frame, Raw};
use crate::speech::frame;
use crate::storm::Storm;
use crate::{Command, Fault, Record, Scrape, StormError, client};

/// Where a storm begins.
#[derive(Debug)]
pub(crate) struct Start {
    pub(crate) http: Http,
    pub(crate) cursor: Cursor,
    pub(crate) base: Scrape,
    /// The frames that the game was handed, where it obeys.
    pub(crate) taken: Option<u64>,
}

/// Tries the server and its admin port.
pub(crate) async fn check(storm: &Storm) -> Result<Start, StormError> {
    let mut http = Http::new(storm.admin);
    Scrape::take(&mut http).await?;
    let (local, session, taken) = tried(storm).await?;
    let record = record_of(storm, &mut http, &session).await?;
    if record.remote != local {
        return Err(StormError::Translated {
            local,
            seen: record.remote,
        });
    }
    let mut cursor = Cursor { after: record.seq };
    let base = at_rest(storm, &mut http, &mut cursor).await?;
    Ok(Start {
        http,
        cursor,
        base,
        taken,
    })
}

/// Asks the game in a session of its own how many frames it was handed in all.
pub(crate) async fn taken(storm: &Storm) -> Result<u64, Fault> {
    let asked = async {
        let (mut raw, ..) = join(storm).await?;
        count(&mut raw).await
    };
    let count = timeout(TIMEOUT, asked).await;
    count.unwrap_or(Err(too_long("asking the game what it was handed")))
}

/// Plays a session. Returns its address, its id, and the frames that the game was handed, where it obeys.
async fn tried(storm: &Storm) -> Result<(SocketAddr, String, Option<u64>), StormError> {
    let server = |fault| StormError::Server {
        addr: storm.server,
        fault,
    };
    let (mut raw, local, session) = timeout(TIMEOUT, join(storm))
        .await
        .unwrap_or(Err(too_long("waiting for the welcome")))
        .map_err(server)?;
    let needs_the_game = storm.scenario.needs_the_game();
    if needs_the_game || storm.scenario.frames.1 > 0 {
        let answer = timeout(TIMEOUT, ask(&mut raw, Command::Obey)).await;
        let answer = answer.unwrap_or(Ok(None)).map_err(server)?;
        judge(
            storm,
            needs_the_game,
            answer.as_ref().map(|frame| &*frame.payload),
        )?;
    }
    // In the same session: one more would end somewhere behind the counts that the storm begins with.
    let taken = match needs_the_game {
        true => {
            let count = timeout(TIMEOUT, count(&mut raw)).await;
            let count = count.unwrap_or(Err(too_long("asking the game what it was handed")));
            Some(count.map_err(server)?)
        }
        false => None,
    };
    Ok((local, session, taken))
}

async fn join(storm: &Storm) -> Result<(Raw, SocketAddr, String), Fault> {
    let home = storm.homes().of(storm.scenario.connections);
    let connected = Raw::connect(home, storm.server).await;
    let mut raw = connected.map_err(Fault::Connect)?;
    let local = raw.local_addr().map_err(Fault::Connect)?;
    let welcome = client::enter(&mut raw, "storm").await?;
    let Ok(welcome) = Welcome::decode(&welcome) else {
        return Err(Fault::NoWelcome);
    };
    let session = welcome.session.iter().fold(String::new(), |mut id, byte| {
        // Writing to a string cannot fail.
        write!(id, "{byte:02x}").unwrap_or_default();
        id
    });
    Ok((raw, local, session))
}

async fn ask(raw: &mut Raw, command: Command<'_>) -> Result<Option<Frame>, Fault> {
    let mut bytes = Vec::new();
    frame(Kind::Data.to_byte(), &command.payload(), &mut bytes);
    raw.write(&bytes).await?;
    Ok(raw.frame().await)
}

async fn count(raw: &mut Raw) -> Result<u64, Fault> {
    let answer = ask(raw, Command::Taken).await?;
    let count = answer.and_then(|frame| Command::count_of(&frame.payload));
    count.ok_or(Fault::EchoDiffers)
}

fn judge(storm: &Storm, needs_the_game: bool, answer: Option<&[u8]>) -> Result<(), StormError> {
    let addr = storm.server;
    if needs_the_game && answer != Some(Command::OBEYED) {
        let ways = storm.scenario.ways.iter();
        let ways = ways.filter(|(way, weight)| way.needs_the_game && *weight > 0);
        let ways: Vec<_> = ways.map(|(way, _)| way.name).collect();
        let ways = ways.join(", ");
        return Err(StormError::GameDoesNotObey { addr, ways });
    }
    answer.map(drop).ok_or(StormError::GameDoesNotEcho { addr })
}

async fn record_of(storm: &Storm, http: &mut Http, session: &str) -> Result<Record, StormError> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(record) = closes::of_session(http, session).await?.pop() {
            return Ok(record);
        }
        if Instant::now() > deadline {
            return Err(StormError::NotRecorded {
                server: storm.server,
                admin: storm.admin,
            });
        }
        sleep(STEP).await;
    }
}

/// Waits until counters and records show the same: from there on, both are held against each other.
async fn at_rest(
    storm: &Storm,
    http: &mut Http,
    cursor: &mut Cursor,
) -> Result<Scrape, StormError> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        cursor.advance(http).await?;
        let scrape = Scrape::take(http).await?;
        if scrape.ended() == cursor.after {
            return Ok(scrape);
        }
        if Instant::now() > deadline {
            return Err(StormError::Unsettled {
                admin: storm.admin,
                counted: scrape.ended(),
                recorded: cursor.after,
            });
        }
        sleep(STEP).await;
    }
}

const fn too_long(step: &'static str) -> Fault {
    Fault::TooLong {
        step,
        after: TIMEOUT,
    }
}

const TIMEOUT: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(20);
