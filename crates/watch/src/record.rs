//! The record of one end: a line of JSON, and a line for people.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use lastword_sys::diag::TcpState;
use serde::Serialize;

use crate::tracker::End;

/// One end as others may see it. The peer's address is cut to its network.
#[derive(Clone, Debug, Serialize)]
pub struct Record {
    /// When the message came, in milliseconds since 1970 (UTC).
    pub at_ms: u64,
    /// The local port.
    pub port: u16,
    /// The network of the peer: its first 24 bits, or 48 of IPv6. `None` where the program reset the connection and no
    /// poll saw it before.
    pub network: Option<String>,
    /// Why it ended.
    pub cause: &'static str,
    /// How sure that is: `proven`, `inferred` or `unpolled`.
    pub certainty: &'static str,
    /// The cause in words.
    pub words: &'static str,
    /// The states in which polls saw it.
    pub states: Vec<&'static str>,
    /// Bytes that came. The peer's FIN counts as one.
    pub bytes_received: u64,
    /// Bytes of which the peer said that they came.
    pub bytes_acked: u64,
    /// Bytes that the program had not read.
    pub bytes_unread: u32,
    /// Bytes that the peer had not acknowledged.
    pub bytes_unacked: u32,
    /// The time since data came last, in milliseconds.
    pub last_data_ms: u64,
    /// Retransmissions without an answer.
    pub retransmits: u8,
    /// Probes without an answer.
    pub probes: u8,
    /// The peer's window, in bytes.
    pub send_window_bytes: u32,
}

impl Record {
    /// The record of an end whose message came then.
    #[must_use]
    pub fn of(end: &End, at_ms: u64) -> Self {
        let (dead, decision) = (&end.dead, end.decision);
        let counters = dead.counters.unwrap_or_default();
        let states = end.seen.map(|seen| seen.states).unwrap_or_default();
        let seen = STATES.iter().filter(|(state, _)| states.any(&[*state]));
        Self {
            at_ms,
            port: dead.local.port(),
            network: end.peer().map(network),
            cause: decision.label.name(),
            certainty: decision.certainty.name(),
            words: decision.label.sentence(),
            states: seen.map(|(_, name)| *name).collect(),
            bytes_received: counters.bytes_received,
            bytes_acked: counters.bytes_acked,
            bytes_unread: dead.unread,
            bytes_unacked: dead.unacked,
            last_data_ms: u64::try_from(counters.last_data.as_millis()).unwrap_or(u64::MAX),
            retransmits: counters.retransmits,
            probes: counters.probes,
            send_window_bytes: counters.snd_wnd,
        }
    }
}

/// The network of an address: enough to see that many ends come from one place, and not who it is.
#[must_use]
pub fn network(addr: SocketAddr) -> String {
    match addr.ip() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            format!("{}/24", Ipv4Addr::new(a, b, c, 0))
        }
        IpAddr::V6(ip) => {
            let [a, b, c, ..] = ip.segments();
            format!("{}/48", Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0))
        }
    }
}

/// The states in which a poll may see a connection.
const STATES: [(TcpState, &str); 6] = [
    (TcpState::Established, "established"),
    (TcpState::CloseWait, "close_wait"),
    (TcpState::LastAck, "last_ack"),
    (TcpState::FinWait1, "fin_wait1"),
    (TcpState::FinWait2, "fin_wait2"),
    (TcpState::Closing, "closing"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_cut_to_its_network() {
        for (addr, cut) in [
            ("192.0.2.77:40000", "192.0.2.0/24"),
            ("[2001:db8:1:2:3:4:5:6]:40000", "2001:db8:1::/48"),
            ("[::1]:1", "::/48"),
        ] {
            assert_eq!(network(addr.parse().expect("it is one")), cut);
        }
    }
}
