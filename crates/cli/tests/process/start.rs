use std::net::{TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::Stdio;
use std::time::Instant;

use nix::sys::signal::Signal;

use crate::command::{DEADLINE, Running, Serving, lastword, run, serve, with_limit};
use crate::player::{DATA, Player};

#[test]
fn the_first_line_tells_the_addresses_that_were_bound() {
    let serving = serve(&[]);
    let admin = serving.admin.unwrap();
    assert_eq!(
        serving.first_line,
        format!("listening game={} admin={admin}", serving.game)
    );
    assert!(serving.game.port() != 0 && admin.port() != 0);
    TcpStream::connect(admin).unwrap();
}

#[test]
fn without_an_admin_port_the_first_line_says_off() {
    let serving = Serving::start(lastword(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "off",
    ]));
    assert_eq!(
        serving.first_line,
        format!("listening game={} admin=off", serving.game)
    );
}

#[test]
fn a_frame_comes_back() {
    let serving = serve(&[]);
    let mut player = Player::join(serving.game);
    player.write(DATA, b"hello");
    assert_eq!(player.read(), (DATA, b"hello".to_vec()));
}

/// The connections of the killed one may linger in the kernel.
#[test]
fn a_server_that_was_killed_starts_again_on_its_port() {
    let killed = serve(&[]);
    let mut player = Player::join(killed.game);
    player.echo();
    killed.process.signal(Signal::SIGKILL);
    assert_eq!(killed.process.end().status, None);
    let game = killed.game.to_string();
    let again = lastword(&["serve", "--listen", &game, "--admin", "off"]);
    Player::join(Serving::start(again).game).echo();
}

#[test]
fn a_port_in_use_is_named_and_the_status_is_1() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap();
    let taken = taken.to_string();
    for args in [
        ["--listen", &taken, "--admin", "off"],
        ["--listen", "127.0.0.1:0", "--admin", &taken],
    ] {
        let ended = run(&[&["serve"], &args[..]].concat());
        assert_eq!(ended.status, Some(1), "{}", ended.stderr);
        assert_eq!(ended.stdout, "");
        let lines: Vec<_> = ended.stderr.lines().collect();
        assert_eq!(lines.len(), 1, "{lines:#?}");
        assert!(lines[0].starts_with("lastword: cannot "), "{lines:?}");
        assert!(
            lines[0].contains(&format!("on {taken}: the address is in use")),
            "{lines:?}"
        );
    }
}

#[test]
fn it_serves_when_standard_output_is_closed() {
    let free = TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    let (stdout, reader) = UnixStream::pair().unwrap();
    drop(reader);
    let mut command = lastword(&[
        "serve",
        "--listen",
        &free.to_string(),
        "--admin",
        "off",
        "--log",
        "debug",
    ]);
    command.stdout(Stdio::from(OwnedFd::from(stdout)));
    let (process, _) = Running::start(command);

    let start = Instant::now();
    while TcpStream::connect(free).is_err() {
        assert!(start.elapsed() < DEADLINE, "{}", process.end().stderr);
        std::thread::yield_now();
    }
    Player::join(free);
    process.signal(Signal::SIGTERM);
    let ended = process.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("standard output is closed"),
        "{}",
        ended.stderr
    );
}

#[test]
fn logs_are_one_json_object_a_line_where_asked() {
    let mut command = lastword(&[
        "serve",
        "--listen",
        "127.0.0.1:0",
        "--admin",
        "off",
        "--log-format",
        "json",
    ]);
    command.env("LASTWORD_LOG", "debug");
    let serving = Serving::start(command);
    serving.process.signal(Signal::SIGINT);
    let ended = serving.process.end();
    let lines: Vec<_> = ended.stderr.lines().collect();
    assert!(
        lines
            .iter()
            .all(|line| line.starts_with('{') && line.ends_with('}')),
        "{lines:#?}"
    );
    assert!(
        lines
            .iter()
            .any(|line| line.contains("\"signal\":\"SIGINT\"")),
        "{lines:#?}"
    );
}

#[test]
fn more_players_than_the_soft_limit_of_descriptors_can_join() {
    let serving = Serving::start(with_limit("-Sn 40"));
    let players: Vec<_> = (0..60).map(|_| Player::join(serving.game)).collect();
    drop(players);
}

#[test]
fn a_hard_limit_below_connections_max_is_reported() {
    let serving = Serving::start(with_limit("-n 100"));
    serving.process.signal(Signal::SIGTERM);
    let told = serving.process.end().stderr;
    assert!(told.contains("admission.connections_max"), "{told}");
}
