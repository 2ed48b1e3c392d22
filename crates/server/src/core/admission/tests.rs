use std::net::{Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::*;
use crate::config::{AdmissionConfig, Config};

const CALM: Situation = Situation {
    places_taken: 1,
    is_overloaded: false,
    peers: Peers::One,
};

/// An admission where no address is exempt, and the rest is as changed here.
fn with(change: impl FnOnce(&mut AdmissionConfig)) -> Admission {
    let mut config = Config::default();
    config.admission.exempt.clear();
    change(&mut config.admission);
    assert_eq!(config.validate(), Ok(()));
    Admission::new(Rules::new(&config))
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(ms: u64) -> Time {
    Time::ORIGIN + Duration::from_secs(1_000) + Duration::from_millis(ms)
}

/// How many of 300 connections from this address are let in, and the cause of the first refusal.
fn burst(admission: &mut Admission, now: Time, addr: &str) -> (usize, Option<Cause>) {
    let outcomes = (0..300).map(|_| admission.decide(now, ip(addr), CALM));
    let outcomes: Vec<_> = outcomes.collect();
    let let_in = outcomes.iter().filter(|outcome| outcome.is_ok()).count();
    (let_in, outcomes.into_iter().find_map(Result::err))
}

#[test]
fn the_defaults_let_64_connections_of_an_address_in_and_none_of_another_suffers() {
    let mut admission = with(|_| {});
    assert_eq!(
        burst(&mut admission, at(0), "192.0.2.1"),
        (64, Some(Cause::AddressLimit))
    );
    assert_eq!(
        burst(&mut admission, at(0), "192.0.2.2"),
        (64, Some(Cause::AddressLimit))
    );
}

#[test]
fn an_address_has_a_burst_and_then_a_steady_rate() {
    let mut admission = with(|c| c.address_connections_max = 0);
    let mut let_in = |ms| {
        let (let_in, refused) = burst(&mut admission, at(ms), "192.0.2.1");
        assert_eq!(refused, Some(Cause::AddressLimit), "{ms}");
        let_in
    };
    assert_eq!(let_in(0), 100);
    assert_eq!(let_in(49), 0);
    assert_eq!(let_in(50), 1);
    assert_eq!(let_in(1_050), 20);
    assert_eq!(let_in(100_000), 100, "not more than the burst");
}

#[test]
fn an_address_whose_connections_leave_may_connect_again() {
    let mut admission = with(|c| {
        c.address_connections_max = 2;
        c.address_rate_max = 0;
    });
    assert_eq!(burst(&mut admission, at(0), "192.0.2.1").0, 2);
    admission.left(at(1), ip("192.0.2.1"), Admitted::Counted, false);
    assert_eq!(burst(&mut admission, at(2), "192.0.2.1").0, 1);
}

#[test]
fn a_refused_connection_takes_no_token() {
    let mut admission = with(|c| {
        c.address_burst_max = 2;
        c.address_rate_max = 1;
        c.rate_max = 2;
    });
    let full = Situation {
        places_taken: u64::MAX,
        ..CALM
    };
    let overloaded = Situation {
        is_overloaded: true,
        ..CALM
    };
    for (situation, cause) in [(full, Cause::ServerFull), (overloaded, Cause::Overloaded)] {
        for _ in 0..5 {
            assert_eq!(
                admission.decide(at(0), ip("192.0.2.1"), situation),
                Err(cause)
            );
        }
    }
    assert_eq!(burst(&mut admission, at(0), "192.0.2.1").0, 2);
}

#[test]
fn an_ipv6_network_of_64_bits_shares_its_limits_and_an_ipv4_address_has_its_own() {
    let mut admission = with(|c| c.address_connections_max = 1);
    for (addr, outcome) in [
        ("2001:db8::1", Ok(Admitted::Counted)),
        ("2001:db8::2", Err(Cause::AddressLimit)),
        ("2001:db8:0:1::2", Ok(Admitted::Counted)),
        ("192.0.2.1", Ok(Admitted::Counted)),
        ("::ffff:192.0.2.1", Err(Cause::AddressLimit)),
        ("192.0.2.2", Ok(Admitted::Counted)),
    ] {
        assert_eq!(admission.decide(at(0), ip(addr), CALM), outcome, "{addr}");
    }
    let mut wider = with(|c| {
        c.address_connections_max = 1;
        c.ipv4_prefix_bits = 24;
        c.ipv6_prefix_bits = 48;
    });
    for (addr, is_let_in) in [
        ("192.0.2.1", true),
        ("192.0.2.2", false),
        ("192.0.3.1", true),
        ("2001:db8::1", true),
        ("2001:db8:0:1::1", false),
        ("2001:db8:1::1", true),
    ] {
        let outcome = wider.decide(at(0), ip(addr), CALM);
        assert_eq!(outcome.is_ok(), is_let_in, "{addr}");
    }
}

#[test]
fn the_players_behind_a_proxy_share_an_address_and_have_only_the_limits_in_all() {
    let mut admission = with(|c| {
        c.address_connections_max = 1;
        c.handshakes_max = 3;
    });
    let proxied = Situation {
        peers: Peers::Many,
        ..CALM
    };
    let proxy = ip("192.0.2.1");
    let decide = |admission: &mut Admission| admission.decide(at(0), proxy, proxied);
    for _ in 0..3 {
        assert_eq!(decide(&mut admission), Ok(Admitted::CountedInAll));
    }
    assert_eq!(decide(&mut admission), Err(Cause::Overloaded));
    admission.left(at(0), proxy, Admitted::CountedInAll, false);
    assert_eq!(decide(&mut admission), Ok(Admitted::CountedInAll));
    assert_eq!(admission.addresses.len(), 0);
}

/// A connection from a proxy at this address, whose header names a player at that one.
fn through(admission: &mut Admission, proxy: &str, player: &str) -> Result<Admitted, Cause> {
    let unnamed = Situation {
        peers: Peers::Unnamed,
        ..CALM
    };
    let admitted = admission.decide(at(0), ip(proxy), unnamed)?;
    assert_eq!(admitted, Admitted::CountedInAll, "{proxy}");
    admission.named(at(0), ip(player), admitted)
}

#[test]
fn behind_a_header_the_players_address_is_asked_and_the_proxys_is_not() {
    let list = |networks: &[&str]| networks.iter().map(|n| n.parse().unwrap()).collect();
    let mut admission = with(|c| {
        c.address_connections_max = 1;
        c.handshakes_max = 5;
        c.deny = list(&["10.0.0.1", "203.0.113.66"]);
        c.exempt = list(&["10.0.0.2", "203.0.113.7"]);
    });
    for (proxy, player, outcome) in [
        ("10.0.0.1", "203.0.113.1", Ok(Admitted::Counted)),
        ("10.0.0.2", "203.0.113.1", Err(Cause::AddressLimit)),
        ("10.0.0.1", "203.0.113.66", Err(Cause::AddressDenied)),
        ("10.0.0.1", "203.0.113.2", Ok(Admitted::Counted)),
        ("10.0.0.1", "203.0.113.7", Ok(Admitted::CountedInAll)),
        ("10.0.0.1", "203.0.113.7", Ok(Admitted::CountedInAll)),
    ] {
        let decided = through(&mut admission, proxy, player);
        assert_eq!(decided, outcome, "{player} through {proxy}");
    }
    assert_eq!(admission.handshakes, 4, "the refused ones are counted out");
    admission.left(at(1), ip("203.0.113.1"), Admitted::Counted, false);
    assert_eq!(
        through(&mut admission, "10.0.0.1", "203.0.113.1"),
        Ok(Admitted::Counted)
    );
    assert!(through(&mut admission, "10.0.0.1", "203.0.113.3").is_ok());
    let full = through(&mut admission, "10.0.0.1", "203.0.113.4");
    assert_eq!(full, Err(Cause::Overloaded), "the handshakes in all");
}

#[test]
fn a_proxys_own_connection_takes_no_place_of_an_address() {
    let mut admission = with(|c| c.address_connections_max = 1);
    let unnamed = Situation {
        peers: Peers::Unnamed,
        ..CALM
    };
    for _ in 0..5 {
        let admitted = admission.decide(at(0), ip("10.0.0.1"), unnamed).unwrap();
        admission.left(at(0), ip("10.0.0.1"), admitted, false);
    }
    assert_eq!((admission.addresses.len(), admission.handshakes), (0, 0));
}

#[test]
fn a_denied_address_is_denied_even_if_it_is_allowed_or_exempt() {
    let list = |networks: &[&str]| networks.iter().map(|n| n.parse().unwrap()).collect();
    let mut admission = with(|c| {
        c.allow = list(&["10.0.0.0/8", "2001:db8::/32"]);
        c.deny = list(&["10.1.0.0/16", "127.0.0.1"]);
        c.exempt = list(&["10.1.0.0/16"]);
    });
    for (addr, outcome) in [
        ("10.0.0.1", Ok(Admitted::Counted)),
        ("10.1.0.1", Err(Cause::AddressDenied)),
        ("::ffff:10.1.0.1", Err(Cause::AddressDenied)),
        ("192.0.2.1", Err(Cause::AddressDenied)),
        ("2001:db8::1", Ok(Admitted::Counted)),
        ("2001:db9::1", Err(Cause::AddressDenied)),
    ] {
        assert_eq!(admission.decide(at(0), ip(addr), CALM), outcome, "{addr}");
    }
    let mut anyone = with(|c| c.deny = list(&["192.0.2.0/24"]));
    assert!(anyone.decide(at(0), ip("198.51.100.1"), CALM).is_ok());
    assert_eq!(
        anyone.decide(at(0), ip("192.0.2.9"), CALM),
        Err(Cause::AddressDenied)
    );
}

#[test]
fn loopback_is_exempt_by_default_and_still_needs_a_place() {
    let mut admission = Admission::new(Rules::new(&Config::default()));
    let busy = Situation {
        is_overloaded: true,
        ..CALM
    };
    for addr in ["127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1"] {
        for _ in 0..500 {
            assert_eq!(
                admission.decide(at(0), ip(addr), busy),
                Ok(Admitted::Exempt),
                "{addr}"
            );
        }
    }
    let full = Situation {
        places_taken: 10_001,
        ..CALM
    };
    assert_eq!(
        admission.decide(at(0), ip("127.0.0.1"), full),
        Err(Cause::ServerFull)
    );
}

#[test]
fn handshakes_in_flight_are_limited_in_all_until_they_join_or_leave() {
    let mut admission = with(|c| c.handshakes_max = 2);
    let decide = |admission: &mut Admission, n: u8| {
        admission.decide(at(0), Ipv4Addr::new(192, 0, 2, n).into(), CALM)
    };
    assert!(decide(&mut admission, 1).is_ok() && decide(&mut admission, 2).is_ok());
    assert_eq!(decide(&mut admission, 3), Err(Cause::Overloaded));
    admission.joined(Admitted::Counted);
    assert!(decide(&mut admission, 3).is_ok());
    assert_eq!(decide(&mut admission, 4), Err(Cause::Overloaded));
    admission.left(at(0), ip("192.0.2.2"), Admitted::Counted, false);
    assert!(decide(&mut admission, 4).is_ok());
    admission.left(at(0), ip("192.0.2.1"), Admitted::Counted, true);
    assert_eq!(decide(&mut admission, 5), Err(Cause::Overloaded));
}

#[test]
fn unauthenticated_connections_fit_into_their_memory_with_the_longest_hello() {
    let mut admission = with(|c| {
        c.handshakes_max = 0;
        c.unauthenticated_bytes_max = 65_536;
    });
    let addrs = (0..100).map(|n| IpAddr::from(Ipv4Addr::new(192, 0, 2, n)));
    let outcomes = addrs.map(|addr| admission.decide(at(0), addr, CALM));
    let let_in = outcomes.filter(Result::is_ok).count();
    assert_eq!(let_in, 65_536 / (4_096 + 1_024));
}

#[test]
fn the_rate_of_all_addresses_together_is_limited_if_it_is_set() {
    let mut admission = with(|c| {
        c.rate_max = 10;
        c.handshakes_max = 0;
    });
    let mut let_in = |ms| {
        let addrs = (0..50).map(|n| IpAddr::from(Ipv4Addr::new(192, 0, 2, n)));
        let outcomes = addrs.map(|addr| admission.decide(at(ms), addr, CALM));
        outcomes.filter(Result::is_ok).count()
    };
    assert_eq!(
        (let_in(0), let_in(50), let_in(100), let_in(1_100)),
        (10, 0, 1, 10)
    );
}

#[test]
fn the_table_of_addresses_holds_only_those_that_say_something() {
    let mut admission = with(|c| c.handshakes_max = 0);
    // 30,000 connections a second for ten seconds, each from another network of 64 bits, and each leaves at once.
    for n in 0..300_000_u64 {
        let now = at(n / 30);
        let addr = Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | (u128::from(n) << 64)).into();
        let admitted = admission.decide(now, addr, CALM).unwrap();
        admission.left(now, addr, admitted, false);
    }
    // A token comes in 50 ms, in which 1,500 connect. The table is swept at twice what is left.
    let len = admission.addresses.len();
    assert!(len <= 3 * 1_500, "{len}");
}

#[test]
fn a_table_that_is_full_lets_no_further_address_in() {
    let mut admission = with(|c| {
        c.connections_max = 1;
        c.handshakes_max = 0;
        c.address_rate_max = 1;
    });
    let max = u128::try_from(ADDRESSES_MAX).unwrap();
    let addr = |n: u128| Ipv6Addr::from_bits((0x2001_0db8_u128 << 96) | (n << 64)).into();
    for n in 0..max {
        let admitted = admission.decide(at(0), addr(n), CALM).unwrap();
        admission.left(at(0), addr(n), admitted, false);
    }
    assert_eq!(
        admission.decide(at(0), addr(max), CALM),
        Err(Cause::Overloaded)
    );
    assert!(
        admission.decide(at(0), addr(0), CALM).is_ok(),
        "it is known"
    );
    let in_all = Admitted::CountedInAll;
    admission.handshakes += 1;
    assert_eq!(
        admission.named(at(0), addr(max), in_all),
        Err(Cause::Overloaded)
    );
    assert!(admission.decide(at(1_001), addr(max), CALM).is_ok());
    assert_eq!(admission.addresses.len(), 2, "the others were forgotten");
}

const ADDRESSES_MAX: usize = 65_536 + 1;
