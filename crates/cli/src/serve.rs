//! `lastword serve`: a game that sends each frame back, from its start to the end of its drain.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use lastword::{AdminExt, Config, Server, ServerHandle};

use crate::game::Game;
use crate::signals::Stop;
use crate::{Failure, announce, config_file, descriptors};

/// The arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    /// Reads the configuration from this TOML file; without a file, every key has its default
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Accepts players only here, instead of at the addresses of [[listen]]; port 0 takes a free port
    #[arg(long, value_name = "IP:PORT", value_parser = game_addr)]
    listen: Option<SocketAddr>,
    /// Serves the live page, /api, /metrics, /healthz and /readyz here instead of at admin.listen; `off` serves none
    #[arg(long, value_name = "IP:PORT|off", value_parser = admin_addr)]
    admin: Option<AdminAddr>,
    /// The game that is played
    #[arg(long, value_name = "GAME", default_value = "echo")]
    game: Game,
}

/// The address of the admin port, if there is one.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AdminAddr(pub(crate) Option<SocketAddr>);

/// Serves until a signal ends it.
pub(crate) fn run(args: ServeArgs) -> Result<(), Failure> {
    let config = config_of(&args).map_err(Failure::Usage)?;
    descriptors::raise(
        config.admission.connections_max,
        "admission.connections_max",
    );
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(serve(config, args));
    runtime.shutdown_timeout(SHUTDOWN_TIMEOUT);
    outcome
}

/// Reads the configuration. The error has one line for each mistake.
fn config_of(args: &ServeArgs) -> Result<Config, Vec<String>> {
    let mut config = match &args.config {
        Some(path) => config_file::load(path)?.config,
        None => Config::default(),
    };
    if let Some(addr) = args.listen {
        config.listen_at(addr);
    }
    if let Some(AdminAddr(addr)) = args.admin {
        config.admin.listen = addr;
    }
    // Validates again, because arguments may have replaced values of the file.
    config.validate().map_err(|errors| {
        let lines = errors.iter().map(|error| format!("lastword: {error}"));
        lines.collect::<Vec<_>>()
    })?;
    Ok(config)
}

async fn serve(config: Config, args: ServeArgs) -> Result<(), Failure> {
    // The signals are caught before the first line: a reader of that line may send one.
    let mut stop = Stop::new()?;
    let server = start(config, args).await?;
    stop.reloads(server.clone());
    announce::listening(
        server.local_addrs(),
        server.admin_addr(),
        server.metrics_addr(),
    );
    tokio::select! {
        biased;
        signal = stop.next() => tracing::info!(signal, "told to end; a second signal ends at once"),
        () = server.closed() => return Ok(()),
    }
    drain(&server, &mut stop).await;
    Ok(())
}

async fn start(config: Config, args: ServeArgs) -> Result<ServerHandle, Failure> {
    let mut builder = Server::builder().config(config).admin_from_config();
    let game = args.game;
    if args.config.is_some() {
        builder = builder.reload_from(move || config_of(&args));
    }
    Ok(game.serve(builder).await?)
}

async fn drain(server: &ServerHandle, stop: &mut Stop) {
    let mut drained = std::pin::pin!(server.drain(server.drain_timeout()));
    let signal = tokio::select! {
        biased;
        () = &mut drained => return,
        signal = stop.next() => signal,
    };
    tracing::warn!(signal, "ending at once");
    server.expire();
    // It takes a second at most.
    drained.await;
}

pub(crate) fn game_addr(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|error| format!("{error}; write IP:PORT, a host name is not looked up"))
}

pub(crate) fn admin_addr(text: &str) -> Result<AdminAddr, String> {
    if text.is_empty() || text == "off" {
        return Ok(AdminAddr(None));
    }
    let addr = text
        .parse()
        .map_err(|error| format!("{error}; write IP:PORT, or `off`"))?;
    Ok(AdminAddr(Some(addr)))
}

/// The longest wait for threads that render metrics.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_millis(500);
