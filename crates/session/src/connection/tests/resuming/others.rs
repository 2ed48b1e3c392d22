//! Faults that other projects shipped in what they call resume, recovery or takeover. Each test has the name of its thread.

use std::sync::Arc;
use std::time::Duration;

use crate::{DepartureCause, Outbound, Refusal};

use super::super::harness::{Seen, payloads, secs};
use super::lives::{Lives, WINDOW, patient};

/// colyseus/colyseus#950: the late leave of the older connection removed the player that had come back.
#[test]
fn colyseus_950_old_leave() {
    let mut lives = Lives::live();
    let (next, knock) = lives.dials();
    let mut older = lives.adopts(next, &knock.expect("it is valid"));
    lives.pair.run();
    let now = older.now;
    older.up.reset(now);
    older.advance(secs(10));
    assert!(older.server.ending.is_some() && older.server.departed.is_none());
    assert!(lives.pair.server.connection().is_live() && lives.pair.server.left.is_none());
    lives.pair.client_sends(b"still here");
    assert_eq!(payloads(&lives.pair.server.seen), [b"still here"]);
}

/// colyseus/colyseus#962: a wrong token stopped the timer of the session, and its player could not come back.
#[test]
fn colyseus_962_wrong_token() {
    for comes_back in [true, false] {
        let mut lives = Lives::away();
        let until = lives.pair.server.wake_at;
        let token = lives.token.clone();
        lives.token[31] ^= 1;
        let (refused, knock) = lives.dials();
        assert_eq!(knock, Err(Refusal::Stale));
        lives.pair.client = refused.client;
        lives.token = token;
        match comes_back {
            true => lives.comes_back(),
            false => {
                assert_eq!(lives.pair.server.wake_at, until);
                lives.pair.advance(WINDOW);
                assert_eq!(lives.pair.server.left, Some(DepartureCause::ResumeExpired));
            }
        }
    }
}

/// emqx/emqx#6393: messages that came while a session was taken over were lost.
#[test]
fn emqx_6393_during_takeover() {
    let mut lives = Lives::with(patient());
    let config = Arc::clone(&lives.config);
    let leaves = |lives: &mut Lives, payload: &[u8]| {
        let (now, mailbox) = (lives.pair.now, &mut lives.pair.server.mailbox);
        let sent = mailbox.send(&config, now, Outbound::Kept, payload);
        assert_eq!(sent, Ok(()));
    };
    leaves(&mut lives, b"0");
    let (next, knock) = lives.dials();
    leaves(&mut lives, b"1");
    drop(lives.adopts(next, &knock.expect("it is valid")));
    leaves(&mut lives, b"2");
    lives.pair.run();
    lives.pair.server_sends(b"3");
    assert_eq!(payloads(&lives.pair.client.seen).concat(), b"0123");
}

/// emqx/emqx#18585: it depended on chance whether the end of the older connection or the new one won.
#[test]
fn emqx_18585_both_orders() {
    for ends_first in [true, false] {
        let mut lives = Lives::live();
        let now = lives.pair.now;
        lives.pair.server_sends(b"s0");
        let (next, knock) = lives.dials();
        let knock = knock.expect("it is valid");
        if ends_first {
            lives.pair.up.reset(now);
            lives.pair.run();
        }
        let mut older = lives.adopts(next, &knock);
        older.up.reset(now);
        older.run();
        lives.pair.run();
        assert_eq!(lives.pair.server.seen, [Seen::Back], "{ends_first}");
        assert!(older.server.lost.is_some() && older.server.departed.is_none());
        let counts = [&lives.pair.server, &lives.pair.client].map(|end| end.connection().frames());
        assert_eq!(counts, [(0, 1), (1, 0)], "{ends_first}");
    }
}

/// dotnet/aspnetcore#55575: one way to send did not count, so both ends had other counts.
#[test]
fn aspnetcore_55575_two_counters() {
    let mut lives = Lives::with(patient());
    let config = Arc::clone(&lives.config);
    let ways = [Outbound::Kept, Outbound::Droppable, Outbound::Latest(1)];
    for is_away in [false, true] {
        if is_away {
            lives.is_cut();
        }
        for how in ways {
            let (now, server) = (lives.pair.now, &mut lives.pair.server);
            let in_place = server.connection_mut().send_as(now, how, b"in place");
            assert_eq!(in_place, Ok(()));
            let elsewhere = server.mailbox.send(&config, now, how, b"elsewhere");
            assert_eq!(elsewhere, Ok(()));
            lives.pair.run();
        }
    }
    lives.comes_back();
    let counts = [&lives.pair.server, &lives.pair.client].map(|end| end.connection().frames());
    assert_eq!(counts[0].1, counts[1].0);
    lives.pair.advance(secs(2));
    let connection = lives.pair.server.connection();
    assert_eq!(connection.held_bytes(), 0, "all is acknowledged");
}

/// dotnet/MQTTnet#1756: a session whose time was over could be resumed, since nothing had looked at its time.
#[test]
fn mqttnet_1756_expired_resumes() {
    for (early, expected) in [(true, Ok(())), (false, Err(Refusal::Stale))] {
        let mut lives = Lives::away();
        let left = lives.pair.server.wake_at.since(lives.pair.now);
        // The server has not looked at its clock since.
        lives.pair.now = lives.pair.now + (left - Duration::from_micros(u64::from(early)));
        let (_next, knock) = lives.dials();
        assert_eq!(knock.map(drop), expected, "{early}");
    }
}

/// openfrontio/OpenFrontIO#1630: a player that had come back stayed marked as gone.
#[test]
fn openfront_1630_never_back() {
    let mut lives = Lives::live();
    for round in 0..5 {
        // Every other time the older connection looks alive.
        if round % 2 == 0 {
            lives.is_cut();
        }
        let (next, knock) = lives.dials();
        let older = lives.adopts(next, &knock.expect("it is valid"));
        assert!(older.server.lost.is_some(), "{round}");
        lives.pair.run();
        lives.reads_welcome();
        assert_eq!(lives.pair.server.seen, [Seen::Back], "{round}");
        lives.pair.server.seen.clear();
        lives.pair.advance(secs(2));
    }
}

/// A token that a lost answer had spent (dreamland#906): the player was locked out.
#[test]
fn dreamland_906_token_spent() {
    let mut lives = Lives::away();
    for _ in 0..4 {
        let (mut next, knock) = lives.dials();
        next.down.is_cut = true;
        drop(lives.adopts(next, &knock.expect("it is still valid")));
        lives.pair.advance(secs(1));
        assert!(lives.pair.client.connection().lives_on());
    }
    lives.comes_back();
    lives.pair.server_sends(b"s0");
    assert_eq!(payloads(&lives.pair.client.seen), [b"s0"]);
}
