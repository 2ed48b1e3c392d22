//! Behind a real HAProxy, whose kernel still answers for a player who is gone: only the silence is claimed.

mod haproxy;

use clap::Args;
use lastword::Cause;

use crate::fault::Fault;
use crate::judge::Judgement;
use crate::matrix::Row;
use crate::report::Line;
use crate::scene::Scene;
use crate::setting::Setting;
use crate::words::Tuning;
use crate::{Common, Verdict, report};

use haproxy::Haproxy;

/// The arguments of `proxy`.
#[derive(Debug, Args)]
pub(crate) struct ProxyArgs {
    #[command(flatten)]
    common: Common,
    /// Sessions per row, all behind one proxy under one fault
    #[arg(long, default_value_t = 50)]
    trials: usize,
}

/// Plays both rows under settings.
pub(crate) fn run(args: &ProxyArgs) -> anyhow::Result<Verdict> {
    let settings = args.common.settings();
    report::play(
        &args.common.run,
        JOBS,
        (&rows(), &settings),
        |row, setting| {
            let played = play(row, setting, args.trials);
            Line::of(&row.name, setting, args.trials, played)
        },
    )
}

fn rows() -> [Row; 2] {
    let rows = [("proxy-cut", Fault::Cut), ("proxy-frozen", Fault::Frozen)];
    rows.map(|(name, fault)| Row {
        tuning: Tuning {
            behind_proxy: true,
            ..Tuning::default()
        },
        ..Row::ends(name, fault, Cause::PeerSilent)
    })
}

fn play(row: &Row, setting: &Setting, players: usize) -> anyhow::Result<Judgement> {
    let mut proxy = None;
    let mut scene = Scene::set_behind(setting, row, players, |lab, _, server| {
        let started = proxy.insert(Haproxy::start(lab, server)?);
        Ok(started.addr())
    })?;
    row.play_on(&mut scene, setting)
}

const JOBS: usize = 8;
