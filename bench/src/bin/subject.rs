//! The product as an echo server, in a process of its own: with heartbeats, limits, causes and metrics on.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Parser, ValueEnum};
use lastword_bench::report::{Report, exit_when_stdin_ends};
use lastword_bench::tls::Pair;
use lastword_server::{
    Builder, Certificates, Config, Context, Event, Framing, Handler, LengthPrefixed, Player,
    Server, Session,
};

/// Serves an echo until stdin ends.
#[derive(Debug, Parser)]
struct Options {
    /// Which shape of embedding.
    shape: Shape,
    /// Where to listen; the address that was bound is printed as JSON.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
    /// How frames are delimited: our own wire, or a 4-byte length as that of the servers to compare with.
    #[arg(long, value_enum, default_value = "lastword")]
    framing: Wire,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Wire {
    Lastword,
    U32,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// A handler, called in place.
    Handler,
    /// A handler, over TLS with a new certificate.
    Tls,
    /// A task and an inbox for each player.
    Session,
    /// The events of all players, drained 60 times a second by a thread of its own.
    Tick,
}

struct Echo;

impl Handler for Echo {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        // A full queue ends the session with a cause of its own, and the generator reports that as a failure.
        let _full = context.send(payload);
    }
}

async fn echo(mut session: Session) {
    while let Some(payload) = session.recv().await {
        if session.send(payload).is_err() {
            break;
        }
    }
}

fn main() -> Result<()> {
    let options = Options::parse();
    exit_when_stdin_ends();
    let mut config = Config::default();
    config.admission.connections_max = 100_000;
    let builder = Server::builder().config(config).listen(options.listen);
    let builder = match options.framing {
        Wire::Lastword => builder,
        Wire::U32 => builder.framing(Framing::Dialect(Arc::new(LengthPrefixed))),
    };
    let runtime = || {
        tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
    };
    match options.shape {
        Shape::Handler => runtime()?.block_on(handlers(builder)),
        Shape::Tls => {
            let made = Pair::make()?;
            let pairs = [(&made.certificate, &made.key)];
            let builder = builder.tls(Certificates::from_pem(pairs)?);
            runtime()?.block_on(handlers(builder))
        }
        Shape::Session => runtime()?.block_on(sessions(builder)),
        Shape::Tick => ticks(builder),
    }
}

async fn handlers(builder: Builder) -> Result<()> {
    let server = builder.serve(|_: &Player| Echo).await?;
    Report::Listening {
        addr: server.local_addr(),
    }
    .print()?;
    server.closed().await;
    Ok(())
}

async fn sessions(builder: Builder) -> Result<()> {
    let mut server = builder.bind().await?;
    Report::Listening {
        addr: server.local_addr(),
    }
    .print()?;
    while let Some(session) = server.accept().await {
        tokio::spawn(echo(session));
    }
    Ok(())
}

/// Plays as an engine does: the sockets are on a thread of the library, the game is on this one.
fn ticks(builder: Builder) -> Result<()> {
    let (mut events, players) = builder.own_runtime(1).bind_events_blocking()?;
    Report::Listening {
        addr: players.local_addr(),
    }
    .print()?;
    let mut next = Instant::now();
    while !events.is_over() {
        for event in events.drain() {
            if let Event::Frame { session, payload } = event {
                // A session that has ended takes nothing.
                let _over = players.send(session, payload);
            }
        }
        next += TICK;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

const TICK: Duration = Duration::from_micros(16_667);
