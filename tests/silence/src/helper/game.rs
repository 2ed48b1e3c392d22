//! The behaviour of the game in one session, chosen by the name of its player.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use lastword::Session;
use tokio::time::{Interval, MissedTickBehavior, interval, sleep};

use super::accounts::SessionAccount;
use crate::behaviour::Game;

/// Plays until the session has departed.
pub(super) async fn play(mut session: Session, game: Game, account: SessionAccount) {
    if let Game::Stall(seconds) = game {
        sleep(Duration::from_secs(u64::from(seconds))).await;
    }
    sleep(offset(session.player().unwrap_or_default())).await;
    let mut ticks = game.sending().map(|sending| (sending, sending.ticks()));
    loop {
        tokio::select! {
            biased;
            frame = session.recv() => match frame {
                None => return,
                Some(frame) => {
                    account.take(&frame);
                    if game == Game::Echo {
                        send(&session, &account, &frame);
                    }
                }
            },
            sending = tick(ticks.as_mut()) => send_due(&session, &account, sending),
        }
    }
}

/// Sessions send one after the other within a tenth of a second, since real players join at any time.
fn offset(player: &str) -> Duration {
    let number = player
        .rsplit('/')
        .next()
        .and_then(|number| number.parse().ok());
    Duration::from_millis(number.unwrap_or(0_u64) * 37 % 100)
}

/// The frames that a game sends without being asked.
#[derive(Clone, Copy)]
struct Sending {
    frame_bytes: usize,
    every: Duration,
    /// Whether the game continues at each tick while there is room.
    is_endless: bool,
}

impl Game {
    fn sending(self) -> Option<Sending> {
        match self {
            Self::Pour(bytes) => {
                // Ten frames a second, or fewer where frames would be too short to hold their number.
                let frames = (bytes / FRAME_BYTES_MIN).clamp(1, 10);
                Some(Sending {
                    frame_bytes: usize::try_from(bytes / frames).ok()?,
                    every: Duration::from_secs(1) / frames,
                    is_endless: false,
                })
            }
            Self::Flood => Some(Sending {
                frame_bytes: 4_096,
                every: Duration::from_millis(100),
                is_endless: true,
            }),
            Self::Quiet | Self::Echo | Self::Stall(_) => None,
        }
    }
}

impl Sending {
    fn ticks(self) -> Interval {
        let mut ticks = interval(self.every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        ticks
    }
}

async fn tick(ticks: Option<&mut (Sending, Interval)>) -> Sending {
    let Some((sending, ticks)) = ticks else {
        return std::future::pending().await;
    };
    ticks.tick().await;
    *sending
}

fn send_due(session: &Session, account: &SessionAccount, sending: Sending) {
    while has_room(session) {
        let Some(payload) = account.next_payload(sending.frame_bytes) else {
            return;
        };
        send(session, account, &payload);
        if !sending.is_endless {
            return;
        }
    }
}

/// A refused frame was not sent, so the next frame gets its number.
fn send(session: &Session, account: &SessionAccount, payload: &[u8]) {
    if session.send(payload).is_ok() {
        account.sent();
    }
}

/// Polls once and does not wait: a slow reader never gets more than it takes.
fn has_room(session: &Session) -> bool {
    let mut context = Context::from_waker(Waker::noop());
    matches!(
        pin!(session.ready()).poll(&mut context),
        Poll::Ready(Ok(()))
    )
}

const FRAME_BYTES_MIN: u32 = 16;
