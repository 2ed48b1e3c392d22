//! Delay, and the properties that it does not change.

use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use lastword_netlab::{Delay, Host, Lab, Outcome, Share, run};

use crate::datagrams::Datagrams;
use crate::pair::{Pair, TIMEOUT, is_silent, kind, peek, read_four};

#[test]
fn each_direction_that_a_packet_takes_delays_it() {
    run(|lab| {
        lab.delay(Host::Server, 2 * STEP)?;
        assert_take(lab, 2 * STEP, 2 * STEP)?;
        lab.delay_from(Host::Client, STEP)?;
        assert_take(lab, 3 * STEP, 2 * STEP)?;
        lab.delay_towards(Host::Server, Duration::ZERO)?;
        assert_take(lab, STEP, 2 * STEP)?;
        lab.delay_towards(Host::Client, STEP)?;
        assert_take(lab, STEP, 3 * STEP)?;
        for host in Host::ALL {
            lab.delay(host, Duration::ZERO)?;
        }
        assert_take(lab, Duration::ZERO, Duration::ZERO)
    });
}

#[test]
fn nothing_is_lost_or_overtaken_when_a_delay_changes_under_load() {
    run(|lab| {
        let Pair { client, mut server } = Pair::connect(lab)?;
        lab.delay(Host::Client, STEP / 10)?;
        let sent: Vec<u8> = (0..=u8::MAX).cycle().take(STREAM_BYTES).collect();
        let mut received = vec![0; STREAM_BYTES];
        thread::scope(|scope| {
            let sender = scope.spawn(|| server.write_all(&sent));
            for part in received.chunks_mut(STREAM_BYTES / 8) {
                (&client).read_exact(part)?;
                lab.delay_from(Host::Server, STEP.mul_f64(f64::from(part[0]) / 1000.0))?;
            }
            sender.join().map_err(|_| "the sender panicked")??;
            Outcome::Ok(())
        })?;
        assert!(sent == received, "the stream is another");
        // On a busy machine the sender may repeat a segment that is only late. After a loss others arrive out of order.
        assert_eq!(out_of_order(lab, Host::Client)?, 0);
        Ok(())
    });
}

#[test]
fn a_delay_that_varies_keeps_the_order_of_a_connection() {
    run(|lab| {
        lab.delay_from(Host::Client, Delay::between(Duration::ZERO, 2 * STEP))?;
        let datagrams = Datagrams::new(lab, Host::Client)?;
        assert!(datagrams.numbers(LOT)?.into_iter().eq(0..=LOT));
        let mut taken = Vec::new();
        for _ in 0..20 {
            taken.push(datagrams.takes()?);
        }
        // Of 20 draws none lies in a given half with a chance of one in a million.
        assert!(taken.iter().any(|&taken| taken < STEP), "{taken:?}");
        assert!(taken.iter().any(|&taken| taken >= STEP), "{taken:?}");
        Ok(())
    });
}

#[test]
fn packets_overtake_each_other_where_the_delay_allows_it() {
    run(|lab| {
        let varies = Delay::between(Duration::ZERO, STEP).overtaking();
        lab.delay_from(Host::Client, varies)?;
        let numbers = Datagrams::new(lab, Host::Client)?.numbers(LOT)?;
        // The last one may arrive before all others.
        assert!(!numbers.into_iter().eq(0..=LOT), "all came in order");
        Ok(())
    });
}

#[test]
fn a_share_of_the_packets_arrives_twice() {
    run(|lab| {
        lab.delay_from(Host::Client, Delay::NONE.doubling(Share::percent(50)))?;
        let numbers = Datagrams::new(lab, Host::Client)?.numbers(LOT)?;
        let sent = usize::try_from(LOT)?;
        let copies = numbers.len() - sent;
        assert!(numbers.is_sorted());
        // Half of them, with a standard deviation of 5.
        assert!(
            (sent / 4..sent * 3 / 4).contains(&copies),
            "{copies} copies"
        );
        Ok(())
    });
}

#[test]
fn a_pause_holds_every_packet_and_loses_none() {
    run(|lab| {
        for delay in [Duration::ZERO, STEP] {
            lab.delay(Host::Client, delay)?;
            for sender in Host::ALL {
                let datagrams = Datagrams::new(lab, sender)?;
                lab.pause_packets()?;
                assert_eq!(datagrams.arrivals(5)?, 0, "{sender:?}");
                assert!(!datagrams.arrives_within(3 * STEP)?, "{sender:?}");
                lab.resume_packets()?;
                assert_eq!(datagrams.waiting(5)?, 5, "{sender:?}");
                datagrams.takes()?;
            }
        }
        Ok(())
    });
}

#[test]
fn a_reset_crosses_a_delay() {
    run(|lab| {
        lab.delay(Host::Client, STEP)?;
        let mut pair = Pair::connect(lab)?;
        pair.client.write_all(b"ping")?;
        assert_eq!(peek(&pair.server)?, 1);
        let start = Instant::now();
        // Unread bytes make the close a reset.
        drop(pair.server);
        assert_eq!(
            kind(read_four(&mut pair.client)),
            Some(ErrorKind::ConnectionReset)
        );
        assert!(start.elapsed() >= STEP);
        Ok(())
    });
}

#[test]
fn a_delayed_link_is_cut_lost_and_replaced_like_any_other() {
    run(|lab| {
        let mut pair = Pair::connect(lab)?;
        lab.delay(Host::Client, STEP)?;
        lab.cut(Host::Client)?;
        pair.server.write_all(b"pong")?;
        assert!(is_silent(&pair.client)?);
        lab.mend(Host::Client)?;
        assert_eq!(read_four(&mut pair.client)?, *b"pong");
        lab.link_down(Host::Server)?;
        lab.link_up(Host::Server)?;
        pair.round_trip()?;
        assert_take(lab, STEP, STEP)?;
        lab.replace(Host::Client)?;
        pair.server.write_all(b"pong")?;
        assert_eq!(
            kind(read_four(&mut pair.server)),
            Some(ErrorKind::ConnectionReset)
        );
        Pair::connect(lab)?.round_trip()?;
        assert_take(lab, STEP, STEP)
    });
}

#[test]
fn a_lab_that_is_dropped_leaves_no_thread() {
    run(|lab| {
        lab.delay(Host::Client, STEP)?;
        let before = threads()?;
        for _ in 0..3 {
            let other = Lab::new()?;
            other.delay(Host::Client, STEP)?;
            other.pause_packets()?;
            assert!(threads()? > before);
        }
        let deadline = Instant::now() + TIMEOUT;
        while threads()? > before && Instant::now() < deadline {
            thread::yield_now();
        }
        assert_eq!(threads()?, before);
        Ok(())
    });
}

/// Checks how long a datagram takes to the server, and how long a datagram takes from there.
fn assert_take(lab: &Lab, to_server: Duration, from_server: Duration) -> Outcome {
    for (sender, length) in [(Host::Client, to_server), (Host::Server, from_server)] {
        let datagrams = Datagrams::new(lab, sender)?;
        // The best of three: a busy machine may delay one, but no machine delivers one early.
        let taken = datagrams
            .takes()?
            .min(datagrams.takes()?)
            .min(datagrams.takes()?);
        assert!(
            (length..length + STEP).contains(&taken),
            "{sender:?}: {taken:?} instead of {length:?}"
        );
    }
    Ok(())
}

/// Returns how many TCP segments arrived out of order at this host.
fn out_of_order(lab: &Lab, host: Host) -> io::Result<u64> {
    let table = lab.on(host, || fs::read_to_string("/proc/thread-self/net/netstat"))?;
    let mut lines = table.lines().map(str::split_whitespace);
    let [names, counts] = [lines.next(), lines.next()].map(|line| line.into_iter().flatten());
    let found = names.zip(counts).find(|(name, _)| *name == "TCPOFOQueue");
    let count = found.and_then(|(_, count)| count.parse().ok());
    count.ok_or_else(|| ErrorKind::InvalidData.into())
}

fn threads() -> io::Result<usize> {
    Ok(fs::read_dir("/proc/self/task")?.count())
}

const STEP: Duration = Duration::from_millis(50);
const STREAM_BYTES: usize = 8 << 20;
/// Fewer datagrams than a socket's buffer has room for.
const LOT: u32 = 100;
