//! The drain section: what clients are told when the server shuts down.

use std::borrow::Cow;

use lastword_session::wire::REASON_LIMIT;
use lastword_session::{Address, Cause, Message};
use serde::{Deserialize, Deserializer, de};

use super::{ConfigError, DrainConfig, Key, from_ms};

impl DrainConfig {
    /// The message of the notice, the goodbyes and the refusals of a drain.
    pub(super) fn message(&self) -> Message {
        let message = Message::of(Cause::Drained)
            .with_delay(from_ms(self.delay_ms))
            .with_reason(self.reason.as_str());
        match &self.address {
            Some(address) => message.with_address(address.clone()),
            None => message,
        }
    }

    /// The broken rules of this section.
    pub(super) fn errors(&self) -> Option<ConfigError> {
        let key = Key::find("drain.reason")?;
        let len = self.reason.len();
        (len > REASON_LIMIT).then(|| ConfigError {
            key: key.path.to_owned(),
            value: format!("{len} bytes long"),
            allowed: key.allowed.to_string(),
            remedy: key.remedy.to_owned(),
        })
    }
}

pub(super) fn address_or_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Address>, D::Error> {
    let text = Cow::<'_, str>::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    Address::new(text).map(Some).map_err(de::Error::custom)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use lastword_session::Advice;

    use super::*;

    #[test]
    fn a_drain_says_elsewhere_only_with_an_address() {
        let mut drain = DrainConfig {
            reason: "we restart".to_owned(),
            delay_ms: 9_000,
            ..DrainConfig::default()
        };
        let message = drain.message();
        assert_eq!(message.advice(), Advice::AfterDelay);
        assert_eq!(message.delay(), Duration::from_secs(9));
        assert_eq!((message.reason(), message.address()), ("we restart", None));
        drain.address = Address::new("eu2:7000").ok();
        let message = drain.message();
        assert_eq!(message.advice(), Advice::Elsewhere);
        assert_eq!(message.address(), drain.address.as_ref());
    }

    #[test]
    fn words_that_no_goodbye_can_hold_are_refused_and_not_cut() {
        let mut drain = DrainConfig {
            reason: "é".repeat(256),
            ..DrainConfig::default()
        };
        assert_eq!(drain.errors(), None);
        drain.reason.push('!');
        let error = drain.errors().expect("it is too long");
        assert_eq!(
            error.to_string(),
            "`drain.reason` is 513 bytes long; allowed is at most 512 bytes: write one sentence that a player understands"
        );
    }
}
