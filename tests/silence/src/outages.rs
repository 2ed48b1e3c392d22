//! Outages that are shorter than the dead limit. No session ends, data is back soon after the link, and nothing is lost
//! or out of order.

use std::process::ExitCode;
use std::thread;
use std::time::Duration;

use clap::Args;

use crate::behaviour::{ClientBehaviour, Game};
use crate::fault::Fault;
use crate::figures::Figures;
use crate::judge::{Flow, Judgement};
use crate::messages::{Order, Stamp};
use crate::row::Row;
use crate::scene::Scene;
use crate::setting::{RtoMax, Setting};
use crate::{Run, report};

/// The arguments of `outages`.
#[derive(Debug, Args)]
pub(crate) struct OutagesArgs {
    #[command(flatten)]
    run: Run,
    /// Sessions per outage, all in one lab
    #[arg(long, default_value_t = 20)]
    trials: usize,
    /// How long they are, in seconds
    #[arg(long, value_delimiter = ',', default_value = "1,3,5,7")]
    seconds: Vec<u64>,
    /// The liveness profile
    #[arg(long, default_value = "standard")]
    profile: String,
}

/// Plays every outage with bounded retries on both ends, and with the kernel's own retries.
pub(crate) fn run(args: &OutagesArgs) -> anyhow::Result<ExitCode> {
    let profile = std::slice::from_ref(&args.profile);
    let settings = Setting::all(profile, &[RtoMax::Auto, RtoMax::Off]);
    let rows = args.seconds.iter().map(|&seconds| Row {
        game: Game::Pour(BYTES_PER_SECOND),
        behaviour: ClientBehaviour::HONEST.sending(BYTES_PER_SECOND),
        fault: Fault::Outage(Duration::from_secs(seconds)),
        ..Row::lives(&format!("outage-{seconds}s"))
    });
    let rows: Vec<_> = rows.collect();
    report::play(&args.run, JOBS, (&rows, &settings), args.trials, play)
}

fn play(row: &Row, setting: &Setting, players: usize) -> anyhow::Result<Judgement> {
    let mut scene = Scene::start(setting, row, players)?;
    thread::sleep(row.plays(scene.info.profile));
    scene.apply(row.fault)?;
    let link_back_at = Stamp::now();
    scene.watch(RESUMES_WITHIN, false)?;
    scene.tell_both(Order::SendNothing)?;
    scene.watch(SETTLES_WITHIN, false)?;
    let expected = row.expected(setting, scene.info.profile);
    let mut judgement = scene.judge(row, &expected, link_back_at);
    let flows = scene.check_flow(&mut judgement)?;
    let is_bounded = setting.rto_max == RtoMax::Auto;
    let rto_max_ms = scene.info.profile.rto_max_ms;
    judgement.bound_ms = rto_max_ms
        .filter(|_| is_bounded)
        .map(|ms| ms + RESUME_MARGIN_MS);
    compare(&flows, &mut judgement, link_back_at);
    Ok(judgement)
}

/// Compares the data that each end of the living sessions sent with the data that the other end took, and measures when
/// data was back.
fn compare(flows: &[Flow], judgement: &mut Judgement, link_back_at: Stamp) {
    let mut delays_ms = Vec::new();
    for Flow {
        player,
        game,
        client,
    } in flows
    {
        if (game.sent, client.sent) != (client.taken, game.taken) {
            let what = format!(
                "sent and took: the game {} and {}, the client {} and {}",
                game.sent, game.taken, client.sent, client.taken
            );
            judgement.report_wrong(player, what);
        }
        for account in [game, client] {
            let Some(back_at) = account.back_at else {
                judgement.report_wrong(player, "nothing came after the outage");
                continue;
            };
            let delay = back_at.since(link_back_at).as_millis();
            let delay_ms = u64::try_from(delay).unwrap_or(u64::MAX);
            if judgement.bound_ms.is_some_and(|bound| delay_ms > bound) {
                judgement.report_wrong(player, format!("data was back after {delay_ms} ms"));
            }
            delays_ms.push(delay_ms);
        }
    }
    judgement.measured_ms = Figures::of(delays_ms);
}

/// Ten numbered frames a second, in each direction.
const BYTES_PER_SECOND: u32 = 160;
/// The kernel's own retry after an outage of 7 s comes up to 6 s later.
const RESUMES_WITHIN: Duration = Duration::from_secs(16);
const SETTLES_WITHIN: Duration = Duration::from_secs(2);
/// More than the longest time between two retries.
const RESUME_MARGIN_MS: u64 = 300;
const JOBS: usize = 8;
