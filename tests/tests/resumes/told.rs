//! Both ends of a lost connection: what the client tells of it, and what the server makes of that.

use lastword_server::{BothEnds, Cause, Previous};
use lastword_tests::{EndCollector, until};

use crate::LONG;
use crate::game::{Game, Heard, Shape};
use crate::player::{Answer, Player};

async fn is_away(game: &Game) {
    until("the session is away", || {
        game.server.stats().sessions_suspended == 1
    })
    .await;
}

/// A reset, as the client saw it.
fn reset_of(connection: u32) -> Previous {
    Previous {
        connection,
        attempt: 1,
        cause: Cause::PeerReset.code(),
        ended_ms: 20,
        silence_ms: 1_500,
        slept: true,
        ..Previous::default()
    }
}

#[tokio::test]
async fn two_resets_name_something_between_the_ends() {
    let mut game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    ann.is_reset();
    let end = game.ends.end().await;
    assert_eq!((end.cause(), end.told), (Cause::PeerReset, None));
    is_away(&game).await;
    ann.tells = Some(reset_of(1));
    ann.comes_back(addr).await;
    let told = game.ends.told().await;
    assert_eq!((told.seq, told.connection), (end.seq, 1));
    assert_eq!(Some(told.session), end.session);
    assert_eq!(told.player.as_deref(), Some("ann"));
    assert_eq!(told.cause, Cause::PeerReset);
    assert_eq!(told.told.both_ends, BothEnds::Between);
    assert_eq!(told.told.previous, reset_of(1));
    assert_eq!(
        told.to_string(),
        "the server saw a reset, the client saw a reset: neither end did that, so something between them did"
    );
    let saw = ann.server_saw.expect("the welcome tells the other side");
    assert_eq!((saw.connection, saw.cause), (1, Cause::PeerReset.code()));
}

/// The record of a connection that looks alive is written after the client has told its side.
#[tokio::test]
async fn a_reset_that_reached_the_client_alone_is_seen_as_such() {
    let mut game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    ann.tells = Some(reset_of(1));
    let older = ann.comes_back(addr).await;
    game.hears(&Heard::Back(2)).await;
    assert_eq!(game.ends.more_told(), 0, "there is no record yet");
    drop(older);
    let end = game.ends.end().await;
    assert_eq!(end.cause(), Cause::SupersededByResume);
    let told = game.ends.told().await;
    assert_eq!((told.seq, told.cause), (end.seq, end.cause()));
    assert_eq!(told.told.both_ends, BothEnds::OnlyClient);
}

/// A hello that is refused tells nothing, and an account of a connection that never was belongs nowhere.
#[tokio::test]
async fn an_account_changes_nothing_and_joins_only_a_connection_that_was_lost() {
    let mut game = Game::start(Shape::Handler, LONG).await;
    let addr = game.server.local_addr();
    let mut ann = Player::join(addr, "ann").await;
    let token = ann.token.clone();
    ann.is_reset();
    let end = game.ends.end().await;
    is_away(&game).await;
    ann.tells = Some(reset_of(1));
    ann.token[0] ^= 1;
    let (answer, _) = ann.knock(addr).await;
    assert!(matches!(answer, Answer::Goodbye { .. }), "{answer:?}");
    ann.exchange(None);
    let refused = game.ends.end().await;
    assert_eq!(refused.cause(), Cause::ResumeRefused);
    ann.token = token;
    let absurd = Previous {
        cause: 0xffff,
        goodbye: 0xfffe,
        ended_ms: u32::MAX,
        silence_ms: u32::MAX,
        paused: true,
        moved: true,
        ..Previous::default()
    };
    for (connection, attempt) in [(0, 2), (7, 3), (u32::MAX, 4), (1, u32::MAX)] {
        ann.tells = Some(Previous {
            connection,
            attempt,
            ..absurd
        });
        comes_back_unlike(&mut game.ends, &mut ann, addr, end.seq).await;
    }
    ann.is_reset();
    let last = game.ends.end().await;
    assert_eq!((last.cause(), last.connection), (Cause::PeerReset, 5));
    is_away(&game).await;
    ann.tells = Some(Previous {
        connection: 5,
        ..absurd
    });
    ann.comes_back(addr).await;
    let told = game.ends.told().await;
    assert_eq!((told.seq, told.cause), (last.seq, Cause::PeerReset));
    let account = told.told.account(told.cause);
    assert_eq!(account.told_cause.as_deref(), Some("code 65535"));
    assert_eq!(account.told_goodbye, Some(0xfffe));
    assert_eq!(game.ends.more_told(), 0);
    assert!(game.server.stats().laws_hold());
}

/// The player comes back, and no record gets its account.
async fn comes_back_unlike(
    ends: &mut EndCollector,
    ann: &mut Player,
    addr: std::net::SocketAddr,
    first: u64,
) {
    let older = ann.comes_back(addr).await;
    ann.says(b"here").await;
    ann.hears().await;
    if let Some(older) = older {
        drop(older);
        let end = ends.end().await;
        assert!(end.seq > first);
        assert_eq!(end.cause(), Cause::SupersededByResume);
    }
    assert_eq!(ends.more_told(), 0);
}
