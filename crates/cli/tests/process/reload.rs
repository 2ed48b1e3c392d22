//! Tests the reload of the configuration, by the admin port and by SIGHUP.

use std::fs;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Instant;

use lastword::Cause;
use nix::sys::signal::Signal;

use crate::command::{DEADLINE, config_file, run, serve, serve_as_service};
use crate::metrics::shown;

const TOKEN: &str = "0123456789abcdef";
const FAILED: &str = "lastword_config_last_reload_successful";

/// A file that a test changes, with a section for the admin port.
struct File(PathBuf);

impl File {
    fn new(test: &str, text: &str) -> Self {
        let file = Self(config_file(test, ""));
        file.write(text);
        file
    }

    fn write(&self, text: &str) {
        fs::write(&self.0, format!("{text}\n[admin]\ntoken = \"{TOKEN}\"\n")).unwrap();
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }
}

/// Sends `POST /api/reload`. Returns the status and the body of the answer.
fn reload(admin: SocketAddr, token: &str, body: &str) -> (u16, String) {
    let mut stream = TcpStream::connect(admin).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let len = body.len();
    let request = format!(
        "POST /api/reload HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n\
         Content-Length: {len}\r\n\r\n{body}"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).unwrap().parse().unwrap();
    (status, body.to_owned())
}

/// The code of the goodbye that a client reads at once.
fn goodbye(game: SocketAddr) -> u16 {
    let mut stream = TcpStream::connect(game).unwrap();
    stream.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut frame = [0; 7];
    stream.read_exact(&mut frame).unwrap();
    u16::from_be_bytes([frame[5], frame[6]])
}

#[test]
fn a_reload_applies_what_it_can_names_the_rest_and_refuses_a_wrong_file_as_check_config_does() {
    let file = File::new("reload", "");
    let serving = serve(&["--config", file.path()]);
    let admin = serving.admin.unwrap();
    let ask = || reload(admin, TOKEN, "");
    assert_eq!(ask(), (200, "no key has changed\n".to_owned()));

    let right = "[[listen]]\nbacklog = 9\n[admission]\ndeny = [\"127.0.0.0/8\"]\n";
    file.write(right);
    let told = "applied: admission.deny; needs a restart: listen.backlog\n";
    assert_eq!(ask(), (200, told.to_owned()));
    let denied = Cause::AddressDenied.code();
    assert_eq!(goodbye(serving.game), denied);
    let told = "needs a restart: listen.backlog\n";
    assert_eq!(ask(), (200, told.to_owned()));

    file.write(
        "[admission]\ndeny = [\"127.0.0.1/8\"]\nrate_maxx = 1\n[limits]\ninbox_frames_max = 0\n",
    );
    let checked = run(&["check-config", file.path()]).stderr;
    assert_eq!(checked.lines().count(), 3, "{checked}");
    assert_eq!(ask(), (422, checked.clone()));
    let page = shown_with_token(admin);
    assert!(page.contains(&format!("\n{FAILED} 0\n")), "{page}");
    assert_eq!(goodbye(serving.game), denied);

    file.write(right);
    assert_eq!(ask().0, 200);
    let page = shown_with_token(admin);
    assert!(page.contains(&format!("\n{FAILED} 1\n")), "{page}");

    let (status, words) = reload(admin, TOKEN, "[admission]\n");
    assert_eq!(status, 400);
    assert!(words.contains("takes no body"), "{words}");
    assert_eq!(reload(admin, "0123456789abcdeF", "").0, 401);

    serving.process.signal(Signal::SIGTERM);
    let log = serving.process.end().stderr;
    for line in checked.lines() {
        assert!(log.contains(line), "{line} is not in {log}");
    }
}

fn shown_with_token(admin: SocketAddr) -> String {
    let mut stream = TcpStream::connect(admin).unwrap();
    let request = format!(
        "GET /metrics HTTP/1.0\r\nHost: localhost\r\nAuthorization: Bearer {TOKEN}\r\n\r\n"
    );
    stream.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn sighup_without_a_terminal_reloads_and_the_log_tells_what() {
    let path = config_file("sighup", "");
    let serving = serve_as_service(&["--config", path.to_str().unwrap()]);
    let admin = serving.admin.unwrap();
    assert!((shown(admin, "lastword_connections_limit") - 10_000.0).abs() < 0.5);
    fs::write(
        &path,
        "[admission]\nconnections_max = 7\n[kernel]\nkeepalive = false\n",
    )
    .unwrap();
    serving.process.signal(Signal::SIGHUP);
    let start = Instant::now();
    while shown(admin, "lastword_connections_limit") > 8.0 {
        assert!(start.elapsed() < DEADLINE);
    }
    serving.process.signal(Signal::SIGTERM);
    let ended = serving.process.end();
    assert_eq!(ended.status, Some(0));
    let told = "the configuration is reloaded: applied: admission.connections_max; needs a restart: kernel.keepalive";
    assert!(ended.stderr.contains(told), "{}", ended.stderr);
}
