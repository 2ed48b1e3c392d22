//! The `lastword` command. Standard output carries what programs read, standard error what people do.

mod actor;
mod announce;
mod cases;
mod check_config;
mod config_file;
mod demo;
mod descriptors;
mod game;
mod log_writer;
mod logging;
mod quick;
mod serve;
mod signals;
mod storm;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lastword::OsError;

use crate::actor::ActorArgs;
use crate::cases::CasesArgs;
use crate::check_config::CheckArgs;
use crate::demo::DemoArgs;
use crate::logging::LogArgs;
use crate::serve::ServeArgs;
use crate::storm::StormArgs;

/// A connection layer for game servers: it knows why, hears the last word, notices silence.
#[derive(Debug, Parser)]
#[command(name = "lastword", version, after_help = EXIT_STATUS)]
struct Cli {
    #[command(flatten)]
    log: LogArgs,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Shows players come and go in every way, each end with its cause and its evidence
    ///
    /// A server of its own, honest players, and one of each kind of ending on a loop; on Linux also a cable that is
    /// pulled, in network namespaces that touch nothing outside. On a terminal it is a table, elsewhere a line for each
    /// end, and both tell where the live page is. Ctrl-C drains the server and tells whether everything was recorded as
    /// what it was; a second one ends at once. What the first one broke off is counted as cut short.
    #[command(verbatim_doc_comment, after_help = demo::EXIT_STATUS)]
    Demo(DemoArgs),
    /// Serves a built-in game that sends each player's frames back
    ///
    /// A player's name is whatever the credentials of the hello hold; without credentials a player has no name. The
    /// first line on standard output tells where players connect and where metrics are:
    ///
    ///     listening game=127.0.0.1:7000 admin=127.0.0.1:9464
    ///
    /// SIGTERM and SIGINT drain: players get a notice, time to leave (drain.timeout_ms), then a goodbye. A second
    /// signal ends at once. The exit status of both is 0.
    #[command(verbatim_doc_comment, after_help = EXIT_STATUS)]
    Serve(ServeArgs),
    /// Checks a configuration file, and tells which causes it can produce on this kernel
    ///
    /// Everything that is wrong is told on standard error, a line each: file, line, key, value, and what is allowed. The
    /// file of the admin token is read, too, as `serve` reads it.
    /// Of a good file, standard output tells which causes can occur, for how long each silent one may go unnoticed in
    /// each profile, and which causes cannot occur and why. What is allowed and probably unwise is a warning on
    /// standard error, which changes no exit status: a time that looks like seconds is one. Nothing is bound and nothing
    /// is started.
    #[command(verbatim_doc_comment, after_help = EXIT_STATUS)]
    CheckConfig(CheckArgs),
    /// Plays clients that end in every way, and compares the server's records with what they did
    ///
    /// The server has to echo: its game sends each data frame back, and no others, as `lastword serve` does. Ways that
    /// need the game's help take `lastword serve --game storm`. The storm tries this in one session before it begins,
    /// and says what the game does otherwise.
    ///
    /// Prints the records next to what the clients did, whether opened = open + ended and joined = open + departed held at
    /// every scrape, and a verdict. Ctrl-C begins no more connections and prints what there is; a second one ends at
    /// once.
    #[command(verbatim_doc_comment, after_help = storm::EXIT_STATUS)]
    Storm(StormArgs),
    /// Plays each way in which a connection ends, bare and against the layer, and compares
    ///
    /// Real processes and real sockets on loopback, and network namespaces for what a pulled cable does; no root is
    /// needed, and nothing outside is touched. It takes a few seconds. What Windows answers is cited, not measured.
    #[command(verbatim_doc_comment, after_help = EXIT_STATUS)]
    Cases(CasesArgs),
    /// What this command starts of itself
    #[command(hide = true)]
    Actor(ActorArgs),
}

impl Command {
    /// What is logged where nobody asked.
    const fn default_log(&self) -> &'static str {
        match self {
            Self::Demo(_) => demo::LOG,
            Self::Serve(_)
            | Self::CheckConfig(_)
            | Self::Storm(_)
            | Self::Cases(_)
            | Self::Actor(_) => "info",
        }
    }
}

/// Why the command ends otherwise than asked.
#[derive(Debug)]
enum Failure {
    /// The arguments or the configuration are no good; a line each.
    Usage(Vec<String>),
    /// It did not come about, or did not go on.
    Runtime(anyhow::Error),
    /// It was told to end before it was done.
    Interrupted(String),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Runtime(error.into())
    }
}

fn main() -> ExitCode {
    let Cli { log, command } = Cli::parse();
    let outcome =
        logging::start(&log, command.default_log()).and_then(|_flushed_at_the_end| match command {
            Command::Demo(args) => demo::run(&args),
            Command::Serve(args) => serve::run(args),
            Command::CheckConfig(args) => check_config::run(&args),
            Command::Storm(args) => storm::run(args),
            Command::Cases(args) => cases::run(&args),
            Command::Actor(args) => actor::act(&args),
        });
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(lines)) => {
            complain(&lines);
            ExitCode::from(EXIT_USAGE)
        }
        Err(Failure::Runtime(error)) => {
            let words: Vec<_> = error.chain().map(in_words).collect();
            complain(&[format!("lastword: {}", words.join(": "))]);
            ExitCode::FAILURE
        }
        Err(Failure::Interrupted(words)) => {
            complain(&[format!("lastword: {words}")]);
            ExitCode::from(EXIT_INTERRUPTED)
        }
    }
}

/// An error of the system is told by its name, not by its number.
fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let of_the_system = error.downcast_ref();
    of_the_system.map_or_else(|| error.to_string(), OsError::in_words)
}

/// A standard error that nobody reads changes no exit status.
fn complain(lines: &[String]) {
    let mut stderr = std::io::stderr().lock();
    for line in lines {
        if writeln!(stderr, "{line}").is_err() {
            return;
        }
    }
}

const EXIT_USAGE: u8 = 2;
/// As shells have it: 128 and the number of SIGINT.
const EXIT_INTERRUPTED: u8 = 130;

const EXIT_STATUS: &str = "\
Exit status:
  0  it ended as it was told to
  1  it did not start or did not go on (an address is in use, or the like), or a case is not as documented
  2  the arguments or the configuration are not valid";
