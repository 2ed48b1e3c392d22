//! Proves the claims about silence with real servers and real clients in network namespaces. It plays every way to fall
//! silent or to be merely slow, and compares each record of the library with what happened to its player.

mod alarms;
mod behaviour;
mod cost;
mod detection;
mod fault;
mod figures;
mod helper;
mod judge;
mod matrix;
mod messages;
mod outages;
mod path;
mod pool;
mod report;
mod row;
mod sandbox;
mod scene;
mod setting;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::alarms::{LossArgs, StoppedArgs};
use crate::cost::CostArgs;
use crate::detection::DetectionArgs;
use crate::matrix::MatrixArgs;
use crate::outages::OutagesArgs;
use crate::setting::{RtoMax, Setting};

/// Compares the records of a server with what happened to its clients.
#[derive(Debug, Parser)]
#[command(name = "lastword-silence", version, after_help = EXIT_STATUS)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    #[command(flatten)]
    Play(Play),
    /// The server of a scene; only this command itself starts it
    #[command(hide = true)]
    Server,
    /// The clients of a scene; only this command itself starts them
    #[command(hide = true)]
    Clients,
}

#[derive(Debug, Subcommand)]
enum Play {
    /// Every way to fall silent and every way to be slow: no wrong cause
    Matrix(MatrixArgs),
    /// How soon each silent cause is noticed in each profile, compared with its bound
    Detection(DetectionArgs),
    /// Outages shorter than the dead limit: no session ends, and nothing is lost or out of order
    Outages(OutagesArgs),
    /// Lines that lose packets or vary: no session ends
    Loss(LossArgs),
    /// A server that is stopped for longer than the dead limit: no session ends
    Stopped(StoppedArgs),
    /// The cost of sessions that only send heartbeats
    IdleCost(CostArgs),
    /// The cost of a mass outage: the cable of all clients is cut, and each session is under inquiry
    MassOutage(CostArgs),
}

/// The settings to play under.
#[derive(Debug, Args)]
struct Common {
    #[command(flatten)]
    run: Run,
    /// The liveness profiles
    #[arg(long, value_delimiter = ',', default_value = "competitive,standard")]
    profile: Vec<String>,
    /// Whether the kernel's retries are bounded, on both ends
    #[arg(long, value_delimiter = ',', default_value = "auto,off")]
    rto_max: Vec<RtoMax>,
}

/// How many scenes at a time, and where to write the results.
#[derive(Debug, Args)]
struct Run {
    /// Scenes at a time, each in a lab of its own
    #[arg(long)]
    jobs: Option<usize>,
    /// Also writes all results to this file
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

impl Common {
    fn settings(&self) -> Vec<Setting> {
        Setting::all(&self.profile, &self.rto_max)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    run(&cli.command).unwrap_or_else(|error| {
        eprintln!("lastword-silence: {error:#}");
        ExitCode::FAILURE
    })
}

fn run(command: &Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Server => helper::run(helper::server::run)?,
        Command::Clients => helper::run(helper::clients::run)?,
        Command::Play(play) if sandbox::is_inside() => return play.run(),
        Command::Play(_) => return enter(),
    }
    Ok(ExitCode::SUCCESS)
}

/// Plays the command in the sandbox.
fn enter() -> anyhow::Result<ExitCode> {
    match sandbox::execute_again()? {
        Ok(status) => {
            let code = status.code().and_then(|code| u8::try_from(code).ok());
            Ok(code.map_or(ExitCode::FAILURE, ExitCode::from))
        }
        Err(skip) => {
            eprintln!("lastword-silence: {skip}");
            Ok(ExitCode::from(EXIT_NO_LAB))
        }
    }
}

impl Play {
    fn run(&self) -> anyhow::Result<ExitCode> {
        match self {
            Self::Matrix(args) => matrix::run(args),
            Self::Detection(args) => detection::run(args),
            Self::Outages(args) => outages::run(args),
            Self::Loss(args) => alarms::run_loss(args),
            Self::Stopped(args) => alarms::run_stopped(args),
            Self::IdleCost(args) => cost::run_idle(args),
            Self::MassOutage(args) => cost::run_outage(args),
        }
    }
}

/// The exit status that test harnesses use for a skipped test.
const EXIT_NO_LAB: u8 = 77;

const EXIT_STATUS: &str = "\
Exit status:
   0  every record was right
   1  a record was wrong, or a scene could not be played
   2  the arguments are not valid
  77  there can be no labs here: a program or a right is missing";
