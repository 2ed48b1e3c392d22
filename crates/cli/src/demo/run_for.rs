//! `--for`: how long the demo runs.

use std::time::Duration;

/// Reads a whole number and its unit, as in `10s`.
pub(crate) fn parse(text: &str) -> Result<Duration, String> {
    let digits = text.find(|c: char| !c.is_ascii_digit());
    let (number, unit) = text.split_at(digits.unwrap_or(text.len()));
    let millis = match unit {
        "ms" => Some(1),
        "s" => Some(1_000),
        "m" => Some(60_000),
        _ => None,
    };
    number
        .parse()
        .ok()
        .zip(millis)
        .and_then(|(number, millis): (u64, u64)| number.checked_mul(millis))
        .filter(|millis| (1..=MILLIS_MAX).contains(millis))
        .map(Duration::from_millis)
        .ok_or_else(|| ALLOWED.to_owned())
}

const ALLOWED: &str =
    "write a number and its unit, as 500ms, 10s or 2m; more than 0, and a day at most";
const MILLIS_MAX: u64 = 24 * 60 * 60 * 1_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_and_its_unit_are_a_duration() {
        for (text, millis) in [("500ms", 500), ("10s", 10_000), ("2m", 120_000)] {
            assert_eq!(parse(text), Ok(Duration::from_millis(millis)), "{text}");
        }
        assert!(parse("1440m").is_ok());
    }

    #[test]
    fn an_invalid_duration_is_answered_with_what_to_write() {
        for text in [
            "",
            "10",
            "s",
            "0s",
            "1441m",
            "1.5s",
            "-1s",
            "10 s",
            "10h",
            "99999999999999999999s",
            "٣s",
        ] {
            assert_eq!(parse(text), Err(ALLOWED.to_owned()), "{text}");
        }
    }
}
