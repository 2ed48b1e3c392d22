//! The peer's last word: what its kernel got across reaches the game before the end does, however slow the game.

mod close;
mod game;
mod reset;
mod stalled;
