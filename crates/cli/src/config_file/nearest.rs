//! Finds the known key that an unknown one was meant to be.

/// Returns the candidate with the fewest typing errors, if they are few.
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

/// Counts the characters to insert, remove, change or swap with a neighbour (Damerau-Levenshtein distance).
fn distance(from: &str, to: &str) -> usize {
    let to: Vec<char> = to.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut row: Vec<usize> = (0..=to.len()).collect();
    let mut previous = None;
    for (line, a) in from.chars().enumerate() {
        let mut next = vec![line + 1];
        for (cell, b) in to.iter().enumerate() {
            let at = |row: &[usize], cell: usize| row.get(cell).copied().unwrap_or(usize::MAX - 1);
            let changed = at(&row, cell) + usize::from(a != *b);
            let mut least = changed.min(at(&next, cell) + 1).min(at(&row, cell + 1) + 1);
            let left = cell.checked_sub(1).and_then(|left| to.get(left));
            if previous == Some(*b) && left == Some(&a) {
                least = least.min(at(&before, cell - 1) + 1);
            }
            next.push(least);
        }
        before = std::mem::replace(&mut row, next);
        previous = Some(a);
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
            ("drian", "drain", 1),
            ("ab", "ba", 1),
            ("abcd", "badc", 2),
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
