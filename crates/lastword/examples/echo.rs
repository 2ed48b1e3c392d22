//! One task per session: the shape whose code looks like that of a plain socket.
//!
//! `cargo run --example echo -- 127.0.0.1:7000`
#![expect(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use lastword::{AdminExt, Server, Session};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    // The layer logs to the program's subscriber, and logs nothing without one.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .init();
    let addr = std::env::args()
        .nth(1)
        .unwrap_or_else(|| "127.0.0.1:7000".to_owned());
    let mut server = Server::builder()
        .listen(addr)
        .admin("127.0.0.1:0")
        .bind()
        .await?;
    let handle = server.handle().clone();
    println!("listening on {}", server.local_addr());
    println!(
        "curl http://{}/api/closes",
        handle.admin_addr().ok_or("there is an admin port")?
    );

    // On Ctrl-C every session gets a notice, time to leave and a goodbye.
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            handle.drain(handle.drain_timeout()).await;
        }
    });
    while let Some(session) = server.accept().await {
        tokio::spawn(echo(session));
    }
    Ok(())
}

async fn echo(mut session: Session) {
    while let Some(payload) = session.recv().await {
        // Waits while the player reads too slowly. Without this, a full queue ends the session.
        session.ready().await.ok();
        // After an error it continues to read: frames that came before the end may still wait.
        if let Err(error) = session.send(payload) {
            println!("{}: not sent: {error}", session.id());
        }
    }
    let left = session.close().await;
    println!("{}: {left}", left.session);
}
