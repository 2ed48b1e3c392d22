//! Proves the claims about silence with real servers and real clients in network namespaces. It plays every way to fall
//! silent or to be merely slow, and compares each record of the library with what happened to its player.

mod actor;
mod alarms;
mod behaviour;
mod cost;
mod detection;
mod fault;
mod figures;
mod flow;
mod judge;
mod matrix;
mod outages;
mod pool;
mod process;
mod proxy;
mod report;
mod sandbox;
mod scene;
mod setting;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::actor::Role;
use crate::alarms::{LossArgs, StoppedArgs};
use crate::cost::CostArgs;
use crate::detection::DetectionArgs;
use crate::matrix::MatrixArgs;
use crate::outages::OutagesArgs;
use crate::proxy::ProxyArgs;
use crate::setting::{RtoMax, Setting};

/// Compares the records of a server with what happened to its clients.
#[derive(Debug, Parser)]
#[command(name = "lastword-silence", version, after_help = EXIT_STATUS)]
struct Cli {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    #[command(flatten)]
    Play(Play),
    /// A process that this command starts for its own use
    #[command(hide = true)]
    Actor { role: Role },
}

#[derive(Debug, Subcommand)]
enum Play {
    /// Every way to fall silent and every way to be slow: no wrong cause
    Matrix(MatrixArgs),
    /// Cables cut and clients frozen behind a real HAProxy: only the silence is claimed
    Proxy(ProxyArgs),
    /// How soon each silent cause is noticed in each profile, compared with its bound
    Detection(DetectionArgs),
    /// Outages shorter than the dead limit: no session ends, and nothing is lost or out of order
    Outages(OutagesArgs),
    /// Lines that lose packets: no session ends
    Loss(LossArgs),
    /// A server that is stopped for longer than the dead limit: no session ends
    Stopped(StoppedArgs),
    /// The cost of sessions that only send heartbeats
    IdleCost(CostArgs),
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

/// Whether everything was as expected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    Right,
    Wrong,
}

impl Common {
    fn settings(&self) -> Vec<Setting> {
        Setting::all(&self.profile, &self.rto_max)
    }
}

fn main() -> ExitCode {
    let cli = Cli::parse();
    match act(&cli.what) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("lastword-silence: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn act(what: &What) -> anyhow::Result<ExitCode> {
    match what {
        What::Actor { role } => {
            actor::play(*role)?;
            Ok(ExitCode::SUCCESS)
        }
        What::Play(play) if sandbox::is_inside() => Ok(match play.run()? {
            Verdict::Right => ExitCode::SUCCESS,
            Verdict::Wrong => ExitCode::FAILURE,
        }),
        What::Play(_) => enter(),
    }
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
    fn run(&self) -> anyhow::Result<Verdict> {
        match self {
            Self::Matrix(args) => matrix::run(args),
            Self::Proxy(args) => proxy::run(args),
            Self::Detection(args) => detection::run(args),
            Self::Outages(args) => outages::run(args),
            Self::Loss(args) => alarms::run_loss(args),
            Self::Stopped(args) => alarms::run_stopped(args),
            Self::IdleCost(args) => cost::run(args),
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
