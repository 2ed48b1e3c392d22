//! Tests whether the game does what a storm needs: it sends back each frame and nothing else, and obeys if the
//! scenario needs that. A game that sends frames of its own and a game that does not echo get different errors.

use std::time::Duration;

use lastword_session::wire::Kind;
use tokio::time::timeout;

use crate::command::Command;
use crate::error::NotAnEcho;
use crate::frames::frame;
use crate::socket::{Raw, goodbye_code};
use crate::{Fault, Scenario};

/// Why a game does not suit a storm.
#[derive(Debug)]
pub(crate) enum Unfit {
    /// The game does not obey.
    DoesNotObey,
    /// The game does not send frames back.
    DoesNotEcho(NotAnEcho),
    /// The game sends frames of its own.
    SpeaksUnasked {
        /// The payload bytes of the first such frame.
        bytes: usize,
    },
    /// The client met another fault.
    Fault(Fault),
}

/// Tests the game in a session that has just been welcomed. Returns how many frames the game was handed in all;
/// `None` if the scenario does not need a game that obeys.
pub(crate) async fn try_game(raw: &mut Raw, scenario: &Scenario) -> Result<Option<u64>, Unfit> {
    stays_silent(raw, SILENCE_BEFORE).await?;
    let needs_the_game = scenario.needs_the_game();
    if !needs_the_game && scenario.frames.1 == 0 {
        return Ok(None);
    }
    let obey = Command::Obey.payload();
    let answer = echoed(raw, &obey, &[Command::OBEYED, &obey]).await;
    if needs_the_game && !matches!(&answer, Ok(answer) if answer == Command::OBEYED) {
        return Err(match answer {
            Err(Unfit::SpeaksUnasked { bytes }) => Unfit::SpeaksUnasked { bytes },
            _ => Unfit::DoesNotObey,
        });
    }
    answer?;
    echoed(raw, ECHOED, &[ECHOED]).await?;
    stays_silent(raw, SILENCE_AFTER).await?;
    if !needs_the_game {
        return Ok(None);
    }
    taken(raw).await.map(Some).map_err(Unfit::Fault)
}

/// Asks a game that obeys how many frames it was handed in all.
pub(crate) async fn taken(raw: &mut Raw) -> Result<u64, Fault> {
    say(raw, &Command::Taken.payload()).await?;
    let answered = timeout(ANSWER, heard(raw)).await;
    let answered = answered.map_err(|_| Fault::TooLong {
        step: "asking the game what it was handed",
        after: ANSWER,
    })?;
    let Heard::Data(payload) = answered else {
        return Err(Fault::EchoMissing { missing: 1 });
    };
    Command::count_of(&payload).ok_or(Fault::EchoDiffers)
}

/// Checks that no frame arrives in this time. Each of our frames was answered, so a frame would be
/// the game's own.
async fn stays_silent(raw: &mut Raw, silence: Duration) -> Result<(), Unfit> {
    match timeout(silence, heard(raw)).await {
        Err(_) => Ok(()),
        Ok(Heard::Data(payload)) => Err(Unfit::SpeaksUnasked {
            bytes: payload.len(),
        }),
        Ok(Heard::End(code)) => Err(Unfit::DoesNotEcho(NotAnEcho::Ended(code))),
    }
}

/// Sends a payload and waits for one of the expected answers.
async fn echoed(raw: &mut Raw, payload: &[u8], due: &[&[u8]]) -> Result<Vec<u8>, Unfit> {
    say(raw, payload).await.map_err(Unfit::Fault)?;
    let mut other = None;
    let listening = async {
        loop {
            match heard(raw).await {
                Heard::Data(payload) if due.contains(&&*payload) => return Ok(payload),
                Heard::Data(payload) => other = other.or(Some(payload.len())),
                Heard::End(code) => return Err(NotAnEcho::Ended(code)),
            }
        }
    };
    let answer = timeout(ANSWER, listening).await;
    match (answer.unwrap_or(Err(NotAnEcho::NoAnswer(ANSWER))), other) {
        // The answer came, but after another frame.
        (Ok(_), Some(bytes)) => Err(Unfit::SpeaksUnasked { bytes }),
        (Ok(payload), None) => Ok(payload),
        (Err(_), Some(_)) => Err(Unfit::DoesNotEcho(NotAnEcho::Differs)),
        (Err(how), None) => Err(Unfit::DoesNotEcho(how)),
    }
}

async fn say(raw: &mut Raw, payload: &[u8]) -> Result<(), Fault> {
    let mut bytes = Vec::new();
    frame(Kind::Data, payload, &mut bytes);
    raw.write(&bytes).await
}

/// The next event of the game.
enum Heard {
    Data(Vec<u8>),
    /// The end, with the code of its goodbye if there was one.
    End(Option<u16>),
}

async fn heard(raw: &mut Raw) -> Heard {
    while let Some(frame) = raw.frame().await {
        match frame.kind {
            Some(Kind::Data) => return Heard::Data(frame.payload),
            Some(Kind::Goodbye) => {
                return Heard::End(goodbye_code(&frame.payload));
            }
            // Frames of the layer are not an answer of the game.
            Some(
                Kind::Ping
                | Kind::Pong
                | Kind::Ack
                | Kind::Notice
                | Kind::Extension(_)
                | Kind::Hello
                | Kind::Welcome,
            )
            | None => {}
        }
    }
    Heard::End(None)
}

/// How long the storm listens before it sends a frame: longer than a tick of a game that ticks once a second.
const SILENCE_BEFORE: Duration = Duration::from_millis(1_100);
/// How long the storm listens after the last answer, to find a game that sends more frames than it
/// received.
const SILENCE_AFTER: Duration = Duration::from_millis(200);
/// The longest wait for an answer.
const ANSWER: Duration = Duration::from_secs(5);
const ECHOED: &[u8] = b"send this back";
