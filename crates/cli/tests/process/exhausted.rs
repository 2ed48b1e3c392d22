//! A server without a free descriptor: the CPU that it takes while clients keep coming, and how soon it lets players in
//! afterwards.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use lastword_netlab::Skip;

use crate::command::{DEADLINE, config_file, serve};
use crate::metrics;
use crate::player::Player;

/// What was measured.
#[derive(Debug)]
struct Exhausted {
    /// CPU of the process, as a share of one core.
    cpu: f64,
    /// Clients that were closed at once, while there was no descriptor.
    turned_away: u32,
    /// Failures of accept.
    errors: f64,
    /// From the first free descriptor to a welcome.
    let_in_after: Duration,
}

#[test]
fn a_server_without_descriptors_takes_little_cpu_and_lets_players_in_within_a_second_afterwards() {
    let measured = match exhausted(Duration::from_secs(3)) {
        Ok(measured) => measured,
        Err(skip) => return skip.report("a_server_without_descriptors").unwrap(),
    };
    // A loop that does not wait takes a whole core. The clock counts in hundredths of a second.
    assert!(measured.cpu < 0.1, "{measured:?}");
    assert!(measured.turned_away > 20, "{measured:?}");
    assert!(measured.errors > 0.0, "{measured:?}");
    assert!(
        measured.let_in_after < Duration::from_secs(1),
        "{measured:?}"
    );
}

#[test]
#[ignore = "takes a minute: docs/measurements.md has its figures"]
fn a_minute_without_descriptors_takes_less_than_two_hundredths_of_a_core() {
    let measured = match exhausted(Duration::from_secs(60)) {
        Ok(measured) => measured,
        Err(skip) => return skip.report("a_minute_without_descriptors").unwrap(),
    };
    eprintln!("{measured:?}");
    assert!(measured.cpu < 0.02, "{measured:?}");
    assert!(
        measured.let_in_after < Duration::from_secs(1),
        "{measured:?}"
    );
}

/// Takes all free descriptors of a server for this time. Meanwhile a client comes every 20 ms.
fn exhausted(lasts: Duration) -> Result<Exhausted, Skip> {
    // The clients send no heartbeats, and must stay.
    let file = config_file("exhausted", "[liveness]\nprofile = \"debugger\"\n");
    let server = serve(&["--config", file.to_str().unwrap()]);
    let (pid, admin) = (server.process.pid(), server.admin.unwrap());
    let mut resident = Player::join(server.game);
    let open = std::fs::read_dir(format!("/proc/{pid}/fd"))
        .unwrap()
        .count();
    limit(pid, open)?;
    // Numbers below the limit may still be free.
    let mut let_in = Vec::new();
    while let Some(client) = welcomed(server.game) {
        let_in.push(client);
    }
    let (begun, before) = (Instant::now(), cpu(pid));
    let mut turned_away = 0;
    while begun.elapsed() < lasts {
        assert!(welcomed(server.game).is_none(), "there was a descriptor");
        turned_away += 1;
        thread::sleep(Duration::from_millis(20));
    }
    let cpu = (cpu(pid) - before) / begun.elapsed().as_secs_f64();
    resident.echo();
    let errors = metrics::shown(admin, r#"lastword_accept_errors_total{error="emfile"}"#);
    let freed = Instant::now();
    limit(pid, open + 100)?;
    while welcomed(server.game).is_none() {
        assert!(freed.elapsed() < DEADLINE, "no player is let in again");
    }
    Ok(Exhausted {
        cpu,
        turned_away,
        errors,
        let_in_after: freed.elapsed(),
    })
}

/// Connects and says hello. Returns the connection if the server answers, and `None` if it hangs up.
fn welcomed(game: SocketAddr) -> Option<TcpStream> {
    let mut client = TcpStream::connect(game).unwrap();
    client.set_read_timeout(Some(DEADLINE)).unwrap();
    let hello = [
        &[0, 0, 37, 1][..],
        b"LW\x01\x01\x02\x00\x01\x00\x00",
        &[0; 28],
    ]
    .concat();
    client.write_all(&hello).ok()?;
    matches!(client.read(&mut [0]), Ok(1)).then_some(client)
}

/// Sets the most descriptors that the process may have.
fn limit(pid: i32, descriptors: usize) -> Result<(), Skip> {
    let mut prlimit = Command::new("prlimit");
    prlimit
        .arg(format!("--pid={pid}"))
        .arg(format!("--nofile={descriptors}:"));
    match prlimit.output() {
        Ok(output) if output.status.success() => Ok(()),
        Ok(output) => Err(Skip::new(&String::from_utf8_lossy(&output.stderr))),
        Err(error) => Err(Skip::new(&format!("prlimit: {error}"))),
    }
}

/// The CPU that a process has taken, in seconds.
fn cpu(pid: i32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let user_and_system = fields.split_whitespace().skip(11).take(2);
    let ticks: f64 = user_and_system
        .map(|ticks| ticks.parse::<f64>().unwrap())
        .sum();
    ticks / TICKS_A_SECOND
}

/// `USER_HZ`, the unit of `/proc/PID/stat`, is 100 on Linux (time(7)).
const TICKS_A_SECOND: f64 = 100.0;
