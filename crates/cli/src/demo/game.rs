//! The game of the demo: it carries out its clients' commands, and reports suspect clients to the
//! state.

use lastword::config::SecondLogin;
use lastword::{
    Authenticator, BindError, Builder, Context, Credentials, Handler, Link, Player, Refusal,
    ServerHandle,
};

use super::cable::is_in_lab;
use super::state::Shared;
use crate::game::{Obedient, Obeying, obedient};
use crate::quick;

/// Serves the game.
pub(crate) async fn serve(builder: Builder, state: &Shared) -> Result<ServerHandle, BindError> {
    let (obedient, state) = (obedient(), state.clone());
    let make = move |player: &Player| Watched {
        name: player.id.clone().unwrap_or_default(),
        state: state.clone(),
        game: obedient(),
    };
    // The clients name themselves.
    let builder = builder.authenticator(Gate).second_login(SecondLogin::Allow);
    builder.serve(make).await
}

/// One player's game.
#[derive(Debug)]
struct Watched {
    name: String,
    state: Shared,
    game: Obedient,
}

impl Handler for Watched {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        self.game.frame(context, payload);
    }

    fn link(&mut self, _context: &mut Context<'_, '_>, link: Link) {
        let diagnosis = match link {
            Link::Suspect(diagnosis) => Some(diagnosis.label().to_owned()),
            Link::Healthy => None,
            Link::Congested | Link::Flowing | Link::RateLimited | Link::WithinRate | _ => return,
        };
        let name = self.name.clone();
        self.state.with(|state| state.suspected(name, diagnosis));
    }
}

/// Gives the clients of the lab a profile whose dead limit is short enough to watch.
#[derive(Debug)]
struct Gate;

impl Authenticator for Gate {
    async fn authenticate(&self, credentials: Credentials) -> Result<Player, Refusal> {
        let player = Obeying.authenticate(credentials).await?;
        if player.id.as_deref().is_some_and(is_in_lab) {
            return Ok(player.with_profile(quick::NAME));
        }
        Ok(player)
    }
}
