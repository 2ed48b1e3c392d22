//! Tests the demo on a terminal.

use std::fs::File;
use std::io::Read;
use std::process::Stdio;
use std::sync::mpsc::channel;
use std::thread;

use nix::pty::{Winsize, openpty};
use nix::sys::signal::Signal;

use crate::command::{DEADLINE, Running, lastword};

#[test]
fn the_screen_is_drawn_over_and_given_back_at_the_end() {
    let text = on_a_terminal("peer_reset ", &[("NO_COLOR", "")]);
    let (screen, rest) = screen(&text);
    let frames: Vec<_> = screen.split("\x1b[H").skip(1).collect();
    assert!(
        frames.len() > 3 && frames.iter().all(|frame| frame.ends_with("\x1b[J")),
        "{text}"
    );
    let last = frames.last().unwrap();
    assert!(
        last.contains("lastword demo") && last.contains("curl http://127.0.0.1:"),
        "{last}"
    );
    assert!(last.contains("\x1b[32mpeer_goodbye"), "{last}");
    assert!(last.lines().count() <= 30, "{last}");
    assert!(
        rest.contains("both laws held") && rest.contains("recorded as what they were"),
        "{rest}"
    );
    assert!(!rest.contains('\x1b'), "{rest}");
}

#[test]
fn no_color_is_no_colour() {
    let text = on_a_terminal("peer_fin ", &[("NO_COLOR", "1")]);
    let (screen, _) = screen(&text);
    let mut codes = screen.split("\x1b[").skip(1);
    assert!(
        codes.all(|code| code.starts_with(['H', 'K', 'J'])),
        "{screen}"
    );
}

#[test]
fn a_dumb_terminal_is_a_pipe() {
    let text = on_a_terminal("peer_fin ", &[("TERM", "dumb")]);
    assert!(!text.contains('\x1b'), "{text}");
    assert!(text.contains("both laws held"), "{text}");
}

/// Returns the output of a demo that is ended once it has written `part`.
fn on_a_terminal(part: &str, env: &[(&str, &str)]) -> String {
    let size = Winsize {
        ws_row: 30,
        ws_col: 100,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    let terminal = openpty(&size, None).unwrap();
    let mut command = lastword(&["demo", "--clients", "5"]);
    command
        .env("TERM", "xterm")
        .envs(env.iter().copied())
        .stdout(Stdio::from(terminal.slave));
    let (process, _) = Running::start(command);
    let (tell, written) = channel();
    let mut master = File::from(terminal.master);
    thread::spawn(move || {
        let mut bytes = vec![0; 65_536];
        // Reading from a terminal whose other end is closed is an error.
        while let Ok(count) = master.read(&mut bytes) {
            if tell.send(bytes[..count].to_vec()).is_err() {
                return;
            }
        }
    });
    let mut text = Vec::new();
    while !String::from_utf8_lossy(&text).contains(part) {
        text.extend(written.recv_timeout(DEADLINE).expect("it goes on"));
    }
    process.signal(Signal::SIGINT);
    let ended = process.end();
    text.extend(written.iter().flatten());
    assert_eq!((ended.status, ended.stderr.as_str()), (Some(0), ""));
    String::from_utf8(text).unwrap()
}

/// Splits the output into the drawn screens and the text after the terminal was restored.
fn screen(text: &str) -> (&str, &str) {
    let (_, text) = text.split_once("\x1b[?1049h\x1b[?25l\x1b[?7l").unwrap();
    text.split_once("\x1b[?7h\x1b[?25h\x1b[?1049l").unwrap()
}
