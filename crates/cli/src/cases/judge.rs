//! Decides whether a row came out as documented. It is a pure function of the observations and
//! names each flaw.

use std::fmt;

use lastword_load::Expected;

use super::observed::{Bare, Layer, Observed, Returned, in_words};
use super::row::{Delivers, Documented, Row};

/// Returns every difference from the row, or an empty list.
pub(crate) fn judge(row: &Row, seen: &Observed) -> Vec<String> {
    let bare = &seen.bare;
    let mut flaws = [
        of_calls("recv", row.recv, &bare.recv, bare),
        of_calls("send", row.send, &bare.send, bare),
        of_cause(row, &seen.layer),
    ]
    .into_iter()
    .flatten()
    .collect::<Vec<_>>();
    flaws.extend(of_delivery(row.delivers, &seen.layer));
    flaws.extend(seen.bare.flaws.iter().chain(&seen.layer.flaws).cloned());
    flaws
}

fn of_calls(
    call: &str,
    documented: &[Documented],
    returned: &[Returned],
    bare: &Bare,
) -> Option<String> {
    let alike = documented.len() == returned.len()
        && documented
            .iter()
            .zip(returned)
            .all(|(documented, returned)| documented.allows(*returned, bare));
    (!alike).then(|| {
        format!(
            "{call} returned {}; documented is {} (sent {}, in our kernel {})",
            in_words(returned).as_deref().unwrap_or("nothing"),
            in_words(documented).as_deref().unwrap_or("nothing"),
            bare.sent,
            bare.held
                .map_or_else(|| "not counted".to_owned(), |held| held.to_string()),
        )
    })
}

fn of_cause(row: &Row, layer: &Layer) -> Option<String> {
    let expected = Expected::live(&[row.ends.cause(layer.mid_frame)]);
    expected.deviation(layer.ending)
}

fn of_delivery(delivers: Delivers, layer: &Layer) -> Vec<String> {
    let Layer {
        sent,
        held,
        delivered,
        ..
    } = *layer;
    let mut flaws = Vec::new();
    if delivered != held {
        flaws.push(format!(
            "delivered {delivered} of the {held} bytes that arrived"
        ));
    }
    match delivers {
        Delivers::Everything if held != sent => {
            flaws.push(format!(
                "{held} of {sent} bytes arrived, and all should have"
            ));
        }
        Delivers::WhatWasHeld if held >= sent => {
            flaws.push(format!(
                "{held} of {sent} bytes arrived, and some should have been lost"
            ));
        }
        // Both kernels were full, so a count of 0 is a flaw.
        Delivers::WhatWasHeld if held == 0 => {
            flaws.push(format!(
                "none of {sent} bytes arrived, and many should have"
            ));
        }
        Delivers::Everything | Delivers::WhatWasHeld => {}
    }
    flaws
}

impl Documented {
    fn allows(self, returned: Returned, bare: &Bare) -> bool {
        match (self, returned) {
            (Self::Everything, Returned::Bytes(bytes)) => bytes == bare.sent,
            (Self::WhatWasHeld, Returned::Bytes(bytes)) => {
                Some(bytes) == bare.held && bytes < bare.sent
            }
            (Self::Errno(documented), Returned::Errno(code)) => documented == code,
            (Self::End, Returned::End)
            | (Self::Sent, Returned::Sent)
            | (Self::Nothing, Returned::Nothing) => true,
            _ => false,
        }
    }
}

impl fmt::Display for Documented {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Everything => f.write_str("all bytes"),
            Self::WhatWasHeld => f.write_str("the bytes in our kernel"),
            Self::End => Returned::End.fmt(f),
            Self::Sent => Returned::Sent.fmt(f),
            Self::Nothing => Returned::Nothing.fmt(f),
            Self::Errno(code) => Returned::Errno(*code).fmt(f),
        }
    }
}

#[cfg(test)]
mod tests;
