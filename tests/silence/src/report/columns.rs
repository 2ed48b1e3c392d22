//! Columns that are as wide as their widest cell.

/// Renders rows of cells under a head.
pub(crate) fn table<const N: usize>(head: &[&str; N], rows: &[Vec<String>]) -> String {
    let head = head.map(str::to_owned).to_vec();
    let width = |column: usize| {
        let cells = std::iter::once(&head).chain(rows);
        let cells = cells.filter_map(|row| row.get(column));
        cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
    };
    let widths: Vec<_> = (0..N).map(width).collect();
    let mut text = String::new();
    for row in std::iter::once(&head).chain(rows) {
        let cells = row.iter().zip(&widths);
        let cells: Vec<_> = cells
            .map(|(cell, &width)| format!("{cell:width$}"))
            .collect();
        text.push_str(cells.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_stand_under_each_other() {
        let rows = [vec!["long cell".to_owned(), "1".to_owned()]];
        assert_eq!(table(&["a", "b"], &rows), "a          b\nlong cell  1\n");
    }
}
