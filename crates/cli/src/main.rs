//! The `lastword` command. Standard output is for programs, and standard error is for people.

mod announce;
mod cases;
mod certificate;
mod check_config;
mod config_file;
mod demo;
mod descriptors;
mod game;
mod helper;
mod log_writer;
mod logging;
mod quick;
mod serve;
mod signals;
mod storm;
#[cfg(target_os = "linux")]
mod watch;
#[cfg(not(target_os = "linux"))]
#[path = "watch/elsewhere.rs"]
mod watch;

use std::io::Write;
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use lastword::evidence::OsError;

use crate::cases::CasesArgs;
use crate::certificate::CertificateArgs;
use crate::check_config::CheckArgs;
use crate::demo::DemoArgs;
use crate::helper::HelperArgs;
use crate::logging::LogArgs;
use crate::serve::ServeArgs;
use crate::storm::StormArgs;
use crate::watch::WatchArgs;

/// A connection layer for game servers: it knows why a connection ended, hears the last word, notices silence.
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
    /// Runs a server, its players, and attackers. Some players play honestly, and the others end in every possible way,
    /// again and again. The attackers send slow hellos, noise and floods of frames. Their ends are only counted, next to
    /// the players' round trip. On Linux it also unplugs a cable, in network namespaces that touch nothing outside. On a
    /// terminal it shows a table, elsewhere a line for each end. Both show the address of the live page. Ctrl-C drains
    /// the server and tells whether every record was right. Endings that Ctrl-C interrupts are counted as cut short. A
    /// second Ctrl-C ends at once.
    #[command(verbatim_doc_comment, after_help = demo::EXIT_STATUS)]
    Demo(DemoArgs),
    /// Serves a built-in game that sends each player's frames back
    ///
    /// A player's name is the text of its hello's credentials; without credentials a player has no name. The first
    /// line on standard output has the addresses for players and for metrics:
    ///
    ///     listening game=127.0.0.1:7000 admin=127.0.0.1:9464
    ///
    /// SIGTERM, SIGINT and the close of its terminal drain the server: players get a notice, time to leave
    /// (drain.timeout_ms), then a goodbye. A second SIGTERM or SIGINT ends it at once, and SIGQUIT does, too. In all
    /// these cases the exit status is 0. Without a terminal, SIGHUP reloads the file of --config: the log says which
    /// keys are applied and which need a restart. SIGUSR1 and SIGUSR2 change nothing, except for a line in the log.
    #[command(verbatim_doc_comment, after_help = EXIT_STATUS)]
    Serve(ServeArgs),
    /// Checks a configuration file, and lists the causes that it can produce on this kernel
    ///
    /// Standard error has one line for each error: file, line, key, value, and the allowed values. The file of the
    /// admin token is checked, too, as `serve` does. For a valid file, standard output lists the causes that can
    /// occur and those that cannot, with the reason. It also shows for how long each silent cause may go unnoticed in
    /// each profile. A value that is allowed but probably unwise, such as a time that looks like seconds, gives a
    /// warning on standard error. Warnings do not change the exit status. No address is bound and no server is
    /// started.
    #[command(verbatim_doc_comment, after_help = EXIT_STATUS)]
    CheckConfig(CheckArgs),
    /// Plays clients that end in every way, and compares the server's records with their endings
    ///
    /// The server's game must echo: it sends each data frame back, and sends no other frames, as `lastword serve`
    /// does. Some ways need the game's help: they need `lastword serve --game storm`. The storm first tests the game
    /// in one session, and reports any difference.
    ///
    /// Prints the records next to the clients' endings, and a verdict. It also tells whether opened = open + ended and
    /// joined = open + departed were true at every scrape. After Ctrl-C no further connection begins, and the report
    /// has the results so far. A second Ctrl-C ends at once.
    #[command(verbatim_doc_comment, after_help = storm::EXIT_STATUS)]
    Storm(StormArgs),
    /// Runs each way in which a connection can end, without and with this library, and compares the results
    ///
    /// Uses real processes and real sockets on loopback, and network namespaces to unplug a cable. It needs no root,
    /// and touches nothing outside. It takes a few seconds. The results for Windows are from documentation, and not
    /// measured.
    #[command(verbatim_doc_comment, after_help = EXIT_STATUS)]
    Cases(CasesArgs),
    /// Tells why the connections of any TCP server on this host end, with nothing embedded
    ///
    /// Listens to what Linux tells every process about sockets that die, and looks at the living ones up to four times a
    /// second. It needs no privilege, and touches neither the server nor its connections. Each end is a line with its
    /// cause, and with how sure that is: proven, inferred, or unpolled where the connection was younger than one look.
    /// Ctrl-C ends it with a summary. docs/watch.md says what each cause means, and what cannot be seen from outside.
    #[command(verbatim_doc_comment, after_help = watch::EXIT_STATUS)]
    Watch(WatchArgs),
    /// Makes a certificate for tests, which signs itself, and its key
    ///
    /// Writes cert.pem and key.pem, and prints the lines for the configuration. A client of the library trusts
    /// it by `Trust::pinned`. Players need a certificate that their systems trust.
    #[command(verbatim_doc_comment, after_help = EXIT_STATUS)]
    Certificate(CertificateArgs),
    /// Runs a helper process of this command
    #[command(hide = true)]
    Helper(HelperArgs),
}

impl Command {
    /// The log level where the arguments name none.
    const fn default_log(&self) -> &'static str {
        match self {
            Self::Demo(_) => demo::LOG,
            Self::Serve(_)
            | Self::CheckConfig(_)
            | Self::Storm(_)
            | Self::Cases(_)
            | Self::Watch(_)
            | Self::Certificate(_)
            | Self::Helper(_) => "info",
        }
    }
}

/// Why the command did not do its task.
#[derive(Debug)]
enum Failure {
    /// The arguments or the configuration are not valid. One line for each error.
    Usage(Vec<String>),
    /// The task could not start, or failed later.
    Runtime(anyhow::Error),
    /// A signal ended the task before it was done.
    Interrupted(String),
}

impl<E: Into<anyhow::Error>> From<E> for Failure {
    fn from(error: E) -> Self {
        Self::Runtime(error.into())
    }
}

fn main() -> ExitCode {
    let Cli { log, command } = Cli::parse();
    // The log may be a file that reaches its limit.
    #[cfg(unix)]
    lastword_sys::ignore_sigxfsz();
    let mut log = match logging::start(&log, command.default_log()) {
        Ok(log) => log,
        Err(failure) => return failure.tell(complain),
    };
    let outcome = match command {
        Command::Demo(args) => demo::run(&args),
        Command::Serve(args) => serve::run(args),
        Command::CheckConfig(args) => check_config::run(&args),
        Command::Storm(args) => storm::run(args),
        Command::Cases(args) => cases::run(&args),
        Command::Watch(args) => watch::run(&args),
        Command::Certificate(args) => certificate::run(args),
        Command::Helper(args) => helper::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.tell(|line| log.complain(line)),
    }
}

impl Failure {
    /// Tells each line of the failure, and returns its exit status.
    fn tell(&self, mut tell: impl FnMut(&str)) -> ExitCode {
        match self {
            Self::Usage(lines) => {
                lines.iter().for_each(|line| tell(line));
                ExitCode::from(EXIT_USAGE)
            }
            Self::Runtime(error) => {
                let words: Vec<_> = error.chain().map(in_words).collect();
                tell(&format!("lastword: {}", words.join(": ")));
                ExitCode::FAILURE
            }
            Self::Interrupted(words) => {
                tell(&format!("lastword: {words}"));
                ExitCode::from(EXIT_INTERRUPTED)
            }
        }
    }
}

/// Shows an error of the system by its name, not by its number.
fn in_words(error: &(dyn std::error::Error + 'static)) -> String {
    let of_the_system = error.downcast_ref();
    of_the_system.map_or_else(|| error.to_string(), OsError::in_words)
}

/// A closed standard error does not change the exit status.
fn complain(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}

const EXIT_USAGE: u8 = 2;
/// As in shells: 128 plus the number of SIGINT.
const EXIT_INTERRUPTED: u8 = 130;

const EXIT_STATUS: &str = "\
Exit status:
  0  the command ended normally
  1  it could not start or could not continue (an address is in use, for example), or a case is not as documented
  2  the arguments or the configuration are not valid";
