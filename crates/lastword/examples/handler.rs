//! A handler per player, called in place on the connection's own task: the fastest shape. A small chat.
//!
//! `cargo run --example handler -- 127.0.0.1:7000`
#![expect(clippy::print_stdout, reason = "an example talks to whoever runs it")]

use std::sync::{Arc, OnceLock};

use lastword::{Context, Departure, GameCode, Group, Handler, Kick, Link, Player, Server};

/// Everybody in the room.
type Room = Arc<OnceLock<Group>>;

struct Chatter {
    room: Room,
    said: u32,
}

impl Handler for Chatter {
    fn joined(&mut self, context: &mut Context<'_, '_>) {
        if let Some(room) = self.room.get() {
            room.broadcast(format!("{} is here", context.player()).as_bytes());
            // Only somebody who is leaving already cannot join.
            room.join(context.session()).ok();
        }
    }

    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        self.said += 1;
        if payload == b"/spam" {
            let kick = Kick::because("spam is not welcome here");
            context.kick(GameCode::new(SPAM).map_or(kick.clone(), |code| kick.with_code(code)));
        } else if let Some(room) = self.room.get() {
            room.broadcast_except(context.session(), payload);
        }
    }

    fn link(&mut self, context: &mut Context<'_, '_>, link: Link) {
        println!("{}: {link:?}", context.player());
    }

    fn left(self, departure: &Departure) {
        // It has left the room by itself.
        println!("after {} messages: {}", self.said, departure.disconnect);
        if let Some(room) = self.room.get() {
            room.broadcast(format!("somebody left: {}", departure.cause).as_bytes());
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The log of the layer; without a subscriber there is none.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let addr = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let room = Room::default();
    let theirs = Arc::clone(&room);
    let make = move |_: &Player| Chatter {
        room: Arc::clone(&theirs),
        said: 0,
    };
    let server = Server::builder().listen(addr).serve(make).await?;
    room.get_or_init(|| server.group());
    println!("listening on {}", server.local_addr());

    tokio::signal::ctrl_c().await?;
    server.drain(server.drain_timeout()).await;
    Ok(())
}

/// A code of the game's own; declared under `metrics.game_codes`, it is a label of its own.
const SPAM: u16 = 4096;
