//! Remembers which address of a name let us in last, and which one did not. The names themselves are resolved at each
//! attempt, so an address that a name no longer has is never tried.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::ServerAddr;

/// The addresses that worked, and those that did not, for each name.
#[derive(Debug, Default)]
pub(crate) struct Winners(Mutex<HashMap<ServerAddr, Known>>);

#[derive(Clone, Copy, Debug, Default)]
struct Known {
    welcomed: Option<SocketAddr>,
    /// It accepted the connection and did not let us in: the wrong program, a middlebox, or a full server.
    failed: Option<SocketAddr>,
}

impl Winners {
    /// Notes whether this address of the server let us in.
    pub(crate) fn note(&self, server: &ServerAddr, addr: SocketAddr, welcomed: bool) {
        if !server.is_name() {
            return;
        }
        let mut names = self.lock();
        if names.len() >= NAMES_MAX && !names.contains_key(server) {
            names.clear();
        }
        let known = names.entry(server.clone()).or_default();
        let (is, is_not) = match welcomed {
            true => (&mut known.welcomed, &mut known.failed),
            false => (&mut known.failed, &mut known.welcomed),
        };
        *is = Some(addr);
        is_not.take_if(|other| *other == addr);
    }

    /// Puts the address that let us in before the others, and the one that did not behind them.
    pub(crate) fn order(&self, server: &ServerAddr, addrs: &mut [SocketAddr]) {
        let known = self.lock().get(server).copied().unwrap_or_default();
        // A stable sort: the others keep their order.
        addrs.sort_by_key(|addr| match Some(*addr) {
            addr if addr == known.welcomed => 0,
            addr if addr == known.failed => 2,
            _ => 1,
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<ServerAddr, Known>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// More names than a program dials. At this number all are forgotten, which costs a slower dial at most.
const NAMES_MAX: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn addr(n: u8) -> SocketAddr {
        ([127, 0, 0, n], 7000).into()
    }

    fn order(winners: &Winners, server: &ServerAddr) -> Vec<SocketAddr> {
        let mut addrs = vec![addr(1), addr(2), addr(3)];
        winners.order(server, &mut addrs);
        addrs
    }

    #[test]
    fn the_last_winner_is_first_and_an_address_that_did_not_let_us_in_is_last() {
        let winners = Winners::default();
        let server = ServerAddr::from(("eu.example.net", 7000));
        assert_eq!(order(&winners, &server), [addr(1), addr(2), addr(3)]);
        winners.note(&server, addr(3), true);
        winners.note(&server, addr(1), false);
        assert_eq!(order(&winners, &server), [addr(3), addr(2), addr(1)]);
        // The winner's turn to fail: it loses its place.
        winners.note(&server, addr(3), false);
        assert_eq!(order(&winners, &server), [addr(1), addr(2), addr(3)]);
        winners.note(&server, addr(3), true);
        assert_eq!(order(&winners, &server), [addr(3), addr(1), addr(2)]);
        let other = ServerAddr::from(("us.example.net", 7000));
        assert_eq!(order(&winners, &other), [addr(1), addr(2), addr(3)]);
    }

    #[test]
    fn an_address_that_the_name_no_longer_has_is_not_tried() {
        let winners = Winners::default();
        let server = ServerAddr::from(("eu.example.net", 7000));
        winners.note(&server, addr(9), true);
        assert_eq!(order(&winners, &server), [addr(1), addr(2), addr(3)]);
    }

    #[test]
    fn an_ip_address_and_any_number_of_names_take_bounded_memory() {
        let winners = Winners::default();
        winners.note(&ServerAddr::from(addr(1)), addr(1), true);
        assert!(winners.lock().is_empty());
        for n in 0..1_000 {
            let server = ServerAddr::from((format!("{n}.example.net"), 7000));
            winners.note(&server, addr(1), true);
        }
        assert!(winners.lock().len() <= NAMES_MAX);
    }
}
