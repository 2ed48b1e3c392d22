//! A studio with its own metrics: the layer's series go into the same recorder as the game's.
//!
//! `cargo run --example own_recorder -- 127.0.0.1:7000`
#![expect(
    clippy::print_stdout,
    reason = "an example talks to the person who runs it"
)]

use std::time::Duration;

use lastword::{Context, Handler, Player, Server};
use metrics_exporter_prometheus::PrometheusBuilder;

struct Echo;

impl Handler for Echo {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        metrics::counter!("game_messages_total").increment(1);
        // An error means full or closed; the end that follows has the reason.
        context.send(payload).ok();
    }
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
    // The studio's recorder, which can be any recorder of the `metrics` crate.
    let recorder = PrometheusBuilder::new().build_recorder();
    let rendered = recorder.handle();
    metrics::set_global_recorder(recorder)?;

    // There is no admin port: the server publishes to the global recorder, once a second and when it has ended. The
    // name distinguishes two servers in one process.
    let server = Server::builder().name("eu-1").listen(addr);
    let server = server.serve(|_: &Player| Echo).await?;
    println!("listening on {}", server.local_addr());

    let mut seconds = tokio::time::interval(Duration::from_secs(1));
    // One future for all turns, so that a Ctrl-C between two turns is not missed.
    let mut stop = std::pin::pin!(tokio::signal::ctrl_c());
    loop {
        tokio::select! {
            biased;
            stop = &mut stop => break stop?,
            _ = seconds.tick() => rendered.run_upkeep(),
        }
    }
    server.drain(server.drain_timeout()).await;
    // After the drain both laws hold in this recorder, too.
    print!("{}", rendered.render());
    Ok(())
}
