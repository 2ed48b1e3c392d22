//! A table in plain text that is also Markdown: names to the left, numbers to the right.

use std::fmt;

/// Rows under a head: some columns of names, then columns of numbers.
#[derive(Debug)]
pub(super) struct Table {
    names: usize,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(super) fn new<const N: usize, const M: usize>(
        names: [&str; N],
        numbers: [&str; M],
    ) -> Self {
        let mut table = Self {
            names: N,
            rows: Vec::new(),
        };
        table.row(names.map(String::from), numbers.map(String::from));
        table
    }

    pub(super) fn row<const N: usize, const M: usize>(
        &mut self,
        names: [String; N],
        numbers: [String; M],
    ) {
        self.rows.push(names.into_iter().chain(numbers).collect());
    }

    fn widths(&self) -> Vec<usize> {
        let mut widths = Vec::new();
        for row in &self.rows {
            widths.resize(row.len().max(widths.len()), 0);
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = cell.chars().count().max(*width);
            }
        }
        widths
    }

    fn write_rule(&self, f: &mut fmt::Formatter<'_>, widths: &[usize]) -> fmt::Result {
        for (column, width) in widths.iter().enumerate() {
            let end = if column < self.names { '-' } else { ':' };
            write!(f, "|-{}{end}", "-".repeat(*width))?;
        }
        writeln!(f, "|")
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let widths = self.widths();
        for (number, row) in self.rows.iter().enumerate() {
            for (column, (cell, width)) in row.iter().zip(&widths).enumerate() {
                if column < self.names {
                    write!(f, "| {cell:<width$} ")?;
                } else {
                    write!(f, "| {cell:>width$} ")?;
                }
            }
            writeln!(f, "|")?;
            if number == 0 {
                self.write_rule(f, &widths)?;
            }
        }
        Ok(())
    }
}

/// A number, or a dash where there is none.
pub(super) fn number(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| String::from("-"), |value| format!("{value:.decimals$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let mut table = Table::new(["name"], ["µs"]);
        table.row([String::from("a")], [number(Some(12.375), 2)]);
        table.row([String::from("longer")], [number(None, 2)]);
        let expected = "\
| name   |    µs |
|--------|------:|
| a      | 12.38 |
| longer |     - |
";
        assert_eq!(table.to_string(), expected);
    }
}
