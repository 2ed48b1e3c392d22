//! The walk-throughs of a resume, as the server's state takes them.

use super::*;

const NOW: Time = Time::from_micros(1_000_000);
const WINDOW: Duration = secs(60);

const fn secs(secs: u64) -> Duration {
    Duration::from_secs(secs)
}

fn just_before(time: Time) -> Time {
    Time::from_micros(time.as_micros() - 1)
}

fn offered() -> Resume {
    let (resume, offer) = Resume::new(Terms {
        window: WINDOW,
        frame_limit: 65_536,
        is_secured: false,
    });
    assert_eq!((offer.epoch, offer.generation), (1, 1));
    resume
}

fn attached() -> Resume {
    let mut resume = offered();
    assert!(!resume.on_ack(), "nobody was away");
    resume
}

/// A session that lost its connection just now.
fn away() -> Resume {
    let mut resume = attached();
    let fate = resume.on_end(NOW, Cause::PeerReset, None);
    assert_eq!(fate, Fate::Away(NOW + WINDOW));
    resume
}

/// The knock of a client with this token: the server has sent 50 frames and keeps those from 40 on.
fn knock(generation: u32) -> Knock {
    Knock {
        generation,
        attempt: None,
        received: 40,
        frame_limit: 65_536,
        is_secured: false,
    }
}

fn check(resume: &Resume, now: Time, knock: &Knock) -> Result<(), Refusal> {
    resume.check(now, knock, 40, 50)
}

fn enters(resume: &mut Resume, now: Time, knock: &Knock) -> Offer {
    assert_eq!(check(resume, now, knock), Ok(()));
    resume.adopt(now, knock)
}

fn valid(resume: &Resume) -> Vec<u32> {
    (0..10)
        .filter(|token| check(resume, NOW, &knock(*token)) != Err(Refusal::Stale))
        .collect()
}

#[test]
fn a_player_comes_back_with_its_first_ack_and_a_new_token() {
    let mut resume = away();
    let offer = enters(&mut resume, NOW + secs(1), &knock(1));
    assert_eq!((offer.epoch, offer.generation), (2, 2));
    assert_eq!(resume.poll_timeout(), Time::NEVER);
    assert!(resume.on_ack());
    assert!(!resume.on_ack(), "once");
    assert_eq!(valid(&resume), [2]);
}

#[test]
fn a_session_whose_first_welcome_was_not_confirmed_ends_with_its_connection() {
    let ends = [
        (Cause::PeerReset, None),
        (Cause::PathDead, None),
        (Cause::PeerGoodbye, Some(false)),
        (Cause::FrameMalformed, None),
    ];
    for (cause, is_paused) in ends {
        let fate = offered().on_end(NOW, cause, is_paused);
        assert_eq!(fate, Fate::Over(cause.into()), "{cause}");
    }
}

#[test]
fn a_goodbye_confirms_as_an_ack_does() {
    let mut resume = offered();
    let fate = resume.on_end(NOW, Cause::PeerGoodbye, Some(true));
    assert_eq!(fate, Fate::Away(NOW + WINDOW));
    assert_eq!(valid(&resume), [1]);
    enters(&mut resume, NOW, &knock(1));
    let later = NOW + secs(30);
    let fate = resume.on_end(later, Cause::PeerGoodbye, Some(true));
    assert_eq!(fate, Fate::Away(later + WINDOW));
    assert_eq!(valid(&resume), [2]);
}

#[test]
fn a_confirmed_session_waits_exactly_where_the_table_of_causes_says_so() {
    for cause in Cause::ALL {
        for is_paused in [None, Some(true), Some(false)] {
            let waits = match cause.resumable() {
                Resumable::Yes => true,
                Resumable::IfPaused => is_paused == Some(true),
                Resumable::No | Resumable::NoSession => false,
            };
            let expected = match waits {
                true => Fate::Away(NOW + WINDOW),
                false => Fate::Over(cause.into()),
            };
            assert_eq!(attached().on_end(NOW, cause, is_paused), expected);
        }
    }
}

#[test]
fn only_a_decision_about_the_session_ends_one_that_is_not_confirmed_again() {
    for cause in Cause::ALL.into_iter().filter(|c| *c != Cause::PeerGoodbye) {
        let mut resume = away();
        enters(&mut resume, NOW, &knock(1));
        let expected = match cause.ends_session() {
            true => Fate::Over(cause.into()),
            false => Fate::Away(NOW + WINDOW),
        };
        assert_eq!(resume.on_end(NOW + secs(5), cause, None), expected);
    }
}

/// Any number of welcomes is lost: each repeats the same offer, and both tokens stay valid.
#[test]
fn a_lost_welcome_is_repeated_with_the_same_token() {
    let mut resume = away();
    for n in 0..5 {
        let now = NOW + secs(2 * n);
        let offer = enters(&mut resume, now, &knock(1));
        assert_eq!(offer.generation, 2);
        assert_eq!(u64::from(offer.epoch), n + 2);
        assert_eq!(valid(&resume), [1, 2]);
        resume.on_end(now, Cause::PeerReset, None);
        assert_eq!(valid(&resume), [1, 2], "the offer outlives its connection");
    }
}

#[test]
fn possession_of_the_offered_token_confirms_it() {
    let mut resume = away();
    enters(&mut resume, NOW, &knock(1));
    resume.on_end(NOW, Cause::PeerReset, None);
    let offer = enters(&mut resume, NOW, &knock(2));
    assert_eq!(offer.generation, 3);
    assert_eq!(valid(&resume), [2, 3]);
}

#[test]
fn no_token_of_an_older_or_later_generation_is_valid() {
    assert_eq!(valid(&offered()), [1]);
    assert_eq!(valid(&attached()), [1]);
    assert_eq!(valid(&away()), [1]);
}

#[test]
fn a_refused_knock_says_why() {
    let resume = away();
    let cases = [
        (
            Knock {
                received: 39,
                ..knock(1)
            },
            Refusal::Gap,
        ),
        (
            Knock {
                received: 51,
                ..knock(1)
            },
            Refusal::Ahead,
        ),
        (
            Knock {
                frame_limit: 65_535,
                ..knock(1)
            },
            Refusal::Unfit,
        ),
        (knock(2), Refusal::Stale),
        (knock(0), Refusal::Stale),
    ];
    for (knock, refusal) in cases {
        assert_eq!(check(&resume, NOW, &knock), Err(refusal));
        assert_ne!(refusal.close().message.reason(), "");
    }
    for received in [40, 50] {
        let knock = Knock {
            received,
            ..knock(1)
        };
        assert_eq!(check(&resume, NOW, &knock), Ok(()));
    }
}

#[test]
fn a_session_begun_under_tls_resumes_only_under_tls() {
    let secured = Knock {
        is_secured: true,
        ..knock(1)
    };
    let mut resume = away();
    enters(&mut resume, NOW, &secured);
    assert_eq!(check(&resume, NOW, &knock(1)), Err(Refusal::Unfit));
    assert_eq!(check(&resume, NOW, &secured), Ok(()));
}

/// The older connection looks alive: it is superseded, and the window does not run.
#[test]
fn a_live_connection_is_superseded_unless_the_attempt_is_not_newer() {
    let attempt = |n| Knock {
        attempt: Some(n),
        ..knock(1)
    };
    let mut resume = attached();
    enters(&mut resume, NOW, &attempt(5));
    for raced in [1, 5] {
        assert_eq!(check(&resume, NOW, &attempt(raced)), Err(Refusal::Raced));
    }
    enters(&mut resume, NOW, &attempt(6));
    assert_eq!(
        check(&resume, NOW, &knock(1)),
        Ok(()),
        "it tells no attempt"
    );
    let later = NOW + secs(30);
    let fate = resume.on_end(later, Cause::PeerReset, None);
    assert_eq!(
        fate,
        Fate::Away(later + WINDOW),
        "the window did not run before"
    );
    assert_eq!(check(&resume, later, &attempt(1)), Ok(()), "nobody is in");
}

#[test]
fn an_unconfirmed_connection_does_not_stop_the_window() {
    let mut resume = away();
    let last = NOW + WINDOW;
    for n in 1..4 {
        let now = NOW + secs(15 * n);
        enters(&mut resume, now, &knock(1));
        assert_eq!(resume.on_end(now, Cause::PeerReset, None), Fate::Away(last));
    }
    enters(&mut resume, just_before(last), &knock(1));
    let late = last + secs(5);
    assert_eq!(
        resume.on_end(late, Cause::PeerReset, None),
        Fate::Away(last)
    );
    assert!(resume.is_expired(late));
}

#[test]
fn a_knock_is_in_time_to_the_microsecond() {
    let resume = away();
    let end = NOW + WINDOW;
    assert_eq!(resume.poll_timeout(), end);
    assert_eq!(check(&resume, just_before(end), &knock(1)), Ok(()));
    assert!(!resume.is_expired(just_before(end)));
    assert_eq!(check(&resume, end, &knock(1)), Err(Refusal::Stale));
    assert!(resume.is_expired(end));
}

#[test]
fn a_game_holds_an_away_session_for_a_day_at_most() {
    let mut resume = away();
    resume.hold(NOW, secs(5));
    assert_eq!(resume.poll_timeout(), NOW + secs(5));
    resume.hold(NOW, Duration::MAX);
    assert_eq!(resume.poll_timeout(), NOW + secs(24 * 60 * 60));
    resume.hold(NOW, secs(5));
    resume.hold(NOW + secs(5), secs(5));
    assert!(resume.is_expired(NOW + secs(5)), "it is too late");
    let mut live = attached();
    live.hold(NOW, secs(5));
    assert_eq!(live, attached());
}

#[test]
fn ten_resumes_at_once_and_one_more_every_two_seconds() {
    let mut resume = away();
    let times = |resume: &mut Resume, now| {
        (0..100)
            .take_while(|_| {
                let enters = check(resume, now, &knock(1)).is_ok();
                if enters {
                    resume.adopt(now, &knock(1));
                }
                enters
            })
            .count()
    };
    assert_eq!(times(&mut resume, NOW), 10);
    assert_eq!(check(&resume, NOW, &knock(1)), Err(Refusal::TooOften));
    assert_eq!(times(&mut resume, NOW + secs(1)), 0);
    assert_eq!(times(&mut resume, NOW + secs(2)), 1);
    assert_eq!(times(&mut resume, NOW + secs(7)), 2);
    assert!(Refusal::TooOften.close().cause.keeps_token());
}

#[test]
fn the_state_of_a_session_that_waits_is_small() {
    assert!(size_of::<Resume>() <= 48, "{}", size_of::<Resume>());
}
