//! TLS through real proxies: each tells the client's address in a header, and passes TLS on or ends it.

use std::io;

use lastword_netlab::{Host, Lab, Proxy, ProxyProgram, Proxying, run};
use lastword_server::{Cause, Config, Phase, Player, RemoteSource};
use lastword_tests::{
    Echo, EndCollector, Fixture, Raw, config, hello, in_server_host, quick, within,
};
use tokio::io::AsyncReadExt as _;
use tokio::net::TcpListener;

use crate::ends::{ROUNDS, WAYS, Way};
use crate::peer::{self, Peer};
use crate::{Made, certificates};

const HAPROXY: Proxying = Proxying {
    program: ProxyProgram::Haproxy,
    options: "send-proxy-v2 proxy-v2-options crc32c",
    ends_old: false,
};
/// With each field about TLS that HAProxy can send.
const HAPROXY_FIELDS: Proxying = Proxying {
    options: "send-proxy-v2 proxy-v2-options ssl,cert-cn,ssl-cipher,cert-sig,cert-key,authority,crc32c",
    ..HAPROXY
};
const NGINX: Proxying = Proxying {
    program: ProxyProgram::Nginx,
    options: "proxy_protocol on;",
    ends_old: false,
};

/// Which of the two ends the TLS of the clients.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TlsEnd {
    /// In front of the handshake comes the header, in clear.
    Server,
    /// The server gets plain bytes.
    Proxy,
}

impl TlsEnd {
    /// The causes that are right for a way to leave. A proxy passes a reset on as a FIN or a reset. The close of TLS does
    /// not come through a proxy that ends TLS.
    fn causes(self, way: &Way) -> [Cause; 2] {
        let causes = [way.cause, way.cause_by_fin()];
        causes.map(|cause| {
            if self == Self::Proxy && cause == Cause::TlsTruncated {
                Cause::PeerFin
            } else {
                cause
            }
        })
    }
}

/// A server whose only proxy is the lab's router, and the proxy there.
async fn start(
    lab: &Lab,
    proxying: Proxying,
    end: TlsEnd,
    made: &Made,
    mut config: Config,
) -> io::Result<(Fixture, Proxy)> {
    let router = lab.gateway(Host::Server).to_string();
    config.listen[0].proxy = vec![router.parse().unwrap()];
    let mut collector = EndCollector::default();
    let mut builder = collector.builder_in(lab, config);
    if end == TlsEnd::Server {
        builder = builder.tls(certificates(&[made]));
    }
    let server = builder.serve(|_: &Player| Echo).await.unwrap();
    let addr = server.local_addr();
    let proxy = match end {
        TlsEnd::Server => proxying.start(lab, addr)?,
        TlsEnd::Proxy => proxying.start_with_tls(lab, addr, &made.pem())?,
    };
    Ok((Fixture { server, collector }, proxy))
}

fn begin(lab: &Lab, proxy: &Proxy, made: &Made) -> io::Result<Peer> {
    let raw = Raw::connect_in(lab, proxy.addr())?;
    Ok(Peer::over(raw, peer::config(made, peer::BOTH), "localhost"))
}

async fn join(lab: &Lab, proxy: &Proxy, made: &Made) -> io::Result<Peer> {
    let mut peer = begin(lab, proxy, made)?;
    peer.enter().await;
    Ok(peer)
}

/// Each way several times. A client leaves only once the server has read its words, since a proxy that is told of a reset
/// may forget them.
async fn ends_through(lab: &Lab, proxying: Proxying, tls_end: TlsEnd) -> io::Result<()> {
    let made = Made::for_name("localhost");
    let (mut fixture, proxy) = start(lab, proxying, tls_end, &made, config()).await?;
    for way in (0..ROUNDS).flat_map(|_| WAYS) {
        let mut peer = join(lab, &proxy, &made).await?;
        let own = peer.raw.stream.local_addr()?;
        peer.echo(b"hi").await;
        let session = fixture.server.sessions()[0].session;
        let heard = fixture.server.session_status(session).await;
        let (heard, sent) = (heard.expect("a live session").bytes.0, peer.sent);
        way.say(&mut peer).await;
        let words = match tls_end {
            TlsEnd::Server => peer.sent - sent,
            TlsEnd::Proxy => (way.says)().len() as u64,
        };
        within("the words are read", async {
            while let Some(status) = fixture.server.session_status(session).await {
                if status.bytes.0 >= heard + words {
                    break;
                }
            }
        })
        .await;
        (way.leave)(peer.raw);
        let end = fixture.collector.end().await;
        let name = way.name;
        let right = tls_end.causes(&way);
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
    run(|lab| in_server_host(lab, || ends_through(lab, HAPROXY, TlsEnd::Server)));
}

#[test]
fn each_end_over_tls_behind_nginx_is_recorded_as_what_it_was() {
    run(|lab| in_server_host(lab, || ends_through(lab, NGINX, TlsEnd::Server)));
}

#[test]
fn each_end_over_tls_that_haproxy_ends_is_recorded_as_what_it_was() {
    run(|lab| in_server_host(lab, || ends_through(lab, HAPROXY_FIELDS, TlsEnd::Proxy)));
}

#[test]
fn each_end_over_tls_that_nginx_ends_is_recorded_as_what_it_was() {
    run(|lab| in_server_host(lab, || ends_through(lab, NGINX, TlsEnd::Proxy)));
}

/// So the test above reads a header with fields about TLS.
#[test]
fn the_header_of_haproxy_has_a_field_about_the_tls_that_it_ended() {
    run(|lab| {
        in_server_host(lab, || async {
            let made = Made::for_name("localhost");
            let server = TcpListener::bind((lab.addr(Host::Server), 0)).await?;
            let addr = server.local_addr()?;
            let proxy = HAPROXY_FIELDS.start_with_tls(lab, addr, &made.pem())?;
            let mut peer = begin(lab, &proxy, &made)?;
            let hello = hello(b"ann");
            let (accepted, ()) =
                tokio::join!(within("HAProxy", server.accept()), peer.write(&hello));
            let (mut stream, _) = accepted?;
            let mut fixed = [0; 16];
            within("a header", stream.read_exact(&mut fixed)).await?;
            let mut block = vec![0; usize::from(u16::from_be_bytes([fixed[14], fixed[15]]))];
            within("a header", stream.read_exact(&mut block)).await?;
            let mut kinds = Vec::new();
            let mut fields = &block[IPV4_ADDRESSES_BYTES..];
            while let [kind, high, low, rest @ ..] = fields {
                kinds.push(*kind);
                fields = &rest[usize::from(u16::from_be_bytes([*high, *low]))..];
            }
            assert!(kinds.contains(&PP2_TYPE_SSL), "{kinds:x?}");
            Ok(())
        })
    });
}

/// A player whose cable is cut, and one whose process stands still: the proxy's kernel answers for both.
#[test]
fn each_silence_over_tls_behind_a_proxy_is_peer_silent() {
    run(|lab| {
        in_server_host(lab, || async {
            let made = Made::for_name("localhost");
            for (proxying, tls_end, cuts) in [
                (HAPROXY, TlsEnd::Server, false),
                (HAPROXY, TlsEnd::Server, true),
                (HAPROXY_FIELDS, TlsEnd::Proxy, false),
                (HAPROXY_FIELDS, TlsEnd::Proxy, true),
                (NGINX, TlsEnd::Server, true),
            ] {
                let (mut fixture, proxy) =
                    start(lab, proxying, tls_end, &made, quick(config())).await?;
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

/// Of version 2: two addresses with their ports.
const IPV4_ADDRESSES_BYTES: usize = 12;
/// Of HAProxy's `doc/proxy-protocol.txt`.
const PP2_TYPE_SSL: u8 = 0x20;
