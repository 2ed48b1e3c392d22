use axum::body::Body;

use super::*;

/// A request with these headers, one a line.
fn request(target: &str, headers: &str) -> Request {
    let headers = headers.lines().filter_map(|line| line.split_once(": "));
    let builder = Request::builder().uri(target);
    let builder = headers.fold(builder, |builder, (name, value)| {
        builder.header(name, value)
    });
    let builder = builder.extension(ConnectInfo(SocketAddr::from(([127, 0, 0, 1], 40_000))));
    builder.body(Body::empty()).unwrap()
}

/// Checks what a request for data, and one for the page, with these headers gives.
fn both(headers: &str) -> [Result<(), NotLocal>; 2] {
    let request = request("/metrics", headers);
    [check(&request), check_page(&request)]
}

#[test]
fn a_program_of_this_machine_is_let_in_by_every_name_of_this_machine() {
    for host in [
        "localhost",
        "LOCALHOST:1",
        "127.0.0.1:9464",
        "127.8.0.1",
        "[::1]",
        "[::1]:9464",
        "[0:0:0:0:0:0:0:1]:65535",
        "[::ffff:127.0.0.1]:9464",
    ] {
        let headers = format!("host: {host}\nuser-agent: curl/8\naccept: */*");
        assert_eq!(both(&headers), [Ok(()); 2], "{host}");
    }
}

#[test]
fn another_machine_is_refused_whatever_it_says() {
    for (remote, expected) in [
        ("127.8.0.1:40000", Ok(())),
        ("[::1]:40000", Ok(())),
        ("192.0.2.7:40000", Err(NotLocal::OtherMachine)),
        ("[2001:db8::7]:40000", Err(NotLocal::OtherMachine)),
    ] {
        let mut request = request("/metrics", "host: localhost");
        let remote: SocketAddr = remote.parse().unwrap();
        request.extensions_mut().insert(ConnectInfo(remote));
        assert_eq!(check(&request), expected, "{remote}");
    }
    let nowhere = Request::builder().header("host", "localhost");
    let nowhere = nowhere.body(Body::empty()).unwrap();
    assert_eq!(check(&nowhere), Err(NotLocal::OtherMachine));
}

#[test]
fn a_host_that_is_not_one_loopback_name_is_refused() {
    for host in [
        "evil.example:9464",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
        "0.0.0.0:9464",
        "[::]:9464",
        "[::ffff:10.0.0.1]",
        "[localhost]",
        "[[::1]]",
        "[::1",
        "::1",
        "127.1",
        "2130706433",
        "localhost.",
        "localhost:",
        "localhost:+80",
        "localhost:80:80",
        "localhost:99999",
        "localhost:port",
        "localhost,evil.example",
        "localhost evil.example",
        "localhost/evil.example",
        "evil.example@localhost",
        "localhost@evil.example",
        "@",
        "",
    ] {
        let refused = Err(NotLocal::OtherHost);
        assert_eq!(both(&format!("host: {host}")), [refused; 2], "{host}");
    }
}

#[test]
fn no_host_and_a_second_host_are_refused() {
    for headers in [
        "",
        "host: localhost\nhost: localhost",
        "host: localhost\nhost: evil.example",
        "host: evil.example\nhost: localhost",
    ] {
        assert_eq!(both(headers), [Err(NotLocal::OtherHost); 2], "{headers}");
    }
}

#[test]
fn a_target_that_names_a_host_is_refused() {
    for target in [
        "http://localhost/metrics",
        "http://localhost:9464/metrics",
        "https://evil.example/metrics",
        "localhost:9464",
    ] {
        let request = request(target, "host: localhost:9464");
        assert_eq!(check(&request), Err(NotLocal::OtherHost), "{target}");
    }
}

#[test]
fn only_the_ports_own_page_asks_by_a_browser() {
    let of = |headers: &str| both(&format!("host: localhost:9464\n{headers}"));
    for headers in [
        "sec-fetch-site: same-origin",
        "sec-fetch-site: none",
        "origin: http://localhost:9464",
        "origin: http://LOCALHOST:9464\nsec-fetch-site: same-origin",
    ] {
        assert_eq!(of(headers), [Ok(()); 2], "{headers}");
    }
    for headers in [
        "sec-fetch-site: cross-site",
        "sec-fetch-site: same-site",
        "sec-fetch-site: ",
        "sec-fetch-site: none\nsec-fetch-site: cross-site",
        "sec-fetch-site: cross-site\nsec-fetch-mode: no-cors\nsec-fetch-dest: image",
        "sec-fetch-site: cross-site\nsec-fetch-mode: navigate\nsec-fetch-dest: iframe",
        "origin: http://localhost:3000",
        "origin: http://evil.example",
        "origin: https://localhost:9464.evil.example",
        "origin: null",
        "origin: ",
    ] {
        assert_eq!(of(headers), [Err(NotLocal::OtherSite); 2], "{headers}");
    }
}

#[test]
fn a_link_of_another_site_opens_the_page_and_no_data() {
    let link = "sec-fetch-site: cross-site\nsec-fetch-mode: navigate\nsec-fetch-dest: document";
    let refused = Err(NotLocal::OtherSite);
    assert_eq!(both(&format!("host: localhost\n{link}")), [refused, Ok(())]);
    let refused = Err(NotLocal::OtherHost);
    assert_eq!(both(&format!("host: evil.example\n{link}")), [refused; 2]);
}

#[test]
fn a_proxys_header_is_refused_whatever_it_says() {
    for name in [
        "Forwarded",
        "Via",
        "X-Forwarded-For",
        "X-Forwarded-Host",
        "X-Forwarded-Proto",
        "X-Forwarded-Anything",
        "X-Forward-For",
        "X-Real-IP",
        "X-Client-IP",
        "X-Cluster-Client-IP",
        "True-Client-IP",
        "CF-Connecting-IP",
        "CF-Ray",
        "Fastly-Client-IP",
        "Fly-Client-IP",
        "X-Azure-ClientIP",
        "X-Amzn-Trace-Id",
        "X-Envoy-External-Address",
        "X-Original-URL",
        "X-Originating-IP",
        "X-Remote-Addr",
        "X-ProxyUser-Ip",
        "Remote-User",
        "Proxy-Connection",
        "CDN-Loop",
        "Tailscale-User-Login",
        "X_Forwarded_For",
        "X-Host",
    ] {
        for value in ["", "127.0.0.1", "203.0.113.7"] {
            let headers = format!("host: localhost:9464\n{name}: {value}");
            assert_eq!(both(&headers), [Err(NotLocal::Forwarded); 2], "{name}");
        }
    }
}

/// Prometheus, curl, and the page in a browser.
#[test]
fn the_headers_of_ordinary_clients_are_not_a_proxys() {
    for name in [
        "accept",
        "accept-encoding",
        "authorization",
        "cache-control",
        "connection",
        "content-length",
        "content-type",
        "cookie",
        "dnt",
        "if-none-match",
        "last-event-id",
        "origin",
        "pragma",
        "priority",
        "referer",
        "sec-ch-ua-platform",
        "sec-fetch-site",
        "sec-gpc",
        "traceparent",
        "upgrade-insecure-requests",
        "user-agent",
        "x-prometheus-scrape-timeout-seconds",
        "x-request-id",
    ] {
        assert!(!is_of_proxies(&HeaderName::from_static(name)), "{name}");
    }
}
