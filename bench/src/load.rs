//! The load generator: opens connections, keeps frames in flight on each, and checks every frame that comes back.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};

use crate::report::{Control, Order, Report};
use crate::wire::{Framing, Resume};

mod acks;
mod connection;
mod generator;
mod stream;

pub(crate) use generator::spread;
pub use generator::{Generator, Until};

/// Opens connections to a server, sends frames and checks every echo.
#[derive(Debug, Clone, clap::Parser)]
pub struct Load {
    /// The server's address. 127.0.0.1 stands for 127.0.0.1 to .4, to spread many connections over more addresses.
    pub addr: SocketAddr,
    /// How frames are delimited.
    #[arg(long, value_enum, default_value = "u32")]
    pub framing: Framing,
    /// Ask for a session that can be resumed, and acknowledge frames. Only with the framing of `lastword`.
    #[arg(long)]
    pub resume: bool,
    /// Speak TLS, and trust every server.
    #[arg(long)]
    pub tls: bool,
    /// How many connections to open.
    #[arg(long, default_value_t = 1000)]
    pub connections: u32,
    /// How many frames to keep in flight on each connection.
    #[arg(long, default_value_t = 16)]
    pub depth: u64,
    /// The length of a payload, 12 bytes at least: it carries the connection's number and the frame's.
    #[arg(long, default_value_t = 64)]
    pub payload_bytes: usize,
    /// How long the measured part sends; it then waits for the frames in flight.
    #[arg(long, default_value_t = 2.0)]
    pub seconds: f64,
    /// How many frames the measured part sends at most, rounded down to a whole number per connection.
    #[arg(long)]
    pub messages: Option<u64>,
    /// How long to send before the measured part.
    #[arg(long, default_value_t = 0.3)]
    pub warm_up_seconds: f64,
    /// Echo one frame per connection, then stay idle (except for heartbeats) for `--seconds`.
    #[arg(long)]
    pub idle: bool,
    /// Open connections one after another for `--seconds` instead, and close each at once.
    #[arg(long, conflicts_with = "idle")]
    pub knock: bool,
    /// When ready, wait for a line on stdin before the measured part; end when stdin ends.
    #[arg(long)]
    pub controlled: bool,
}

impl Load {
    /// Returns whether the sessions can be resumed.
    #[must_use]
    pub fn resume(&self) -> Resume {
        match self.resume {
            true => Resume::On,
            false => Resume::Off,
        }
    }
}

/// Runs a load generator and prints its reports.
///
/// # Errors
/// When a connection cannot be opened or ends, an echo differs from the frame sent, or a time limit passes.
pub fn run(load: &Load) -> Result<()> {
    let control = load.controlled.then(Control::from_stdin);
    let duration = Duration::try_from_secs_f64(load.seconds)?;
    if load.knock {
        return knock(load, duration, control.as_ref());
    }
    let mut generator = Generator::connect(load)?;
    warm_up(load, &mut generator)?;
    Report::Ready.print()?;
    if load.idle {
        return idle(&mut generator, duration, control.as_ref());
    }
    if let Some(control) = &control {
        wait_for_go(&mut generator, control)?;
    }
    let started = Instant::now();
    let until = Until {
        deadline: started + duration,
        frames_each: frames_each(load),
    };
    let messages = generator.drive(until)?;
    Report::Done {
        messages,
        seconds: started.elapsed().as_secs_f64(),
    }
    .print()?;
    if let Some(control) = &control {
        // The connections stay open while the harness reads the server's CPU time.
        while control.poll() != Some(Order::Stop) {
            generator.turn(IDLE_STEP)?;
        }
    }
    Ok(())
}

fn knock(load: &Load, duration: Duration, control: Option<&Control>) -> Result<()> {
    let warm_up = Duration::try_from_secs_f64(load.warm_up_seconds)?;
    Generator::knock(load, Instant::now() + warm_up).context("while warming up")?;
    Report::Ready.print()?;
    let go_by = Instant::now() + GO_TIMEOUT;
    while control.is_some_and(|control| control.poll() != Some(Order::Go)) {
        ensure!(Instant::now() < go_by, "the harness never said go");
        std::thread::sleep(Duration::from_millis(1));
    }
    let started = Instant::now();
    let messages = Generator::knock(load, started + duration)?;
    let seconds = started.elapsed().as_secs_f64();
    Report::Done { messages, seconds }.print()
}

fn frames_each(load: &Load) -> Option<u64> {
    load.messages
        .map(|messages| messages / u64::from(load.connections.max(1)))
}

fn warm_up(load: &Load, generator: &mut Generator) -> Result<()> {
    let until = if load.idle {
        Until {
            deadline: Instant::now() + FIRST_FRAME_TIMEOUT,
            frames_each: Some(1),
        }
    } else {
        let duration = Duration::try_from_secs_f64(load.warm_up_seconds)?;
        Until {
            deadline: Instant::now() + duration,
            frames_each: None,
        }
    };
    generator.drive(until).context("while warming up")?;
    Ok(())
}

fn wait_for_go(generator: &mut Generator, control: &Control) -> Result<()> {
    let deadline = Instant::now() + GO_TIMEOUT;
    loop {
        match control.poll() {
            Some(Order::Go) => return Ok(()),
            Some(Order::Stop) => bail!("the harness went away before the run"),
            None => generator.turn(IDLE_STEP)?,
        }
        ensure!(Instant::now() < deadline, "the harness never said go");
    }
}

fn idle(generator: &mut Generator, duration: Duration, control: Option<&Control>) -> Result<()> {
    let deadline = Instant::now() + duration;
    while Instant::now() < deadline && control.and_then(Control::poll) != Some(Order::Stop) {
        generator.turn(IDLE_STEP)?;
    }
    Ok(())
}

const IDLE_STEP: Duration = Duration::from_millis(20);
const GO_TIMEOUT: Duration = Duration::from_secs(60);
const FIRST_FRAME_TIMEOUT: Duration = Duration::from_secs(30);
