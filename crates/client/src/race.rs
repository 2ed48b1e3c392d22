//! Decides which of a server's addresses is used: the first that answers (RFC 8305, "happy eyeballs").

use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use tokio::time::{Instant, timeout_at};

use crate::{Attempt, AttemptError};

/// Tries the addresses one after the other. The next attempt starts 250 ms after the previous one, or as soon as one
/// fails. The first address that connects is used, and the other attempts are dropped.
///
/// # Errors
/// Every address that was tried, with its error, in the order in which they failed.
pub(crate) async fn race<T, F>(
    addrs: Vec<SocketAddr>,
    deadline: Instant,
    open: impl Fn(SocketAddr) -> F,
) -> Result<(SocketAddr, T), Vec<Attempt>>
where
    F: Future<Output = Result<T, AttemptError>>,
{
    let mut waiting = addrs.into_iter();
    let mut running = Vec::new();
    let mut failed = Vec::new();
    loop {
        match waiting.next() {
            Some(addr) => running.push((addr, Box::pin(open(addr)))),
            None if running.is_empty() => return Err(failed),
            None => {}
        }
        let until = match waiting.len() {
            0 => deadline,
            _ => deadline.min(Instant::now() + STAGGER),
        };
        match timeout_at(until, first_of(&mut running)).await {
            Ok((addr, Ok(stream))) => return Ok((addr, stream)),
            Ok((addr, Err(error))) => failed.push(Attempt { addr, error }),
            Err(_) if Instant::now() < deadline => {}
            Err(_) => {
                failed.extend(running.iter().map(|(addr, _)| Attempt {
                    addr: *addr,
                    error: AttemptError::NoAnswer,
                }));
                return Err(failed);
            }
        }
    }
}

/// Returns the addresses in the order of the attempts: the families alternate, and the resolver's first address comes
/// first.
pub(crate) fn interleaved(addrs: &[SocketAddr]) -> Vec<SocketAddr> {
    let is_v6 = addrs.first().is_some_and(SocketAddr::is_ipv6);
    let (first, second): (Vec<_>, Vec<_>) = addrs
        .iter()
        .copied()
        .partition(|addr| addr.is_ipv6() == is_v6);
    let (mut first, mut second) = (first.into_iter(), second.into_iter());
    let mut order = Vec::with_capacity(addrs.len());
    while order.len() < addrs.len() {
        order.extend(first.next());
        order.extend(second.next());
    }
    order
}

async fn first_of<F: Future>(
    running: &mut Vec<(SocketAddr, Pin<Box<F>>)>,
) -> (SocketAddr, F::Output) {
    poll_fn(|cx| {
        let done = running
            .iter_mut()
            .enumerate()
            .find_map(|(n, (_, attempt))| match attempt.as_mut().poll(cx) {
                Poll::Ready(result) => Some((n, result)),
                Poll::Pending => None,
            });
        match done {
            Some((n, result)) => Poll::Ready((running.remove(n).0, result)),
            None => Poll::Pending,
        }
    })
    .await
}

/// The "Connection Attempt Delay" that RFC 8305 recommends.
const STAGGER: Duration = Duration::from_millis(250);

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::io;
    use std::sync::Mutex;

    use tokio::time::sleep;

    use super::*;

    /// Returns when each address was tried, in ms, and how the race ended.
    async fn raced(
        last_octets: &[u8],
        open: impl AsyncFn(u8) -> Result<(), AttemptError>,
    ) -> (Vec<(u8, u128)>, Result<u8, Vec<Attempt>>) {
        let (start, tried) = (Instant::now(), Mutex::new(Vec::new()));
        let addrs = last_octets.iter().map(|n| addr(*n)).collect();
        let outcome = race(addrs, start + Duration::from_secs(5), async |addr| {
            let n = octet(addr);
            tried.lock().unwrap().push((n, start.elapsed().as_millis()));
            open(n).await
        })
        .await;
        let outcome = outcome.map(|(addr, ())| octet(addr));
        (tried.into_inner().unwrap(), outcome)
    }

    fn addr(n: u8) -> SocketAddr {
        ([127, 0, 0, n], 7000).into()
    }

    fn octet(addr: SocketAddr) -> u8 {
        match addr {
            SocketAddr::V4(addr) => addr.ip().octets()[3],
            SocketAddr::V6(_) => 0,
        }
    }

    fn refused() -> AttemptError {
        AttemptError::Connect(io::ErrorKind::ConnectionRefused.into())
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_does_not_answer_holds_up_the_next_for_250_ms() {
        let (tried, outcome) = raced(&[1, 2, 3], async |n| match n {
            1 => pending().await,
            2 => {
                sleep(Duration::from_millis(100)).await;
                Ok(())
            }
            _ => Ok(()),
        })
        .await;
        assert_eq!(outcome.unwrap(), 2);
        assert_eq!(tried, [(1, 0), (2, 250)]);
    }

    #[tokio::test(start_paused = true)]
    async fn an_address_that_refuses_holds_up_nothing() {
        let (tried, outcome) = raced(
            &[1, 2],
            async |n| if n == 1 { Err(refused()) } else { Ok(()) },
        )
        .await;
        assert_eq!(outcome.unwrap(), 2);
        assert_eq!(tried, [(1, 0), (2, 0)]);
    }

    #[tokio::test(start_paused = true)]
    async fn a_slow_address_still_wins_while_the_next_is_slower() {
        let (_, outcome) = raced(&[1, 2], async |n| {
            sleep(Duration::from_millis(300) * u32::from(n)).await;
            Ok(())
        })
        .await;
        assert_eq!(outcome.unwrap(), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn if_no_address_connects_each_has_its_error_and_all_share_one_deadline() {
        let start = Instant::now();
        let (tried, outcome) = raced(&[1, 2, 3], async |n| match n {
            2 => Err(refused()),
            _ => pending().await,
        })
        .await;
        assert_eq!(tried, [(1, 0), (2, 250), (3, 250)]);
        assert_eq!(start.elapsed(), Duration::from_secs(5));
        let failed: Vec<_> = outcome
            .unwrap_err()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            failed,
            [
                "127.0.0.2:7000: no program listens there",
                "127.0.0.1:7000: no answer: the host is down, or a firewall drops our packets",
                "127.0.0.3:7000: no answer: the host is down, or a firewall drops our packets",
            ]
        );
    }

    #[test]
    fn the_families_alternate_and_the_resolvers_first_comes_first() {
        let addrs = ["[::1]:1", "[::2]:1", "1.1.1.1:1", "[::3]:1", "1.1.1.2:1"];
        let addrs = addrs.map(|addr| addr.parse().unwrap());
        let order: Vec<_> = interleaved(&addrs)
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(
            order,
            ["[::1]:1", "1.1.1.1:1", "[::2]:1", "1.1.1.2:1", "[::3]:1"]
        );
    }
}
