//! Text of a peer, as logs and records show it: no character that a terminal obeys, and nothing lost.

#[path = "../../crates/server/src/player/printable.rs"]
#[expect(dead_code, reason = "names are compared in the server")]
mod printable;

use printable::printable;

/// Checks bytes as a text of a peer.
///
/// # Panics
/// Where a property does not hold.
pub fn run(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let shown = printable(&text);
    assert!(!shown.contains(char::is_control), "{shown:?}");
    assert!(!shown.contains(BIDI), "{shown:?}");
    assert_eq!(printable(&shown), shown, "it is not the same again");
    if text.bytes().all(|byte| (b' '..=b'~').contains(&byte)) {
        assert_eq!(shown, text, "visible text stays as it is");
    }
    check_nothing_is_lost(&text, &shown);
}

/// Reads both side by side: each character stands for itself, or as its number.
fn check_nothing_is_lost(text: &str, mut shown: &str) {
    for char in text.chars() {
        let number = format!("<U+{:04X}>", u32::from(char));
        let rest = shown.strip_prefix(char);
        let rest = rest.or_else(|| shown.strip_prefix(number.as_str()));
        assert!(rest.is_some(), "{char:?} became {shown:?}");
        shown = rest.unwrap_or_default();
    }
    assert_eq!(shown, "", "something was made up");
}

/// These turn the text around that follows them.
const BIDI: [char; 11] = [
    '\u{61c}', '\u{200e}', '\u{200f}', '\u{202a}', '\u{202b}', '\u{202c}', '\u{202d}', '\u{202e}',
    '\u{2066}', '\u{2067}', '\u{2068}',
];
