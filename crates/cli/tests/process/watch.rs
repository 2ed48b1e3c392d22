//! `lastword watch`, next to a listener of this process.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};

use nix::sys::signal::Signal;

use crate::command::{Running, lastword, run};

/// A connection that its client closes, and then the server.
fn comes_and_goes(listener: &TcpListener) {
    let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
    let (mut server, _) = listener.accept().unwrap();
    drop(client);
    assert_eq!(server.read(&mut [0]).unwrap(), 0);
}

fn listener() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    (listener, port)
}

#[test]
fn an_end_is_a_line_and_a_signal_ends_the_watch_with_a_summary() {
    let (listener, port) = listener();
    let (watch, stdout) = Running::start(lastword(&["watch", "--port", &port]));
    let mut lines = BufReader::new(stdout.unwrap()).lines().map(Result::unwrap);
    assert_eq!(lines.next(), Some(format!("watching port {port}")));
    comes_and_goes(&listener);
    let line = lines.next().unwrap();
    assert!(
        line.contains(&format!(" {port:<5} 127.0.0.0/24 ")),
        "{line}"
    );
    watch.signal(Signal::SIGINT);
    let summary: Vec<_> = lines.collect();
    let counted = summary.iter().find(|line| line.contains("1 ends in "));
    assert!(
        counted.is_some_and(|line| line.contains("; 0 more ")),
        "{summary:?}"
    );
    let last = summary.last().unwrap();
    assert!(last.ends_with("records each of these."), "{last}");
    assert_eq!(watch.end().status, Some(0));
}

#[test]
fn with_json_each_line_is_a_record_and_the_summary_goes_elsewhere() {
    let (listener, port) = listener();
    let args = ["watch", "--port", &port, "--json"];
    let (watch, stdout) = Running::start(lastword(&args));
    let mut lines = BufReader::new(stdout.unwrap()).lines().map(Result::unwrap);
    let next = std::thread::spawn(move || (lines.next(), lines));
    // It does not say when it begins.
    while !next.is_finished() {
        comes_and_goes(&listener);
    }
    let (line, lines) = next.join().unwrap();
    let record: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
    assert_eq!(record["port"].to_string(), port);
    assert_eq!(record["network"], "127.0.0.0/24");
    assert!(record["cause"].is_string() && record["certainty"].is_string());
    watch.signal(Signal::SIGTERM);
    for line in lines {
        serde_json::from_str::<serde_json::Value>(&line).unwrap();
    }
    let ended = watch.end();
    assert_eq!(ended.status, Some(0));
    assert!(ended.stderr.contains(" ends in "), "{}", ended.stderr);
}

#[test]
fn a_reader_that_is_gone_ends_the_watch() {
    let (listener, port) = listener();
    let (watch, stdout) = Running::start(lastword(&["watch", "--port", &port]));
    let mut stdout = BufReader::new(stdout.unwrap());
    stdout.read_line(&mut String::new()).unwrap();
    drop(stdout);
    comes_and_goes(&listener);
    assert_eq!(watch.end().status, Some(0));
}

#[test]
fn without_a_port_the_listening_programs_are_listed() {
    let (_listener, port) = listener();
    let ended = run(&["watch"]);
    assert_eq!(ended.status, Some(2));
    let mut lines = ended.stderr.lines();
    let first = lines.next().unwrap();
    assert!(first.contains("--port PORT, or --process NAME"), "{first}");
    let own = lines.find(|line| line.trim_start().starts_with(&port));
    assert!(
        own.is_some_and(|line| line.contains("process")),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_program_is_watched_by_its_number_and_one_that_does_not_listen_is_an_error() {
    let (_listener, port) = listener();
    let pid = std::process::id().to_string();
    let ended = run(&["watch", "--process", &pid, "--for", "1ms"]);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    let first = ended.stdout.lines().next().unwrap();
    assert!(first.contains(&port), "{first}");
    let ended = run(&["watch", "--process", "no-such-program"]);
    assert_eq!(ended.status, Some(2));
    let first = ended.stderr.lines().next().unwrap();
    assert!(first.contains("--process no-such-program"), "{first}");
}
