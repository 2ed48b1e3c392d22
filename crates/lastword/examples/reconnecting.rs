//! A client that survives: its session goes on over another connection where the server keeps sessions, and nothing that it
//! sends meanwhile is lost. It makes attempts until its server is there, and logs in again after the end of a session.
//!
//! `cargo run --example echo`, and in another terminal `cargo run --example reconnecting -- 127.0.0.1:7000`. End the
//! server with Ctrl-C and start it again: the client finds it. Its old session is not known there, so a new one begins.
#![expect(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use std::time::Duration;

use lastword::client::{Connector, ReconnectEvent, ReconnectingClient};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let addr = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let mut client = Connector::start()
        .reconnecting(addr)?
        .credentials("ann")
        .give_up_after(Duration::from_secs(300))
        .start();
    println!("looking for the server");
    let mut pace = tokio::time::interval(Duration::from_secs(1));
    let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            biased;
            _ = &mut stop => break,
            event = client.next_event() => match event {
                Some(event) => handle(&mut client, event),
                // The last end was final.
                None => return Ok(()),
            },
            // Without a connection it waits. An error means that there is no session, or that too much waits.
            _ = pace.tick() => drop(client.send("is anybody here?")),
        }
    }
    if let Some(ended) = client.goodbye().await {
        println!("{ended}");
    }
    Ok(())
}

fn handle(client: &mut ReconnectingClient, event: ReconnectEvent) {
    match event {
        ReconnectEvent::Connected { session, .. } => match session {
            Some(session) => println!("session {session} has begun"),
            None => println!("a session has begun"),
        },
        ReconnectEvent::Frame(payload) => println!("{}", String::from_utf8_lossy(&payload)),
        ReconnectEvent::Lost(ended) => println!("{ended}"),
        ReconnectEvent::Retrying { after, why, .. } => println!("{why}; again in {after:.1?}"),
        ReconnectEvent::Resumed { away, .. } => println!("back after {away:.1?}"),
        ReconnectEvent::Ended(end) => {
            println!("{end}");
            if end.may_log_in_again() {
                client.login_again();
            }
        }
        ReconnectEvent::Notice(_) | ReconnectEvent::Link(_) | _ => {}
    }
}
