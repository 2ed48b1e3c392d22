//! The actions of an operator with the token: kick a player, drain the server, reload its configuration.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use lastword_server::{
    Address, Advice, GameCode, Kick, Message, ReloadError, ServerHandle, SessionId,
};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// The player to kick, and the message to it.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct KickRequest {
    session: Option<String>,
    /// The whole name, unchanged or as records show it.
    player: Option<String>,
    /// The game's code, from 4096.
    code: Option<u16>,
    #[serde(default)]
    reason: String,
    /// The label of an [`Advice`].
    advice: Option<String>,
    /// Where to go instead.
    address: Option<String>,
    delay_ms: Option<u32>,
}

/// The target of a kick.
#[derive(Debug, PartialEq, Eq)]
enum KickTarget {
    Session(SessionId),
    /// Each of the player's sessions.
    Player(String),
}

/// The time in which sessions must leave.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct DrainRequest {
    /// If it is missing, the value of the configuration is used. This applies to the other fields, too.
    timeout_ms: Option<u32>,
    reason: Option<String>,
    /// Where to go instead.
    address: Option<String>,
    delay_ms: Option<u32>,
}

type Answer = (StatusCode, String);

/// Kicks a player.
pub(crate) async fn kick(State(server): State<ServerHandle>, body: Bytes) -> Answer {
    let asked = read::<KickRequest>(&body, KICK).and_then(KickRequest::parse);
    let (target, kick) = match asked {
        Ok(asked) => asked,
        Err(words) => return (StatusCode::BAD_REQUEST, words),
    };
    let sessions = match target {
        KickTarget::Session(session) => match server.kick(session, kick) {
            Ok(()) => {
                tracing::info!(%session, "an operator kicks a player");
                1
            }
            Err(error) => return (StatusCode::NOT_FOUND, format!("{error}\n")),
        },
        // This reads every session, so it does not run on a thread that drives them.
        KickTarget::Player(player) => {
            let name = player.clone();
            let kicked = tokio::task::spawn_blocking(move || server.kick_player(&name, kick));
            match kicked.await {
                Ok(0) => return (StatusCode::NOT_FOUND, NO_SUCH_PLAYER.to_owned()),
                Ok(sessions) => {
                    let player = player.escape_debug().to_string();
                    tracing::info!(player, sessions, "an operator kicks a player");
                    sessions
                }
                Err(error) => {
                    tracing::error!(%error, "a player was not kicked");
                    return (StatusCode::INTERNAL_SERVER_ERROR, String::new());
                }
            }
        }
    };
    let plural = if sessions == 1 { "" } else { "s" };
    (
        StatusCode::ACCEPTED,
        format!("kicked {sessions} session{plural}\n"),
    )
}

/// Begins the drain.
pub(crate) async fn drain(State(server): State<ServerHandle>, body: Bytes) -> Answer {
    let asked = if body.is_empty() {
        Ok(DrainRequest::default())
    } else {
        read::<DrainRequest>(&body, DRAIN)
    };
    let asked = asked.and_then(|asked| asked.parse(server.drain_message()));
    let (timeout, message) = match asked {
        Ok(asked) => asked,
        Err(words) => return (StatusCode::BAD_REQUEST, words),
    };
    let timeout = timeout.unwrap_or_else(|| server.drain_timeout());
    tracing::info!(?timeout, "an operator drains the server");
    server.begin_drain_with(timeout, message);
    (StatusCode::ACCEPTED, "draining\n".to_owned())
}

/// Reads the configuration again, from the file that the server was started with.
pub(crate) async fn reload(State(server): State<ServerHandle>, body: Bytes) -> Answer {
    if !body.is_empty() {
        return (StatusCode::BAD_REQUEST, NO_UPLOAD.to_owned());
    }
    tracing::info!("an operator reloads the configuration");
    match tokio::task::spawn_blocking(move || server.reload()).await {
        Ok(Ok(reload)) => (StatusCode::OK, format!("{reload}\n")),
        Ok(Err(error @ ReloadError::NoSource)) => (StatusCode::CONFLICT, format!("{error}\n")),
        Ok(Err(ReloadError::Refused(lines))) => (
            StatusCode::UNPROCESSABLE_ENTITY,
            format!("{}\n", lines.join("\n")),
        ),
        Err(error) => {
            tracing::error!(%error, "the configuration was not reloaded");
            (StatusCode::INTERNAL_SERVER_ERROR, String::new())
        }
    }
}

impl KickRequest {
    fn parse(self) -> Result<(KickTarget, Kick), String> {
        let target = match (self.session, self.player) {
            (Some(session), None) => {
                let session = session.parse();
                KickTarget::Session(session.map_err(|error| format!("`session`: {error}\n"))?)
            }
            (None, Some(player)) => KickTarget::Player(player),
            (None, None) => return Err(NOBODY.to_owned()),
            (Some(_), Some(_)) => return Err(BOTH.to_owned()),
        };
        let mut kick = Kick::because(self.reason);
        if let Some(code) = self.code {
            let code = GameCode::new(code).ok_or_else(|| {
                format!("`code` is {code}; allowed is 4096 to 65535, the game's own\n")
            })?;
            kick = kick.with_code(code);
        }
        if let Some(label) = self.advice {
            let advice = Advice::ALL
                .into_iter()
                .find(|advice| advice.label() == label);
            kick = kick.with_advice(advice.ok_or_else(|| {
                let allowed = Advice::ALL.map(Advice::label).join(", ");
                format!("`advice` is no advice; allowed is {allowed}\n")
            })?);
        }
        if let Some(delay_ms) = self.delay_ms {
            kick = kick.with_delay(from_ms(delay_ms));
        }
        if let Some(address) = self.address {
            kick = kick.with_address(parse_address(address)?);
        }
        Ok((target, kick))
    }
}

impl DrainRequest {
    /// Returns the timeout, if there is one, and `message` with what the request changes in it.
    fn parse(self, mut message: Message) -> Result<(Option<Duration>, Message), String> {
        if let Some(reason) = self.reason {
            message = message.with_reason(reason);
        }
        if let Some(delay_ms) = self.delay_ms {
            message = message.with_delay(from_ms(delay_ms));
        }
        if let Some(address) = self.address {
            message = message.with_address(parse_address(address)?);
        }
        Ok((self.timeout_ms.map(from_ms), message))
    }
}

fn parse_address(text: String) -> Result<Address, String> {
    Address::new(text).map_err(|error| format!("`address`: {error}\n"))
}

fn from_ms(ms: u32) -> Duration {
    Duration::from_millis(u64::from(ms))
}

/// Reads a body; `example` shows a valid one.
fn read<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, String> {
    if body.is_empty() {
        return Err(format!("there is no body: send JSON such as {example}\n"));
    }
    serde_json::from_slice(body).map_err(|error| {
        format!("this body is not allowed: {error}; send JSON such as {example}\n")
    })
}

const KICK: &str = r#"{"player":"ann","reason":"enough"}"#;
const DRAIN: &str = r#"{"timeout_ms":30000}"#;
const NOBODY: &str = "`session` and `player` are both missing; name one of them: a session by its id, or a player by \
    the whole name, whose sessions are all kicked\n";
const BOTH: &str = "`session` and `player` are both given; name one of them\n";
const NO_UPLOAD: &str =
    "a reload takes no body: the server reads the file that it was started with\n";
const NO_SUCH_PLAYER: &str =
    "there is no live session of a player with this name; /api/sessions lists the live sessions\n";

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<(KickTarget, Kick), String> {
        read::<KickRequest>(json.as_bytes(), KICK).and_then(KickRequest::parse)
    }

    #[test]
    fn a_kick_has_a_session_or_a_player_and_may_have_a_code_words_and_advice() {
        let id = SessionId::from_bytes([7; 16]);
        let all = format!(
            r#"{{"session":"{id}","code":4096,"reason":"no","advice":"do_not","delay_ms":900,"address":"eu2:7000"}}"#
        );
        let (target, kick) = parse(&all).unwrap();
        assert_eq!(target, KickTarget::Session(id));
        let code = GameCode::new(4096).unwrap();
        let asked = Kick::because("no")
            .with_code(code)
            .with_delay(Duration::from_millis(900))
            .with_address(Address::new("eu2:7000").unwrap());
        assert_eq!(kick, asked);
        let (_, kick) = parse(&format!(r#"{{"session":"{id}","advice":"do_not"}}"#)).unwrap();
        assert_eq!(kick, Kick::default().with_advice(Advice::DoNot));
        assert_eq!(
            parse(&format!(r#"{{"session":"{id}"}}"#)).unwrap().1,
            Kick::default()
        );
        let (target, kick) = parse(r#"{"player":"ann","reason":"no"}"#).unwrap();
        let ann = KickTarget::Player("ann".to_owned());
        assert_eq!((target, kick), (ann, Kick::because("no")));
    }

    #[test]
    fn a_drain_changes_what_it_names_and_keeps_the_rest_of_the_configuration() {
        let configured = Message::default().with_reason("restart");
        let parse = |json: &str| {
            let asked = read::<DrainRequest>(json.as_bytes(), DRAIN).unwrap();
            asked.parse(configured.clone())
        };
        assert_eq!(parse("{}"), Ok((None, configured.clone())));
        let moved = configured
            .clone()
            .with_delay(Duration::from_millis(900))
            .with_address(Address::new("eu2:7000").unwrap());
        let all = r#"{"timeout_ms":5,"delay_ms":900,"address":"eu2:7000"}"#;
        assert_eq!(parse(all), Ok((Some(Duration::from_millis(5)), moved)));
        let words = parse(r#"{"reason":"we move"}"#).unwrap().1;
        assert_eq!(words.reason(), "we move");
        let refused = parse(r#"{"address":"eu2 7000"}"#).unwrap_err();
        assert!(refused.starts_with("`address`: an address for clients has 1 to 255 bytes"));
    }

    #[test]
    fn a_kick_names_a_session_or_a_player_and_not_both() {
        let id = SessionId::from_bytes([7; 16]);
        assert_eq!(parse("{}").unwrap_err(), NOBODY);
        let both = format!(r#"{{"session":"{id}","player":"ann"}}"#);
        assert_eq!(parse(&both).unwrap_err(), BOTH);
    }

    #[test]
    fn a_body_that_is_none_is_answered_with_one_that_is() {
        for (json, word) in [
            ("", "there is no body"),
            ("ann", "this body is not allowed: "),
            ("[]", "an object"),
            (r#"{"player":3}"#, "expected a string"),
        ] {
            let refused = parse(json).unwrap_err();
            assert!(refused.contains(word), "{refused}");
            assert!(refused.ends_with(&format!("; send JSON such as {KICK}\n")) || json.is_empty());
            assert!(
                refused.contains(KICK) && !refused.contains("KickRequest"),
                "{refused}"
            );
        }
    }

    #[test]
    fn an_invalid_kick_is_refused_with_what_is_allowed() {
        let id = SessionId::from_bytes([7; 16]);
        for (rest, word) in [
            (r#""code":4095"#, "4096 to 65535"),
            (r#""advice":"run""#, "may_reconnect, after_delay"),
            (r#""words":"x""#, "unknown field `words`"),
            (r#""address":"""#, "`address`: an address for clients"),
        ] {
            let refused = parse(&format!(r#"{{"session":"{id}",{rest}}}"#)).unwrap_err();
            assert!(refused.contains(word), "{refused}");
        }
        assert!(
            parse(r#"{"session":"ann"}"#)
                .unwrap_err()
                .contains("32 hexadecimal")
        );
    }
}
