//! Makes text that a peer chose safe for a terminal, at the source, and shows its invisible characters. A log line is
//! written by a subscriber that we do not choose, and not every format escapes such characters.

use std::borrow::Cow;
use std::fmt::Write;

/// Writes characters that a terminal obeys, or that a reader cannot see, as `<U+001B>`. The result has no new backslash
/// or quote, so a format that escapes these does not escape anything twice. Visible text stays as it is.
pub(crate) fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(is_plain) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    let mut before = None;
    while let Some(c) = chars.next() {
        if is_visible(c) || is_of_an_emoji(before, c, chars.peek().copied()) {
            shown.push(c);
            before = Some(c);
        } else {
            // Writing to a string cannot fail.
            write!(shown, "<U+{:04X}>", u32::from(c)).unwrap_or_default();
            before = None;
        }
    }
    Cow::Owned(shown)
}

/// Whether `name` is a player's `own` name, unchanged or as records show it.
pub(crate) fn is_name_of(name: &str, own: Option<&str>) -> bool {
    own.is_some_and(|own| own == name || printable(own) == name)
}

/// Whether a text has what records show instead of a character, so that another name may be shown like it.
pub(crate) fn has_escapes(name: &str) -> bool {
    name.contains(ESCAPE)
}

/// A visible character of ASCII, or a space.
fn is_plain(c: char) -> bool {
    c == ' ' || c.is_ascii_graphic()
}

/// Whether a reader sees the character, and a terminal only shows it.
fn is_visible(c: char) -> bool {
    is_plain(c) || (!is_blank(c) && is_printable(c))
}

/// Whether the character is assigned, and is no control, format, private or separator character. The tables of
/// Unicode are those of the standard library's `Debug`.
fn is_printable(c: char) -> bool {
    c.escape_debug().eq([c]) || is_printable_mark(c)
}

/// Combining marks are escaped if they stand alone, and kept after another character.
fn is_printable_mark(c: char) -> bool {
    let pair = String::from_iter([' ', c]);
    pair.escape_debug().skip(1).eq([c])
}

/// Characters that the standard library treats as printable, but that have no glyph or an empty
/// glyph.
fn is_blank(c: char) -> bool {
    matches!(
        c,
        // Default ignorable: a joiner, fillers, vowels of Khmer, variation selectors.
        '\u{34f}'
            | '\u{115f}'..='\u{1160}'
            | '\u{17b4}'..='\u{17b5}'
            | '\u{180b}'..='\u{180d}'
            | '\u{180f}'
            | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}'
            | '\u{ffa0}'
            | '\u{e0100}'..='\u{e01ef}'
            // An empty braille cell, a filler of Khitan, an empty note head.
            | '\u{2800}'
            | '\u{16fe4}'
            | '\u{1d159}'
    )
}

/// Whether the character is invisible, but changes how an emoji looks: a joiner between two of them, or the selector
/// that asks for colour.
fn is_of_an_emoji(before: Option<char>, c: char, after: Option<char>) -> bool {
    match c {
        JOINER => {
            before.is_some_and(|before| is_pictograph(before) || before == COLOUR)
                && after.is_some_and(is_pictograph)
        }
        COLOUR => before.is_some_and(is_pictograph),
        _ => false,
    }
}

/// The assigned characters in the blocks of symbols that have the emoji.
fn is_pictograph(c: char) -> bool {
    let is_in_blocks =
        matches!(c, '\u{2190}'..='\u{27bf}' | '\u{2b00}'..='\u{2bff}' | '\u{1f000}'..='\u{1faff}');
    is_in_blocks && is_printable(c)
}

/// How an escape begins.
const ESCAPE: &str = "<U+";
const JOINER: char = '\u{200d}';
const COLOUR: char = '\u{fe0f}';

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn visible_text_is_itself() {
        for name in [
            "ann",
            r#"an"n\ O'Neil"#,
            "Zoë Łukasz Nguyễn",
            "cafe\u{301}",
            "अनु",
            "山田太郎",
            "👩\u{200d}🚀 ❤\u{fe0f} 👁\u{fe0f}\u{200d}🗨\u{fe0f} 👍🏽",
        ] {
            assert_eq!(printable(name), name);
        }
    }

    #[test]
    fn text_that_a_terminal_obeys_is_written_out() {
        for (name, shown) in [
            ("\u{1b}[2J\n", "<U+001B>[2J<U+000A>"),
            ("\u{7f}\u{9b}31m", "<U+007F><U+009B>31m"),
            ("a\u{202e}b\u{2066}", "a<U+202E>b<U+2066>"),
            ("a\u{2028}b\u{2029}", "a<U+2028>b<U+2029>"),
        ] {
            assert_eq!(printable(name), shown);
        }
    }

    #[test]
    fn each_invisible_character_is_written_out() {
        for (c, kind) in [
            ('\u{ad}', "soft hyphen"),
            ('\u{a0}', "no-break space"),
            ('\u{34f}', "combining grapheme joiner"),
            ('\u{61c}', "arabic letter mark"),
            ('\u{115f}', "hangul choseong filler"),
            ('\u{180e}', "mongolian vowel separator"),
            ('\u{200b}', "zero width space"),
            ('\u{200c}', "zero width non-joiner"),
            ('\u{200d}', "zero width joiner"),
            ('\u{200f}', "right-to-left mark"),
            ('\u{2003}', "em space"),
            ('\u{2060}', "word joiner"),
            ('\u{2064}', "invisible plus"),
            ('\u{2800}', "empty braille cell"),
            ('\u{3164}', "hangul filler"),
            ('\u{e000}', "private use"),
            ('\u{fe0f}', "variation selector 16"),
            ('\u{feff}', "byte order mark"),
            ('\u{ffa0}', "halfwidth hangul filler"),
            ('\u{ffff}', "noncharacter"),
            ('\u{378}', "unassigned"),
            ('\u{e0041}', "tag"),
            ('\u{e01ef}', "variation selector 256"),
        ] {
            let shown = format!("a<U+{:04X}>b", u32::from(c));
            assert_eq!(printable(&format!("a{c}b")), shown, "{kind}");
        }
    }

    #[test]
    fn a_joiner_and_a_selector_are_written_out_where_they_change_no_emoji() {
        for (name, shown) in [
            ("🚀\u{200d}", "🚀<U+200D>"),
            ("\u{200d}🚀", "<U+200D>🚀"),
            ("a\u{200d}🚀", "a<U+200D>🚀"),
            ("🚀\u{200d}\u{200d}🚀", "🚀<U+200D><U+200D>🚀"),
            ("🚀\u{200d}\u{1f7da}", "🚀<U+200D><U+1F7DA>"),
            ("❤\u{fe0f}\u{fe0f}", "❤\u{fe0f}<U+FE0F>"),
        ] {
            assert_eq!(printable(name), shown);
        }
    }
}
