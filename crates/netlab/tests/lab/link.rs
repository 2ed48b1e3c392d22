//! Links, routes and filters: the errors that the kernels at both ends report.

use std::io::{self, ErrorKind, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;

use lastword_netlab::{Host, Lab, Route, run};

use crate::pair::{Pair, TIMEOUT, is_silent, kind, read_four};

#[test]
fn a_link_that_is_down_makes_the_network_unreachable() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        lab.link_down(Host::Server)?;
        let server_addr = pair.server.local_addr()?;
        let refusal = lab.on(Host::Client, || {
            TcpStream::connect_timeout(&server_addr, TIMEOUT)
        });
        assert_eq!(kind(refusal.map(drop)), Some(ErrorKind::NetworkUnreachable));
        lab.link_up(Host::Server)?;
        pair.round_trip()
    });
}

#[test]
fn a_host_whose_own_link_is_down_has_no_routes_until_it_is_up() {
    run(|lab| {
        for host in Host::ALL {
            let mut pair = Pair::connect(lab)?;
            lab.own_link_down(host)?;
            assert_eq!(routes(lab, host)?, "");
            assert_eq!(
                refusal(lab, host)?,
                Some(ErrorKind::NetworkUnreachable),
                "{host:?} itself knows"
            );
            pair.end(host.other()).write_all(b"ping")?;
            assert!(
                is_silent(pair.end(host.other()))?,
                "the other is told nothing"
            );
            lab.own_link_up(host)?;
            assert_eq!(read_four(pair.end(host))?, *b"ping");
            pair.round_trip()?;
        }
        Ok(())
    });
}

#[test]
fn either_end_of_a_cable_comes_up_while_the_other_is_down() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        lab.link_down(Host::Client)?;
        lab.own_link_down(Host::Client)?;
        lab.own_link_up(Host::Client)?;
        lab.own_link_down(Host::Client)?;
        lab.link_up(Host::Client)?;
        lab.own_link_up(Host::Client)?;
        pair.round_trip()
    });
}

#[test]
fn a_route_is_gone_or_a_black_hole_until_it_is_whole() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        for _ in 0..2 {
            lab.set_route(Host::Client, Route::Gone)?;
            assert_eq!(
                refusal(lab, Host::Client)?,
                Some(ErrorKind::NetworkUnreachable)
            );
            lab.set_route(Host::Client, Route::Blackhole)?;
            assert_eq!(
                refusal(lab, Host::Client)?,
                Some(ErrorKind::InvalidInput),
                "what a blackhole route says to a connect"
            );
        }
        pair.server.write_all(b"pong")?;
        assert_eq!(
            read_four(&mut pair.client)?,
            *b"pong",
            "the way in is whole"
        );
        pair.client.write_all(b"ping")?;
        assert!(is_silent(&pair.server)?);
        lab.set_route(Host::Client, Route::Whole)?;
        assert_eq!(read_four(&mut pair.server)?, *b"ping");
        pair.round_trip()
    });
}

#[test]
fn a_blocked_or_choked_output_lets_in_what_it_does_not_let_out() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        let faults: [fn(&Lab, Host) -> io::Result<()>; 2] = [
            // Blocked twice, it is allowed by one call.
            |lab, host| {
                lab.block_output(host)?;
                lab.block_output(host)
            },
            Lab::choke_output,
        ];
        for fault in faults {
            fault(lab, Host::Server)?;
            pair.server.write_all(b"pong")?;
            pair.client.write_all(b"ping")?;
            assert_eq!(read_four(&mut pair.server)?, *b"ping");
            assert!(is_silent(&pair.client)?);
            lab.allow_output(Host::Server)?;
            assert_eq!(read_four(&mut pair.client)?, *b"pong");
        }
        Ok(())
    });
}

#[test]
fn a_host_without_its_addresses_hears_nothing_and_sends_over_ipv6_only() {
    run(|lab| {
        let mut v4 = Pair::connect(lab)?;
        let mut v6 = Pair::connect_to(lab, lab.addr_v6(Host::Server)?)?;
        lab.remove_addresses(Host::Server)?;
        for pair in [&mut v4, &mut v6] {
            pair.server.write_all(b"pong")?;
            pair.client.write_all(b"ping")?;
            assert!(is_silent(&pair.server)?);
        }
        assert!(is_silent(&v4.client)?);
        assert_eq!(read_four(&mut v6.client)?, *b"pong");
        lab.restore_addresses(Host::Server)?;
        assert_eq!(read_four(&mut v4.server)?, *b"ping");
        assert_eq!(read_four(&mut v4.client)?, *b"pong");
        assert_eq!(read_four(&mut v6.server)?, *b"ping");
        v6.round_trip()
    });
}

#[test]
fn a_replaced_host_starts_with_its_own_link_and_route_whole() {
    run(|lab| {
        lab.set_route(Host::Client, Route::Blackhole)?;
        lab.block_output(Host::Client)?;
        lab.own_link_down(Host::Client)?;
        lab.replace(Host::Client)?;
        Pair::connect(lab)?.round_trip()
    });
}

/// Returns the answer of a host's own kernel when the host connects to the other one.
fn refusal(lab: &Lab, host: Host) -> io::Result<Option<ErrorKind>> {
    let peer_addr = SocketAddr::new(lab.addr(host.other()), 9);
    lab.on(host, || {
        Ok(kind(TcpStream::connect_timeout(&peer_addr, TIMEOUT)))
    })
}

fn routes(lab: &Lab, host: Host) -> io::Result<String> {
    let mut ip = Command::new("ip");
    let output = lab.on(host, || ip.args(["-4", "route", "show"]).output())?;
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
