//! The lab does to real sockets what it says.

use std::env;
use std::fs;
use std::io::{self, ErrorKind, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::panic;
use std::process::{self, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lastword_netlab::{End, Host, Lab, Outcome, run};

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

#[test]
fn a_child_process_dies_with_the_test() {
    let start = Instant::now();
    run(|lab| {
        // It holds the standard error that `run` reads to its end.
        lab.spawn(Host::Client, Command::new("sleep").arg("20"))?;
        Ok(())
    });
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "the child outlived its test"
    );
}

#[test]
fn a_body_that_returns_an_error_fails_its_test() {
    let verdict = panic::catch_unwind(|| run(|_| Err("returned on purpose".into())));
    assert_failed(verdict, "returned on purpose");
}

#[test]
fn a_body_that_panics_fails_its_test() {
    let verdict = panic::catch_unwind(|| {
        run(|lab| Ok(lab.on(Host::Client, || panic!("panicked on purpose"))?))
    });
    assert_failed(verdict, "panicked on purpose");
}

#[test]
fn a_second_run_in_one_test_is_refused() {
    run(|_| Ok(()));
    let verdict = panic::catch_unwind(|| run(|_| Err("never executed".into())));
    assert_failed(verdict, "calls `run` twice");
}

#[test]
fn a_test_that_cannot_run_says_so_and_why() {
    let test = "bytes_cross_the_router_and_come_back";
    let file = env::temp_dir().join(format!("netlab-skips-{}", process::id()));
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", test])
        .env("PATH", "/nonexistent")
        .env("LASTWORD_SKIPS", &file)
        .output()
        .unwrap();
    let recorded = fs::read_to_string(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let line = format!(
        "skipped: {test}: no network lab here: setpriv: No such file or directory (os error 2)\n"
    );
    assert!(output.status.success());
    assert!(
        String::from_utf8_lossy(&output.stderr).contains(&line),
        "{output:?}"
    );
    assert_eq!(recorded, line);
}

/// A connection from the client to the server, both ends in hand.
struct Pair {
    client: TcpStream,
    server: TcpStream,
}

impl Pair {
    fn connect(lab: &Lab) -> io::Result<Self> {
        let listener = lab.on(Host::Server, || {
            TcpListener::bind((lab.addr(Host::Server), 0))
        })?;
        let server_addr = listener.local_addr()?;
        let client = lab.on(Host::Client, || {
            TcpStream::connect_timeout(&server_addr, TIMEOUT)
        })?;
        let (server, _) = listener.accept()?;
        client.set_read_timeout(Some(TIMEOUT))?;
        server.set_read_timeout(Some(TIMEOUT))?;
        Ok(Self { client, server })
    }

    fn end(&mut self, host: Host) -> &mut TcpStream {
        match host {
            Host::Server => &mut self.server,
            Host::Client => &mut self.client,
        }
    }

    fn round_trip(&mut self) -> Outcome {
        self.client.write_all(b"ping")?;
        assert_eq!(read_four(&mut self.server)?, *b"ping");
        self.server.write_all(b"pong")?;
        assert_eq!(read_four(&mut self.client)?, *b"pong");
        Ok(())
    }
}

fn read_four(stream: &mut TcpStream) -> io::Result<[u8; 4]> {
    let mut bytes = [0; 4];
    stream.read_exact(&mut bytes)?;
    Ok(bytes)
}

fn is_silent(stream: &TcpStream) -> io::Result<bool> {
    stream.set_read_timeout(Some(SILENCE))?;
    let heard = stream.peek(&mut [0]);
    stream.set_read_timeout(Some(TIMEOUT))?;
    Ok(kind(heard) == Some(ErrorKind::WouldBlock))
}

fn kind<T>(result: io::Result<T>) -> Option<ErrorKind> {
    result.err().map(|error| error.kind())
}

fn assert_failed(verdict: thread::Result<()>, message: &str) {
    let Err(payload) = verdict else {
        assert!(Lab::available().is_err(), "the test passed");
        return;
    };
    let printed = payload.downcast_ref().map_or("", String::as_str);
    assert!(printed.contains(message), "{printed}");
}

const TIMEOUT: Duration = Duration::from_secs(5);
/// Longer than the first retransmissions take.
const SILENCE: Duration = Duration::from_millis(500);
