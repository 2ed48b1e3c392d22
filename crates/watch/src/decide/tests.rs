//! The signatures of deaths as Linux 6.18 leaves them.

use std::net::SocketAddr;

use super::*;
use Certainty::{Inferred, Proven, Unpolled};

/// What the last poll saw: a connection that sent 100 bytes in one segment and received 50 in one.
fn alive() -> TcpSocket {
    TcpSocket {
        state: TcpState::Established,
        local: SocketAddr::from(([192, 0, 2, 1], 7_000)),
        peer: SocketAddr::from(([192, 0, 2, 2], 40_000)),
        cookie: 1,
        unread: 0,
        unacked: 0,
        uid: 0,
        inode: 9,
        counters: Some(TcpCounters {
            bytes_acked: 100,
            bytes_received: 50,
            bytes_sent: 100,
            segs_in: 4,
            segs_out: 4,
            data_segs_in: 1,
            data_segs_out: 1,
            snd_wnd: 65_536,
            ..TcpCounters::default()
        }),
    }
}

/// A death that differs from [`alive`] in this.
struct Case {
    dead: TcpSocket,
    seen: Seen,
    mini: Option<TcpState>,
    aborts: Aborts,
    resets_out: u64,
    minis_missing: bool,
}

impl Case {
    fn new(change: impl FnOnce(&mut TcpSocket, &mut TcpCounters)) -> Self {
        let mut dead = alive();
        let mut counters = dead.counters.expect("it has some");
        (dead.state, dead.inode) = (TcpState::Close, 0);
        change(&mut dead, &mut counters);
        dead.counters = Some(counters);
        Self {
            dead,
            seen: Seen {
                last: alive(),
                states: [TcpState::Established].into(),
                resets_out: 5,
            },
            mini: None,
            aborts: Aborts::default(),
            resets_out: 5,
            minis_missing: false,
        }
    }

    fn polled_as(mut self, state: TcpState) -> Self {
        self.seen.states.add(state);
        self.seen.last.state = state;
        self
    }

    fn leaves(mut self, mini: TcpState) -> Self {
        self.mini = Some(mini);
        self
    }

    fn credits(mut self, on_close: Credit, on_data: Credit) -> Self {
        self.aborts = Aborts { on_close, on_data };
        self
    }

    /// A reset left this host meanwhile, on whichever connection.
    fn others_reset(mut self) -> Self {
        self.resets_out += 1;
        self
    }

    /// With and without polls.
    fn decide(&self) -> [Option<Answer>; 2] {
        [Some(&self.seen), None].map(|seen| {
            let decision = decide(&Observed {
                dead: &self.dead,
                seen,
                mini: self.mini,
                aborts: self.aborts,
                resets_out: self.resets_out,
                minis_missing: self.minis_missing,
            })?;
            Some((decision.label, decision.certainty))
        })
    }
}

fn fin_acked(counters: &mut TcpCounters) {
    counters.bytes_acked += 1;
    counters.segs_out += 1;
    counters.segs_in += 1;
}

fn fin_came(counters: &mut TcpCounters) {
    counters.bytes_received += 1;
    counters.segs_in += 1;
}

fn reset_came(_: &mut TcpSocket, counters: &mut TcpCounters) {
    counters.segs_in += 1;
}

fn data_waits(dead: &mut TcpSocket, counters: &mut TcpCounters) {
    dead.unacked = 30;
    counters.bytes_sent += 30;
}

/// Its name, the case, and the answers with polls and without.
type Row = (&'static str, Case, Answer, Answer);

#[test]
fn each_death_has_its_label_with_polls_and_without() {
    for (name, case, polled, unpolled) in closed_in_order().into_iter().chain(broken()) {
        assert_eq!(case.decide(), [Some(polled), Some(unpolled)], "{name}");
    }
}

#[rustfmt::skip]
fn closed_in_order() -> Vec<Row> {
    use Label as L;
    vec![
        ("peer FIN, read, closed",
            Case::new(|_, c| { fin_came(c); fin_acked(c); }),
            (L::PeerFin, Proven), (L::PeerFin, Unpolled)),
        ("the same, polled between",
            Case::new(|_, c| { fin_came(c); fin_acked(c); c.bytes_received += 10; c.data_segs_in += 1; }).polled_as(TcpState::CloseWait),
            (L::PeerFin, Proven), (L::PeerFin, Unpolled)),
        ("data and a FIN since the poll",
            Case::new(|_, c| { fin_came(c); fin_acked(c); c.bytes_received += 10; c.data_segs_in += 1; }),
            (L::PeerFin, Inferred), (L::PeerFin, Unpolled)),
        ("a connection without a byte",
            Case::new(|_, c| { fin_acked(c); c.bytes_received = 1; c.data_segs_in = 0; }).polled_as(TcpState::CloseWait),
            (L::PeerProbe, Proven), (L::PeerProbe, Unpolled)),
        ("server closed first",
            Case::new(|_, c| { fin_acked(c); fin_came(c); }).leaves(TcpState::TimeWait),
            (L::ServerClosed, Proven), (L::ServerClosed, Proven)),
        ("server closed first, and waits for the peer",
            Case::new(|_, c| fin_acked(c)).leaves(TcpState::FinWait2),
            (L::ServerClosed, Proven), (L::ServerClosed, Proven)),
        ("server closed first, seen by a poll only",
            Case::new(|_, c| { fin_acked(c); fin_came(c); }).polled_as(TcpState::FinWait2),
            (L::ServerClosed, Proven), (L::PeerFin, Unpolled)),
        ("server closed first, peer still sends, nothing came since the poll",
            Case::new(|_, c| fin_acked(c)),
            (L::ServerClosed, Proven), (L::PeerFin, Unpolled)),
        ("server closed first, peer still sends",
            Case::new(|_, c| { fin_acked(c); c.bytes_received += 10; c.data_segs_in += 1; }).credits(Credit::None, Credit::All),
            (L::ServerClosed, Inferred), (L::ServerClosed, Unpolled)),
        ("a peer that never sent, and the server closed",
            Case::new(|_, c| { fin_acked(c); c.bytes_received = 0; c.data_segs_in = 0; }),
            (L::ServerClosed, Proven), (L::ServerClosed, Proven)),
    ]
}

#[rustfmt::skip]
fn broken() -> Vec<Row> {
    use Label as L;
    vec![
        ("RST, idle",
            Case::new(reset_came),
            (L::PeerReset, Proven), (L::PeerReset, Unpolled)),
        ("RST, idle, while another connection was aborted",
            Case::new(reset_came).others_reset(),
            (L::PeerReset, Proven), (L::PeerReset, Unpolled)),
        ("RST, busy since the poll",
            Case::new(|d, c| { data_waits(d, c); c.segs_in += 3; c.segs_out += 2; c.data_segs_in += 2; }),
            (L::PeerReset, Proven), (L::PeerReset, Unpolled)),
        ("RST, busy since the poll, while another connection was aborted",
            Case::new(|d, c| { data_waits(d, c); c.segs_in += 3; c.segs_out += 2; c.data_segs_in += 2; }).others_reset(),
            (L::PeerReset, Inferred), (L::PeerReset, Unpolled)),
        ("RST, the server never read",
            Case::new(|d, c| { d.unread = 10; reset_came(d, c); }),
            (L::PeerReset, Proven), (L::PeerReset, Unpolled)),
        ("server closed with unread input",
            Case::new(|d, c| { d.unread = 10; c.segs_out += 1; }).credits(Credit::All, Credit::None).others_reset(),
            (L::ServerAborted, Inferred), (L::ServerAborted, Unpolled)),
        ("one of two that look alike was aborted",
            Case::new(|d, c| { d.unread = 10; c.segs_in += 2; c.segs_out += 1; }).credits(Credit::Some, Credit::None).others_reset(),
            (L::ResetOrAbort, Inferred), (L::ResetOrAbort, Unpolled)),
        ("SO_LINGER 0",
            Case::new(|d, c| { d.peer.set_port(0); *c = TcpCounters { snd_wnd: 65_536, ..TcpCounters::default() }; }),
            (L::ServerAborted, Proven), (L::ServerAborted, Proven)),
        ("peer FIN, then the server sends",
            Case::new(|d, c| { fin_came(c); data_waits(d, c); c.segs_in += 1; c.segs_out += 2; }).others_reset(),
            (L::PeerClosedWhileSending, Proven), (L::PeerReset, Unpolled)),
        ("the same, with data since the poll",
            Case::new(|d, c| { fin_came(c); data_waits(d, c); c.data_segs_in += 1; }).polled_as(TcpState::CloseWait),
            (L::PeerClosedWhileSending, Proven), (L::PeerReset, Unpolled)),
        ("cut, keepalive",
            Case::new(|_, c| { c.probes = 3; c.segs_out += 3; }),
            (L::PathDead, Proven), (L::PathDead, Unpolled)),
        ("cut, data",
            Case::new(|d, c| { data_waits(d, c); c.retransmits = 6; c.bytes_retrans = 180; c.bytes_sent += 180; }),
            (L::PathDead, Proven), (L::PathDead, Unpolled)),
        ("cut, mended, and the peer resets",
            Case::new(|d, c| { data_waits(d, c); c.retransmits = 3; c.segs_in += 1; c.segs_out += 3; }).others_reset(),
            (L::ResetAfterOutage, Inferred), (L::PathDead, Unpolled)),
        ("the same, and this host sent no reset",
            Case::new(|d, c| { data_waits(d, c); c.retransmits = 3; c.segs_in += 1; c.segs_out += 3; }),
            (L::ResetAfterOutage, Proven), (L::PathDead, Unpolled)),
        ("zero window",
            Case::new(|d, c| { data_waits(d, c); c.snd_wnd = 0; }),
            (L::PeerNotReading, Proven), (L::PeerReset, Unpolled)),
        ("own interface down, with data",
            Case::new(|d, c| { d.unacked = 30; c.notsent = 30; c.probes = 4; }),
            (L::LocalNetworkDown, Proven), (L::LocalNetworkDown, Unpolled)),
        ("ss -K, idle",
            Case::new(|_, c| c.segs_out += 1).others_reset(),
            (L::SocketDestroyed, Inferred), (L::PeerReset, Unpolled)),
        ("cut, and the server closed with its FIN on its way",
            Case::new(|d, _| d.unacked = 1).polled_as(TcpState::FinWait1),
            (L::ServerClosed, Inferred), (L::PeerReset, Unpolled)),
    ]
}

#[test]
fn a_listener_and_a_socket_without_counters_are_no_connection() {
    let listener = Case::new(|dead, counters| {
        dead.peer.set_port(0);
        counters.snd_wnd = 0;
    });
    assert_eq!(listener.decide(), [None, None]);
    let mut unknown = Case::new(|_, _| {});
    unknown.dead.counters = None;
    assert_eq!(unknown.decide(), [None, None]);
}

#[test]
fn counters_that_wrap_are_compared_all_the_same() {
    let mut case = Case::new(reset_came);
    for (socket, more) in [(&mut case.seen.last, 0), (&mut case.dead, 1)] {
        let counters = socket.counters.as_mut().expect("it has some");
        counters.segs_in = u32::MAX.wrapping_add(more);
    }
    assert_eq!(case.decide()[0], Some((Label::PeerReset, Proven)));
}

#[test]
fn a_fin_that_came_alone_is_no_proof_where_mini_sockets_are_missing() {
    let mut case = Case::new(|_, counters| {
        fin_came(counters);
        fin_acked(counters);
    });
    case.minis_missing = true;
    assert_eq!(case.decide()[0], Some((Label::PeerFin, Inferred)));
    let case = case.polled_as(TcpState::CloseWait);
    assert_eq!(case.decide()[0], Some((Label::PeerFin, Proven)));
}
