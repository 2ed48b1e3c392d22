//! Whole sessions in virtual time: a client and a server whose session outlives the connections between them, with seeded
//! faults. No frame is lost, none comes twice, and each comes in its order, or both ends know that the session is over.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a test fails by panicking, in its helpers too, and prints its figures"
)]

mod client;
mod dice;
mod faults;
mod forgeries;
mod history;
mod ledger;
mod server;
#[path = "../support/mod.rs"]
mod support;
mod world;

use std::env;
use std::thread;

use world::{Outcome, World};

#[test]
fn sessions_with_faults_lose_nothing() {
    let total = play(0..1_000);
    assert!(total.resumes > 1_000, "{total:?}");
    assert!(total.refusals > 0 && total.forgeries > 0 && total.superseded > 0);
}

#[test]
fn a_seed_plays_the_same_session_again() {
    for seed in 0..50 {
        let outcomes = [(); 2].map(|()| World::new(seed).play());
        assert_eq!(outcomes[0], outcomes[1], "seed {seed}");
    }
}

#[test]
fn no_token_is_taken_that_is_not_valid() {
    assert_eq!(forgeries::refused(7, 2_000), 2_000);
}

/// 1,000,000 tokens that are not valid, or as many as `TOKENS` says.
#[test]
#[ignore = "it takes a minute with optimizations"]
fn a_million_tokens_that_are_not_valid_are_refused() {
    let tokens = number("TOKENS", 1_000_000);
    println!(
        "{} tokens were refused",
        forgeries::refused(number("SEED", 0), tokens)
    );
}

/// Plays as many sessions as `SESSIONS` says, from the seed `SEED` on: `scripts/simulate.sh`.
#[test]
#[ignore = "its number of sessions comes from scripts/simulate.sh"]
fn many_sessions_with_faults_lose_nothing() {
    let (first, sessions) = (number("SEED", 0), number("SESSIONS", 10_000));
    let workers =
        thread::available_parallelism().map_or(1, |n| u64::try_from(n.get()).unwrap_or(1));
    let begins = |n| first + sessions * n / workers;
    let parts: Vec<_> = (0..workers)
        .map(|n| begins(n)..begins(n + 1))
        .map(|part| thread::spawn(move || play(part)))
        .collect();
    let mut total = Outcome::default();
    for part in parts {
        total += part.join().expect("no promise was broken: see above");
    }
    println!("{sessions} sessions from seed {first} on: {total:?}");
}

/// A number from the environment.
fn number(name: &str, default: u64) -> u64 {
    match env::var(name) {
        Ok(value) => value.parse().expect("a number"),
        Err(_) => default,
    }
}

fn play(seeds: std::ops::Range<u64>) -> Outcome {
    let mut total = Outcome::default();
    for seed in seeds {
        let named = Named(seed);
        total += World::new(named.0).play();
    }
    total
}

/// The seed is printed where its session breaks a promise.
struct Named(u64);

impl Drop for Named {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("play it again: SEED={} scripts/simulate.sh 1", self.0);
        }
    }
}
