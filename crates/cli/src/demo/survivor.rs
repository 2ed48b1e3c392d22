//! A player whose connection is cut again and again, and who comes back each time and loses nothing.

use std::net::SocketAddr;
use std::time::Duration;

use lastword::Cause;
use lastword::client::{Connector, ReconnectEvent, ReconnectingClient};
use lastword_load::Ending;
use tokio::time::{Instant, MissedTickBehavior, interval, interval_at};

use super::cut_path::CutPath;
use super::state::{ClientEnding, Origin, Shared};
use super::survival::NAME;

/// Plays until the server says that it ends.
pub(crate) async fn play(server: SocketAddr, state: Shared) {
    let Ok(path) = CutPath::to(server).await else {
        return state.with(|state| state.staying -= 1);
    };
    let Ok(client) = Connector::start().reconnecting(path.addr());
    let player = Player {
        client: client.credentials(NAME).start(),
        path,
        state: state.clone(),
    };
    player.stays().await;
    state.with(|state| state.staying -= 1);
}

struct Player {
    client: ReconnectingClient,
    path: CutPath,
    state: Shared,
}

impl Player {
    async fn stays(mut self) {
        let mut talks = interval(TALK);
        let mut cuts = interval_at(Instant::now() + CUT, CUT);
        for pace in [&mut talks, &mut cuts] {
            pace.set_missed_tick_behavior(MissedTickBehavior::Delay);
        }
        let has_notice = loop {
            tokio::select! {
                biased;
                event = self.client.next_event() => match event {
                    Some(ReconnectEvent::Notice(_)) => break true,
                    Some(event) if self.goes_on(&event) => self.hears(event),
                    _ => break false,
                },
                _ = talks.tick() => self.says(),
                _ = cuts.tick() => self.is_cut(),
            }
        };
        let Self {
            client,
            path,
            state,
        } = self;
        client.goodbye().await;
        if has_notice {
            ends_as(&path, &state, Cause::Drained);
        }
    }

    /// Whether the player stays: until its session has ended, or the demo ends while it has no connection.
    fn goes_on(&self, event: &ReconnectEvent) -> bool {
        let is_closing = self.state.with(|state| state.is_closing);
        match event {
            ReconnectEvent::Lost(_) | ReconnectEvent::Retrying { .. } => !is_closing,
            ReconnectEvent::Ended(end) => {
                // At the end of the demo, the server may cut off a player.
                if !is_closing {
                    let words = format!("{NAME}: {end}");
                    self.state.with(|state| state.report_wrong(words));
                }
                false
            }
            ReconnectEvent::Connected { .. }
            | ReconnectEvent::Frame(_)
            | ReconnectEvent::Notice(_)
            | ReconnectEvent::Link(_)
            | ReconnectEvent::Resumed { .. }
            | _ => true,
        }
    }

    fn hears(&mut self, event: ReconnectEvent) {
        match event {
            ReconnectEvent::Frame(payload) => self.state.with(|state| {
                let next = state.survival.heard;
                state.survival.heard += 1;
                if *payload != next.to_be_bytes() {
                    state.report_wrong(format!("{NAME}: frame {next} is {payload:02x?}"));
                }
            }),
            ReconnectEvent::Resumed { away, .. } => self.state.with(|state| {
                state.survival.returns += 1;
                state.survival.longest_away = state.survival.longest_away.max(away);
            }),
            ReconnectEvent::Connected { .. }
            | ReconnectEvent::Ended(_)
            | ReconnectEvent::Notice(_)
            | ReconnectEvent::Link(_)
            | ReconnectEvent::Lost(_)
            | ReconnectEvent::Retrying { .. }
            | _ => {}
        }
    }

    /// Without a connection the frame waits.
    fn says(&mut self) {
        self.state.with(|state| {
            let next = state.survival.said;
            match self.client.send(next.to_be_bytes()) {
                Ok(()) => state.survival.said += 1,
                // It has not joined yet.
                Err(_) if next == 0 => {}
                Err(error) => state.report_wrong(format!("{NAME}: frame {next}: {error}")),
            }
        });
    }

    fn is_cut(&mut self) {
        if self
            .state
            .with(|state| state.is_closing || state.survival.heard == 0)
        {
            return;
        }
        if self.path.cut() {
            self.state.with(|state| state.survival.cuts += 1);
            ends_as(&self.path, &self.state, Cause::PeerReset);
        }
    }
}

/// The record that the newest connection of the path must have.
fn ends_as(path: &CutPath, state: &Shared, cause: Cause) {
    let client = ClientEnding {
        name: NAME.to_owned(),
        expected: Ending::live(cause),
        origin: Origin::Here,
    };
    if let Some(local) = path.at_server() {
        state.with(|state| state.played(local, client));
    }
}

const TALK: Duration = Duration::from_millis(20);
const CUT: Duration = Duration::from_secs(2);
