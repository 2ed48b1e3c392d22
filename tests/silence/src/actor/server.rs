//! The server of a scene: the library, a game, and an observer. The game acts in each session by the player's name. The
//! observer reports each record exactly as the library wrote it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use lastword::config::KernelAbilities;
use lastword::{
    Cause, Config, Context, Disconnect, Handler, Observer, Player, Server, ServerHandle,
};

use super::book::Book;
use super::{Orders, Tell, game};
use crate::behaviour::Game;
use crate::setting::RtoMax;
use crate::words::{Order, ProfileTimes, Report, ServerFacts, Settings, Stamp, Word};

/// Serves until standard input ends.
pub(super) fn play(orders: &mut Orders, tell: &Tell) -> anyhow::Result<()> {
    let settings: Settings = orders.first()?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let config = config(&settings);
    let book = Book::default();
    let serving = serve(&settings, config.clone(), book.clone(), tell.clone());
    let server = runtime.block_on(serving)?;
    tell.send(listening(&server, &config))?;
    while let Some(order) = orders.next()? {
        book.obey(order);
        if order == Order::Report {
            tell.send(report(&server, &book))?;
        }
    }
    Ok(())
}

async fn serve(
    settings: &Settings,
    config: Config,
    book: Book,
    tell: Tell,
) -> anyhow::Result<ServerHandle> {
    let builder = Server::builder()
        .config(config)
        .listen(format!("{}:0", settings.host))
        .observer(Records(tell));
    if settings.tuning.in_place {
        return Ok(builder.serve(|_: &Player| Deaf).await?);
    }
    let mut server = builder.bind().await?;
    let handle = server.handle().clone();
    tokio::spawn(async move {
        while let Some(session) = server.accept().await {
            let name = session.player().unwrap_or_default();
            let game = Game::of_player(name).unwrap_or(Game::Quiet);
            let page = book.open(name);
            tokio::spawn(game::play(session, game, page));
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
    config.listen.behind_proxy = tuning.behind_proxy;
    config.listen.connections_max = CONNECTIONS_MAX;
    config.listen.authentications_max = CONNECTIONS_MAX;
    config.timeouts.idle_ms = tuning.idle_ms;
    config.timeouts.write_progress_ms = tuning.write_progress_ms;
    // Records come after the linger, and are compared with our clock.
    config.timeouts.linger_ms = LINGER_MS;
    // Slow readers matter only in the tests of write progress.
    config.timeouts.outbound_age_ms = 0;
    config
}

fn listening(server: &ServerHandle, config: &Config) -> Word {
    let profile = config.default_profile();
    let kernel = KernelAbilities::probe();
    let bound = |cause: &Cause| {
        let bound = config.reach(*cause, &profile, kernel).bound()?;
        Some((cause.label().to_owned(), millis(bound)))
    };
    Word::Listening(ServerFacts {
        addr: server.local_addr(),
        bounds_ms: Cause::ALL.iter().filter_map(bound).collect(),
        profile: ProfileTimes {
            heartbeat_ms: millis(profile.heartbeat),
            dead_ms: profile.dead.map_or(u64::MAX, millis),
            rto_max_ms: profile.rto_max.map(millis),
        },
    })
}

fn report(server: &ServerHandle, book: &Book) -> Word {
    let suspects = server.stats().suspects.into_iter();
    let suspects: BTreeMap<_, _> = suspects
        .map(|(diagnosis, count)| (diagnosis.label().to_owned(), count))
        .collect();
    Word::Reported(Report {
        accounts: book.accounts(),
        suspects,
    })
}

/// Reports every end.
struct Records(Tell);

impl Observer for Records {
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        let word = match serde_json::to_value(disconnect.record()) {
            Ok(record) => Word::Ended {
                at: Stamp::from(disconnect.at),
                record,
            },
            Err(error) => Word::Failed(format!("a record cannot be written: {error}")),
        };
        // Sending fails only when the receiver has ended.
        self.0.send(word).ok();
    }
}

/// Drops every frame.
struct Deaf;

impl Handler for Deaf {
    fn frame(&mut self, _context: &mut Context<'_, '_>, _payload: &[u8]) {}
}

fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

/// The shortest that is allowed.
const LINGER_MS: u32 = 100;
/// No scene has more sessions.
const CONNECTIONS_MAX: u32 = 19_000;
