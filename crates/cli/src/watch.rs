//! `lastword watch`: why the connections of any TCP server on this host end, with nothing embedded.

mod choice;
mod line;
mod summary;

use std::io::{self, Write as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use anyhow::Context as _;
use clap::Args;
use lastword_watch::{End, Record, Totals, Watcher};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::time::sleep;

use crate::Failure;
use crate::demo::run_for;
use crate::signals::Stop;
use summary::{Cost, Summary};

/// The arguments of `watch`.
#[derive(Debug, Args)]
pub(crate) struct WatchArgs {
    /// Watches this port, or several with commas between them; may be given more than once
    #[arg(long, value_name = "PORT", value_delimiter = ',', value_parser = clap::value_parser!(u16).range(1..))]
    port: Vec<u16>,
    /// Watches all ports on which this program listens: its name, or the number of its process
    #[arg(long, value_name = "NAME|PID")]
    process: Vec<String>,
    /// Writes a line of JSON for each end
    #[arg(long)]
    json: bool,
    /// Ends after this time, such as 500ms, 10s or 2m; without it, watches until a signal ends it
    #[arg(long = "for", value_name = "TIME", allow_hyphen_values = true, value_parser = run_for::parse)]
    run_for: Option<Duration>,
}

/// Watches until the time is up or a signal comes, and writes the summary.
pub(crate) fn run(args: &WatchArgs) -> Result<(), Failure> {
    let ports = choice::ports(args)?;
    let watcher = Watcher::open(&ports, BUFFER_BYTES).map_err(|error| choice::unable(&error))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(watch(watcher, &ports, args))
}

async fn watch(watcher: Watcher, ports: &[u16], args: &WatchArgs) -> Result<(), Failure> {
    let mut stop = Stop::new()?;
    let (tell, mut told) = unbounded_channel();
    let over = Arc::new(AtomicBool::new(false));
    let thread = thread::Builder::new().name("watcher".to_owned());
    let thread = thread.spawn({
        let over = Arc::clone(&over);
        move || look(watcher, &tell, &over)
    })?;
    let mut book = Book {
        totals: Totals::of(ports),
        json: args.json,
        is_read: true,
    };
    book.begin(ports)?;
    tokio::select! {
        biased;
        signal = stop.next() => tracing::info!(signal, "told to end"),
        () = time_is_up(args.run_for) => {}
        shown = book.show_all(&mut told) => shown?,
    }
    over.store(true, Ordering::Relaxed);
    let cost = thread
        .join()
        .map_err(|_| anyhow::anyhow!("the watcher panicked"))??;
    told.close();
    book.show_all(&mut told).await?;
    book.conclude(cost)?;
    Ok(())
}

async fn time_is_up(run_for: Option<Duration>) {
    match run_for {
        Some(run_for) => sleep(run_for).await,
        None => std::future::pending().await,
    }
}

/// Watches on a thread of its own. Returns what that has cost.
fn look(
    mut watcher: Watcher,
    tell: &UnboundedSender<(End, u64)>,
    over: &AtomicBool,
) -> anyhow::Result<Cost> {
    let begun = Instant::now();
    while !over.load(Ordering::Relaxed) {
        let turn = watcher.turn(Instant::now() + STEP);
        let at = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let at_ms = u64::try_from(at.as_millis()).unwrap_or(u64::MAX);
        for end in turn.context("the kernel told no more")?.ends {
            // The receiver is gone only at the end.
            tell.send((end, at_ms)).ok();
        }
    }
    Ok(Cost {
        watched_for: begun.elapsed(),
        lost: watcher.lost().context("the kernel told no more")?,
        pace: watcher.pace(),
        processor: watcher.processor_time(),
    })
}

/// Shows what is told, and counts it.
struct Book {
    totals: Totals,
    json: bool,
    /// Standard output has a reader.
    is_read: bool,
}

impl Book {
    fn begin(&mut self, ports: &[u16]) -> io::Result<()> {
        let ports: Vec<_> = ports.iter().map(u16::to_string).collect();
        match self.json {
            true => Ok(()),
            false => self.print(&format!("watching port {}\n", ports.join(", "))),
        }
    }

    /// Shows each end until the watcher has ended, or standard output has no reader.
    async fn show_all(&mut self, told: &mut UnboundedReceiver<(End, u64)>) -> io::Result<()> {
        while let Some((end, at_ms)) = told.recv().await {
            self.totals.add(&end);
            let record = Record::of(&end, at_ms);
            let line = match self.json {
                true => serde_json::to_string(&record).map_err(io::Error::other)?,
                false => line::of(&record),
            };
            self.print(&format!("{line}\n"))?;
            if !self.is_read {
                break;
            }
        }
        Ok(())
    }

    fn conclude(&mut self, cost: Cost) -> io::Result<()> {
        let summary = Summary {
            totals: &self.totals,
            cost,
        };
        match self.json {
            // Standard output has only records then.
            true => {
                write!(io::stderr().lock(), "{summary}").ok();
                Ok(())
            }
            false => self.print(&summary.to_string()),
        }
    }

    /// A reader that is gone ends the watch, and is no error.
    fn print(&mut self, text: &str) -> io::Result<()> {
        let mut stdout = io::stdout().lock();
        match stdout
            .write_all(text.as_bytes())
            .and_then(|()| stdout.flush())
        {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.is_read = false;
                Ok(())
            }
            written => written,
        }
    }
}

/// For about 6,500 messages that wait, where the system allows so much (`net.core.rmem_max`).
const BUFFER_BYTES: usize = 4 << 20;
/// A signal is obeyed within this time.
const STEP: Duration = Duration::from_millis(100);

pub(crate) const EXIT_STATUS: &str = "\
Exit status:
  0  the time was up, a signal came, or standard output was closed
  1  the kernel does not tell of sockets here
  2  the arguments are not valid";
