//! The packets that a cable lets through.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};

use lastword_netlab::{Host, Lab, Refusal, Share, run};

use crate::datagrams::Datagrams;
use crate::pair::{Pair, is_silent, kind, read_four};

#[test]
fn a_cut_side_is_silent_until_it_is_mended() {
    run(|lab| {
        for host in Host::ALL {
            let mut pair = Pair::connect(lab)?;
            lab.cut(host)?;
            pair.client.write_all(b"ping")?;
            pair.server.write_all(b"pong")?;
            assert!(
                is_silent(&pair.server)?,
                "{host:?} was cut, the server heard"
            );
            assert!(
                is_silent(&pair.client)?,
                "{host:?} was cut, the client heard"
            );
            lab.mend(host)?;
            assert_eq!(read_four(&mut pair.server)?, *b"ping");
            assert_eq!(read_four(&mut pair.client)?, *b"pong");
        }
        Ok(())
    });
}

#[test]
fn one_dropped_direction_leaves_the_other_open() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        lab.drop_from(Host::Server)?;
        pair.server.write_all(b"pong")?;
        pair.client.write_all(b"ping")?;
        assert_eq!(read_four(&mut pair.server)?, *b"ping");
        assert!(is_silent(&pair.client)?);
        lab.mend(Host::Server)?;
        assert_eq!(read_four(&mut pair.client)?, *b"pong");
        Ok(())
    });
}

#[test]
fn the_direction_towards_a_host_is_dropped_alone() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        lab.drop_towards(Host::Server)?;
        pair.client.write_all(b"ping")?;
        pair.server.write_all(b"pong")?;
        assert_eq!(read_four(&mut pair.client)?, *b"pong");
        assert!(is_silent(&pair.server)?);
        lab.drop_from(Host::Server)?;
        assert_eq!(read_four(&mut pair.server)?, *b"ping");
        pair.server.write_all(b"pong")?;
        assert!(is_silent(&pair.client)?, "the new cut replaced nothing");
        lab.mend(Host::Server)?;
        assert_eq!(read_four(&mut pair.client)?, *b"pong");
        Ok(())
    });
}

#[test]
fn large_packets_are_lost_in_one_direction() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        lab.drop_large_from(Host::Client, 600)?;
        pair.round_trip()?;
        pair.server.write_all(&LARGE)?;
        pair.client.read_exact(&mut LARGE.clone())?;
        pair.client.write_all(&LARGE)?;
        assert!(is_silent(&pair.server)?);
        lab.mend(Host::Client)?;
        pair.server.read_exact(&mut LARGE.clone())?;
        pair.round_trip()
    });
}

#[test]
fn a_router_that_refuses_resets_both_ends() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        lab.refuse(Host::Client, Refusal::Reset)?;
        for host in Host::ALL {
            pair.end(host).write_all(b"ping")?;
            let heard = read_four(pair.end(host));
            assert_eq!(kind(heard), Some(ErrorKind::ConnectionReset), "{host:?}");
        }
        lab.mend(Host::Client)?;
        Pair::connect(lab)?.round_trip()
    });
}

#[test]
fn an_unreachable_host_is_only_slow() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        lab.refuse(Host::Client, Refusal::Unreachable)?;
        pair.client.write_all(b"ping")?;
        pair.server.write_all(b"pong")?;
        assert!(is_silent(&pair.client)?);
        assert!(is_silent(&pair.server)?);
        lab.mend(Host::Client)?;
        assert_eq!(read_four(&mut pair.server)?, *b"ping");
        assert_eq!(read_four(&mut pair.client)?, *b"pong");
        Ok(())
    });
}

#[test]
fn a_share_of_the_packets_is_lost_in_each_direction() {
    run(|lab| {
        for host in Host::ALL {
            lab.lose(host, Share::percent(20))?;
            for sender in Host::ALL {
                let lost = LOT - Datagrams::new(lab, sender)?.arrivals(LOT)?;
                assert!(
                    (LOT * 15 / 100..LOT * 25 / 100).contains(&lost),
                    "{host:?} loses a fifth, and {lost} of {LOT} from {sender:?} are lost"
                );
            }
            lab.lose(host, Share::NONE)?;
            assert_eq!(Datagrams::new(lab, host)?.arrivals(LOT)?, LOT);
        }
        Ok(())
    });
}

#[test]
fn each_direction_loses_its_own_share() {
    run(|lab| {
        lab.lose_from(Host::Client, Share::WHOLE)?;
        assert_eq!(Datagrams::new(lab, Host::Client)?.arrivals(100)?, 0);
        assert_eq!(Datagrams::new(lab, Host::Server)?.arrivals(100)?, 100);
        lab.lose_towards(Host::Client, Share::WHOLE)?;
        assert_eq!(Datagrams::new(lab, Host::Server)?.arrivals(100)?, 0);
        lab.lose_from(Host::Client, Share::NONE)?;
        assert_eq!(Datagrams::new(lab, Host::Client)?.arrivals(100)?, 100);
        Ok(())
    });
}

#[test]
fn a_cut_that_is_mended_leaves_the_loss() {
    run(|lab| {
        lab.lose_from(Host::Client, Share::WHOLE)?;
        lab.cut(Host::Client)?;
        assert_eq!(Datagrams::new(lab, Host::Server)?.arrivals(100)?, 0);
        lab.mend(Host::Client)?;
        assert_eq!(Datagrams::new(lab, Host::Server)?.arrivals(100)?, 100);
        assert_eq!(Datagrams::new(lab, Host::Client)?.arrivals(100)?, 0);
        Ok(())
    });
}

#[test]
fn a_link_loses_packets_of_real_size() {
    run(|lab| {
        let bulk = [0; 1 << 16];
        // A host that comes later sends single packets, like the hosts before it.
        lab.lose(Host::Client, Share::percent(1))?;
        lab.replace(Host::Server)?;
        let before = received(lab, Host::Server)?;
        let mut pair = Pair::connect(lab)?;
        for _ in 0..16 {
            pair.server.write_all(&bulk)?;
            pair.client.read_exact(&mut [0; 1 << 16])?;
        }
        let after = received(lab, Host::Server)?;
        let (bytes, packets) = (after.0 - before.0, after.1 - before.1);
        assert!(bytes > 1 << 20, "only {bytes} bytes crossed");
        assert!(
            bytes <= packets * ETHERNET_FRAME_MAX,
            "{bytes} bytes in {packets} packets"
        );
        Ok(())
    });
}

/// Returns the bytes and packets that the router has received from a host.
fn received(lab: &Lab, host: Host) -> io::Result<(u64, u64)> {
    let name = format!("{host:?}:").to_lowercase();
    let table = lab.on_router(|| fs::read_to_string("/proc/thread-self/net/dev"))?;
    let row = table
        .lines()
        .find(|row| row.trim_start().starts_with(&name));
    let mut figures = row
        .into_iter()
        .flat_map(str::split_whitespace)
        .skip(1)
        .map(str::parse);
    match (figures.next(), figures.next()) {
        (Some(Ok(bytes)), Some(Ok(packets))) => Ok((bytes, packets)),
        _ => Err(io::Error::other(table)),
    }
}

/// A share of 20 % of these is 400, with a standard deviation of 18. So a share of 15 or 25 % cannot come by chance.
const LOT: usize = 2000;
const ETHERNET_FRAME_MAX: u64 = 1514;
/// More than fits into a small packet.
const LARGE: [u8; 1_000] = [0; 1_000];
