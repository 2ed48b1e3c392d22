//! The built-in games: one sends each frame back, and one also carries out the commands of a storm's clients.

use std::future::pending;
use std::panic::resume_unwind;
use std::sync::Arc;

use clap::ValueEnum;
use lastword::config::SecondLogin;
use lastword::{
    Anonymous, Authenticator, BindError, Builder, Context, Credentials, GameCode, Handler, Kick,
    Player, Refusal, ServerHandle,
};
use lastword_load::{Action, ObeyingGame};

/// Which game is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Game {
    /// Sends each frame back
    Echo,
    /// Sends each frame back, and obeys a client's command to kick, close, flood or panic: only for `lastword storm`
    Storm,
}

impl Game {
    pub(crate) async fn serve(self, builder: Builder) -> Result<ServerHandle, BindError> {
        match self {
            Self::Echo => builder.serve(|_: &Player| Echo).await,
            Self::Storm => {
                tracing::warn!("every player may end its session in every way: this is for storms");
                obey(builder).await
            }
        }
    }
}

/// Serves the game that carries out the commands of a storm's clients.
pub(crate) async fn obey(builder: Builder) -> Result<ServerHandle, BindError> {
    let obedient = obedient();
    // The clients name themselves, so no name may end another's session.
    let builder = builder
        .authenticator(Obeying)
        .second_login(SecondLogin::Allow);
    builder.serve(move |_: &Player| obedient()).await
}

/// Makes the handlers of one such game.
pub(crate) fn obedient() -> impl Fn() -> Obedient + Send + Sync + 'static {
    let game = Arc::new(ObeyingGame::default());
    move || Obedient(Arc::clone(&game))
}

/// Sends each frame back.
#[derive(Debug)]
pub(crate) struct Echo;

impl Handler for Echo {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        if let Err(error) = context.send(payload) {
            // If the error ends the session, the record of the end has the details.
            tracing::debug!(%error, session = %context.session(), "a frame was not sent back");
        }
    }
}

/// Carries out each command, and sends every other frame back.
#[derive(Debug)]
pub(crate) struct Obedient(Arc<ObeyingGame>);

impl Handler for Obedient {
    fn frame(&mut self, context: &mut Context<'_, '_>, payload: &[u8]) {
        match self.0.action(payload) {
            Action::Answer(payload) => Echo.frame(context, &payload),
            Action::Kick(code, reason) => {
                let kick = Kick::because(reason);
                let code = GameCode::new(code);
                context.kick(code.map_or(kick.clone(), |code| kick.with_code(code)));
            }
            Action::Close => context.close(),
            // Without the panic hook, because the panic was asked for.
            Action::Panic => resume_unwind(Box::new("asked for")),
            Action::Flood => while context.send(&[0; FLOOD_BYTES]).is_ok() {},
        }
    }
}

/// Accepts every player, except those whose credentials ask for another answer.
#[derive(Debug)]
pub(crate) struct Obeying;

impl Authenticator for Obeying {
    async fn authenticate(&self, credentials: Credentials) -> Result<Player, Refusal> {
        let asked = credentials.bytes.as_ref();
        if asked == ObeyingGame::AUTH_NEVER.as_bytes() {
            return pending().await;
        }
        if asked == ObeyingGame::AUTH_DOWN.as_bytes() {
            return Err(Refusal::unavailable("asked for"));
        }
        Anonymous.authenticate(credentials).await
    }
}

/// The smallest frame limit that a configuration may set.
const FLOOD_BYTES: usize = 1_024;
