//! A connector outlives a runtime: its clients have deadlines on each runtime on which it is used.

use lastword_client::{Client, Connector};
use lastword_session::wire::Kind;
use tokio::runtime::{Builder, Runtime};

use crate::puppet::Puppet;

fn runtime() -> Runtime {
    let mut builder = Builder::new_current_thread();
    builder.enable_all().build().expect("a runtime")
}

/// A client with a heartbeat of 200 ms, and its server.
async fn client(connector: &Connector) -> (Client, Puppet) {
    let welcomed = Puppet::welcomes(connector, (200, 60_000)).await;
    welcomed.expect("it is welcome")
}

/// A ping comes from the sweep of deadlines.
async fn pings(puppet: &mut Puppet) {
    while puppet.reads().await.expect("the client is there").kind != Kind::Ping {}
}

#[test]
fn a_connector_is_used_again_after_its_runtime_has_ended() {
    let connector = runtime().block_on(async { Connector::start() });
    for _ in 0..2 {
        runtime().block_on(async {
            let (_client, mut puppet) = client(&connector).await;
            pings(&mut puppet).await;
        });
    }
}

#[test]
fn a_runtime_that_ends_takes_no_deadlines_of_another() {
    let connector = runtime().block_on(async { Connector::start() });
    let [first, second] = [runtime(), runtime()];
    let _of_first = first.block_on(client(&connector));
    let (_client, mut puppet) = second.block_on(client(&connector));
    drop(first);
    for _ in 0..3 {
        second.block_on(pings(&mut puppet));
    }
}
