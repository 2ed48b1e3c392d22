//! False alarms: many sessions on lines that lose packets, and on a server that is stopped. No session may end.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use lastword_netlab::Share;

use crate::behaviour::{ClientBehaviour, Game};
use crate::fault::Fault;
use crate::row::Row;
use crate::setting::{RtoMax, Setting};
use crate::{Run, report, scene};

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
    fn play(&self, rows: &[Row]) -> anyhow::Result<ExitCode> {
        let settings = Setting::all(&self.profile, &[RtoMax::Auto]);
        report::play(
            &self.run,
            JOBS,
            (rows, &settings),
            self.sessions,
            |row, setting| scene::play(row, setting, self.sessions),
        )
    }
}

/// Runs sessions on lines that lose packets.
pub(crate) fn run_loss(args: &LossArgs) -> anyhow::Result<ExitCode> {
    let rows = args.percent.iter().map(|&percent| Row {
        fault: Fault::Lossy(Share::percent(percent)),
        watched: Some(Duration::from_secs(args.seconds)),
        ..chatting(&format!("loss-{percent}%"))
    });
    args.sessions.play(&rows.collect::<Vec<_>>())
}

/// Runs sessions on a server that is stopped.
pub(crate) fn run_stopped(args: &StoppedArgs) -> anyhow::Result<ExitCode> {
    args.sessions.play(&[Row {
        fault: Fault::ServerStopped(Duration::from_secs(args.seconds)),
        ..chatting(&format!("server-stopped-{}s", args.seconds))
    }])
}

/// A heartbeat, and one frame in each direction every second.
fn chatting(name: &str) -> Row {
    Row {
        game: Game::Echo,
        behaviour: ClientBehaviour::HONEST.sending(16),
        ..Row::lives(name)
    }
}

const JOBS: usize = 3;
