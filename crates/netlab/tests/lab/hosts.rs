//! Hosts: the sockets and processes that belong to them, and the errors after a host was replaced.

use std::io::{ErrorKind, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use lastword_netlab::{End, Host, Lab, Route, run};

use crate::pair::{Pair, is_silent, kind, read_four};

#[test]
fn bytes_cross_the_router_and_come_back() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        assert_eq!(pair.client.local_addr()?.ip(), lab.addr(Host::Client));
        assert_eq!(pair.server.local_addr()?.ip(), lab.addr(Host::Server));
        pair.round_trip()
    });
}

#[test]
fn a_connection_over_ipv6_meets_every_fault() {
    run(|lab| {
        let connect = || Pair::connect_to(lab, lab.addr_v6(Host::Server)?);
        let mut pair = connect()?;
        assert_eq!(pair.client.local_addr()?.ip(), lab.addr_v6(Host::Client)?);
        lab.delay(Host::Client, DELAY)?;
        let start = Instant::now();
        pair.round_trip()?;
        assert!(start.elapsed() >= 2 * DELAY);
        for host in Host::ALL {
            lab.cut(host)?;
            pair.client.write_all(b"ping")?;
            assert!(is_silent(&pair.server)?);
            lab.mend(host)?;
            assert_eq!(read_four(&mut pair.server)?, *b"ping");
            lab.link_down(host)?;
            lab.link_up(host)?;
            lab.own_link_down(host)?;
            lab.own_link_up(host)?;
            lab.set_route(host, Route::Gone)?;
            lab.set_route(host, Route::Whole)?;
            pair.round_trip()?;
        }
        lab.replace(Host::Client)?;
        pair.server.write_all(b"pong")?;
        assert_eq!(
            kind(read_four(&mut pair.server)),
            Some(ErrorKind::ConnectionReset)
        );
        connect()?.round_trip()
    });
}

#[test]
fn the_test_itself_stands_outside_the_lab() {
    run(|lab| {
        let listener = lab.on(Host::Server, || {
            TcpListener::bind((lab.addr(Host::Server), 0))
        })?;
        let refusal = TcpStream::connect(listener.local_addr()?).map(drop);
        assert_eq!(kind(refusal), Some(ErrorKind::NetworkUnreachable));
        Ok(())
    });
}

#[test]
fn a_replaced_host_resets_the_connections_of_its_predecessor() {
    run(|lab| {
        for (host, other) in [(Host::Server, Host::Client), (Host::Client, Host::Server)] {
            let mut pair = Pair::connect(lab)?;
            lab.replace(host)?;
            let survivor = pair.end(other);
            survivor.write_all(b"ping")?;
            assert_eq!(kind(read_four(survivor)), Some(ErrorKind::ConnectionReset));
            Pair::connect(lab)?.round_trip()?;
        }
        Ok(())
    });
}

#[test]
fn a_destroyed_socket_aborts_here_and_resets_there() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        let mut bystander = Pair::connect(lab)?;
        let peer = End::Peer(pair.client.local_addr()?);
        assert_eq!(lab.destroy_socket(Host::Server, peer)?, 1);
        assert_eq!(
            kind(read_four(&mut pair.server)),
            Some(ErrorKind::ConnectionAborted)
        );
        assert_eq!(
            kind(read_four(&mut pair.client)),
            Some(ErrorKind::ConnectionReset)
        );
        assert_eq!(lab.destroy_socket(Host::Server, peer)?, 0);
        bystander.round_trip()?;

        let local = End::Local(bystander.client.local_addr()?);
        assert_eq!(lab.destroy_socket(Host::Client, local)?, 1);
        assert_eq!(
            kind(read_four(&mut bystander.client)),
            Some(ErrorKind::ConnectionAborted)
        );
        Ok(())
    });
}

#[test]
fn two_labs_do_not_disturb_each_other() {
    run(|lab| {
        let other = Lab::new()?;
        let (mut here, mut there) = (Pair::connect(lab)?, Pair::connect(&other)?);
        lab.cut(Host::Server)?;
        there.round_trip()?;
        here.client.write_all(b"ping")?;
        assert!(is_silent(&here.server)?);
        lab.mend(Host::Server)?;
        assert_eq!(read_four(&mut here.server)?, *b"ping");
        other.replace(Host::Client)?;
        here.round_trip()
    });
}

#[test]
fn a_child_process_belongs_to_its_host() {
    run(|lab| {
        for host in Host::ALL {
            let mut command = Command::new("ip");
            command
                .args(["-4", "-oneline", "addr", "show"])
                .stdout(Stdio::piped());
            let output = lab.spawn(host, &mut command)?.wait_with_output()?;
            let printed = String::from_utf8(output.stdout)?;
            assert!(
                printed.contains(&format!(" {}/24 ", lab.addr(host))),
                "{host:?} has {printed}"
            );
        }
        Ok(())
    });
}

const DELAY: Duration = Duration::from_millis(20);
