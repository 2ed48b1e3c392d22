//! Ways that need an obeying game and authenticator.

use lastword_session::wire::{GAME_CODE_MIN, Kind};
use lastword_session::{Cause, Phase};

use super::Leaves::{Close, Read, ReadLate};
use super::Way;
use crate::ObeyingGame;
use crate::command::Command;

pub(super) static WAYS: &[Way] = &[
    Way::live(
        "kicked",
        "asks to be thrown out, and reads why",
        |last| last.command(Command::Kick(KICK_CODE, "asked for it")),
        Read,
        Cause::Kicked,
    )
    .told_with(KICK_CODE)
    .with_the_game(),
    Way::live(
        "closed",
        "asks the game to close its session",
        |last| last.command(Command::Close),
        Read,
        Cause::ClosedByGame,
    )
    .told()
    .with_the_game(),
    Way::live(
        "panicked",
        "makes the game panic",
        |last| last.command(Command::Panic),
        Read,
        Cause::HandlerPanicked,
    )
    .told()
    .with_the_game(),
    Way::live(
        "flooded",
        "is sent more than its queue holds, and reads late",
        |last| last.command(Command::Flood),
        ReadLate,
        Cause::SendQueueFull,
    )
    .told()
    .with_the_game(),
    Way::early(
        "auth_timeout",
        "waits for an authenticator that never decides",
        |last| last.hello(ObeyingGame::AUTH_NEVER),
        Read,
        Cause::AuthTimeout,
        Phase::Auth,
    )
    .told()
    .with_the_game(),
    Way::early(
        "auth_down",
        "comes while the authenticator is down",
        |last| last.hello(ObeyingGame::AUTH_DOWN),
        Read,
        Cause::AuthUnavailable,
        Phase::Auth,
    )
    .told()
    .with_the_game(),
    Way::early(
        "auth_fin",
        "closes while the authenticator thinks",
        |last| last.hello(ObeyingGame::AUTH_NEVER),
        Close,
        Cause::PeerFin,
        Phase::Auth,
    )
    .with_the_game(),
    Way::early(
        "auth_goodbye",
        "says goodbye while the authenticator thinks",
        |last| {
            last.hello(ObeyingGame::AUTH_NEVER);
            last.goodbye();
        },
        Read,
        Cause::PeerGoodbye,
        Phase::Auth,
    )
    .with_the_game(),
    Way::early(
        "auth_violation",
        "sends a frame before it is welcome",
        |last| {
            last.hello(ObeyingGame::AUTH_NEVER);
            last.frame(Kind::Data, b"too early");
        },
        Read,
        Cause::ProtocolViolation,
        Phase::Auth,
    )
    .told()
    .with_the_game(),
];

/// A code of the game.
const KICK_CODE: u16 = GAME_CODE_MIN + 615;
