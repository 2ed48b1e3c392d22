//! Real proxies in a lab's router: HAProxy and nginx between real clients and the server.

use std::io;

use lastword_netlab::{Host, Lab, Proxy, ProxyProgram, Proxying, run};
use lastword_server::{Cause, Config, GoodbyeProgress, Kick, Phase, RemoteSource};
use lastword_tests::{Fixture, Raw, config, data, goodbye, hello, in_server_host, quick, within};

use crate::behind;

const HAPROXY_V1: Proxying = haproxy("send-proxy");
const HAPROXY_V2: Proxying = haproxy("send-proxy-v2");
/// With each field that HAProxy can send for such a connection, the checksum among them.
const HAPROXY_FIELDS: Proxying =
    haproxy("send-proxy-v2-ssl-cn proxy-v2-options ssl,cert-cn,authority,crc32c");
const NGINX: Proxying = Proxying {
    program: ProxyProgram::Nginx,
    options: "proxy_protocol on;",
    ends_old: false,
};

const fn haproxy(options: &'static str) -> Proxying {
    Proxying {
        program: ProxyProgram::Haproxy,
        options,
        ends_old: false,
    }
}

/// A server whose only proxy is the lab's router, and the proxy there.
async fn start(lab: &Lab, proxying: Proxying, config: Config) -> io::Result<(Fixture, Proxy)> {
    let router = lab.gateway(Host::Server).to_string();
    let fixture = Fixture::start_in(lab, behind(&router, config)).await;
    let proxy = proxying.start(lab, fixture.addr())?;
    Ok((fixture, proxy))
}

/// Goodbye through the proxy: the record has the client's own address.
async fn names_the_client(lab: &Lab, proxying: Proxying) -> io::Result<()> {
    let (mut fixture, proxy) = start(lab, proxying, config()).await?;
    let mut raw = Raw::join_in(lab, proxy.addr(), "ann").await?;
    let own = raw.stream.local_addr()?;
    raw.echo(b"hi").await;
    raw.write(&goodbye()).await;
    assert_eq!(raw.frame().await, None);
    drop(raw);
    let end = fixture.ends_as(Cause::PeerGoodbye, Phase::Live).await;
    assert_eq!(end.remote, own, "{proxying:?}");
    assert_eq!(end.remote_source, RemoteSource::ProxyHeader);
    Ok(())
}

#[test]
fn haproxy_names_the_client_with_either_version() {
    run(|lab| {
        in_server_host(lab, || async {
            for proxying in [HAPROXY_V1, HAPROXY_V2, HAPROXY_FIELDS] {
                names_the_client(lab, proxying).await?;
            }
            Ok(())
        })
    });
}

#[test]
fn nginx_names_the_client() {
    run(|lab| in_server_host(lab, || names_the_client(lab, NGINX)));
}

/// A client that connects past the proxy is refused, and so is each client of a proxy that sends no header.
#[test]
fn a_client_past_the_proxy_and_a_proxy_without_a_header_are_refused() {
    run(|lab| {
        in_server_host(lab, || async {
            let (mut fixture, proxy) = start(lab, haproxy(""), config()).await?;
            for (addr, what) in [(fixture.addr(), "not_listed"), (proxy.addr(), "missing")] {
                let mut raw = Raw::connect_in(lab, addr)?;
                raw.write(&hello(b"ann")).await;
                assert_eq!(raw.frame().await, None);
                let end = fixture
                    .ends_as_ever(Cause::ProxyHeaderInvalid, Phase::Proxy)
                    .await;
                assert_eq!(end.ending.trail[0].what, what);
            }
            Ok(())
        })
    });
}

/// HAProxy's own check: a header with the command LOCAL, and then a reset.
#[test]
fn the_health_checks_of_haproxy_are_probes() {
    run(|lab| {
        in_server_host(lab, || async {
            let checking = haproxy("send-proxy-v2 check inter 50ms fall 2 rise 2");
            let (mut fixture, proxy) = start(lab, checking, config()).await?;
            for _ in 0..10 {
                let end = fixture.ends_as_ever(Cause::PeerProbe, Phase::Hello).await;
                assert_eq!(end.remote.ip(), lab.gateway(Host::Server));
                assert_eq!(end.remote_source, RemoteSource::Proxy);
            }
            // The server still counts as up.
            let mut raw = Raw::join_in(lab, proxy.addr(), "ann").await?;
            raw.echo(b"hi").await;
            Ok(())
        })
    });
}

/// How a client behind the proxy leaves, and the record that is right. A proxy passes a reset on as a FIN or a reset.
struct Way {
    name: &'static str,
    leave: fn(Raw),
    says: fn() -> Vec<u8>,
    causes: &'static [Cause],
}

const WAYS: [Way; 6] = [
    Way {
        name: "goodbye",
        says: goodbye,
        leave: Raw::drop_now,
        causes: &[Cause::PeerGoodbye],
    },
    Way {
        name: "goodbye_reset",
        says: goodbye,
        leave: Raw::reset,
        causes: &[Cause::PeerGoodbye],
    },
    Way {
        name: "fin",
        says: Vec::new,
        leave: Raw::drop_now,
        causes: &[Cause::PeerFin],
    },
    Way {
        name: "fin_mid_frame",
        says: half_a_frame,
        leave: Raw::drop_now,
        causes: &[Cause::PeerFinMidFrame],
    },
    Way {
        name: "reset",
        says: Vec::new,
        leave: Raw::reset,
        causes: &[Cause::PeerFin, Cause::PeerReset],
    },
    Way {
        name: "reset_mid_frame",
        says: half_a_frame,
        leave: Raw::reset,
        causes: &[Cause::PeerFinMidFrame, Cause::PeerResetMidFrame],
    },
];

fn half_a_frame() -> Vec<u8> {
    data(&[7; 100])[..50].to_vec()
}

/// Each way several times. A client leaves only once the server has read its words, since a proxy that is told of a reset
/// may forget them.
async fn ends_through(lab: &Lab, proxying: Proxying) -> io::Result<()> {
    let (mut fixture, proxy) = start(lab, proxying, config()).await?;
    for way in WAYS {
        for _ in 0..ROUNDS {
            let mut raw = Raw::join_in(lab, proxy.addr(), "ann").await?;
            let own = raw.stream.local_addr()?;
            raw.echo(b"hi").await;
            let words = (way.says)();
            let heard = bytes_in(&fixture).await.expect("a live session");
            raw.write(&words).await;
            within("the words are read", async {
                let all = heard + words.len() as u64;
                while bytes_in(&fixture).await.is_some_and(|now| now < all) {}
            })
            .await;
            (way.leave)(raw);
            let end = fixture.collector.end().await;
            let name = way.name;
            assert!(way.causes.contains(&end.cause()), "{name}: {end}");
            assert_eq!(end.ending.verdict.phase, Phase::Live, "{name}");
            assert_eq!(end.remote, own, "{name}");
        }
    }
    assert!(fixture.server.stats().laws_hold());
    Ok(())
}

/// The bytes that the only session has read; `None` where it has departed.
async fn bytes_in(fixture: &Fixture) -> Option<u64> {
    let session = fixture.server.sessions().first()?.session;
    let status = fixture.server.session_status(session).await?;
    Some(status.bytes.0)
}

#[test]
fn each_end_behind_haproxy_is_recorded_as_what_it_was() {
    run(|lab| {
        in_server_host(lab, || async {
            for proxying in [HAPROXY_V1, HAPROXY_V2] {
                ends_through(lab, proxying).await?;
            }
            Ok(())
        })
    });
}

#[test]
fn each_end_behind_nginx_is_recorded_as_what_it_was() {
    run(|lab| in_server_host(lab, || ends_through(lab, NGINX)));
}

/// A player whose cable is cut, and one whose process stands still: the proxy's kernel answers for both.
#[test]
fn each_silence_behind_a_proxy_is_peer_silent() {
    run(|lab| {
        in_server_host(lab, || async {
            for proxying in [HAPROXY_V2, NGINX] {
                for cuts in [false, true] {
                    let (mut fixture, proxy) = start(lab, proxying, quick(config())).await?;
                    let raw = Raw::join_in(lab, proxy.addr(), "ann").await?;
                    if cuts {
                        lab.cut(Host::Client)?;
                    }
                    let end = fixture.ends_as(Cause::PeerSilent, Phase::Live).await;
                    assert!(end.ending.evidence.behind_proxy);
                    lab.mend(Host::Client)?;
                    drop(raw);
                }
            }
            Ok(())
        })
    });
}

/// A kick's words go through the proxy, and the record says that they arrived.
#[test]
fn the_last_words_go_through_the_proxy() {
    run(|lab| {
        in_server_host(lab, || async {
            let (mut fixture, proxy) = start(lab, HAPROXY_V2, config()).await?;
            let mut raw = Raw::join_in(lab, proxy.addr(), "ann").await?;
            let session = fixture.server.sessions()[0].session;
            fixture
                .server
                .kick(session, Kick::because("enough"))
                .unwrap();
            assert_eq!(raw.goodbye_code().await, Some(Cause::Kicked.code()));
            drop(raw);
            let end = fixture.ends_as(Cause::Kicked, Phase::Live).await;
            assert_eq!(end.ending.evidence.farewell, GoodbyeProgress::FinSeen);
            Ok(())
        })
    });
}

const ROUNDS: usize = 10;
