//! Outages that are shorter than the dead limit. No session ends, data is back soon after the link, and nothing is lost
//! or out of order.

use std::thread;
use std::time::Duration;

use clap::Args;
use lastword_load::Expected;

use crate::behaviour::{Game, Manner};
use crate::fault::Fault;
use crate::figures::Figures;
use crate::flow;
use crate::judge::Judgement;
use crate::matrix::Row;
use crate::report::Line;
use crate::scene::Scene;
use crate::setting::{RtoMax, Setting};
use crate::words::{Order, Stamp};
use crate::{Run, Verdict, report};
use lastword_netlab::Host;

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
pub(crate) fn run(args: &OutagesArgs) -> anyhow::Result<Verdict> {
    let profile = std::slice::from_ref(&args.profile);
    let settings = Setting::all(profile, &[RtoMax::Auto, RtoMax::Off]);
    report::play(
        &args.run,
        JOBS,
        (&settings, &args.seconds),
        |setting, seconds| {
            let row = Row {
                game: Game::Pour(BYTES_PER_SECOND),
                manner: Manner::HONEST.sending(BYTES_PER_SECOND),
                ..Row::lives(&format!("outage-{seconds}s"))
            };
            let outage = Duration::from_secs(*seconds);
            let played = play(&row, setting, outage, args.trials);
            Line::of(&row.name, setting, args.trials, played)
        },
    )
}

fn play(
    row: &Row,
    setting: &Setting,
    outage: Duration,
    players: usize,
) -> anyhow::Result<Judgement> {
    let mut scene = Scene::set(setting, row, players)?;
    let profile = scene.facts.profile;
    thread::sleep(Duration::from_millis(profile.heartbeat_ms) + Duration::from_secs(1));
    let struck_at = scene.strike(Fault::Cut)?;
    thread::sleep(outage / 2);
    // No data arrives now, so the next frame is the first one after the outage.
    scene.tell_both(Order::Mark)?;
    thread::sleep(outage - outage / 2);
    let back_at = Stamp::now();
    scene.lab.mend(Host::Client)?;
    scene.watch(RESUMES_WITHIN, false)?;
    scene.tell_both(Order::Hush)?;
    scene.watch(SETTLES_WITHIN, false)?;
    judge(&mut scene, setting, struck_at, back_at)
}

fn judge(
    scene: &mut Scene,
    setting: &Setting,
    struck_at: Stamp,
    link_back_at: Stamp,
) -> anyhow::Result<Judgement> {
    let mut judgement = scene.judge(&Expected::Lives, struck_at);
    let is_bounded = setting.rto_max == RtoMax::Auto;
    if !is_bounded {
        // The kernel's own retries may come too late. A session that ended because of that is only reported.
        judgement.wrong.clear();
    }
    let ended = scene.ends.iter();
    let ended: Vec<_> = ended.map(|ended| ended.record.player.clone()).collect();
    let alive = scene.names.iter().cloned();
    scene.names = alive
        .filter(|name| !ended.contains(&Some(name.clone())))
        .collect();
    flow::check(scene, &mut judgement)?;
    let rto_max_ms = scene.facts.profile.rto_max_ms;
    judgement.bound_ms = rto_max_ms
        .filter(|_| is_bounded)
        .map(|ms| ms + RESUME_MARGIN_MS);
    compare(scene, &mut judgement, link_back_at)?;
    Ok(judgement)
}

/// Compares the data that each end of the living sessions sent with the data that the other end took, and measures when
/// data was back.
fn compare(
    scene: &mut Scene,
    judgement: &mut Judgement,
    link_back_at: Stamp,
) -> anyhow::Result<()> {
    let server = scene.report_of_server()?.accounts;
    let crowd = scene.report_of_crowd()?.accounts;
    let mut delays_ms = Vec::new();
    for name in &scene.names {
        let (ours, theirs) = (flow::find(&server, name), flow::find(&crowd, name));
        if (ours.sent, theirs.sent) != (theirs.taken, ours.taken) {
            let what = format!(
                "sent and took: the game {} and {}, the client {} and {}",
                ours.sent, ours.taken, theirs.sent, theirs.taken
            );
            judgement.object(name, what);
        }
        for account in [ours, theirs] {
            let Some(back_at) = account.back_at else {
                judgement.object(name, "nothing came after the outage");
                continue;
            };
            let delay = back_at.since(link_back_at).as_millis();
            let delay_ms = u64::try_from(delay).unwrap_or(u64::MAX);
            if judgement.bound_ms.is_some_and(|bound| delay_ms > bound) {
                judgement.object(name, format!("data was back after {delay_ms} ms"));
            }
            delays_ms.push(delay_ms);
        }
    }
    judgement.measured_ms = Figures::of(delays_ms);
    Ok(())
}

/// Ten numbered frames a second, in each direction.
const BYTES_PER_SECOND: u32 = 160;
/// The kernel's own retry after an outage of 7 s comes up to 6 s later.
const RESUMES_WITHIN: Duration = Duration::from_secs(16);
const SETTLES_WITHIN: Duration = Duration::from_secs(2);
/// More than the longest time between two retries.
const RESUME_MARGIN_MS: u64 = 300;
const JOBS: usize = 8;
