//! A fixed-step loop on a thread of the engine, without a runtime. After each tick every player gets the new state.
//!
//! `cargo run --example tick_loop -- 127.0.0.1:7000`
#![expect(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use lastword::{Event, Server, ServerHandle, SessionId};

/// The game's own world.
#[derive(Default)]
struct World {
    positions: HashMap<SessionId, [u8; 2]>,
}

impl World {
    fn handle(&mut self, event: Event<'_>) {
        match event {
            Event::Joined {
                session,
                player,
                remote,
            } => {
                let name = player.id.as_deref().unwrap_or("somebody");
                println!("{name} joined from {remote}");
                self.positions.insert(session, [0, 0]);
            }
            Event::Frame {
                session,
                payload: &[x, y, ..],
            } => {
                self.positions.insert(session, [x, y]);
            }
            Event::Link { session, link } => println!("{session}: {link:?}"),
            Event::Left(departure) => {
                println!("left: {departure}");
                self.positions.remove(&departure.session);
            }
            Event::Draining { deadline } => {
                let left = deadline.saturating_duration_since(Instant::now());
                println!("saving, {left:.0?} to go");
            }
            // Ignores frames that are too short, and kinds of events that later versions add.
            Event::Frame { .. } | _ => {}
        }
    }

    fn tell(&self, players: &ServerHandle) {
        let state: Vec<u8> = self.positions.values().flatten().copied().collect();
        players.broadcast(self.positions.keys().copied(), &state);
    }
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The layer logs to the program's subscriber, and logs nothing without one.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let addr = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    // Two threads serve all sockets. This thread belongs to the engine.
    let server = Server::builder().listen(addr).own_runtime(2);
    let (mut events, players) = server.bind_events_blocking()?;
    println!("listening on {}", players.local_addr());

    let stop = stop_on_ctrl_c()?;
    let mut world = World::default();
    let mut next = Instant::now();
    while !events.is_over() {
        if stop.load(Ordering::Relaxed) {
            players.begin_drain(players.drain_timeout());
        }
        events.drain().for_each(|event| world.handle(event));
        world.tell(&players);
        next += TICK;
        std::thread::sleep(next.saturating_duration_since(Instant::now()));
    }
    Ok(())
}

fn stop_on_ctrl_c() -> Result<Arc<AtomicBool>, std::io::Error> {
    let stop = Arc::new(AtomicBool::new(false));
    signal_hook::flag::register(signal_hook::consts::SIGINT, Arc::clone(&stop))?;
    Ok(stop)
}

const TICK: Duration = Duration::from_millis(50);
