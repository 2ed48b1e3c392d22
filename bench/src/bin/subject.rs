//! The product as an echo server, in a process of its own: with heartbeats, limits, causes and metrics on.

use anyhow::Result;
use clap::{Parser, ValueEnum};
use lastword_bench::report::{Report, exit_when_stdin_ends};
use lastword_server::{Config, Context, Handler, Player, Server, Session};

/// Serves an echo until stdin ends.
#[derive(Debug, Parser)]
struct Options {
    /// Which shape of embedding.
    shape: Shape,
    /// Where to listen; the address that was bound is printed as JSON.
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: String,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Shape {
    /// Called in place.
    Handler,
    /// A task and an inbox per player.
    Session,
}

struct Echo;

impl Handler for Echo {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        // A full queue ends the session with a cause of its own, and the generator fails on that.
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

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let options = Options::parse();
    exit_when_stdin_ends();
    let mut config = Config::default();
    config.listen.connections_max = 100_000;
    let builder = Server::builder().config(config).listen(options.listen);
    match options.shape {
        Shape::Handler => {
            let server = builder.serve(|_: &Player| Echo).await?;
            Report::Listening { addr: server.local_addr() }.print()?;
            server.closed().await;
        }
        Shape::Session => {
            let mut server = builder.bind().await?;
            Report::Listening { addr: server.local_addr() }.print()?;
            while let Some(session) = server.accept().await {
                tokio::spawn(echo(session));
            }
        }
    }
    Ok(())
}
