//! The real server in two shapes. A test can wait for the ends of its connections.

use std::sync::Arc;

use lastword_server::{
    Builder, Config, Context, Disconnect, Handler, Observer, Player, ProfileConfig, Server,
    ServerHandle,
};
use tokio::sync::mpsc;

use crate::within;

/// The ends of a server, in order.
pub(crate) struct Ends(mpsc::Receiver<Arc<Disconnect>>);

impl Ends {
    pub(crate) async fn next(&mut self) -> Arc<Disconnect> {
        within("an end at the server", self.0.recv())
            .await
            .expect("the server is there")
    }
}

struct Watcher(mpsc::Sender<Arc<Disconnect>>);

impl Observer for Watcher {
    fn disconnected(&self, disconnect: &Arc<Disconnect>) {
        // A full channel loses ends, which is fine in a test that does not read them.
        self.0.try_send(Arc::clone(disconnect)).ok();
    }
}

struct Echo;

impl Handler for Echo {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        context.send(payload).expect("the client takes its echo");
    }
}

/// A server on a free port of loopback, with an observer for its ends.
pub(crate) fn watched(config: Config) -> (Builder, Ends) {
    let (sender, receiver) = mpsc::channel(ENDS_MAX);
    let builder = Server::builder()
        .config(config)
        .listen("127.0.0.1:0")
        .observer(Watcher(sender));
    (builder, Ends(receiver))
}

/// A server whose handlers send every frame back.
pub(crate) async fn echo_handlers(config: Config) -> (ServerHandle, Ends) {
    let (builder, ends) = watched(config);
    (serve_echo(builder).await, ends)
}

pub(crate) async fn serve_echo(builder: Builder) -> ServerHandle {
    builder
        .serve(|_: &Player| Echo)
        .await
        .expect("the server starts")
}

/// A server whose sessions the test accepts.
pub(crate) async fn sessions(config: Config) -> (Server, Ends) {
    let (builder, ends) = watched(config);
    (builder.bind().await.expect("the server starts"), ends)
}

/// A server whose sessions send every frame back.
pub(crate) async fn echo_sessions(config: Config) -> (ServerHandle, Ends) {
    let (mut server, ends) = sessions(config).await;
    let handle = server.handle().clone();
    tokio::spawn(async move {
        while let Some(mut session) = server.accept().await {
            tokio::spawn(async move {
                while let Some(payload) = session.recv().await {
                    session.send(payload).expect("the client takes its echo");
                }
            });
        }
    });
    (handle, ends)
}

/// The default configuration with the shortest possible dead limit: 2.8 s of silence.
pub(crate) fn quick() -> Config {
    let mut config = Config::default();
    let profile = ProfileConfig {
        heartbeat_ms: Some(200),
        suspect_ms: Some(300),
        dead_ms: Some(2_800),
        ..ProfileConfig::default()
    };
    config.liveness.profiles.insert("quick".to_owned(), profile);
    config.liveness.profile = "quick".to_owned();
    config
}

/// More than the ends of any test here.
const ENDS_MAX: usize = 1_024;
