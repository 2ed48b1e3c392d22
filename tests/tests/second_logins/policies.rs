//! Which session is live under each policy, and what the other client reads.

use lastword_server::{Advice, Anonymous, Cause, Initiator, Phase, Player, SecondLogin, Server};
use lastword_tests::{Ask, Echo, Fixture, Raw, config, quick, until};

use crate::{Came, REFUSED, REPLACED, by_name, doubles, fixture, is_still_in, log_in, with};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_double_logins_with_replace_one_each_is_live_and_the_other_reads_why() {
    let told = doubles(SecondLogin::Replace, 500, 2).await;
    assert_eq!(told, [(REPLACED, 500)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_double_logins_with_refuse_one_each_is_live_and_the_other_reads_why() {
    let told = doubles(SecondLogin::Refuse, 500, 2).await;
    assert_eq!(told, [(REFUSED, 500)]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_500_double_logins_with_allow_both_are_live() {
    let told = doubles(SecondLogin::Allow, 500, 2).await;
    assert_eq!(told, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_eight_logins_at_once_one_is_live_and_seven_are_told() {
    for policy in [SecondLogin::Replace, SecondLogin::Refuse] {
        let told = doubles(policy, 60, 8).await;
        let codes = told.iter().map(|(code, _)| *code);
        assert!(
            codes
                .clone()
                .all(|code| [REPLACED, REFUSED].contains(&code))
        );
        assert_eq!(told.iter().map(|(_, count)| count).sum::<usize>(), 60 * 7);
    }
}

#[tokio::test]
async fn the_earlier_session_ends_as_replaced_by_login_and_its_client_reads_why() {
    let mut fixture = fixture(SecondLogin::Replace).await;
    let earlier = log_in(Raw::connect(fixture.addr()).await, "ann").await;
    let session = fixture.server.find("ann")[0].session;
    let mut later = Raw::join(fixture.addr(), "ann").await;
    let Came::Told(code, advice, words, true) = is_still_in(earlier).await else {
        panic!("it was not live, or still is");
    };
    assert_eq!((code, advice), (REPLACED, Advice::DoNot as u8));
    assert_eq!(words, "the same player logged in again");
    let departure = fixture.collector.departure().await;
    assert_eq!(departure.cause, Cause::ReplacedByLogin.into());
    assert_eq!(departure.session, session);
    let end = fixture.ends_as(Cause::ReplacedByLogin, Phase::Live).await;
    assert_eq!(end.ending.verdict.cause.initiator(), Initiator::Peer);
    later.echo(b"alive").await;
    let found = fixture.server.find("ann");
    assert_eq!(found.len(), 1);
    assert_ne!(found[0].session, session);
}

#[tokio::test]
async fn with_refuse_the_later_client_reads_already_logged_in_and_the_session_goes_on() {
    let mut fixture = fixture(SecondLogin::Refuse).await;
    let mut earlier = Raw::join(fixture.addr(), "ann").await;
    let later = log_in(Raw::connect(fixture.addr()).await, "ann").await;
    let Came::Told(code, advice, words, false) = later else {
        panic!("{later:?}");
    };
    assert_eq!((code, advice), (REFUSED, Advice::DoNot as u8));
    assert_eq!(words, "this player is already logged in");
    let end = fixture.ends_as(Cause::AlreadyLoggedIn, Phase::Auth).await;
    assert_eq!(end.ending.verdict.cause.initiator(), Initiator::Peer);
    earlier.echo(b"alive").await;
    drop(earlier);
    let end = fixture.ends_as_ever(Cause::PeerFin, Phase::Live).await;
    assert_eq!(end.player.as_deref(), Some("ann"));
    Raw::join(fixture.addr(), "ann").await.echo(b"alive").await;
}

/// A client that is gone without a word must lock no player out.
#[tokio::test]
async fn with_refuse_a_session_whose_client_is_silent_is_replaced() {
    let config = with(SecondLogin::Refuse, quick(config()));
    let mut fixture = Fixture::with(config, Ask(by_name)).await;
    let silent = log_in(Raw::connect(fixture.addr()).await, "ann").await;
    let server = fixture.server.clone();
    until("it is suspect", || server.sessions()[0].suspected.is_some()).await;
    let mut later = Raw::join(fixture.addr(), "ann").await;
    assert_eq!(is_still_in(silent).await.code(), Some(REPLACED));
    fixture.ends_as(Cause::ReplacedByLogin, Phase::Live).await;
    later.echo(b"alive").await;
}

#[tokio::test]
async fn a_name_on_the_clients_word_ends_no_session_unless_the_operator_says_so() {
    let auto = SecondLogin::Auto;
    let servers = [
        (Fixture::with(config(), Anonymous).await, SecondLogin::Allow),
        (
            Fixture::with(config(), Ask(by_name)).await,
            SecondLogin::Replace,
        ),
        (
            Fixture::with(with(SecondLogin::Refuse, config()), Anonymous).await,
            SecondLogin::Refuse,
        ),
    ];
    for (fixture, policy) in servers {
        assert_eq!(fixture.server.second_login(), policy);
    }
    let chosen = [
        (auto, SecondLogin::Allow, SecondLogin::Allow),
        (auto, SecondLogin::Refuse, SecondLogin::Refuse),
        (auto, auto, SecondLogin::Replace),
        (
            SecondLogin::Replace,
            SecondLogin::Allow,
            SecondLogin::Replace,
        ),
    ];
    for (of_config, of_game, policy) in chosen {
        let builder = Server::builder().config(with(of_config, config()));
        let builder = builder.listen("127.0.0.1:0").authenticator(Ask(by_name));
        let builder = builder.second_login(of_game);
        let server = builder.serve(|_: &Player| Echo).await.unwrap();
        assert_eq!(server.second_login(), policy, "{of_config} {of_game}");
    }
}

#[tokio::test]
async fn players_without_a_name_are_never_the_same_player() {
    let fixture = fixture(SecondLogin::Replace).await;
    let mut clients = Vec::new();
    for _ in 0..5 {
        clients.push(Raw::join(fixture.addr(), "").await);
    }
    for client in &mut clients {
        client.echo(b"alive").await;
    }
    assert_eq!(fixture.server.stats().sessions_open, 5);
}

#[tokio::test]
async fn a_name_is_found_as_it_is_and_as_records_show_it() {
    let fixture = fixture(SecondLogin::Replace).await;
    let raw = "a\u{1b}n";
    let shown = "a<U+001B>n";
    let _one = Raw::join(fixture.addr(), raw).await;
    let _other = Raw::join(fixture.addr(), shown).await;
    let found = |name: &str| fixture.server.find(name).len();
    assert_eq!((found(raw), found(shown), found("an")), (1, 2, 0));
    let kick = lastword_server::Kick::default;
    assert_eq!(fixture.server.kick_player(raw, kick()), 1);
    assert_eq!(fixture.server.kick_player("an", kick()), 0);
}
