//! A small chat with one handler per player: the fastest shape. The connection's own task calls the handler directly.
//!
//! `cargo run --example handler -- 127.0.0.1:7000`
#![expect(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use lastword::{Context, Departure, GameCode, Group, Handler, Kick, Link, Player, Server};

struct Chatter {
    /// All players.
    room: Group,
    said: u32,
}

impl Handler for Chatter {
    fn joined(&mut self, context: &mut Context<'_, '_>) {
        let hello = format!("{} is here", name(context));
        self.room.broadcast(hello.as_bytes());
        // This fails only for a player that is already leaving.
        self.room.join(context.session()).ok();
    }

    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        self.said += 1;
        if payload == b"/spam" {
            let kick = Kick::because("spam is not welcome here");
            context.kick(GameCode::new(SPAM).map_or(kick.clone(), |code| kick.with_code(code)));
        } else {
            self.room.broadcast_except(context.session(), payload);
        }
    }

    fn link(&mut self, context: &mut Context<'_, '_>, link: Link) {
        println!("{}: {link:?}", name(context));
    }

    fn left(self, departure: &Departure) {
        // The session has already left the room.
        println!("after {} messages: {departure}", self.said);
        let words = format!("somebody left: {}", departure.cause);
        self.room.broadcast(words.as_bytes());
    }
}

/// Returns the player's name. A client without credentials has none.
fn name<'a>(context: &'a Context<'_, '_>) -> &'a str {
    context.player().unwrap_or("somebody")
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The layer logs to the program's subscriber, and logs nothing without one.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let addr = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let builder = Server::builder().listen(addr);
    let room = builder.group();
    let make = move |_: &Player| Chatter {
        room: room.clone(),
        said: 0,
    };
    let server = builder.serve(make).await?;
    println!("listening on {}", server.local_addr());

    tokio::signal::ctrl_c().await?;
    server.drain(server.drain_timeout()).await;
    Ok(())
}

/// A code of the game. Listed under `metrics.game_codes`, it gets a label of its own.
const SPAM: u16 = 4096;
