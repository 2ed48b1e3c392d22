//! Pings, pongs and acks have a fixed layout: they are read where the length fits, and written again with the same bytes.

use lastword_session::wire::{Ack, Kind, Ping, Pong};

use crate::frame::payload_of;

const PING_LEN: usize = 16;
const PONG_LEN: usize = 28;
const ACK_LEN: usize = 8;

/// Checks a payload as each of the three.
///
/// # Panics
/// Where a property does not hold.
pub fn run(payload: &[u8]) {
    for len in [PING_LEN, PONG_LEN, ACK_LEN] {
        // Bytes of another length are most of the inputs.
        check(payload.get(..len).unwrap_or(payload));
    }
    check(payload);
}

fn check(payload: &[u8]) {
    let ping = Ping::decode(payload);
    assert_eq!(ping.is_ok(), payload.len() == PING_LEN, "{ping:?}");
    if let Ok(ping) = ping {
        assert_eq!(payload_of(Kind::Ping, |out| ping.encode(out)), payload);
    }
    let pong = Pong::decode(payload);
    assert_eq!(pong.is_ok(), payload.len() == PONG_LEN, "{pong:?}");
    if let Ok(pong) = pong {
        assert_eq!(payload_of(Kind::Pong, |out| pong.encode(out)), payload);
    }
    let ack = Ack::decode(payload);
    assert_eq!(ack.is_ok(), payload.len() == ACK_LEN, "{ack:?}");
    if let Ok(ack) = ack {
        assert_eq!(payload_of(Kind::Ack, |out| ack.encode(out)), payload);
    }
}
