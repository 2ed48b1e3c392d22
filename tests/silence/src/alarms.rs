//! False alarms: many sessions on lines that lose packets, and on a server that is stopped. No session may end.

use std::thread;
use std::time::Duration;

use clap::Args;
use lastword_load::Expected;
use lastword_netlab::Share;

use crate::behaviour::{Game, Manner};
use crate::fault::Fault;
use crate::flow;
use crate::judge::Judgement;
use crate::matrix::Row;
use crate::report::Line;
use crate::scene::Scene;
use crate::setting::{RtoMax, Setting};
use crate::words::Stamp;
use crate::{Run, Verdict, report};

/// The arguments of `loss`.
#[derive(Debug, Args)]
pub(crate) struct LossArgs {
    #[command(flatten)]
    sessions: Sessions,
    /// How much the clients' cable loses in each direction, in percent, each in a lab of its own
    #[arg(long, value_delimiter = ',', default_value = "0,1,5")]
    percent: Vec<u16>,
    /// For how long
    #[arg(long, default_value_t = 300)]
    seconds: u64,
}

/// The arguments of `stopped`.
#[derive(Debug, Args)]
pub(crate) struct StoppedArgs {
    #[command(flatten)]
    sessions: Sessions,
    /// For how long the server is stopped
    #[arg(long, default_value_t = 30)]
    seconds: u64,
}

#[derive(Debug, Args)]
struct Sessions {
    #[command(flatten)]
    run: Run,
    /// Sessions a lab
    #[arg(long, default_value_t = 1_000)]
    sessions: usize,
    /// The liveness profiles
    #[arg(long, value_delimiter = ',', default_value = "standard")]
    profile: Vec<String>,
}

impl Sessions {
    fn play<T: Sync>(
        &self,
        each: &[T],
        play: impl Fn(&T, &Setting) -> (String, anyhow::Result<Judgement>) + Sync,
    ) -> anyhow::Result<Verdict> {
        let settings = Setting::all(&self.profile, &[RtoMax::Auto]);
        report::play(&self.run, JOBS, (each, &settings), |item, setting| {
            let (row, played) = play(item, setting);
            Line::of(&row, setting, self.sessions, played)
        })
    }
}

/// Runs sessions on lines that lose packets.
pub(crate) fn run_loss(args: &LossArgs) -> anyhow::Result<Verdict> {
    args.sessions.play(&args.percent, |percent, setting| {
        let row = Row {
            fault: Fault::Lossy(Share::percent(*percent)),
            watched: Some(Duration::from_secs(args.seconds)),
            ..chatting(&format!("loss-{percent}%"))
        };
        let played = row.play(setting, args.sessions.sessions);
        (row.name, played)
    })
}

/// Runs sessions on a server that is stopped.
pub(crate) fn run_stopped(args: &StoppedArgs) -> anyhow::Result<Verdict> {
    let stop = Duration::from_secs(args.seconds);
    args.sessions.play(&[stop], |stop, setting| {
        let row = chatting(&format!("server-stopped-{}s", stop.as_secs()));
        let played = play_stopped(&row, *stop, setting, args.sessions.sessions);
        (row.name, played)
    })
}

/// A heartbeat, and one frame in each direction every second.
fn chatting(name: &str) -> Row {
    Row {
        game: Game::Echo,
        manner: Manner::HONEST.sending(16),
        ..Row::lives(name)
    }
}

fn play_stopped(
    row: &Row,
    stop: Duration,
    setting: &Setting,
    players: usize,
) -> anyhow::Result<Judgement> {
    let mut scene = Scene::set(setting, row, players)?;
    let dead = Duration::from_millis(scene.facts.profile.dead_ms);
    thread::sleep(dead);
    let stopped = scene.server.freeze()?;
    thread::sleep(stop);
    let struck_at = Stamp::now();
    stopped.thaw()?;
    scene.watch(dead * 2, false)?;
    let mut judgement = scene.judge(&Expected::Lives, struck_at);
    flow::check(&mut scene, &mut judgement)?;
    Ok(judgement)
}

const JOBS: usize = 3;
