use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::{Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::command::{DEADLINE, Ended, Running, lastword, run};
use crate::metrics;
use crate::player::{NOTICE, Player};

/// A demo whose output is read line by line.
struct Demo {
    process: Running,
    lines: Receiver<String>,
    seen: Vec<String>,
}

#[test]
fn in_a_pipe_each_end_is_a_line_and_the_last_ones_say_whether_all_was_right() {
    let mut demo = Demo::start(&["--for", "3s"]);
    let closes = demo.first_closes();
    assert!(
        closes.starts_with("HTTP/1.1 200 OK") && closes.contains("\"cause\":\""),
        "{closes}"
    );
    let (ended, text) = demo.end();
    assert_eq!(
        (ended.status, ended.stderr.as_str()),
        (Some(0), ""),
        "{text}"
    );
    assert!(!text.contains('\x1b'), "{text}");
    for cause in ["peer_goodbye", "peer_fin ", "peer_reset ", "drained"] {
        assert!(
            text.lines().any(|line| line.contains(cause)),
            "{cause} in {text}"
        );
    }
    assert!(text.contains(" departed: both laws held\n"), "{text}");
    assert!(text.contains("\nlive page http://127.0.0.1:"), "{text}");
    let (played, right) = verdict(&text);
    assert!(played == right && played > 50, "{text}");
}

#[test]
fn a_signal_ends_it_with_the_summary() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut demo = Demo::start(&["--clients", "3"]);
        demo.until("peer_fin ");
        demo.process.signal(signal);
        let (ended, text) = demo.end();
        assert_eq!(
            (ended.status, ended.stderr.as_str()),
            (Some(0), ""),
            "{signal}: {text}"
        );
        let drained = text
            .lines()
            .filter(|line| line.contains(" drained ") && line.contains("player"));
        assert_eq!(drained.count(), 3, "{signal}: {text}");
        let (played, right) = verdict(&text);
        assert_eq!(played, right, "{signal}: {text}");
    }
}

#[test]
fn attacks_are_counted_by_their_ends_next_to_the_round_trip_of_the_players() {
    let mut demo = Demo::start(&["--clients", "3"]);
    let admin = demo.admin().parse().unwrap();
    // More than the attackers at a time, and the endings with the same cause: so some attackers have noted their end.
    for (cause, count) in [
        ("wrong_protocol", 4),
        ("rate_limited", 3),
        ("hello_timeout", 11),
    ] {
        let series = format!("lastword_disconnects_total{{cause=\"{cause}\"");
        let begun = Instant::now();
        while metrics::sum(admin, &series) < f64::from(count) {
            assert!(begun.elapsed() < DEADLINE, "{cause}");
            thread::sleep(Duration::from_millis(50));
        }
    }
    demo.process.signal(Signal::SIGINT);
    let (ended, text) = demo.end();
    assert_eq!(
        (ended.status, ended.stderr.as_str()),
        (Some(0), ""),
        "{text}"
    );
    let line = |start: &str| {
        let line = text.lines().find(|line| line.starts_with(start));
        line.unwrap_or_else(|| panic!("{start} in {text}"))
    };
    for kind in ["slow", "garbage", "flood"] {
        assert!(line("attackers: ").contains(kind), "{text}");
    }
    for cause in ["wrong_protocol", "rate_limited", "hello_timeout"] {
        assert!(line("attacks ended: ").contains(cause), "{text}");
    }
    assert!(line("players' p99 round trip ").ends_with(" ms"), "{text}");
    assert!(
        !text.contains(" rate_limited "),
        "a line of an attacker in {text}"
    );
    let (played, right) = verdict(&text);
    assert_eq!(played, right, "{text}");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut demo = Demo::start(&[]);
    let mut idler = Player::join(demo.game());
    demo.process.signal(Signal::SIGINT);
    while idler.read().0 != NOTICE {}
    let start = Instant::now();
    demo.process.signal(Signal::SIGINT);
    let (ended, _) = demo.end();
    assert_eq!(ended.status, Some(130));
    assert_eq!(
        ended.stderr,
        "lastword: interrupted twice: there is no summary\n"
    );
    assert!(
        start.elapsed() < Duration::from_millis(1_500),
        "the drain takes 2 s"
    );
}

#[test]
fn it_ends_when_its_standard_output_is_closed() {
    let mut demo = Demo::start(&[]);
    demo.until("listening");
    drop(demo.lines);
    let ended = demo.process.end();
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
}

#[test]
fn a_reader_that_is_gone_before_it_starts_is_no_failure() {
    let (stdout, reader) = UnixStream::pair().unwrap();
    drop(reader);
    let mut command = lastword(&["demo"]);
    command.stdout(Stdio::from(OwnedFd::from(stdout)));
    let ended = Running::start(command).0.end();
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
}

#[cfg(target_os = "linux")]
#[test]
fn an_output_that_cannot_be_written_is_one_line_and_the_status_is_1() {
    let mut command = lastword(&["demo"]);
    command.stdout(std::fs::File::create("/dev/full").unwrap());
    let ended = Running::start(command).0.end();
    assert_eq!(ended.status, Some(1));
    let words = "lastword: standard output cannot be written: ";
    assert!(ended.stderr.starts_with(words), "{}", ended.stderr);
    assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
}

#[test]
fn a_time_that_is_none_is_reported_with_what_to_write() {
    for time in ["soon", "10", "0s", "-1s", "1h"] {
        let ended = run(&["demo", "--for", time]);
        assert_eq!(ended.status, Some(2));
        assert!(
            ended.stderr.contains("as 500ms, 10s or 2m"),
            "{}",
            ended.stderr
        );
        assert_eq!(ended.stdout, "");
    }
}

#[test]
fn a_port_in_use_is_one_line_and_the_status_is_1() {
    let holder = TcpListener::bind("127.0.0.1:0").unwrap();
    let taken = holder.local_addr().unwrap().to_string();
    for option in ["--listen", "--admin"] {
        let ended = run(&["demo", option, &taken]);
        assert_eq!((ended.status, ended.stdout.as_str()), (Some(1), ""));
        assert_eq!(ended.stderr.lines().count(), 1, "{}", ended.stderr);
        let words = format!("on {taken}: the address is in use");
        assert!(ended.stderr.contains(&words), "{}", ended.stderr);
    }
}

#[test]
fn it_is_right_also_when_it_ends_before_all_clients_came() {
    for time in ["1ms", "100ms", "400ms"] {
        let ended = run(&["demo", "--for", time]);
        assert_eq!(
            ended.status,
            Some(0),
            "{time}: {}{}",
            ended.stdout,
            ended.stderr
        );
        let (played, right) = verdict(&ended.stdout);
        assert_eq!(played, right, "{}", ended.stdout);
    }
}

#[test]
fn without_an_admin_port_it_says_so_and_goes_on() {
    let ended = run(&["demo", "--for", "300ms", "--clients", "0", "--admin", "off"]);
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(
        ended.stdout.contains("admin=off\nno live page: "),
        "{}",
        ended.stdout
    );
}

#[test]
fn without_a_lab_a_line_says_why_and_the_rest_of_the_demo_runs() {
    let mut command = lastword(&["demo"]);
    command.env("PATH", "/nonexistent");
    let mut demo = Demo::of(command);
    demo.until("no cable to pull here: ");
    demo.until("peer_reset ");
    demo.process.signal(Signal::SIGINT);
    let (ended, text) = demo.end();
    assert_eq!(ended.status, Some(0), "{text}");
    assert_eq!(text.matches("no cable").count(), 1, "{text}");
}

#[cfg(target_os = "linux")]
#[test]
fn a_cable_is_pulled_and_what_comes_of_it_is_among_the_ends() {
    if let Err(skip) = lastword_netlab::Lab::available() {
        return skip.report("a_cable_is_pulled").unwrap();
    }
    let mut demo = Demo::start(&["--clients", "0"]);
    let admin = demo.admin();
    for end in [
        "cable pulled      path_dead ",
        "frozen            peer_frozen ",
        "gone meanwhile    reset_after_outage ",
        "our own network   local_network_down ",
    ] {
        demo.until(end);
        let cause = end.split_whitespace().last().unwrap();
        let closes = get(&admin, &format!("api/closes?cause={cause}"));
        assert!(
            closes.contains(&format!("\"cause\":\"{cause}\"")),
            "{closes}"
        );
    }
    demo.process.signal(Signal::SIGINT);
    let (ended, text) = demo.end();
    assert_eq!(ended.status, Some(0), "{text}");
    assert!(text.contains(" in the lab of the cable"), "{text}");
    let (played, right) = verdict(&text);
    assert_eq!(played, right, "{text}");
}

/// A signal during each outage of the lab. The second round begins with the network that the first
/// one left.
#[cfg(target_os = "linux")]
#[test]
fn a_signal_in_an_outage_is_no_failure_and_the_lines_add_up() {
    if let Err(skip) = lastword_netlab::Lab::available() {
        return skip.report("a_signal_in_an_outage").unwrap();
    }
    for end in ["frozen ", "gone meanwhile ", "our own network "] {
        let mut demo = Demo::start(&["--clients", "3"]);
        // The next outage is in progress, or begins.
        demo.until(end);
        demo.process.signal(Signal::SIGINT);
        let (ended, text) = demo.end();
        assert_eq!(
            (ended.status, ended.stderr.as_str()),
            (Some(0), ""),
            "{text}"
        );
        let (played, right) = verdict(&text);
        assert_eq!(played, right, "{text}");
    }
}

impl Demo {
    fn start(args: &[&str]) -> Self {
        Self::of(lastword(&[&["demo"], args].concat()))
    }

    fn of(command: Command) -> Self {
        let (process, stdout) = Running::start(command);
        let (tell, lines) = channel();
        thread::spawn(move || {
            let lines = BufReader::new(stdout.unwrap())
                .lines()
                .map_while(Result::ok);
            lines
                .take_while(|line| tell.send(line.clone()).is_ok())
                .count()
        });
        let seen = Vec::new();
        Self {
            process,
            lines,
            seen,
        }
    }

    /// Reads until a line contains this text. An earlier line counts, too.
    fn until(&mut self, part: &str) -> String {
        if let Some(line) = self.seen.iter().find(|line| line.contains(part)) {
            return line.clone();
        }
        loop {
            let line = self.lines.recv_timeout(DEADLINE);
            let line = line.unwrap_or_else(|_| panic!("{part:?} in {:#?}", self.seen));
            self.seen.push(line.clone());
            if line.contains(part) {
                return line;
            }
        }
    }

    fn game(&mut self) -> SocketAddr {
        let line = self.until("listening game=");
        let (game, _) = line["listening game=".len()..].split_once(' ').unwrap();
        game.parse().unwrap()
    }

    /// Asks the admin port with the command in the second line, after the first end.
    fn first_closes(&mut self) -> String {
        let line = self.until("curl http://");
        let (admin, path) = line["curl http://".len()..].split_once('/').unwrap();
        self.until(" peer_goodbye ");
        get(admin, path)
    }

    /// Returns the address of the live page.
    fn admin(&mut self) -> String {
        let line = self.until("live page http://");
        line["live page http://".len()..]
            .trim_end_matches('/')
            .to_owned()
    }

    /// Waits for the end, and returns it with the whole output.
    fn end(mut self) -> (Ended, String) {
        let ended = self.process.end();
        self.seen.extend(self.lines.iter());
        (ended, self.seen.join("\n") + "\n")
    }
}

fn get(admin: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    let request = format!("GET /{path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Returns the endings in the last line, and the right ones among them. Checks that the lines
/// before it add up.
fn verdict(text: &str) -> (u64, u64) {
    let lines: Vec<_> = text.lines().rev().take(3).collect();
    let [last, terms, laws] = lines[..] else {
        panic!("{text}");
    };
    let numbers = |line: &str| {
        let numbers = line.split(|c: char| !c.is_ascii_digit());
        numbers
            .filter_map(|number| number.parse().ok())
            .collect::<Vec<u64>>()
    };
    let [opened, open, ended, joined, sessions, departed] = numbers(laws)[..] else {
        panic!("{text}");
    };
    assert_eq!(
        (opened, joined),
        (open + ended, sessions + departed),
        "{text}"
    );
    let terms: Vec<_> = terms.split(['=', '+']).collect();
    let count = |term: &str| numbers(term)[0];
    assert!(
        terms[0].contains(" ended ") && count(terms[0]) == ended,
        "{text}"
    );
    assert_eq!(
        terms[1..].iter().map(|term| count(term)).sum::<u64>(),
        ended,
        "{text}"
    );
    let endings = terms[1..].iter().filter(|term| {
        [" here", " in the lab", " of attackers"]
            .iter()
            .any(|of| term.contains(of))
    });
    assert_eq!(
        endings.map(|term| count(term)).sum::<u64>(),
        numbers(last)[0],
        "{text}"
    );
    let (played, rest) = last.split_once(" endings, ").unwrap();
    let right = rest.strip_suffix(" recorded as what they were").unwrap();
    (played.parse().unwrap(), right.parse().unwrap())
}
