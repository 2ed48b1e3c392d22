//! Colours, where they are wanted, and columns. Text is cut and padded before it is coloured.

use lastword::evidence::Class;

/// Whether there are colours.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Style {
    pub(crate) has_colour: bool,
}

impl Style {
    /// Writes a text in the colour of a class.
    pub(crate) fn class(self, class: Class, text: &str) -> String {
        self.paint(colour(class), text)
    }

    pub(crate) fn bold(self, text: &str) -> String {
        self.paint("1", text)
    }

    pub(crate) fn dim(self, text: &str) -> String {
        self.paint("2", text)
    }

    fn paint(self, code: &str, text: &str) -> String {
        if self.has_colour && !text.is_empty() {
            format!("\x1b[{code}m{text}\x1b[0m")
        } else {
            text.to_owned()
        }
    }
}

/// Cuts a text to this many characters.
pub(crate) fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    let mut cut: String = text.chars().take(width.saturating_sub(1)).collect();
    cut.extend((width > 0).then_some('…'));
    cut
}

/// Fills lines with as many parts as fit into each. Only a part that is wider than a line is cut.
pub(crate) fn wrap(parts: &[String], between: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for part in parts {
        let len = |text: &str| text.chars().count();
        match lines.last_mut() {
            Some(line) if len(line) + len(between) + len(part) <= width => {
                line.push_str(between);
                line.push_str(part);
            }
            _ => lines.push(cut(part, width)),
        }
    }
    lines
}

/// Cuts or pads a text to exactly this many characters.
pub(crate) fn column(text: &str, width: usize) -> String {
    format!("{:width$}", cut(text, width))
}

const fn colour(class: Class) -> &'static str {
    match class {
        Class::Normal => "32",
        Class::Abrupt => "33",
        Class::Network => "31",
        Class::Stuck => "35",
        Class::Abuse => "36",
        Class::Capacity => "34",
        Class::Operator => "94",
        Class::Defect => "1;31",
    }
}

/// The width of the column with the longest name of a way.
pub(crate) const WHO: usize = 17;
/// The width of the column with the longest label of a cause.
pub(crate) const CAUSE: usize = 25;
pub(crate) const CLASS: usize = 10;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_column_has_its_width_for_every_text() {
        for text in ["", "abc", "abcdef", "äöüäöüäöü"] {
            assert_eq!(column(text, 5).chars().count(), 5, "{text}");
        }
        assert_eq!(
            (column("abcdef", 5), cut("ab", 0)),
            ("abcd…".to_owned(), String::new())
        );
    }

    #[test]
    fn parts_share_a_line_as_long_as_there_is_room_and_none_is_cut_for_another() {
        let parts = ["ab", "cde", "f", "ghijkl"].map(str::to_owned);
        assert_eq!(wrap(&parts, ", ", 7), ["ab, cde", "f", "ghijkl"]);
        assert_eq!(wrap(&parts, " ", 5), ["ab", "cde f", "ghij…"]);
        assert!(wrap(&[], " ", 5).is_empty());
    }

    #[test]
    fn without_colour_nothing_is_added() {
        let plain = Style { has_colour: false };
        assert_eq!(plain.class(Class::Defect, "x") + &plain.bold("y"), "xy");
        let coloured = Style { has_colour: true };
        assert_eq!(coloured.class(Class::Normal, "x"), "\x1b[32mx\x1b[0m");
    }
}
