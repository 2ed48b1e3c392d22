//! A search through all orders of events between one client and its server, over the real [`Stream`] and [`Resume`].
//!
//! The network has up to three connections, each with two queues of whole frames. Any connection may be cut, or given up by
//! its client, at any moment. Each end then learns of it before or after any frame that is on its way. Budgets bound the
//! search: frames of both games, dials, cuts.

#![allow(clippy::print_stdout, reason = "a search says what it found")]

mod laws;
mod step;
mod world;

use std::collections::{HashSet, VecDeque};

use step::steps;
use world::{Budget, World};

/// The result of a search.
#[derive(Debug)]
struct Found {
    states: usize,
    rests: usize,
    over: usize,
}

fn search(left: Budget) -> Found {
    let start = World::new(left);
    let mut seen = HashSet::from([start.key()]);
    let mut todo = VecDeque::from([start]);
    let mut found = Found {
        states: 0,
        rests: 0,
        over: 0,
    };
    while let Some(world) = todo.pop_front() {
        found.states += 1;
        world.check();
        let mut is_rest = true;
        for step in steps(world.lines.len()) {
            let mut next = world.clone();
            if next.take(step) {
                next.forget();
                is_rest &= step.is_free();
                if seen.insert(next.key()) {
                    todo.push_back(next);
                }
            }
        }
        // Without a dial left, a client that lost its connection cannot learn what became of its session.
        let is_stranded = world.left.dials == 0 && world.client_line.is_none();
        if is_rest && !is_stranded {
            world.check_rest();
            found.rests += 1;
            found.over += usize::from(world.client_is_over);
        }
    }
    found
}

const NOTHING: Budget = Budget {
    server_frames: 0,
    client_frames: 0,
    dials: 0,
    cuts: 0,
    evictions: 0,
    kicks: 0,
    expiries: 0,
    forgeries: 0,
};

#[test]
fn frames_of_both_games_survive_every_order_of_cuts_and_resumes() {
    let found = search(Budget {
        server_frames: 2,
        client_frames: 1,
        dials: 2,
        cuts: 2,
        ..NOTHING
    });
    println!("{found:?}");
    assert!(found.states > 10_000 && found.rests > 0, "{found:?}");
}

#[test]
fn a_client_that_dials_again_and_again_is_never_locked_out() {
    let found = search(Budget {
        dials: 5,
        cuts: 5,
        forgeries: 1,
        ..NOTHING
    });
    println!("{found:?}");
    assert!(found.states > 10_000 && found.rests > 0, "{found:?}");
}

#[test]
fn evictions_kicks_and_expiries_are_told_to_both_ends() {
    let found = search(Budget {
        server_frames: 1,
        dials: 2,
        cuts: 2,
        evictions: 1,
        kicks: 1,
        expiries: 1,
        ..NOTHING
    });
    println!("{found:?}");
    assert!(found.over > 0 && found.rests > found.over, "{found:?}");
}
