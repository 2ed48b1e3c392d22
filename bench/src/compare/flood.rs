//! The round trip of a bystander while other clients flood the same server with the smallest frames.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde::Serialize;

use super::Compare;
use super::table::{Table, number};
use crate::process;
use crate::subject::Subject;
use crate::wire::{self, Framing, HEADER_BYTES, kind};

/// The bystander's round trips at one subject.
#[derive(Debug, Serialize)]
pub(super) struct Late {
    subject: Subject,
    idle: Quantiles,
    flooded: Quantiles,
}

/// Milliseconds.
#[derive(Debug, Serialize)]
struct Quantiles {
    p50: f64,
    p99: f64,
    max: f64,
}

/// Measures each subject once.
pub(super) fn measure(compare: &Compare) -> Result<Vec<Late>> {
    let late = |subject: &Subject| {
        process::on_core(compare.load_core, || late_at(compare, *subject))?
            .with_context(|| subject.to_string())
    };
    compare.subjects.iter().map(late).collect()
}

/// Shows all subjects as one table.
pub(super) fn table(all: &[Late]) -> Table {
    let mut table = Table::new(["subject", "server"], ["p50 ms", "p99 ms", "max ms"]);
    for late in all {
        for (server, ms) in [("idle", &late.idle), ("flooded", &late.flooded)] {
            table.row(
                [late.subject.to_string(), String::from(server)],
                [ms.p50, ms.p99, ms.max].map(|ms| number(Some(ms), 2)),
            );
        }
    }
    table
}

fn late_at(compare: &Compare, subject: Subject) -> Result<Late> {
    let server = subject.start(compare.server_core)?;
    let framing = subject.framing();
    let mut bystander = Client::connect(&server.addr, framing)?;
    let idle = bystander.ask_for(Duration::from_secs(2))?;
    let flooders = (0..FLOODERS)
        .map(|_| Flooder::start(&server.addr, framing))
        .collect::<Result<Vec<_>>>()?;
    let flooded = bystander.ask_for(Duration::try_from_secs_f64(compare.seconds)?)?;
    for flooder in flooders {
        flooder.end()?;
    }
    Ok(Late {
        subject,
        idle,
        flooded,
    })
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
            wire::put_hello("flood", &mut hello)?;
            client.stream.write_all(&hello)?;
            ensure!(client.frame()? == kind::WELCOME, "the server let nobody in");
        }
        Ok(client)
    }

    /// Asks every 5 ms.
    fn ask_for(&mut self, duration: Duration) -> Result<Quantiles> {
        let (mut trips, start) = (Vec::new(), Instant::now());
        while start.elapsed() < duration {
            let asked = Instant::now();
            self.stream.write_all(&empty_frames(self.framing, 1)?)?;
            while self.frame()? != kind::DATA {}
            trips.push(asked.elapsed().as_secs_f64() * 1e3);
            thread::sleep(Duration::from_millis(5));
        }
        Quantiles::of(trips).context("no round trip was measured")
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

/// Writes frames as fast as the server takes them, and throws the echoes away.
struct Flooder {
    stream: TcpStream,
    threads: [JoinHandle<()>; 2],
}

impl Flooder {
    fn start(addr: &str, framing: Framing) -> Result<Self> {
        let Client { stream, .. } = Client::connect(addr, framing)?;
        stream.set_read_timeout(None)?;
        let frames = empty_frames(framing, FRAMES_A_WRITE)?;
        let (mut writes, mut reads) = (stream.try_clone()?, stream.try_clone()?);
        let writer = thread::spawn(move || while writes.write_all(&frames).is_ok() {});
        let reader = thread::spawn(move || {
            let mut echoes = vec![0; 256 * 1024];
            while matches!(reads.read(&mut echoes), Ok(1..)) {}
        });
        let threads = [writer, reader];
        Ok(Self { stream, threads })
    }

    fn end(self) -> Result<()> {
        ensure!(
            self.threads.iter().all(|thread| !thread.is_finished()),
            "the server ended a flooder, so the others were not flooded"
        );
        self.stream.shutdown(Shutdown::Both)?;
        for thread in self.threads {
            ensure!(thread.join().is_ok(), "a flooder panicked");
        }
        Ok(())
    }
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

fn empty_frames(framing: Framing, count: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    for _ in 0..count {
        framing.put_header(0, &mut bytes)?;
    }
    Ok(bytes)
}

const FLOODERS: u32 = 4;
const FRAMES_A_WRITE: usize = 64 * 1024;
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
