use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::command::{DEADLINE, Serving, serve};
use crate::player::Player;

/// Sends an HTTP request to the game's port, and reads until the port closes the connection.
fn ask_for_a_page(game: SocketAddr) {
    let mut stream = TcpStream::connect(game).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
    // A reset is also an accepted end.
    stream.read_to_end(&mut Vec::new()).ok();
}

/// A player comes and goes, strangers flood the port, and the server drains. Returns its log.
fn flooded(serving: &Serving) -> String {
    let mut player = Player::join(serving.game);
    player.say_goodbye();
    drop(player);
    for _ in 0..STRANGERS {
        ask_for_a_page(serving.game);
    }
    serving.process.signal(Signal::SIGTERM);
    let ended = serving.process.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    ended.stderr
}

#[test]
fn strangers_do_not_fill_the_log_and_it_says_how_many_are_not_in_it() {
    let log = flooded(&serve(&["--log-format", "json"]));
    let lines = log.lines().map(serde_json::from_str::<Value>);
    let lines: Vec<_> = lines.map(Result::unwrap).collect();
    let count = |cause| lines.iter().filter(|line| line["cause"] == cause).count();
    assert_eq!(count("peer_goodbye"), 1);
    let written = count("wrong_protocol");
    assert!((100..STRANGERS).contains(&written), "{written}: {log}");
    let withheld = lines.iter().filter_map(|line| line["withheld"].as_u64());
    assert_eq!(written as u64 + withheld.sum::<u64>(), STRANGERS as u64);

    let goodbye = lines.iter().find(|line| line["cause"] == "peer_goodbye");
    let goodbye = goodbye.unwrap();
    for zero in ["frames_in", "frames_unsent", "bytes_undelivered"] {
        assert_eq!(goodbye[zero], 0, "JSON keeps {zero}");
    }
}

#[test]
fn a_line_for_people_begins_with_what_matters_and_has_no_zeros() {
    let log = flooded(&serve(&[]));
    let line = log.lines().find(|line| line.contains("peer_goodbye"));
    let line = line.unwrap_or_else(|| panic!("{log}"));
    let (head, fields) = line.split_once(" lastword::close: ").unwrap();
    assert!(head.ends_with("Z  INFO"), "{line}");
    let begin = "closed cause=\"peer_goodbye\" player=\"ann\" phase=\"live\" remote=127.0.0.1:";
    assert!(fields.starts_with(begin), "{line}");
    assert!(
        fields.contains(" words=\"peer_goodbye in live after "),
        "{line}"
    );
    let mut pairs = fields.split(' ').filter_map(|field| field.split_once('='));
    assert!(
        pairs.all(|(_, value)| !["0", "\"\"", "\"none\""].contains(&value)),
        "{line}"
    );
    assert!(log.contains(" withheld="), "{log}");
}

const STRANGERS: usize = 400;
