//! The server of a scene: the library, a game, and an observer. The game acts in each session by the player's name. The
//! observer reports each record exactly as the library wrote it.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use lastword::config::{KernelAbilities, Network};
use lastword::{
    Cause, Config, Context, Disconnect, Handler, Observer, Player, Server, ServerHandle,
};
use lastword_load::process::next_order;

use super::accounts::Accounts;
use super::{Reports, first_order, game};
use crate::behaviour::Game;
use crate::messages::{Message, Order, ProfileTimes, Report, ServerInfo, Settings, Stamp};
use crate::setting::RtoMax;

/// Serves until standard input ends.
pub(crate) fn run(reports: &Reports) -> anyhow::Result<()> {
    let settings: Settings = first_order()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let config = config(&settings);
    let accounts = Accounts::default();
    let serving = serve(&settings, config.clone(), accounts.clone(), reports.clone());
    let server = runtime.block_on(serving)?;
    reports.send(Ok(listening(&server, &config)))?;
    while let Some(order) = next_order()? {
        accounts.obey(order);
        if order == Order::Report {
            reports.send(Ok(report(&server, &accounts)))?;
        }
    }
    Ok(())
}

async fn serve(
    settings: &Settings,
    config: Config,
    accounts: Accounts,
    reports: Reports,
) -> anyhow::Result<ServerHandle> {
    let builder = Server::builder()
        .config(config)
        .listen(SocketAddr::new(settings.host, 0).to_string())
        .observer(Records(reports));
    if settings.tuning.in_place {
        return Ok(builder.serve(|_: &Player| DropsFrames).await?);
    }
    let mut server = builder.bind().await?;
    let handle = server.handle().clone();
    tokio::spawn(async move {
        while let Some(session) = server.accept().await {
            let name = session.player().unwrap_or_default();
            let game = Game::of_player(name).unwrap_or(Game::Quiet);
            let account = accounts.open(name);
            tokio::spawn(game::play(session, game, account));
        }
    });
    Ok(handle)
}

fn config(settings: &Settings) -> Config {
    let tuning = settings.tuning;
    let mut config = Config::default();
    config
        .liveness
        .profile
        .clone_from(&settings.setting.profile);
    config.kernel.rto_max = match settings.setting.rto_max {
        RtoMax::Auto => lastword::config::RtoMax::Auto,
        RtoMax::Off => lastword::config::RtoMax::Off,
    };
    for listen in &mut config.listen {
        listen.behind_proxy = tuning.behind_proxy;
        if tuning.proxy_header {
            // The router's address on the server's side lies in the same network.
            listen.proxy = vec![Network::of(settings.host, 24)];
        }
    }
    config.admission.connections_max = CONNECTIONS_MAX;
    // All clients of a lab have a few addresses.
    config.admission.address_connections_max = 0;
    config.admission.address_rate_max = 0;
    config.admission.handshakes_max = 0;
    config.admission.authentications_max = CONNECTIONS_MAX;
    config.timeouts.hello_ms = HELLO_MS;
    config.timeouts.idle_ms = tuning.idle_ms;
    config.timeouts.write_progress_ms = tuning.write_progress_ms;
    // Records come after the linger, and are compared with our clock.
    config.timeouts.linger_ms = LINGER_MS;
    // Slow readers matter only in the tests of write progress.
    config.timeouts.outbound_age_ms = 0;
    config
}

fn listening(server: &ServerHandle, config: &Config) -> Message {
    let profile = config.default_profile();
    let kernel = KernelAbilities::probe();
    let bound = |cause: &Cause| {
        let bound = config.reach(*cause, &profile, kernel).bound()?;
        Some((cause.label().to_owned(), millis(bound)))
    };
    Message::Listening(ServerInfo {
        addr: server.local_addr(),
        bounds_ms: Cause::ALL.iter().filter_map(bound).collect(),
        profile: ProfileTimes {
            heartbeat_ms: millis(profile.heartbeat),
            suspect_ms: millis(profile.suspect),
            dead_ms: profile.dead.map_or(u64::MAX, millis),
            rto_max_ms: profile.rto_max.map(millis),
        },
    })
}

fn report(server: &ServerHandle, accounts: &Accounts) -> Message {
    let suspects = server.stats().suspects.into_iter();
    let suspects: BTreeMap<_, _> = suspects
        .map(|(diagnosis, count)| (diagnosis.label().to_owned(), count))
        .collect();
    Message::Reported(Report {
        accounts: accounts.copy(),
        suspects,
    })
}

/// Reports every end.
struct Records(Reports);

impl Observer for Records {
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        let ended = serde_json::to_value(disconnect.record()).map(|record| Message::Ended {
            at: Stamp::from(disconnect.at),
            record,
        });
        let ended = ended.map_err(|error| format!("a record cannot be written: {error}"));
        // Sending fails only when the receiver has ended.
        self.0.send(ended).ok();
    }
}

/// Drops every frame.
struct DropsFrames;

impl Handler for DropsFrames {
    fn frame(&mut self, _context: &mut Context<'_, '_>, _payload: &[u8]) {}
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// Thousands of clients join at the same time.
const HELLO_MS: u32 = 60_000;
/// The shortest that is allowed.
const LINGER_MS: u32 = 100;
/// No scene has more sessions.
const CONNECTIONS_MAX: u32 = 19_000;
