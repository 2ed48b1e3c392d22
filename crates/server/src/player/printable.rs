//! Makes text that a peer chose safe for a terminal, at the source. A log line is written by a subscriber that we do
//! not choose, and not every format escapes control characters.

use std::borrow::Cow;
use std::fmt::Write;

/// Writes characters that a terminal obeys as `<U+001B>`. The result has no new backslash or quote, so a format that
/// escapes these does not escape anything twice. Printable text stays as it is.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if !text.contains(is_obeyed) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for c in text.chars() {
        if is_obeyed(c) {
            // Writing to a string cannot fail.
            write!(shown, "<U+{:04X}>", u32::from(c)).unwrap_or_default();
        } else {
            shown.push(c);
        }
    }
    Cow::Owned(shown)
}

/// Whether `name` means a player's `own` name, as it is or as it is shown.
pub(crate) fn is_name_of(name: &str, own: Option<&str>) -> bool {
    own.is_some_and(|own| own == name || printable(own) == name)
}

/// Control characters (C0, DEL, C1), the two line and paragraph separators, and characters that change the text
/// direction.
fn is_obeyed(c: char) -> bool {
    let turns = matches!(
        c,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}'
    );
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}') || turns
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_written_out_and_all_others_are_unchanged() {
        let names = [
            ("ann", "ann"),
            (r#"an"n\ O'Neil"#, r#"an"n\ O'Neil"#),
            ("अनु 👩‍🚀", "अनु 👩‍🚀"),
            ("\u{1b}[2J\n", "<U+001B>[2J<U+000A>"),
            ("\u{7f}\u{9b}31m", "<U+007F><U+009B>31m"),
            ("a\u{202e}b\u{2066}", "a<U+202E>b<U+2066>"),
        ];
        for (name, shown) in names {
            assert_eq!(printable(name), shown);
        }
    }
}
