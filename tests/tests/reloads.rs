//! Reloads of the configuration of a running server.
#![cfg(target_os = "linux")]
#![allow(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::sync::{Arc, Mutex};

use lastword_server::{Cause, Config, ConfigError, Phase, Player, ReloadError, ServerHandle};
use lastword_tests::{Echo, EndCollector, Raw, config, hello, until};

/// A server whose source of configuration is here, for the test to change.
struct Reloading {
    server: ServerHandle,
    collector: EndCollector,
    source: Arc<Mutex<Result<Config, Vec<String>>>>,
}

impl Reloading {
    async fn start(config: Config) -> Self {
        let source = Arc::new(Mutex::new(Ok(config.clone())));
        let mut collector = EndCollector::default();
        let read = Arc::clone(&source);
        let builder = collector.builder(config);
        let builder = builder.reload_from(move || read.lock().unwrap().clone());
        Self {
            server: builder.serve(|_: &Player| Echo).await.unwrap(),
            collector,
            source,
        }
    }

    /// Changes the configuration, and reloads it. Returns the keys that were applied.
    fn reload(&self, change: impl FnOnce(&mut Config)) -> Vec<&'static str> {
        let mut source = self.source.lock().unwrap();
        change(source.as_mut().unwrap());
        drop(source);
        let reload = self.server.reload().unwrap();
        assert!(reload.needs_restart.is_empty(), "{reload}");
        reload.applied
    }

    async fn ends_as(&mut self, cause: Cause, phase: Phase) {
        let end = self.collector.end().await;
        let verdict = end.ending.verdict;
        assert_eq!((verdict.cause, verdict.phase), (cause, phase));
    }
}

#[tokio::test]
async fn new_connections_have_the_new_lists_limits_and_timeouts_and_players_stay() {
    let mut reloading = Reloading::start(config()).await;
    let addr = reloading.server.local_addr();
    let mut player = Raw::join(addr, "ann").await;

    assert_eq!(
        reloading.reload(|c| c.timeouts.hello_ms = 100),
        ["timeouts.hello_ms"]
    );
    let mut silent = Raw::connect(addr).await;
    assert_eq!(
        silent.goodbye_code().await,
        Some(Cause::HelloTimeout.code())
    );
    drop(silent);
    reloading.ends_as(Cause::HelloTimeout, Phase::Hello).await;

    assert_eq!(
        reloading.reload(|c| c.admission.connections_max = 1),
        ["admission.connections_max"]
    );
    let mut second = Raw::connect(addr).await;
    assert_eq!(second.goodbye_code().await, Some(Cause::ServerFull.code()));
    drop(second);
    reloading.ends_as(Cause::ServerFull, Phase::Admission).await;

    let deny = |c: &mut Config| c.admission.deny = vec!["127.0.0.0/8".parse().unwrap()];
    assert_eq!(reloading.reload(deny), ["admission.deny"]);
    let mut denied = Raw::connect(addr).await;
    assert_eq!(
        denied.goodbye_code().await,
        Some(Cause::AddressDenied.code())
    );
    drop(denied);
    reloading
        .ends_as(Cause::AddressDenied, Phase::Admission)
        .await;
    player.echo(b"still here").await;

    assert_eq!(
        reloading.reload(|c| c.drain.reason = "bye".to_owned()),
        ["drain.reason"]
    );
    assert_eq!(reloading.server.drain_message().reason(), "bye");
}

#[tokio::test]
async fn a_configuration_that_is_not_valid_changes_nothing() {
    let reloading = Reloading::start(config()).await;
    let addr = reloading.server.local_addr();
    let mut wrong = config();
    wrong.admission.deny = vec!["127.0.0.0/8".parse().unwrap()];
    wrong.timeouts.auth_ms = 0;
    let errors = wrong.validate().unwrap_err();
    let lines: Vec<_> = errors.iter().map(ConfigError::to_string).collect();
    *reloading.source.lock().unwrap() = Ok(wrong);
    assert_eq!(reloading.server.reload(), Err(ReloadError::Refused(lines)));
    let unreadable = vec!["there is no such file".to_owned()];
    *reloading.source.lock().unwrap() = Err(unreadable.clone());
    assert_eq!(
        reloading.server.reload(),
        Err(ReloadError::Refused(unreadable))
    );
    Raw::join(addr, "ann").await.echo(b"in").await;
}

#[tokio::test]
async fn new_connections_need_a_header_once_there_is_a_list_of_proxies() {
    let mut reloading = Reloading::start(config()).await;
    let addr = reloading.server.local_addr();
    let mut player = Raw::join(addr, "ann").await;
    let list = |c: &mut Config| c.listen[0].proxy = vec!["127.0.0.0/8".parse().unwrap()];
    assert_eq!(reloading.reload(list), ["listen.proxy"]);
    let mut proxy = Raw::connect(addr).await;
    proxy
        .write(b"PROXY TCP4 203.0.113.9 10.0.0.1 4711 7000\r\n")
        .await;
    proxy.enter("bob").await;
    let mut plain = Raw::connect(addr).await;
    plain.write(&hello(b"cid")).await;
    assert_eq!(plain.frame().await, None);
    drop(plain);
    reloading
        .ends_as(Cause::ProxyHeaderInvalid, Phase::Proxy)
        .await;
    player.echo(b"still here").await;
}

#[tokio::test]
async fn a_server_without_a_source_has_nothing_to_reload() {
    let mut collector = EndCollector::default();
    let builder = collector.builder(config());
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    assert_eq!(server.reload(), Err(ReloadError::NoSource));
}

/// The process takes more than a MiB from the start.
#[tokio::test]
async fn a_server_that_sheds_load_is_ready_again_once_its_mark_is_raised() {
    let mut config = config();
    config.admission.memory_mib_max = 1;
    let reloading = Reloading::start(config).await;
    let server = &reloading.server;
    until("it is not ready", || !server.is_calm()).await;
    reloading.reload(|c| c.admission.memory_mib_max = 0);
    until("it is ready again", || server.is_calm()).await;
}
