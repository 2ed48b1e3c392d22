//! The cost of sessions that only send heartbeats, and of sessions that are all silent at once: processor time and memory
//! of the server per session.

use std::fs;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use clap::Args;
use lastword::Cause;
use lastword_load::Expected;

use crate::fault::Fault;
use crate::judge::Judgement;
use crate::messages::Tuning;
use crate::row::Row;
use crate::scene::Scene;
use crate::setting::{RtoMax, Setting};
use crate::{Run, report};

/// The arguments of `idle-cost` and `mass-outage`.
#[derive(Debug, Args)]
pub(crate) struct CostArgs {
    #[command(flatten)]
    run: Run,
    /// Sessions
    #[arg(long, default_value_t = 10_000)]
    sessions: usize,
    /// How long they are measured; a mass outage is measured from the suspicion to the verdict
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// The liveness profiles
    #[arg(long, value_delimiter = ',', default_value = "competitive,standard")]
    profile: Vec<String>,
}

/// Measures healthy sessions, one profile after the other.
pub(crate) fn run_idle(args: &CostArgs) -> anyhow::Result<ExitCode> {
    run(Row::lives("idle-cost"), args)
}

/// Measures the inquiries of a mass outage, one profile after the other.
pub(crate) fn run_outage(args: &CostArgs) -> anyhow::Result<ExitCode> {
    run(Row::ends("mass-outage", Fault::Cut, Cause::PathDead), args)
}

fn run(row: Row, args: &CostArgs) -> anyhow::Result<ExitCode> {
    let settings = Setting::all(&args.profile, &[RtoMax::Auto]);
    let row = Row {
        tuning: Tuning {
            in_place: true,
            ..Tuning::default()
        },
        ..row
    };
    report::play(
        &args.run,
        1,
        (&[row], &settings),
        args.sessions,
        |row, setting, sessions| play(row, setting, sessions, args.seconds),
    )
}

/// The cost of all sessions together.
struct Cost {
    cpu: Duration,
    wall: Duration,
    memory_bytes: u64,
}

impl Cost {
    fn in_words(&self, sessions: usize) -> String {
        let sessions = u32::try_from(sessions).unwrap_or(u32::MAX).max(1);
        let seconds = self.wall.as_secs_f64();
        let cpu = self.cpu.as_secs_f64();
        format!(
            "{:.2} us of CPU a second and {} bytes each; {:.1} % of a core in all",
            cpu * 1e6 / seconds / f64::from(sessions),
            self.memory_bytes / u64::from(sessions),
            cpu * 100.0 / seconds,
        )
    }
}

fn play(row: &Row, setting: &Setting, sessions: usize, seconds: u64) -> anyhow::Result<Judgement> {
    let mut empty_bytes = None;
    let mut scene = Scene::start_with(setting, row, sessions, |server| {
        empty_bytes = Some(resident_bytes(server.id())?);
        Ok(())
    })?;
    let profile = scene.info.profile;
    let settles = Duration::from_millis(profile.heartbeat_ms) * 3;
    scene.watch(settles, false)?;
    let begun_at = scene.apply(row.fault)?;
    let is_outage = row.fault != Fault::Nothing;
    let mut length = Duration::from_secs(seconds);
    if is_outage {
        // Each session's silence begins up to a heartbeat before the fault.
        scene.watch(Duration::from_millis(profile.suspect_ms), false)?;
        let span_ms = profile.dead_ms - profile.heartbeat_ms - profile.suspect_ms;
        length = Duration::from_millis(span_ms);
    }
    let (begun, cpu) = (Instant::now(), cpu_time(scene.server.id())?);
    scene.watch(length, false)?;
    let cost = Cost {
        cpu: cpu_time(scene.server.id())?.saturating_sub(cpu),
        wall: begun.elapsed(),
        memory_bytes: resident_bytes(scene.server.id())?
            .saturating_sub(empty_bytes.unwrap_or_default()),
    };
    let expected = row.expected(setting, profile);
    if let Expected::Ends(right) = &expected {
        scene.watch(row.patience(right, &scene.info), true)?;
    }
    let mut judgement = scene.judge(row, &expected, begun_at);
    judgement.note = cost.in_words(sessions);
    Ok(judgement)
}

/// `utime` and `stime` of `proc_pid_stat(5)`: the 14th and 15th field. The second field may contain spaces.
fn cpu_time(process: u32) -> anyhow::Result<Duration> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat"))?;
    let (_, rest) = stat.rsplit_once(") ").context("no process")?;
    let fields = rest.split_whitespace().skip(11).take(2);
    let ticks: Result<Vec<u64>, _> = fields.map(str::parse).collect();
    Ok(Duration::from_millis(ticks?.iter().sum::<u64>() * TICK_MS))
}

fn resident_bytes(process: u32) -> anyhow::Result<u64> {
    let status = fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib = line.and_then(|line| line.split_whitespace().next());
    Ok(kib.context("no VmRSS")?.parse::<u64>()? * 1_024)
}

/// `USER_HZ` is 100 on every architecture that Rust supports.
const TICK_MS: u64 = 10;
