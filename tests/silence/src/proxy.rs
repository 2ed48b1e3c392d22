//! Behind a real HAProxy, whose kernel still answers for a player who is gone: only the silence is claimed.

mod haproxy;

use std::process::ExitCode;

use clap::Args;
use lastword::Cause;

use crate::fault::Fault;
use crate::judge::Judgement;
use crate::messages::Tuning;
use crate::row::Row;
use crate::scene::Scene;
use crate::setting::Setting;
use crate::{Common, report};

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
pub(crate) fn run(args: &ProxyArgs) -> anyhow::Result<ExitCode> {
    let settings = args.common.settings();
    let run = &args.common.run;
    report::play(
        run,
        JOBS,
        (&rows(), &settings),
        args.trials,
        |row, setting| play(row, setting, args.trials),
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
    let mut scene = Scene::start_behind(setting, row, players, |lab, _, server| {
        let started = proxy.insert(Haproxy::start(lab, server)?);
        Ok(started.addr())
    })?;
    scene.play(row, setting)
}

const JOBS: usize = 8;
