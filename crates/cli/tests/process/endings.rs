use std::time::{Duration, Instant};

use lastword::Cause;
use nix::sys::signal::Signal;

use crate::command::{config_file, serve};
use crate::player::{NOTICE, Player};

#[test]
fn a_signal_ends_a_server_without_players_with_status_0() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let serving = serve(&[]);
        serving.process.signal(signal);
        let ended = serving.process.end();
        assert_eq!(ended.status, Some(0), "{signal}: {}", ended.stderr);
    }
}

#[test]
fn a_player_who_leaves_at_the_notice_ends_the_drain() {
    let serving = serve(&[]);
    let mut player = Player::join(serving.game);
    serving.process.signal(Signal::SIGTERM);
    while player.read().0 != NOTICE {}
    player.say_goodbye();
    drop(player);

    let start = Instant::now();
    let ended = serving.process.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(
        start.elapsed() < Duration::from_secs(10),
        "the drain timeout is 30 s"
    );
}

#[test]
fn a_player_who_stays_is_told_goodbye_within_the_drain_timeout_of_the_file() {
    let config = config_file("short_drain", "[drain]\ntimeout_ms = 400\n");
    let serving = serve(&["--config", config.to_str().unwrap()]);
    let mut player = Player::join(serving.game);
    serving.process.signal(Signal::SIGTERM);
    assert_eq!(player.goodbye(), Cause::Drained.code());

    let ended = serving.process.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
}

#[test]
fn a_second_signal_ends_at_once_and_the_player_is_told() {
    let serving = serve(&[]);
    let mut player = Player::join(serving.game);
    serving.process.signal(Signal::SIGTERM);
    while player.read().0 != NOTICE {}

    let start = Instant::now();
    serving.process.signal(Signal::SIGTERM);
    let ended = serving.process.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(
        start.elapsed() < Duration::from_secs(2),
        "it took {:?}",
        start.elapsed()
    );
    assert_eq!(player.goodbye(), Cause::DrainExpired.code());
}

/// As `timeout` sends it: to the process, and to the process group.
#[test]
fn copies_of_a_signal_at_the_same_moment_are_one_signal() {
    let serving = serve(&[]);
    let mut player = Player::join(serving.game);
    serving.process.signal(Signal::SIGINT);
    serving.process.signal(Signal::SIGTERM);
    while player.read().0 != NOTICE {}
    player.say_goodbye();
    drop(player);

    let ended = serving.process.end();
    assert_eq!(ended.status, Some(0), "{}", ended.stderr);
    assert!(!ended.stderr.contains("ending at once"), "{}", ended.stderr);
    assert!(ended.stderr.contains("drained"), "{}", ended.stderr);
}
