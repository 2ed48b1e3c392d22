//! Which known key an unknown one was meant to be.

/// The candidate that the fewest typing errors make of this word, if they are few.
pub(super) fn nearest<'a>(
    word: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<&'a str> {
    let by_distance = candidates
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate));
    let (distance, candidate) = by_distance.min_by_key(|(distance, _)| *distance)?;
    (distance <= candidate.chars().count().max(3) / 3).then_some(candidate)
}

/// How many characters have to be put in, taken out or changed (Levenshtein).
fn distance(from: &str, to: &str) -> usize {
    let mut row: Vec<usize> = (0..=to.chars().count()).collect();
    for (line, a) in from.chars().enumerate() {
        let mut diagonal = line;
        let mut left = line + 1;
        for (cell, b) in row.iter_mut().skip(1).zip(to.chars()) {
            let changed = diagonal + usize::from(a != b);
            diagonal = *cell;
            left = changed.min(left + 1).min(diagonal + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = line + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_distance_is_the_number_of_typing_errors() {
        for (from, to, errors) in [
            ("", "", 0),
            ("", "abc", 3),
            ("abc", "", 3),
            ("abc", "abc", 0),
            ("kitten", "sitting", 3),
            ("idle", "idle_ms", 3),
            ("flaw", "lawn", 2),
        ] {
            assert_eq!(distance(from, to), errors, "{from} {to}");
        }
    }

    #[test]
    fn a_word_that_is_like_none_has_no_nearest() {
        let keys = ["frame_bytes_max", "hello_bytes_max"];
        assert_eq!(nearest("frame_byte_max", keys), Some("frame_bytes_max"));
        assert_eq!(nearest("colour", keys), None);
        assert_eq!(nearest("x", ["addr"]), None);
    }
}
