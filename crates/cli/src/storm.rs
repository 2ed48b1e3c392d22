//! `lastword storm`: plays a scenario against a server, writes a report to standard output, and exits with its
//! verdict.

mod progress;

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, builder::RangedU64ValueParser};
use lastword::evidence::OsError;
use lastword_load::{AdminToken, CONNECTIONS, Report, Scenario, ServerAddr, Storm};
use tokio::sync::oneshot;

use crate::signals::Stop;
use crate::{Failure, descriptors};
use progress::Line;

/// The arguments of `storm`.
#[derive(Debug, Args)]
pub(crate) struct StormArgs {
    /// Where players join: a host name or an IP address, and a port
    #[arg(long, value_name = "HOST:PORT")]
    server: ServerAddr,
    /// The admin port of the same server: its /metrics and /api/closes are compared with the clients' endings
    #[arg(long, value_name = "HOST:PORT")]
    admin: ServerAddr,
    /// Sends the token in this file to the admin port: the same token as in the server's
    /// admin.token_file
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
    /// Plays the scenario of this TOML file, such as config/storm/smoke.toml
    #[arg(long, value_name = "FILE")]
    scenario: PathBuf,
    /// Plays this many connections, instead of the number in the scenario
    #[arg(long, value_name = "N", value_parser = connections(), allow_negative_numbers = true)]
    connections: Option<u32>,
    /// Writes the report as JSON to this file, too
    #[arg(long, value_name = "FILE")]
    json: Option<PathBuf>,
}

/// How a storm ended.
enum Outcome {
    Over(Report),
    Interrupted(Report),
    /// Two signals ended the storm, so there is no report.
    Cut,
}

/// Runs a storm.
pub(crate) fn run(args: StormArgs) -> Result<(), Failure> {
    let mut scenario = load(&args.scenario).map_err(Failure::Usage)?;
    let token = args.token_file.as_deref().map(token).transpose()?;
    scenario.connections = args.connections.unwrap_or(scenario.connections);
    // Opened before the storm, so that a missing directory is reported at once.
    let json = args.json.map(|path| create(&path)).transpose()?;
    descriptors::raise(scenario.at_once, "at_once of the scenario");
    let storm = Storm {
        server: args.server,
        admin: args.admin,
        token,
        scenario,
    };
    // A closed standard error does not end the storm.
    writeln!(io::stderr().lock(), "{}", needs(&storm)).ok();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    let outcome = runtime.block_on(play(storm))?;
    runtime.shutdown_background();
    conclude(outcome, json)
}

async fn play(storm: Storm) -> Result<Outcome, Failure> {
    let mut stop = Stop::new()?;
    let (tell, told) = oneshot::channel::<()>();
    let mut line = Line::start();
    let stopped = async {
        // The sender is dropped at the first signal, or when the storm ends.
        told.await.ok();
    };
    let mut running = std::pin::pin!(storm.run(stopped, |progress| line.show(progress)));
    tokio::select! {
        biased;
        report = &mut running => return Ok(Outcome::Over(report?)),
        signal = stop.next() => {
            tracing::warn!(signal, "no more connections are begun; a second signal ends at once");
            drop(tell);
        }
    }
    tokio::select! {
        biased;
        report = &mut running => Ok(Outcome::Interrupted(report?)),
        _ = stop.next() => Ok(Outcome::Cut),
    }
}

fn conclude(outcome: Outcome, json: Option<File>) -> Result<(), Failure> {
    let (report, is_interrupted) = match outcome {
        Outcome::Over(report) => (report, false),
        Outcome::Interrupted(report) => (report, true),
        Outcome::Cut => {
            let words = "interrupted twice: there is no report";
            return Err(Failure::Interrupted(words.to_owned()));
        }
    };
    // A closed standard output does not change the exit status.
    write!(io::stdout().lock(), "{report}").ok();
    if let Some(file) = json {
        serde_json::to_writer_pretty(file, &report).context("the JSON file was not written")?;
    }
    if !report.is_right() {
        return Err(anyhow!("the storm found faults: {}", report.verdict()).into());
    }
    if is_interrupted {
        let (connected, of) = (report.connected, report.connections);
        let words = format!("interrupted after {connected} of {of} connections");
        return Err(Failure::Interrupted(words));
    }
    Ok(())
}

/// The line before the storm, which states the required behaviour of the game.
fn needs(storm: &Storm) -> String {
    let Storm {
        server, scenario, ..
    } = storm;
    let (does, example) = if scenario.needs_the_game() {
        (
            "must echo (send each data frame back, and no others) and obey the clients",
            "`lastword serve --game storm` does, and is not for players",
        )
    } else if scenario.frames.1 > 0 {
        (
            "must echo: send each data frame back, and no others",
            "`lastword serve` does",
        )
    } else {
        (
            "must send no frames of its own",
            "`lastword serve` sends none",
        )
    };
    format!("storm: the game at {server} {does}; {example}")
}

fn token(path: &Path) -> Result<AdminToken, Failure> {
    let name = path.display();
    let wrong = |words: String| Failure::Usage(vec![format!("{name}: {words}")]);
    let text = fs::read_to_string(path).map_err(|error| wrong(why(&error, "--token-file")))?;
    AdminToken::new(&text).map_err(|error| wrong(format!("{error}, and nothing else")))
}

fn load(path: &Path) -> Result<Scenario, Vec<String>> {
    let name = path.display();
    let text = fs::read_to_string(path)
        .map_err(|error| vec![format!("{name}: {}", why(&error, "--scenario"))])?;
    Scenario::parse(&text)
        .map_err(|lines| lines.iter().map(|line| format!("{name}:{line}")).collect())
}

fn create(path: &Path) -> Result<File, Failure> {
    File::create(path).map_err(|error| {
        let (name, why) = (path.display(), OsError::in_words(&error));
        Failure::Usage(vec![format!("lastword: cannot write {name}: {why}")])
    })
}

fn why(error: &io::Error, argument: &str) -> String {
    if error.kind() == io::ErrorKind::NotFound {
        return format!("there is no such file: check the path after {argument}");
    }
    let mut known = UNREADABLE.iter();
    let known = known.find(|(kind, _)| *kind == error.kind());
    known.map_or_else(
        || format!("cannot be read: {}", OsError::in_words(error)),
        |(_, words)| (*words).to_owned(),
    )
}

fn connections() -> RangedU64ValueParser<u32> {
    let (first, last) = (
        u64::from(*CONNECTIONS.start()),
        u64::from(*CONNECTIONS.end()),
    );
    RangedU64ValueParser::new().range(first..=last)
}

const UNREADABLE: [(io::ErrorKind, &str); 2] = [
    (
        io::ErrorKind::IsADirectory,
        "this is a directory: name the file in it",
    ),
    (
        io::ErrorKind::InvalidData,
        "this is not UTF-8: save the file as UTF-8",
    ),
];

pub(crate) const EXIT_STATUS: &str = "\
Exit status:
  0    every cause is right, nothing is lost or counted twice, both laws held
  1    something is wrong, as the report says; or the storm could not start
  2    the arguments or the scenario are not valid
  130  interrupted, and everything was right up to that moment";
