//! Without a token, the admin port answers an operator on this machine only. A request that is let in comes from loopback,
//! names loopback as its one host, and has no header of a proxy or of another site.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use libfuzzer_sys::arbitrary::{Result, Unstructured};

use crate::access;
use crate::frame::some_bytes;

/// Checks bytes as the address, target and headers of a request.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    let Ok(request) = request(&mut Unstructured::new(data)) else {
        return;
    };
    let headers = request.headers();
    let (may_read, may_load) = (access::may_read(&request), access::may_load(&request));
    assert!(may_load || !may_read, "the page shows less than the data");
    if !may_load {
        return;
    }
    let remote = request.extensions().get::<ConnectInfo<SocketAddr>>();
    assert!(remote.is_some_and(|remote| remote.0.ip().is_loopback()));
    assert_eq!(request.uri().authority(), None);
    let hosts: Vec<_> = headers.get_all(header::HOST).iter().collect();
    let [host] = hosts.as_slice() else {
        unreachable!("{hosts:?} are let in");
    };
    let host = host.to_str().unwrap_or_default();
    assert!(is_loopback(host), "{host:?} is let in");
    let is_of_a_proxy = |name: &HeaderName| PROXIES.contains(&name.as_str());
    assert!(!headers.keys().any(is_of_a_proxy), "{headers:?}");
    if may_read {
        check_site(headers, host);
    }
}

fn check_site(headers: &HeaderMap, host: &str) {
    for origin in headers.get_all(header::ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let origin = origin.split_once("://").unwrap_or_default().1;
        assert!(origin.eq_ignore_ascii_case(host), "{origin:?} at {host:?}");
    }
    for site in headers.get_all("sec-fetch-site") {
        assert!(site == "same-origin" || site == "none", "{site:?}");
    }
}

fn request(input: &mut Unstructured<'_>) -> Result<Request> {
    let remote: u8 = input.arbitrary()?;
    let remote = match remote % 4 {
        0 => SocketAddr::from(([192, 0, 2, 7], 7)),
        1 => SocketAddr::from((Ipv6Addr::LOCALHOST, 7)),
        _ => SocketAddr::from((Ipv4Addr::LOCALHOST, 7)),
    };
    let target: u8 = input.arbitrary()?;
    let target = match target % 8 {
        0 => "http://127.0.0.1/metrics",
        1 => "//localhost/metrics",
        _ => "/metrics",
    };
    let mut request = Request::builder()
        .uri(target)
        .extension(ConnectInfo(remote));
    while !input.is_empty() {
        let name = *input.choose(&NAMES)?;
        let value = *input.choose(&VALUES)?;
        let value = match value {
            "" => HeaderValue::from_bytes(some_bytes(input)?),
            value => Ok(HeaderValue::from_static(value)),
        };
        if let Ok(value) = value {
            request = request.header(name, value);
        }
    }
    Ok(request.body(Body::empty()).unwrap_or_default())
}

/// Reads a host once more: a name, and a port where there is one.
fn is_loopback(host: &str) -> bool {
    let (name, port) = match host.strip_prefix('[').and_then(|host| host.split_once(']')) {
        Some((ip, port)) => {
            let ip: Option<Ipv6Addr> = ip.parse().ok();
            (ip.is_some_and(|ip| ip.to_canonical().is_loopback()), port)
        }
        None => {
            let end = host.find(':').unwrap_or(host.len());
            let (name, port) = host.split_at(end);
            let ip: Option<Ipv4Addr> = name.parse().ok();
            let is_ip = ip.is_some_and(|ip| ip.is_loopback());
            (is_ip || name.eq_ignore_ascii_case("localhost"), port)
        }
    };
    let is_port = match port.strip_prefix(':') {
        Some(port) => !port.starts_with('+') && port.parse::<u16>().is_ok(),
        None => port.is_empty(),
    };
    name && is_port
}

const NAMES: [&str; 12] = [
    "host",
    "host",
    "host",
    "origin",
    "sec-fetch-site",
    "sec-fetch-mode",
    "sec-fetch-dest",
    "user-agent",
    "forwarded",
    "x-forwarded-for",
    "via",
    "x-real-ip",
];

/// Of [`NAMES`], those that proxies add.
const PROXIES: [&str; 4] = ["forwarded", "x-forwarded-for", "via", "x-real-ip"];

/// The values of the headers; an empty one stands for bytes of the input.
const VALUES: [&str; 16] = [
    "",
    "",
    "",
    "",
    "localhost",
    "localhost:9464",
    "127.0.0.1:9464",
    "[::1]:9464",
    "[::ffff:127.0.0.1]",
    "http://127.0.0.1:9464",
    "http://localhost",
    "null",
    "same-origin",
    "cross-site",
    "navigate",
    "document",
];
