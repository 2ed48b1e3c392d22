//! A cohort or a profile that is not in the configuration is counted, and refused if the game asked for strict names.

use lastword_server::{Cause, Config, Phase, Player, ProfileConfig};
use lastword_tests::{Ask, EndCollector, Raw, config, hello, kind};

/// A configuration with one cohort and one profile of its own.
fn declared() -> Config {
    let mut config = config();
    config.metrics.cohorts.push("pc".to_owned());
    let profiles = &mut config.liveness.profiles;
    profiles.insert("arena".to_owned(), ProfileConfig::default());
    config
}

fn known() -> Player {
    Player::new("ann").with_cohort("pc").with_profile("arena")
}

/// Each player, and how many of its names (cohort, profile) are unknown.
fn players() -> [(Player, [u64; 2]); 6] {
    [
        (known(), [0, 0]),
        (Player::unnamed(), [0, 0]),
        (Player::new("ann").with_profile("mobile"), [0, 0]),
        (known().with_profile("Mobile"), [0, 1]),
        (known().with_cohort("pcs"), [1, 0]),
        (known().with_cohort("").with_profile(""), [1, 1]),
    ]
}

#[tokio::test]
async fn an_unknown_name_is_counted_and_its_player_has_the_defaults() {
    for (player, unknown) in players() {
        let mut collector = EndCollector::default();
        let given = player.clone();
        let ask = Ask(move |_| std::future::ready(Ok(given.clone())));
        let builder = collector.builder(declared()).authenticator(ask);
        let (mut events, server) = builder.bind_events().await.unwrap();
        let raw = Raw::join(server.local_addr(), "").await;
        let stats = server.stats();
        assert_eq!([stats.unknown_cohorts, stats.unknown_profiles], unknown);
        let status = server
            .session_status(server.sessions()[0].session)
            .await
            .unwrap();
        if unknown[0] == 1 {
            assert_eq!(status.cohort, None);
        }
        if unknown[1] == 1 {
            assert_eq!(status.profile.unwrap().as_str(), "standard");
        }
        drop(raw);
        events.drain().for_each(drop);
        collector.end().await;
    }
}

#[tokio::test]
async fn a_strict_server_refuses_an_unknown_name_and_says_which_there_are() {
    for (player, unknown) in players() {
        let mut collector = EndCollector::default();
        let given = player.clone();
        let ask = Ask(move |_| std::future::ready(Ok(given.clone())));
        let builder = collector.builder(declared()).authenticator(ask);
        let server = builder.strict_names(true).bind().await.unwrap();
        let mut raw = Raw::connect(server.local_addr()).await;
        raw.write(&hello(b"")).await;
        let (answer, payload) = raw.frame().await.unwrap();
        let stats = server.handle().stats();
        assert_eq!([stats.unknown_cohorts, stats.unknown_profiles], unknown);
        if unknown == [0, 0] {
            assert_eq!(answer, kind::WELCOME, "{player:?}");
            continue;
        }
        assert_eq!(answer, kind::GOODBYE);
        drop(raw);
        let end = collector.end().await;
        let at = (end.cause(), end.ending.verdict.phase);
        assert_eq!(at, (Cause::AuthUnavailable, Phase::Auth));
        let told = String::from_utf8_lossy(&payload).into_owned();
        let recorded = end.record().our_reason.unwrap().into_owned();
        let names = match unknown {
            [1, _] => "none, pc",
            _ => "arena",
        };
        for words in [told, recorded] {
            assert!(words.contains(names), "{words}");
        }
    }
}
