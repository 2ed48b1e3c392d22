//! False alarms: many sessions on lines that lose packets or vary, and on a server that is stopped. No session may end;
//! where a fifth of the packets is lost, the rate is reported.

use std::process::ExitCode;
use std::time::Duration;

use clap::Args;
use lastword_netlab::Share;

use crate::behaviour::{ClientBehaviour, Game};
use crate::fault::Fault;
use crate::path::Path;
use crate::row::Row;
use crate::setting::{RtoMax, Setting};
use crate::{Run, report, scene};

/// The arguments of `loss`.
#[derive(Debug, Args)]
pub(crate) struct LossArgs {
    #[command(flatten)]
    sessions: Sessions,
    /// How much the clients' cable loses in each direction, in percent, each in a lab of its own
    #[arg(long, value_delimiter = ',', default_value = "0,1,5,10,20")]
    percent: Vec<u16>,
    /// Round trips that vary in order between two times in milliseconds, each pair in a lab of its own
    #[arg(long, value_name = "LEAST-MOST", value_delimiter = ',', value_parser = jitter)]
    #[arg(default_value = "100-500")]
    jitter: Vec<(u64, u64)>,
    /// For how long
    #[arg(long, default_value_t = 10)]
    minutes: u64,
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
    #[arg(long, value_delimiter = ',', default_value = "competitive,standard")]
    profile: Vec<String>,
}

/// Reads `100-500`.
fn jitter(text: &str) -> Result<(u64, u64), String> {
    let range = text.split_once('-').and_then(|(least, most)| {
        let range: (u64, u64) = (least.parse().ok()?, most.parse().ok()?);
        (range.0 <= range.1).then_some(range)
    });
    range.ok_or_else(|| format!("{text:?} is not such as 100-500"))
}

impl Sessions {
    fn play(&self, rows: &[Row]) -> anyhow::Result<ExitCode> {
        let settings = Setting::all(&self.profile, &[RtoMax::Auto]);
        report::play(
            &self.run,
            JOBS,
            (rows, &settings),
            self.sessions,
            scene::play,
        )
    }
}

/// Runs sessions on lines that lose packets or vary.
pub(crate) fn run_loss(args: &LossArgs) -> anyhow::Result<ExitCode> {
    let row = |name: String, path| Row {
        path,
        watched: Some(Duration::from_secs(args.minutes * 60)),
        ..chatting(&name)
    };
    let losses = args.percent.iter().map(|&percent| {
        let path = Path::PLAIN.losing(Share::percent(percent));
        row(format!("loss-{percent}%"), path)
    });
    let jitters = args.jitter.iter().map(|&(least, most)| {
        let path = Path::round_trip(least, most);
        // Clients that bound their retries would give up by an old time stamp of their own kernel.
        Row {
            has_default_clients: true,
            ..row(format!("jitter-{least}-{most}ms"), path)
        }
    });
    args.sessions
        .play(&losses.chain(jitters).collect::<Vec<_>>())
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_jitter_has_a_least_and_a_most() {
        assert_eq!(jitter("100-500"), Ok((100, 500)));
        for wrong in ["100", "500-100", "a-b", "-"] {
            assert!(jitter(wrong).is_err(), "{wrong}");
        }
    }
}
