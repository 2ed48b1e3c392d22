//! Changes of the link while the game does not drain.

use lastword_session::Link;

use super::{Content, ROOMY, Table, id, links, nth};

#[test]
fn unseen_link_changes_are_kept_up_to_a_limit_and_the_newest_always() {
    let table = Table::new(ROOMY);
    let mut producer = table.producer(1);
    for n in 0..21 {
        producer.push_link(nth(n));
    }
    let kept: Vec<_> = (0..7).chain([20]).map(nth).collect();
    assert_eq!(
        links(&table.take()),
        kept,
        "eight, and the last place is the newest's"
    );
    for n in 0..3 {
        producer.push_link(nth(n));
    }
    assert_eq!(
        links(&table.take()).len(),
        3,
        "a tick later there is room again"
    );
}

#[test]
fn a_change_of_link_stays_behind_the_frame_that_came_before_it() {
    let table = Table::new(ROOMY);
    let (mut producer, mut other) = (table.producer(1), table.producer(2));
    for n in 0..13 {
        producer.push_link(nth(n));
        // Events of another session in between change nothing.
        other.push(b"other");
        other.push_link(nth(n));
    }
    producer.push(b"between");
    producer.push_link(nth(13));
    producer.push_link(nth(14));
    let mine: Vec<_> = table
        .take()
        .into_iter()
        .filter(|(session, _)| *session == id(1))
        .map(|(_, what)| what)
        .collect();
    let mut expected: Vec<_> = (0..7).chain([12]).map(|n| Content::Link(nth(n))).collect();
    expected.push(Content::Frame(b"between".to_vec()));
    expected.push(Content::Link(nth(14)));
    assert_eq!(mine, expected);
}

#[test]
fn a_change_of_what_waits_takes_no_place_of_a_change_of_the_silence() {
    let table = Table::new(ROOMY);
    let mut producer = table.producer(1);
    for n in 0..8 {
        producer.push_link(nth(n));
    }
    for link in [Link::Congested, Link::Flowing, nth(8), Link::Congested] {
        producer.push_link(link);
    }
    let mut kept: Vec<_> = (0..7).chain([8]).map(nth).collect();
    kept.push(Link::Congested);
    assert_eq!(links(&table.take()), kept);
}
