//! The kernel's own give-up: put off while an old retransmission is unsettled, by each end for itself, and never once
//! the end has begun.

use super::super::{Input, Timer};
use crate::{Cause, Close, KernelSample};

use super::harness::{HEARTBEAT, Pair, Solo, View, secs};

#[test]
fn it_is_put_off_by_the_end_whose_kernel_shows_the_retransmission_and_only_while_it_does() {
    let mut pair = Pair::live();
    pair.server.view = View::Unsettled;
    pair.advance(HEARTBEAT);
    assert!(!pair.server.holds_give_up, "it may be settled in a moment");
    pair.advance(secs(1));
    assert!(pair.server.holds_give_up);
    pair.client.view = View::Unsettled;
    pair.server.view = View::Honest;
    pair.advance(3 * HEARTBEAT);
    assert!(pair.client.holds_give_up && !pair.server.holds_give_up);
}

#[test]
fn a_look_of_its_own_finds_a_session_on_which_nothing_else_happens() {
    let mut solo = Solo::live();
    solo.host.view = View::Unsettled;
    solo.advance(secs(1));
    solo.sends(0, b"move");
    assert_eq!(
        solo.connection().poll_timeout(),
        (solo.now + secs(1), Timer::Sample)
    );
    solo.advance(secs(1));
    assert!(solo.host.holds_give_up);
    assert_ne!(solo.connection().poll_timeout().1, Timer::Sample);
}

#[test]
fn a_change_that_comes_with_the_end_is_not_asked_for() {
    let mut solo = Solo::live();
    solo.host.view = View::Unsettled;
    solo.advance(secs(1));
    solo.sends(0, b"move");
    solo.advance(secs(1));
    assert!(solo.host.holds_give_up);
    let now = solo.now;
    let settled = Some(KernelSample::default());
    solo.connection().handle(now, Input::Sampled(settled));
    solo.closes(&Close::new(Cause::ClosedByGame));
    assert!(solo.host.holds_give_up, "the shutdown sets the last value");
}
