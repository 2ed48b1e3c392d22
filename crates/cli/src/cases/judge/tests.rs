//! The judge finds each kind of flaw in a row, and finds none in a row that is right.

use lastword::Cause;
use lastword_load::Ending;

use super::super::row::{ECONNRESET, EPIPE, Ends};
use super::super::table::ROWS;
use super::*;

#[test]
fn every_row_that_comes_out_as_documented_has_no_flaw() {
    for row in &ROWS {
        assert_eq!(judge(row, &documented(row)), [""; 0], "{}", row.id);
    }
}

#[test]
fn ids_are_unique() {
    let ids = ROWS.iter().map(|row| row.id);
    assert_eq!(
        ids.collect::<std::collections::BTreeSet<_>>().len(),
        ROWS.len()
    );
}

#[test]
fn another_cause_is_a_flaw_of_every_row() {
    for row in &ROWS {
        let mut seen = documented(row);
        seen.layer.ending = Ending::live(Cause::SocketError);
        assert_flaw(row, &seen, "recorded as socket_error");
    }
}

#[test]
fn a_cause_that_does_not_fit_where_the_stream_stops_is_a_flaw() {
    for row in ROWS
        .iter()
        .filter(|row| matches!(row.ends, Ends::ByFrame(..)))
    {
        let mut seen = documented(row);
        seen.layer.mid_frame = !seen.layer.mid_frame;
        assert_flaw(row, &seen, "truth is peer_");
    }
}

#[test]
fn a_kernel_that_had_nothing_is_a_flaw_of_each_row_that_fills_it() {
    let mut rows = 0;
    for row in &ROWS {
        if row.delivers == Delivers::WhatWasHeld {
            let mut seen = documented(row);
            (seen.layer.held, seen.layer.delivered) = (0, 0);
            assert_flaw(row, &seen, "none of ");
            rows += 1;
        }
    }
    assert_eq!(rows, 3);
}

#[test]
fn a_call_that_returns_something_else_is_a_flaw_of_every_row() {
    for row in &ROWS {
        for n in 0..row.recv.len() {
            let mut seen = documented(row);
            seen.bare.recv[n] = Returned::Errno(110);
            assert_flaw(row, &seen, "recv returned");
        }
        for n in 0..row.send.len() {
            let mut seen = documented(row);
            seen.bare.send[n] = Returned::Errno(110);
            assert_flaw(row, &seen, "send returned");
        }
    }
}

#[test]
fn a_call_too_few_or_too_many_is_a_flaw() {
    for row in &ROWS {
        let mut seen = documented(row);
        seen.bare.recv.pop();
        assert_flaw(row, &seen, "recv returned");
        let mut seen = documented(row);
        seen.bare.send.push(Returned::Sent);
        assert_flaw(row, &seen, "send returned");
    }
}

#[test]
fn a_reset_instead_of_the_end_and_the_reverse_are_flaws() {
    for row in &ROWS {
        let mut seen = documented(row);
        for call in &mut seen.bare.recv {
            if *call == Returned::Errno(ECONNRESET) {
                *call = Returned::End;
            } else if matches!(call, Returned::End | Returned::Nothing) {
                *call = Returned::Errno(ECONNRESET);
            }
        }
        assert_flaw(row, &seen, "recv returned");
    }
}

#[test]
fn a_byte_more_or_less_on_the_bare_socket_is_a_flaw() {
    for row in &ROWS {
        let mut seen = documented(row);
        let Some(Returned::Bytes(bytes)) = seen.bare.recv.first_mut() else {
            continue;
        };
        *bytes -= 1;
        assert_flaw(row, &seen, "recv returned");
    }
}

#[test]
fn a_frame_that_got_across_and_was_not_delivered_is_a_flaw_of_every_row() {
    for row in &ROWS {
        let mut seen = documented(row);
        seen.layer.delivered -= 1;
        assert_flaw(row, &seen, "delivered");
    }
}

#[test]
fn a_row_says_whether_all_or_a_part_of_the_data_must_arrive() {
    for row in &ROWS {
        let mut seen = documented(row);
        let (held, flaw) = match row.delivers {
            Delivers::Everything => (seen.layer.sent - 1, "all should have"),
            Delivers::WhatWasHeld => (seen.layer.sent, "some should have been lost"),
        };
        (seen.layer.held, seen.layer.delivered) = (held, held);
        assert_flaw(row, &seen, flaw);
    }
}

#[test]
fn a_kernel_that_held_everything_shows_no_partial_arrival() {
    for row in ROWS
        .iter()
        .filter(|row| row.recv.contains(&Documented::WhatWasHeld))
    {
        let mut seen = documented(row);
        seen.bare.held = Some(SENT);
        seen.bare.recv[0] = Returned::Bytes(SENT);
        assert_flaw(row, &seen, "recv returned");
    }
}

#[test]
fn a_flaw_that_was_noted_on_the_way_is_reported() {
    let row = &ROWS[0];
    let mut seen = documented(row);
    seen.bare.flaws.push("no SIGPIPE".to_owned());
    seen.layer.flaws.push("no reason".to_owned());
    assert_eq!(judge(row, &seen), ["no SIGPIPE", "no reason"]);
}

#[test]
fn a_flaw_says_what_was_and_what_is_documented() {
    let row = ROWS.iter().find(|row| row.id == "S5").unwrap();
    let mut seen = documented(row);
    seen.bare.send = vec![Returned::Errno(EPIPE)];
    assert_eq!(
        judge(row, &seen),
        ["send returned EPIPE; documented is ok, EPIPE (sent 1000, in our kernel not counted)"]
    );
}

fn assert_flaw(row: &Row, seen: &Observed, flaw: &str) {
    let flaws = judge(row, seen);
    assert!(
        flaws.iter().any(|found| found.contains(flaw)),
        "{}: {flaw:?} is not among {flaws:?}",
        row.id
    );
}

/// An observation without a flaw.
fn documented(row: &Row) -> Observed {
    let part = row.delivers == Delivers::WhatWasHeld;
    let held = if part { HELD } else { SENT };
    let returned = |calls: &[Documented]| calls.iter().map(|call| call.example()).collect();
    Observed {
        bare: Bare {
            sent: SENT,
            held: part.then_some(HELD),
            recv: returned(row.recv),
            send: returned(row.send),
            flaws: Vec::new(),
        },
        layer: Layer {
            ending: Ending::live(row.ends.cause(false)),
            sent: SENT,
            held,
            delivered: held,
            mid_frame: false,
            evidence: String::new(),
            flaws: Vec::new(),
        },
    }
}

impl Documented {
    fn example(self) -> Returned {
        match self {
            Self::Everything => Returned::Bytes(SENT),
            Self::WhatWasHeld => Returned::Bytes(HELD),
            Self::End => Returned::End,
            Self::Sent => Returned::Sent,
            Self::Nothing => Returned::Nothing,
            Self::Errno(code) => Returned::Errno(code),
        }
    }
}

const SENT: u64 = 1_000;
const HELD: u64 = 600;
