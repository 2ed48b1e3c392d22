//! Tests the signals other than SIGTERM and SIGINT, and a stall during a drain.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use lastword::Cause;
use nix::fcntl::OFlag;
use nix::pty::{grantpt, posix_openpt, ptsname_r, unlockpt};
use nix::sys::signal::Signal;

use crate::command::{Serving, caught, config_file, serve};
use crate::player::{DATA, NOTICE, Player};

#[test]
fn a_server_whose_terminal_is_closed_drains_and_a_second_sighup_does_not_end_it() {
    // Other processes of these tests must not inherit the terminal: they would keep it open.
    let flags = OFlag::O_RDWR | OFlag::O_NOCTTY;
    let master = posix_openpt(flags | OFlag::O_CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let slave = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_NOCTTY.bits())
        .open(ptsname_r(&master).unwrap());
    let config = config_file("closed_terminal", "[drain]\ntimeout_ms = 1000\n");
    let args = ["--config", config.to_str().unwrap()];
    let mut command = session(&["--ctty"], "--default-signal=HUP", &args);
    command.stdin(Stdio::from(slave.unwrap()));
    let serving = Serving::start(command);
    let mut player = Player::join(serving.game);

    drop(master);
    while player.read().0 != NOTICE {}
    serving.process.signal(Signal::SIGHUP);
    assert_eq!(player.goodbye(), Cause::Drained.code());
    drop(player);
    let ended = serving.process.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(
        ended.stderr.contains("signal=\"SIGHUP\""),
        "{}",
        ended.stderr
    );
}

#[test]
fn a_signal_without_a_task_changes_nothing_and_is_logged() {
    for signal in [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2] {
        let serving = Serving::start(session(&[], "--default-signal=HUP", &[]));
        let mut player = Player::join(serving.game);
        serving.process.signal(signal);
        player.write(DATA, b"still");
        assert_eq!(player.read(), (DATA, b"still".to_vec()), "{signal}");
        player.leave("");
        serving.process.signal(Signal::SIGTERM);
        let ended = serving.process.end();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let field = format!("signal=\"{signal}\"");
        let mut lines = ended.stderr.lines();
        let is_told = lines.any(|line| line.contains(&field) && line.contains("nothing changes"));
        assert!(is_told, "{}", ended.stderr);
    }
}

#[test]
fn sighup_that_is_ignored_at_the_start_stays_ignored() {
    let serving = Serving::start(session(&[], "--ignore-signal=HUP", &[]));
    serving.process.signal(Signal::SIGHUP);
    serving.process.signal(Signal::SIGTERM);
    let ended = serving.process.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("SIGHUP"), "{}", ended.stderr);
}

#[test]
fn sigquit_ends_at_once_and_the_player_is_told() {
    for is_draining in [false, true] {
        let serving = serve(&[]);
        let mut player = Player::join(serving.game);
        if is_draining {
            serving.process.signal(Signal::SIGTERM);
            while player.read().0 != NOTICE {}
        }
        let start = Instant::now();
        serving.process.signal(Signal::SIGQUIT);
        assert_eq!(player.goodbye(), Cause::DrainExpired.code());
        drop(player);
        let ended = serving.process.end();
        assert_eq!(ended.status, Some(0), "{}", ended.stderr);
        let took = start.elapsed();
        assert!(took < Duration::from_secs(2), "it took {took:?}");
    }
}

#[test]
fn a_drain_gets_the_time_back_in_which_the_server_stood_still() {
    let config = config_file("stalled_drain", "[drain]\ntimeout_ms = 4000\n");
    let serving = serve(&["--config", config.to_str().unwrap()]);
    let mut player = Player::join(serving.game);
    let begun = Instant::now();
    serving.process.signal(Signal::SIGTERM);
    while player.read().0 != NOTICE {}
    serving.process.signal(Signal::SIGSTOP);
    // The goodbye is due at half of the timeout.
    let left = Duration::from_secs(2).saturating_sub(begun.elapsed());
    // This sleep is the stall.
    thread::sleep(Duration::from_secs(3));
    let woken = Instant::now();
    serving.process.signal(Signal::SIGCONT);
    assert_eq!(player.goodbye(), Cause::Drained.code());
    let waited = woken.elapsed();
    let tolerance = Duration::from_millis(200);
    assert!(waited + tolerance >= left, "{waited:?} of {left:?}");
    drop(player);
    assert_eq!(serving.process.end().status, Some(0));
}

/// A server in a session of its own, which has no terminal unless `setsid` gives it one. `disposition` is what it does
/// with SIGHUP at its start.
fn session(setsid: &[&str], disposition: &str, args: &[&str]) -> Command {
    let program = env!("CARGO_BIN_EXE_lastword");
    let mut command = caught("setsid");
    command.args(setsid).args(["env", disposition, program]);
    command
        .args(["serve", "--listen", "127.0.0.1:0", "--admin", "off"])
        .args(args);
    command
}
