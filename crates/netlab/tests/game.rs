//! A game whose player is behind a cut cable. The crate documentation shows this test.

use lastword::client::Client;
use lastword::{Cause, Config, Server};
use lastword_netlab::{Host, run};
use tokio::runtime::Builder;

#[test]
fn a_game_is_told_that_a_player_is_behind_a_cut_cable() {
    run(|lab| {
        // The workers of a runtime stay in the host in which it was built, and so do their sockets.
        let runtime = || {
            let mut builder = Builder::new_multi_thread();
            builder.worker_threads(1).enable_all().build()
        };
        let (here, there) = (
            lab.on(Host::Server, runtime)?,
            lab.on(Host::Client, runtime)?,
        );

        let mut config = Config::default();
        config.liveness.profile = "competitive".to_owned();
        let listen = format!("{}:0", lab.addr(Host::Server));
        let server = Server::builder().config(config).listen(listen).bind();
        let mut server = here.block_on(here.spawn(server))??;
        let addr = server.handle().local_addr();
        let player = there.block_on(there.spawn(Client::connect(addr, "ann")))??;
        let mut session = here.block_on(server.accept()).ok_or("no player joined")?;

        lab.cut(Host::Client)?;
        assert_eq!(here.block_on(session.recv()), None);
        let left = here.block_on(session.close());
        assert_eq!(left.cause, Cause::PathDead.into());
        drop(player);
        Ok(())
    });
}
