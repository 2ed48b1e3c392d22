//! `lastword demo`: a server, honest players, one of each kind of ending on a loop, and attackers. Each end is shown with
//! its cause.

mod attackers;
mod attacks;
mod cable;
mod close;
mod cut_path;
mod display;
mod endings;
mod frame;
mod game;
mod players;
pub(crate) mod run_for;
mod screen;
mod state;
mod style;
mod summary;
mod sums;
mod survival;
mod survivor;

use std::future::pending;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use lastword::{AdminExt as _, Config, Server, ServerHandle};
use lastword_server::canonical;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::serve::{AdminAddr, admin_addr, game_addr};
use crate::signals::Stop;
use crate::{Failure, announce, descriptors, quick};
use attackers::Attackers;
use cable::Cable;
use display::Display;
use endings::Endings;
use frame::DemoInfo;
use state::Shared;
use summary::Summary;

#[cfg(target_os = "linux")]
pub(crate) use cable::play as pull_cables;

/// The arguments of `demo`.
#[derive(Debug, Args)]
pub(crate) struct DemoArgs {
    /// Ends after this time, such as 500ms, 10s or 2m; without it, runs until a signal ends it
    #[arg(long = "for", value_name = "TIME", allow_hyphen_values = true, value_parser = run_for::parse)]
    run_for: Option<Duration>,
    /// The number of honest players, which stay until the end
    #[arg(long, value_name = "N", default_value = "50", allow_negative_numbers = true, value_parser = clap::value_parser!(u32).range(..=1_000))]
    clients: u32,
    /// Accepts players here; port 0 takes a free port
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0", value_parser = game_addr)]
    listen: SocketAddr,
    /// Serves the live page, /api, /metrics, /healthz and /readyz here; `off` serves none
    #[arg(long, value_name = "IP:PORT|off", default_value = "127.0.0.1:0", value_parser = admin_addr)]
    admin: AdminAddr,
}

/// All the clients of the demo.
#[derive(Debug)]
struct DemoClients {
    players: JoinSet<()>,
    endings: Endings,
    attackers: Attackers,
    cable: Cable,
}

/// Runs the demo to its end.
pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    // This process holds both ends of each connection.
    descriptors::raise(2 * args.clients + 200, "--clients");
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(play(args));
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    outcome
}

async fn play(args: &DemoArgs) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let state = Shared::default();
    let server = start(args, &state).await?;
    let info = DemoInfo {
        game: server.local_addr(),
        admin: server.admin_addr(),
        started: Instant::now(),
        run_for: args.run_for,
    };
    announce::listening(&[info.game], info.admin, None);
    let mut display = Display::start(info, state.clone(), server.clone())?;
    let clients = DemoClients::start(&server, args.clients, &state);
    tokio::select! {
        biased;
        signal = stop.next() => tracing::info!(signal, "told to end; a second signal ends at once"),
        shown = display.unread() => {
            return Ok(shown.context("standard output cannot be written")?);
        }
        () = time_is_up(args.run_for) => {}
    }
    tokio::select! {
        biased;
        _ = stop.next() => {
            let words = "interrupted twice: there is no summary";
            return Err(Failure::Interrupted(words.to_owned()));
        }
        () = clients.end(&server, &state) => {}
    }
    let summary = state.with(|state| Summary::of(state, server.stats()));
    display.conclude(summary.to_string()).await;
    Ok(summary.verdict()?)
}

async fn start(args: &DemoArgs, state: &Shared) -> Result<ServerHandle, Failure> {
    let mut builder = Server::builder()
        .config(impatient())
        .listen(args.listen.to_string())
        .observer(state.clone());
    if let AdminAddr(Some(addr)) = args.admin {
        builder = builder.admin(addr.to_string());
    }
    if !canonical(args.listen).ip().is_loopback() {
        tracing::warn!(
            "every client that reaches {} may end its session in every way",
            args.listen
        );
    }
    Ok(game::serve(builder, state).await?)
}

async fn time_is_up(run_for: Option<Duration>) {
    match run_for {
        Some(run_for) => sleep(run_for).await,
        None => pending().await,
    }
}

impl DemoClients {
    fn start(server: &ServerHandle, clients: u32, state: &Shared) -> Self {
        let addr = reachable(server.local_addr());
        Self {
            players: players::start(addr, clients, state),
            endings: Endings::begin(addr, state),
            attackers: Attackers::begin(addr, state),
            cable: Cable::pull(state, server),
        }
    }

    /// Ends all clients: an ending in progress is aborted, and the remaining players are drained.
    async fn end(self, server: &ServerHandle, state: &Shared) {
        // This comes first, so that an aborted ending is not counted as a wrong record.
        state.with(|state| state.is_closing = true);
        drop(self.cable);
        self.endings.end(state).await;
        self.attackers.end(state).await;
        // Endings from before the drain must not be recorded as part of the drain.
        settled(|| state.with(|state| state.waiting()) == 0).await;
        server.drain(DRAIN_TIMEOUT).await;
        settled(|| state.with(|state| state.staying) == 0).await;
        // The server counts an end shortly before the observer receives it.
        settled(|| state.with(|state| state.sums().ended()) == summary::ended(&server.stats()))
            .await;
        state.with(|state| match state.staying {
            0 => {}
            left => state.report_wrong(format!("{left} players never learned of the end")),
        });
        // Players that have not joined yet no longer need to.
        drop(self.players);
    }
}

/// Waits until the condition holds, for as long as a busy machine may take.
async fn settled(is_so: impl Fn() -> bool) {
    let waited = async {
        while !is_so() {
            sleep(STEP).await;
        }
    };
    timeout(SETTLE_TIMEOUT, waited).await.ok();
}

/// The default configuration with short timeouts, so that a viewer can watch them pass, and with a rate for the attackers
/// that flood. No other client comes near that rate.
fn impatient() -> Config {
    let mut config = Config::default();
    config.timeouts.hello_ms = TIMEOUT_MS;
    config.timeouts.auth_ms = TIMEOUT_MS;
    config.timeouts.frame_ms = TIMEOUT_MS;
    config.rates.frames_per_second = 1_000;
    config.rates.frames_burst = 5_000;
    config.rates.over_ms = 1_000;
    quick::add(&mut config);
    config
}

/// Returns an address at which our own clients reach a server that listens on all addresses.
fn reachable(mut addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        addr.set_ip(match addr.ip() {
            IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    addr
}

const TIMEOUT_MS: u32 = 2_000;
/// Longer than a busy machine takes. A record that is missing after this time is lost.
const SETTLE_TIMEOUT: Duration = Duration::from_secs(5);
const DRAIN_TIMEOUT: Duration = Duration::from_secs(2);
const STEP: Duration = Duration::from_millis(5);
/// The longest wait for threads that render metrics.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);

/// Hides the log lines that the table already shows and those that the endings cause on purpose,
/// because they would break the table.
pub(crate) const LOG: &str =
    "warn,lastword::close=off,lastword::departure=off,lastword_server::listen::app=off";

pub(crate) const EXIT_STATUS: &str = "\
Exit status:
  0    every end was recorded with its right cause, and both laws held
  1    a record was wrong, as the last lines say; or the demo could not start
  2    the arguments are not valid
  130  interrupted twice";
