//! TLS through real proxies that do not end it: each tells the client's address in front of the handshake.

use std::io;

use lastword_netlab::{Host, Lab, Proxy, ProxyProgram, Proxying, run};
use lastword_server::{Cause, Config, Phase, Player, RemoteSource};
use lastword_tests::{Echo, EndCollector, Fixture, Raw, config, in_server_host, quick, within};

use crate::ends::{ROUNDS, WAYS};
use crate::peer::{self, Peer};
use crate::{Made, certificates};

const HAPROXY: Proxying = Proxying {
    program: ProxyProgram::Haproxy,
    options: "send-proxy-v2 proxy-v2-options crc32c",
    ends_old: false,
};
const NGINX: Proxying = Proxying {
    program: ProxyProgram::Nginx,
    options: "proxy_protocol on;",
    ends_old: false,
};

/// A server whose only proxy is the lab's router, and the proxy there.
async fn start(
    lab: &Lab,
    proxying: Proxying,
    made: &Made,
    mut config: Config,
) -> io::Result<(Fixture, Proxy)> {
    let router = lab.gateway(Host::Server).to_string();
    config.listen[0].proxy = vec![router.parse().unwrap()];
    let mut collector = EndCollector::default();
    let builder = collector.builder_in(lab, config).tls(certificates(&[made]));
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let proxy = proxying.start(lab, server.local_addr())?;
    Ok((Fixture { server, collector }, proxy))
}

async fn join(lab: &Lab, proxy: &Proxy, made: &Made) -> io::Result<Peer> {
    let raw = Raw::connect_in(lab, proxy.addr())?;
    let mut peer = Peer::over(raw, peer::config(made, peer::BOTH), "localhost");
    peer.enter().await;
    Ok(peer)
}

/// Each way several times. A client leaves only once the server has read its words, since a proxy that is told of a reset
/// may forget them.
async fn ends_through(lab: &Lab, proxying: Proxying) -> io::Result<()> {
    let made = Made::for_name("localhost");
    let (mut fixture, proxy) = start(lab, proxying, &made, config()).await?;
    for way in (0..ROUNDS).flat_map(|_| WAYS) {
        let mut peer = join(lab, &proxy, &made).await?;
        let own = peer.raw.stream.local_addr()?;
        peer.echo(b"hi").await;
        let session = fixture.server.sessions()[0].session;
        let heard = fixture.server.session_status(session).await;
        let (heard, sent) = (heard.expect("a live session").bytes.0, peer.sent);
        way.say(&mut peer).await;
        within("the words are read", async {
            let all = heard + peer.sent - sent;
            while let Some(status) = fixture.server.session_status(session).await {
                if status.bytes.0 >= all {
                    break;
                }
            }
        })
        .await;
        (way.leave)(peer.raw);
        let end = fixture.collector.end().await;
        let right = [way.cause, way.cause_by_fin()];
        let name = way.name;
        assert!(right.contains(&end.cause()), "{name}: {end}");
        assert_eq!(end.ending.verdict.phase, Phase::Live, "{name}");
        assert_eq!(end.remote, own, "{name}");
        assert_eq!(end.remote_source, RemoteSource::ProxyHeader, "{name}");
        assert!(end.ending.evidence.behind_proxy, "{name}");
    }
    assert!(fixture.server.stats().laws_hold());
    Ok(())
}

#[test]
fn each_end_over_tls_behind_haproxy_is_recorded_as_what_it_was() {
    run(|lab| in_server_host(lab, || ends_through(lab, HAPROXY)));
}

#[test]
fn each_end_over_tls_behind_nginx_is_recorded_as_what_it_was() {
    run(|lab| in_server_host(lab, || ends_through(lab, NGINX)));
}

/// A player whose cable is cut, and one whose process stands still: the proxy's kernel answers for both.
#[test]
fn each_silence_over_tls_behind_a_proxy_is_peer_silent() {
    run(|lab| {
        in_server_host(lab, || async {
            let made = Made::for_name("localhost");
            for (proxying, cuts) in [(HAPROXY, false), (HAPROXY, true), (NGINX, true)] {
                let (mut fixture, proxy) = start(lab, proxying, &made, quick(config())).await?;
                let peer = join(lab, &proxy, &made).await?;
                if cuts {
                    lab.cut(Host::Client)?;
                }
                let end = fixture.ends_as(Cause::PeerSilent, Phase::Live).await;
                assert!(end.ending.evidence.behind_proxy);
                lab.mend(Host::Client)?;
                drop(peer);
            }
            Ok(())
        })
    });
}
