use std::net::SocketAddr;

use lastword_sys::diag::TcpCounters;

use super::*;
use crate::{Certainty, Label};

const NOW: Duration = Duration::from_secs(100);

fn socket(cookie: u64) -> TcpSocket {
    TcpSocket {
        state: TcpState::Established,
        local: SocketAddr::from(([192, 0, 2, 1], 7_000)),
        peer: SocketAddr::from(([192, 0, 2, 2], 40_000)),
        cookie,
        unread: 0,
        unacked: 0,
        uid: 0,
        inode: 9,
        counters: Some(TcpCounters {
            bytes_received: 50,
            snd_wnd: 65_536,
            ..TcpCounters::default()
        }),
    }
}

/// Closed with unread input, or reset by its peer: both leave this.
fn unread(cookie: u64) -> (TcpSocket, Option<TcpState>) {
    let dead = TcpSocket {
        state: TcpState::Close,
        unread: 10,
        ..socket(cookie)
    };
    (dead, None)
}

fn counted(on_close: u64) -> AbortCounters {
    AbortCounters {
        on_close,
        ..AbortCounters::default()
    }
}

fn labels(ends: &[End]) -> Vec<Label> {
    ends.iter().map(|end| end.decision.label).collect()
}

#[test]
fn an_end_has_what_the_polls_saw_and_the_peer_that_its_message_lacks() {
    let mut tracker = Tracker::default();
    tracker.begin_poll();
    tracker.saw(&socket(1), 0);
    tracker.end_poll();
    assert_eq!(tracker.living(), 1);
    let mut dead = socket(1);
    dead.peer.set_port(0);
    let ends = tracker.batch(NOW, &[(dead, None)], counted(0));
    assert_eq!(labels(&ends), [Label::ServerAborted]);
    assert_eq!(ends[0].peer(), Some(socket(1).peer));
    assert_eq!(tracker.living(), 0);
    let never_seen = TcpSocket { cookie: 2, ..dead };
    let ends = tracker.batch(NOW, &[(never_seen, None)], counted(0));
    assert_eq!((ends[0].peer(), ends[0].seen), (None, None));
}

#[test]
fn aborts_explain_deaths_that_look_alike_if_there_is_one_for_each() {
    for (aborts, label) in [
        (0, Label::PeerReset),
        (1, Label::ResetOrAbort),
        (2, Label::ServerAborted),
        (3, Label::ServerAborted),
    ] {
        let mut tracker = Tracker::default();
        assert_eq!(tracker.batch(NOW, &[], counted(7)), []);
        let ends = tracker.batch(NOW, &[unread(1), unread(2)], counted(7 + aborts));
        assert_eq!(labels(&ends), [label; 2], "{aborts}");
        assert_eq!(ends[0].decision.certainty, Certainty::Unpolled);
    }
}

#[test]
fn an_abort_explains_a_message_that_comes_a_moment_later_and_no_other() {
    for (later, label) in [(400, Label::ServerAborted), (600, Label::PeerReset)] {
        let mut tracker = Tracker::default();
        tracker.batch(NOW, &[], counted(0));
        tracker.batch(NOW, &[], counted(1));
        let later = NOW + Duration::from_millis(later);
        let ends = tracker.batch(later, &[unread(1)], counted(1));
        assert_eq!(labels(&ends), [label]);
        let ends = tracker.batch(later, &[unread(2)], counted(1));
        assert_eq!(labels(&ends), [Label::PeerReset], "it is spent");
    }
}

#[test]
fn connections_that_no_poll_sees_any_more_are_remembered_up_to_a_number() {
    let mut tracker = Tracker::default();
    let total = u64::try_from(FORGOTTEN_MAX).expect("it fits") + 10;
    for n in 0..total {
        tracker.begin_poll();
        tracker.saw(&socket(n), 0);
        if n % 10_000 == 0 || n + 20 > total {
            tracker.end_poll();
        }
    }
    assert_eq!(tracker.living(), 1);
    assert!(tracker.by_cookie.len() <= FORGOTTEN_MAX);
    assert!(tracker.by_cookie.contains_key(&(total - 1)));
    assert!(!tracker.by_cookie.contains_key(&0));
}
