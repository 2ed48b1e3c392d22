//! Whether a request is from an operator on this machine.
//!
//! Without a token the port is on loopback, so a program of this machine sent the request. But the program may not act
//! for the operator: a browser sends requests for the page of any site, and a proxy sends requests of any client.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::extract::{ConnectInfo, Request};
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use axum::response::{IntoResponse, Response};

/// Why a request is not from an operator on this machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NotLocal {
    /// It comes from another machine: the kernel translates addresses, or a proxy takes its client's address.
    OtherMachine,
    /// It does not name this machine as its only host.
    OtherHost,
    /// The page of another site made a browser send it.
    OtherSite,
    /// A proxy forwarded it.
    Forwarded,
}

/// Checks a request for data.
pub(super) fn check(request: &Request) -> Result<(), NotLocal> {
    let host = check_way(request)?;
    match is_of_other_site(request.headers(), host) {
        true => Err(NotLocal::OtherSite),
        false => Ok(()),
    }
}

/// Checks a request for the page itself. A link of another site may open the page in a window, since that site cannot
/// see the page's content.
pub(super) fn check_page(request: &Request) -> Result<(), NotLocal> {
    if is_link(request.headers()) {
        check_way(request).map(drop)
    } else {
        check(request)
    }
}

/// Checks that the request came from this machine without a proxy, and by a name of this machine. Returns that name.
///
/// A page whose own name was made to resolve to this machine (DNS rebinding) sends that name. A request for a proxy
/// names its target in the request line.
fn check_way(request: &Request) -> Result<&str, NotLocal> {
    let headers = request.headers();
    let remote = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if !remote.is_some_and(|ConnectInfo(remote)| remote.ip().is_loopback()) {
        return Err(NotLocal::OtherMachine);
    }
    if headers.keys().any(is_of_proxies) {
        return Err(NotLocal::Forwarded);
    }
    let mut hosts = headers.get_all(header::HOST).iter();
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) if request.uri().authority().is_none() => host.to_str().ok(),
        _ => None,
    };
    let host = host.filter(|host| is_loopback(host));
    host.ok_or(NotLocal::OtherHost)
}

/// Whether proxies send this header.
fn is_of_proxies(name: &HeaderName) -> bool {
    let mut words = name.as_str().split(['-', '_']);
    words.any(|word| PROXY_WORDS.contains(&word))
        || *name != header::HOST && name.as_str().ends_with("host")
}

/// Whether a browser says that the page of another site made it send this request. The page of another port counts as
/// another site.
fn is_of_other_site(headers: &HeaderMap, host: &str) -> bool {
    let mut sites = headers.get_all(SEC_FETCH_SITE).iter();
    let mut origins = headers.get_all(header::ORIGIN).iter();
    let is_ours = |origin: &str| {
        let authority = origin.split_once("://").map(|(_, authority)| authority);
        authority.is_some_and(|authority| authority.eq_ignore_ascii_case(host))
    };
    sites.any(|site| site != "same-origin" && site != "none")
        || origins.any(|origin| !origin.to_str().is_ok_and(is_ours))
}

/// Whether a browser says that it opens the answer in a window of its own.
fn is_link(headers: &HeaderMap) -> bool {
    let says = |name, value: &str| headers.get(name).is_some_and(|said| said == value);
    says(SEC_FETCH_MODE, "navigate") && says(SEC_FETCH_DEST, "document")
}

/// Whether this is a loopback name, with or without a port. The port may belong to a tunnel.
fn is_loopback(host: &str) -> bool {
    let with_port = host
        .rsplit_once(':')
        .filter(|(_, port)| !port.ends_with(']'));
    let (name, port) = with_port.unwrap_or((host, "0"));
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    let in_brackets = name
        .strip_prefix('[')
        .and_then(|name| name.strip_suffix(']'));
    let is_name = match in_brackets {
        Some(ip) => ip
            .parse()
            .is_ok_and(|ip: Ipv6Addr| ip.to_canonical().is_loopback()),
        None => {
            name.eq_ignore_ascii_case("localhost")
                || name.parse().is_ok_and(|ip: Ipv4Addr| ip.is_loopback())
        }
    };
    is_port && is_name
}

impl IntoResponse for NotLocal {
    fn into_response(self) -> Response {
        let (status, words) = match self {
            Self::OtherMachine => (StatusCode::FORBIDDEN, OTHER_MACHINE),
            Self::OtherHost => (StatusCode::MISDIRECTED_REQUEST, OTHER_HOST),
            Self::OtherSite => (StatusCode::FORBIDDEN, OTHER_SITE),
            Self::Forwarded => (StatusCode::FORBIDDEN, FORWARDED),
        };
        (status, words).into_response()
    }
}

/// Words in the names of headers that proxies, tunnels and content networks add: `Forwarded`, `X-Forwarded-For`, `Via`,
/// `X-Real-IP`, `True-Client-IP`, `CF-Connecting-IP`, `Proxy-Connection`, `X-Envoy-External-Address`, `CDN-Loop`,
/// `X-Original-URL`, `X-Originating-IP`, `Remote-User`, `Tailscale-User-Login`.
const PROXY_WORDS: [&str; 20] = [
    "amzn",
    "azure",
    "cdn",
    "cf",
    "clientip",
    "envoy",
    "fastly",
    "forward",
    "forwarded",
    "forwards",
    "ip",
    "ngrok",
    "original",
    "originating",
    "proxied",
    "proxy",
    "proxyuser",
    "remote",
    "tailscale",
    "via",
];

const SEC_FETCH_SITE: &str = "sec-fetch-site";
const SEC_FETCH_MODE: &str = "sec-fetch-mode";
const SEC_FETCH_DEST: &str = "sec-fetch-dest";

const OTHER_MACHINE: &str = "without a token this port answers only this machine, and this request comes from another one: \
    send a token (admin.token_file)\n";
const OTHER_HOST: &str = "without a token this port answers only this machine: use the host 127.0.0.1 or localhost; from \
    another machine, send a token (admin.token_file)\n";
const OTHER_SITE: &str = "without a token this port refuses requests from the page of another site: open the page \
    of this port, or send a token (admin.token_file)\n";
const FORWARDED: &str = "a proxy forwarded this request, and without a token this port answers only this machine: set \
    admin.token_file, and let the proxy's clients send the token\n";

#[cfg(test)]
mod tests;
