//! A series of attempts under a paused clock. The machine of the retries has its own tests.

use std::io;
use std::sync::{Arc, Mutex};

use lastword_session::{Ending, Phase};

use super::*;
use crate::NoCredentials;
use crate::retries::Rules;

/// A machine that sleeps when the test says so.
#[derive(Clone, Debug, Default)]
struct Machine(Arc<Mutex<Duration>>);

impl Machine {
    fn sleeps(&self, time: Duration) {
        *self.0.lock().unwrap() += time;
    }

    fn pace(&self, give_up_after: Duration) -> Pace {
        let rules = Rules {
            give_up_after,
            redirect_hosts: Vec::new(),
            tls: false,
        };
        let asleep = Arc::clone(&self.0);
        let wakes = WakeWatch::of(move || Some(*asleep.lock().unwrap()));
        Pace::new(Retries::new(rules), wakes)
    }
}

fn refused() -> DialError {
    DialError::Socket(io::ErrorKind::ConnectionRefused.into())
}

/// Runs a series. Returns its result, and the failed attempts that it told.
async fn series<F: Future<Output = Result<(), DialError>>>(
    pace: &mut Pace,
    attempt: impl Fn() -> F,
) -> (Result<(), Stopped>, Vec<(u32, Duration)>) {
    let told = Mutex::new(Vec::new());
    let tell = |progress| match progress {
        Progress::Retrying { attempt, after, .. } => told.lock().unwrap().push((attempt, after)),
        Progress::Over(_) => panic!("the series is not over"),
    };
    let result = pace.series(Aim::LogIn, None, |_| attempt(), tell).await;
    (result, told.into_inner().unwrap())
}

#[tokio::test(start_paused = true)]
async fn attempts_go_on_until_one_succeeds_and_each_failure_is_told_with_its_wait() {
    let tried = Mutex::new(Vec::new());
    let mut pace = Machine::default().pace(Duration::from_secs(60));
    let start = Instant::now();
    let (result, told) = series(&mut pace, || {
        let mut tried = tried.lock().unwrap();
        tried.push(start.elapsed());
        let ready = tried.len() == 4;
        async move { if ready { Ok(()) } else { Err(refused()) } }
    })
    .await;
    assert!(result.is_ok());
    let tried = tried.into_inner().unwrap();
    assert_eq!(tried[0], Duration::ZERO);
    assert_eq!(told.len(), 3);
    for (n, (attempt, after)) in told.into_iter().enumerate() {
        assert_eq!(usize::try_from(attempt), Ok(n + 1));
        // tokio's timer goes on in steps of a millisecond.
        let waited = tried[n + 1] - tried[n];
        assert!(waited >= after && waited <= after + Duration::from_millis(2));
    }
}

#[tokio::test(start_paused = true)]
async fn a_series_gives_up_with_its_last_error() {
    let mut pace = Machine::default().pace(Duration::from_secs(5));
    let start = Instant::now();
    let (result, told) = series(&mut pace, async || Err(refused())).await;
    assert!(matches!(result, Err(Stopped::GaveUp(DialError::Socket(_)))));
    assert!(start.elapsed() <= Duration::from_secs(6));
    assert!(!told.is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_cannot_succeed_is_the_only_one() {
    let mut pace = Machine::default().pace(Duration::from_secs(5));
    let none = || DialError::from(NoCredentials::for_good("logged out"));
    let (result, told) = series(&mut pace, async || Err(none())).await;
    assert!(matches!(result, Err(Stopped::Refused(_))));
    assert_eq!(told, []);
}

#[tokio::test(start_paused = true)]
async fn a_machine_that_wakes_while_its_client_waits_dials_within_a_second() {
    let machine = Machine::default();
    let mut pace = machine.pace(Duration::MAX);
    let tried = Mutex::new(0);
    let attempt = || {
        *tried.lock().unwrap() += 1;
        async { Err::<(), _>(refused()) }
    };
    let sleeps = async {
        for _ in 0..20 {
            // So many attempts that the random waits are up to 10 s long.
            sleep(Duration::from_secs(120)).await;
            let before = *tried.lock().unwrap();
            machine.sleeps(Duration::from_secs(30));
            sleep(LOOK + Duration::from_millis(2)).await;
            assert!(*tried.lock().unwrap() > before);
        }
    };
    tokio::select! {
        biased;
        _ = pace.series(Aim::LogIn, None, |_| attempt(), |_| ()) => panic!("no attempt succeeds"),
        () = sleeps => {}
    }
}

#[tokio::test(start_paused = true)]
async fn an_attempt_that_a_sleep_cut_short_is_followed_by_another() {
    let machine = Machine::default();
    let mut pace = machine.pace(Duration::from_secs(10));
    let tried = Mutex::new(0);
    let (result, told) = series(&mut pace, || {
        let mut tried = tried.lock().unwrap();
        *tried += 1;
        let (n, machine) = (*tried, machine.clone());
        async move {
            if n > 1 {
                return Ok(());
            }
            // A clock that goes on in a sleep: the attempt ends long after the time to give up.
            sleep(Duration::from_secs(3_600)).await;
            machine.sleeps(Duration::from_secs(3_600));
            Err(refused())
        }
    })
    .await;
    assert!(result.is_ok());
    assert_eq!(told.len(), 1);
}

#[test]
fn a_connection_is_confirmed_up_to_the_last_byte_of_its_server() {
    let mut ended = Ended::from(Ending::without_verdict(Phase::Live, Time::ORIGIN));
    ended.evidence.live_for = Duration::from_secs(20);
    for (last_byte_in, seconds) in [(None, 0), (Some(15), 5), (Some(0), 20), (Some(30), 0)] {
        ended.evidence.last_byte_in = last_byte_in.map(Duration::from_secs);
        assert_eq!(confirmed(&ended), Duration::from_secs(seconds));
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_is_tried_for_as_long_as_it_waits_and_not_for_the_time_of_a_login() {
    for (window, login) in [(5, 60), (600, 60)] {
        let mut pace = Machine::default().pace(Duration::from_secs(login));
        let window = Duration::from_secs(window);
        let start = Instant::now();
        let attempt = async |_| Err::<(), _>(refused());
        let result = pace.series(Aim::GoOn, Some(window), attempt, |_| ()).await;
        assert!(matches!(result, Err(Stopped::GaveUp(_))), "{result:?}");
        let tried = start.elapsed();
        let longest_wait = Duration::from_secs(10);
        assert!(
            tried <= window && tried + longest_wait > window,
            "{tried:?}"
        );
    }
}
