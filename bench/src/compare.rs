//! The harness: the same work by every subject, in interleaved rounds, as one table of medians and ratios.

use std::fs;
use std::path::PathBuf;

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use crate::attack::Kind;
use crate::process;
use crate::subject::Subject;

mod attack;
mod cost;
mod handshakes;
mod memory;
mod run;
mod sample;
mod shape;
mod syscalls;
mod table;

pub use sample::{Mean, Spread};
pub use shape::Shape;

/// Compares subjects: CPU per message, user memory per idle session, system calls per message, CPU per connection, or how
/// long others wait under an attack.
#[derive(Debug, Clone, clap::Parser, Serialize)]
pub struct Compare {
    /// A server to measure, repeatable; by default every server that was built.
    #[arg(long = "subject", value_enum)]
    pub subjects: Vec<Subject>,
    /// The shape of the load, as connections x depth x payload bytes, repeatable.
    #[arg(long = "shape", default_values = ["100x1x64", "1000x16x64", "1000x4x1024"])]
    pub shapes: Vec<Shape>,
    /// How often each subject runs each shape.
    #[arg(long, default_value_t = 5)]
    pub rounds: u32,
    /// How long the measured part of a run sends frames.
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
    /// Measure the user memory of idle sessions instead.
    #[arg(long)]
    pub memory: bool,
    /// Count the system calls per message instead; needs `strace`.
    #[arg(long, conflicts_with = "memory")]
    pub syscalls: bool,
    /// Measure connections that come and go instead: with TLS, its handshakes.
    #[arg(long, conflicts_with_all = ["memory", "syscalls"])]
    pub handshakes: bool,
    /// Measure a bystander's round trip and new players' joins under an attack of this kind instead, repeatable.
    #[arg(long, value_enum, conflicts_with_all = ["memory", "syscalls", "handshakes"])]
    pub attack: Vec<Kind>,
    /// How many clients attack. Those that stay connected also show what each costs in memory.
    #[arg(long, default_value_t = 10_000)]
    pub attackers: u32,
    /// How many idle sessions to measure, not counting those that warm the server up.
    #[arg(long, default_value_t = 10_000)]
    pub sessions: u32,
    /// How long idle sessions settle (and heartbeat) before the memory is read.
    #[arg(long, default_value_t = 3.0)]
    pub settle_seconds: f64,
    /// The core of the server.
    #[arg(long, default_value_t = 0)]
    pub server_core: usize,
    /// The core of the load generator.
    #[arg(long, default_value_t = 1)]
    pub load_core: usize,
    /// Where to write the results as JSON as well.
    #[arg(long)]
    pub json: Option<PathBuf>,
}

/// The content of a JSON file of results.
#[derive(Debug, Serialize)]
struct Results<'a, T> {
    kernel: String,
    options: &'a Compare,
    results: &'a [T],
}

/// Measures, prints the table and writes the JSON file.
///
/// # Errors
/// When a subject cannot be measured: a reader would take a table with a gap for a result.
pub fn run(mut compare: Compare) -> Result<()> {
    ensure!(
        compare.server_core != compare.load_core,
        "server and load need a core each"
    );
    ensure!(compare.rounds > 0, "without a round there is no result");
    let open_files_max = process::raise_open_files_max()?;
    if compare.subjects.is_empty() {
        compare.subjects = Subject::built();
        // The bystander speaks no TLS, and declines to resume.
        let has_attack = !compare.attack.is_empty();
        compare.subjects.retain(|subject| {
            !has_attack || !subject.has_tls() && subject.without_resume().is_none()
        });
    }
    ensure!(
        !compare.subjects.is_empty(),
        "no subject is built: `cargo build --release` builds all"
    );
    if compare.memory {
        let sizes = memory::measure(&compare, open_files_max)?;
        println!("{}", memory::table(&sizes));
        return write_json(&compare, &sizes);
    }
    if compare.syscalls {
        let counts = syscalls::measure(&compare)?;
        println!("{}", syscalls::table(&counts));
        return write_json(&compare, &counts);
    }
    if compare.handshakes {
        let costs = handshakes::measure(&compare)?;
        println!("{}", handshakes::table(&costs));
        return write_json(&compare, &costs);
    }
    if !compare.attack.is_empty() {
        let attacked = attack::measure(&compare, open_files_max)?;
        println!("{}", attack::table(&attacked));
        return write_json(&compare, &attacked);
    }
    let costs = cost::measure(&compare)?;
    println!("{}", cost::table(&costs));
    write_json(&compare, &costs)
}

fn write_json<T: Serialize>(compare: &Compare, results: &[T]) -> Result<()> {
    let Some(path) = &compare.json else {
        return Ok(());
    };
    let kernel = fs::read_to_string("/proc/sys/kernel/osrelease")?
        .trim()
        .to_owned();
    let json = serde_json::to_string_pretty(&Results {
        kernel,
        options: compare,
        results,
    })?;
    fs::write(path, json + "\n").with_context(|| format!("cannot write {}", path.display()))
}
