//! A bystander's round trips, new players' joins and the server's memory, while other clients attack the same server.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;
use serde::Serialize;

use super::Compare;
use super::memory::private_bytes;
use super::table::{Table, number};
use crate::attack::Kind;
use crate::process::{self, Process};
use crate::report::Report;
use crate::subject::{Server, Subject};
use crate::wire::{self, Framing, HEADER_BYTES, Resume, kind};

/// One subject under one kind of attack, next to the same subject before it.
#[derive(Debug, Serialize)]
pub(super) struct Attacked {
    subject: Subject,
    kind: Kind,
    attackers: u32,
    /// Connections that the attackers opened, those again that the server had ended included.
    opened: u64,
    idle: Waits,
    attacked: Waits,
    /// The server's private memory that each attacker added, where all stay connected.
    bytes_each: Option<f64>,
}

#[derive(Debug, Serialize)]
struct Waits {
    round_trip: Quantiles,
    join: Quantiles,
}

/// Milliseconds.
#[derive(Debug, Serialize)]
struct Quantiles {
    p50: f64,
    p99: f64,
    max: f64,
}

/// Measures each subject once under each kind of attack.
pub(super) fn measure(compare: &Compare, open_files_max: u64) -> Result<Vec<Attacked>> {
    let needed = u64::from(compare.attackers) + OTHER_FILES;
    ensure!(
        needed <= open_files_max,
        "{needed} open files are needed, {open_files_max} allowed"
    );
    let mut all = Vec::new();
    for kind in &compare.attack {
        for subject in &compare.subjects {
            let attacked = process::on_core(compare.load_core, || one(compare, *subject, *kind))?;
            all.push(attacked.with_context(|| format!("{subject} under {}", name(*kind)))?);
        }
    }
    Ok(all)
}

/// Shows all as one table.
pub(super) fn table(all: &[Attacked]) -> Table {
    let mut table = Table::new(
        ["subject", "attack"],
        [
            "opened",
            "round trip p50 ms",
            "p99 ms",
            "max ms",
            "join p99 ms",
            "max ms",
            "bytes each",
        ],
    );
    for attacked in all {
        let under = format!("{} x {}", attacked.attackers, name(attacked.kind));
        for (attack, waits, opened, bytes) in [
            ("none", &attacked.idle, None, None),
            (
                under.as_str(),
                &attacked.attacked,
                Some(attacked.opened),
                attacked.bytes_each,
            ),
        ] {
            let (trip, join) = (&waits.round_trip, &waits.join);
            let ms = |ms: f64| number(Some(ms), 2);
            table.row(
                [attacked.subject.to_string(), attack.to_owned()],
                [
                    opened.map_or_else(|| String::from("-"), |opened| opened.to_string()),
                    ms(trip.p50),
                    ms(trip.p99),
                    ms(trip.max),
                    ms(join.p99),
                    ms(join.max),
                    number(bytes, 0),
                ],
            );
        }
    }
    table
}

fn one(compare: &Compare, subject: Subject, kind: Kind) -> Result<Attacked> {
    let server = subject.start(compare.server_core)?;
    let framing = subject.framing();
    let mut bystander = Client::connect(&server.addr, framing)?;
    let idle = bystander.waits(&server, IDLE)?;
    let before = private_bytes(&server)?;
    let mut attackers = start(compare, &server, framing, kind)?;
    attackers.wait_until_ready(OPEN_TIMEOUT)?;
    let stays = matches!(kind, Kind::Silent | Kind::Slow);
    let grown = private_bytes(&server)?.saturating_sub(before) as f64;
    let attacked = bystander.waits(&server, Duration::try_from_secs_f64(compare.seconds)?)?;
    attackers.stop();
    let Report::Done { messages, .. } = attackers.wait_for_report(OPEN_TIMEOUT)? else {
        anyhow::bail!("the attackers report something else than their end");
    };
    Ok(Attacked {
        subject,
        kind,
        attackers: compare.attackers,
        opened: messages,
        idle,
        attacked,
        bytes_each: stays.then(|| grown / f64::from(compare.attackers)),
    })
}

/// Starts the attackers on the core of the clients, where they yield to the bystander: only the server is attacked.
fn start(compare: &Compare, server: &Server, framing: Framing, kind: Kind) -> Result<Process> {
    let program = process::path_of("attack")?;
    let arguments = [
        String::from("-n"),
        String::from("19"),
        program.display().to_string(),
        server.addr.clone(),
        name(kind),
        format!("--framing={framing}"),
        format!("--attackers={}", compare.attackers),
    ];
    Process::spawn(Path::new("nice"), &arguments, compare.load_core)
}

fn name(kind: Kind) -> String {
    kind.to_possible_value()
        .map_or_else(String::new, |value| value.get_name().to_owned())
}

struct Client {
    stream: TcpStream,
    framing: Framing,
}

impl Client {
    fn connect(addr: &str, framing: Framing) -> Result<Self> {
        let stream =
            TcpStream::connect(addr).with_context(|| format!("cannot connect to {addr}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_TIMEOUT))?;
        let mut client = Self { stream, framing };
        if framing == Framing::Lastword {
            let mut hello = Vec::new();
            wire::put_hello("bystander", Resume::Off, &mut hello)?;
            client.stream.write_all(&hello)?;
            ensure!(client.frame()? == kind::WELCOME, "the server let nobody in");
        }
        Ok(client)
    }

    /// Asks every 5 ms, and lets another player join every 20 ms: it connects, and has its first frame echoed.
    fn waits(&mut self, server: &Server, duration: Duration) -> Result<Waits> {
        let (mut trips, mut joins, start) = (Vec::new(), Vec::new(), Instant::now());
        while start.elapsed() < duration {
            trips.push(self.ask()?);
            if trips.len() % 4 == 0 {
                let began = Instant::now();
                Self::connect(&server.addr, self.framing)?.ask()?;
                joins.push(ms(began));
            }
            thread::sleep(Duration::from_millis(5));
        }
        Ok(Waits {
            round_trip: Quantiles::of(trips).context("no round trip was measured")?,
            join: Quantiles::of(joins).context("nobody joined")?,
        })
    }

    /// Sends a frame without payload. Returns how long its echo took.
    fn ask(&mut self) -> Result<f64> {
        let asked = Instant::now();
        let mut frame = Vec::new();
        self.framing.put_header(0, &mut frame)?;
        self.stream.write_all(&frame)?;
        while self.frame()? != kind::DATA {}
        Ok(ms(asked))
    }

    /// Reads one frame and returns its kind.
    fn frame(&mut self) -> Result<u8> {
        let mut header = [0; HEADER_BYTES];
        self.stream.read_exact(&mut header)?;
        let (kind, len) = self.framing.header(header);
        let mut payload = vec![0; usize::try_from(len)?];
        self.stream.read_exact(&mut payload)?;
        Ok(kind)
    }
}

fn ms(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

impl Quantiles {
    fn of(mut trips: Vec<f64>) -> Option<Self> {
        trips.sort_by(f64::total_cmp);
        let at = |part: usize| trips.get(trips.len() * part / 100).copied();
        Some(Self {
            p50: at(50)?,
            p99: at(99)?,
            max: *trips.last()?,
        })
    }
}

const IDLE: Duration = Duration::from_secs(2);
const OTHER_FILES: u64 = 500;
const OPEN_TIMEOUT: Duration = Duration::from_secs(60);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_quantiles_are_of_the_sorted_trips() -> Result<()> {
        let trips = (0..100).rev().map(f64::from).collect();
        let ms = Quantiles::of(trips).context("a hundred trips")?;
        assert_eq!((ms.p50, ms.p99, ms.max), (50.0, 99.0, 99.0));
        assert!(Quantiles::of(Vec::new()).is_none());
        Ok(())
    }
}
