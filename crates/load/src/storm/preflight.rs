//! Plays one session before the storm. It shows that players can join and that the game does what the scenario needs.
//! It also shows that the records belong to this server and have the same addresses as we have.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use lastword_session::SessionId;
use lastword_session::wire::Welcome;
use tokio::time::{Instant, sleep, timeout};

use super::Storm;
use crate::client_addrs::ClientAddrs;
use crate::closes::{self, Cursor};
use crate::error::NotAServer;
use crate::http::Http;
use crate::probe::{self, Unfit};
use crate::socket::Raw;
use crate::{Fault, Record, Scenario, Scrape, StormError, reach};

/// The state in which a storm begins.
#[derive(Debug)]
pub(crate) struct Start {
    /// The one address of the server that the storm uses.
    pub(crate) server: SocketAddr,
    pub(crate) http: Http,
    pub(crate) cursor: Cursor,
    pub(crate) base: Scrape,
    /// How many frames the game was handed; `None` if the game need not obey.
    pub(crate) taken: Option<u64>,
}

/// Tries the server and its admin port.
pub(crate) async fn check(storm: &Storm) -> Result<Start, StormError> {
    let mut http = Http::reach(&storm.admin, storm.token.as_ref()).await?;
    Scrape::take(&mut http).await?;
    let tried = tried(storm).await?;
    let record = record_of(tried.server, &mut http, &tried.session).await?;
    if record.remote != tried.local {
        return Err(StormError::Translated {
            local: tried.local,
            seen: record.remote,
        });
    }
    let mut cursor = Cursor { after: record.seq };
    let base = at_rest(&mut http, &mut cursor).await?;
    Ok(Start {
        server: tried.server,
        http,
        cursor,
        base,
        taken: tried.taken,
    })
}

/// Asks the game in a new session how many frames it was handed in all.
pub(crate) async fn taken(server: SocketAddr, scenario: &Scenario) -> Result<u64, Fault> {
    let connected = timeout(TIMEOUT, connect(server, scenario)).await;
    let connected = connected.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let mut raw = connected.map_err(Fault::Connect)?;
    welcomed(&mut raw).await?;
    probe::taken(&mut raw).await
}

/// The session that was played before the storm.
struct Tried {
    server: SocketAddr,
    local: SocketAddr,
    session: String,
    /// How many frames the game was handed; `None` if the game need not obey.
    taken: Option<u64>,
}

async fn tried(storm: &Storm) -> Result<Tried, StormError> {
    let fault = |fault| StormError::Server {
        server: storm.server.clone(),
        fault,
    };
    let connecting = reach::first(&storm.server, |addr| connect(addr, &storm.scenario)).await;
    let (server, mut raw) = connecting.map_err(|error| fault(Fault::Connect(error)))?;
    let local = raw
        .local_addr()
        .map_err(|error| fault(Fault::Connect(error)))?;
    let session = welcomed(&mut raw).await.map_err(fault)?;
    let taken = probe::try_game(&mut raw, &storm.scenario)
        .await
        .map_err(|unfit| match unfit {
            Unfit::DoesNotObey => does_not_obey(storm),
            Unfit::DoesNotEcho(how) => StormError::GameDoesNotEcho {
                server: storm.server.clone(),
                how,
            },
            Unfit::SpeaksUnasked { bytes } => StormError::GameSpeaksUnasked {
                server: storm.server.clone(),
                bytes,
            },
            Unfit::Fault(met) => fault(met),
        })?;
    Ok(Tried {
        server,
        local,
        session,
        taken,
    })
}

async fn connect(server: SocketAddr, scenario: &Scenario) -> io::Result<Raw> {
    let count = scenario.connections;
    Raw::connect(ClientAddrs::towards(server, count).of(count), server).await
}

/// Says hello, and returns the session's id.
async fn welcomed(raw: &mut Raw) -> Result<String, Fault> {
    let welcome = timeout(TIMEOUT, raw.join("storm")).await;
    let welcome = welcome.unwrap_or(Err(Fault::NoWelcome(NotAServer::Silent(TIMEOUT))))?;
    match Welcome::decode(&welcome) {
        Ok(welcome) => Ok(SessionId::from_bytes(welcome.session).to_string()),
        Err(_) => Err(Fault::NoWelcome(NotAServer::OtherProtocol)),
    }
}

fn does_not_obey(storm: &Storm) -> StormError {
    let ways = storm.scenario.ways.iter();
    let ways = ways.filter(|(way, weight)| way.needs_the_game && *weight > 0);
    let ways: Vec<_> = ways.map(|(way, _)| way.name).collect();
    StormError::GameDoesNotObey {
        server: storm.server.clone(),
        ways: ways.join(", "),
    }
}

async fn record_of(
    server: SocketAddr,
    http: &mut Http,
    session: &str,
) -> Result<Record, StormError> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        if let Some(record) = closes::of_session(http, session).await?.pop() {
            return Ok(record);
        }
        if Instant::now() > deadline {
            return Err(StormError::NotRecorded {
                server,
                admin: http.addr(),
            });
        }
        sleep(STEP).await;
    }
}

/// Waits until the counters and the records agree. From then on they are compared.
async fn at_rest(http: &mut Http, cursor: &mut Cursor) -> Result<Scrape, StormError> {
    let deadline = Instant::now() + TIMEOUT;
    loop {
        cursor.advance(http).await?;
        let scrape = Scrape::take(http).await?;
        if scrape.ended() == cursor.after {
            return Ok(scrape);
        }
        if Instant::now() > deadline {
            return Err(StormError::Unsettled {
                admin: http.addr(),
                counted: scrape.ended(),
                recorded: cursor.after,
            });
        }
        sleep(STEP).await;
    }
}

const TIMEOUT: Duration = Duration::from_secs(5);
const STEP: Duration = Duration::from_millis(20);
