//! What an operator with the token can do: throw a player out, and drain the server.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::http::StatusCode;
use lastword_server::{Advice, GameCode, Kick, ServerHandle, SessionId};
use serde::Deserialize;
use serde::de::DeserializeOwned;

/// Which player is thrown out, and what it is told.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KickRequest {
    session: String,
    /// The game's code, from 4096.
    code: Option<u16>,
    #[serde(default)]
    reason: String,
    /// The label of an [`Advice`].
    advice: Option<String>,
}

/// How long players have to leave.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct DrainRequest {
    /// As configured where it is left out.
    timeout_ms: Option<u32>,
}

type Answer = (StatusCode, String);

/// Throws a player out.
pub(crate) async fn kick(State(server): State<ServerHandle>, body: Bytes) -> Answer {
    let asked = read::<KickRequest>(&body).and_then(KickRequest::parse);
    let (session, kick) = match asked {
        Ok(asked) => asked,
        Err(words) => return (StatusCode::BAD_REQUEST, words),
    };
    match server.kick(session, kick) {
        Ok(()) => {
            tracing::info!(%session, "an operator kicks a player");
            (StatusCode::ACCEPTED, "kicked\n".to_owned())
        }
        Err(error) => (StatusCode::NOT_FOUND, format!("{error}\n")),
    }
}

/// Begins the drain.
pub(crate) async fn drain(State(server): State<ServerHandle>, body: Bytes) -> Answer {
    let asked = if body.is_empty() {
        Ok(DrainRequest::default())
    } else {
        read::<DrainRequest>(&body)
    };
    let timeout = match asked {
        Ok(asked) => asked.timeout_ms.map(u64::from).map(Duration::from_millis),
        Err(words) => return (StatusCode::BAD_REQUEST, words),
    };
    let timeout = timeout.unwrap_or_else(|| server.drain_timeout());
    tracing::info!(?timeout, "an operator drains the server");
    server.begin_drain(timeout);
    (StatusCode::ACCEPTED, "draining\n".to_owned())
}

impl KickRequest {
    fn parse(self) -> Result<(SessionId, Kick), String> {
        let session = self.session.parse();
        let session = session.map_err(|error| format!("`session`: {error}\n"))?;
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
        Ok((session, kick))
    }
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, String> {
    serde_json::from_slice(body)
        .map_err(|error| format!("this is not what is asked for: {error}\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(json: &str) -> Result<(SessionId, Kick), String> {
        read::<KickRequest>(json.as_bytes()).and_then(KickRequest::parse)
    }

    #[test]
    fn a_kick_has_a_session_and_may_have_a_code_words_and_advice() {
        let id = SessionId::from_bytes([7; 16]);
        let all = format!(r#"{{"session":"{id}","code":4096,"reason":"no","advice":"do_not"}}"#);
        let (session, kick) = parse(&all).unwrap();
        assert_eq!(session, id);
        let code = GameCode::new(4096).unwrap();
        let asked = Kick::because("no")
            .with_code(code)
            .with_advice(Advice::DoNot);
        assert_eq!(kick, asked);
        assert_eq!(
            parse(&format!(r#"{{"session":"{id}"}}"#)).unwrap().1,
            Kick::default()
        );
    }

    #[test]
    fn what_is_not_allowed_is_told() {
        let id = SessionId::from_bytes([7; 16]);
        for (rest, word) in [
            (r#""code":4095"#, "4096 to 65535"),
            (r#""advice":"run""#, "may_reconnect, after_delay"),
            (r#""words":"x""#, "unknown field `words`"),
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
