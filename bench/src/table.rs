//! Tables, in Markdown.

use std::fmt;

/// A table.
#[derive(Debug)]
pub struct Table(Vec<String>);

impl Table {
    /// Makes a table with this head.
    pub fn new(head: impl IntoIterator<Item = impl Into<String>>) -> Self {
        let head: Vec<String> = head.into_iter().map(Into::into).collect();
        let rule = Self::line(head.iter().map(|_| "---"));
        Self(vec![Self::line(head), rule])
    }

    /// Adds a row.
    pub fn row(&mut self, cells: impl IntoIterator<Item = impl Into<String>>) {
        self.0.push(Self::line(cells));
    }

    /// Returns a row as text.
    pub fn line(cells: impl IntoIterator<Item = impl Into<String>>) -> String {
        let cells: Vec<String> = cells.into_iter().map(Into::into).collect();
        format!("| {} |", cells.join(" | "))
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

/// Formats a number with two decimals below 10, one below 100, and groups of three digits above.
pub fn number(value: f64) -> String {
    match value {
        _ if value.fract() == 0.0 || value >= 100.0 => grouped(value.round() as u64),
        _ if value < 10.0 => format!("{value:.2}"),
        _ => format!("{value:.1}"),
    }
}

/// Formats `1234567` as `1,234,567`.
fn grouped(value: u64) -> String {
    match value {
        0..1_000 => value.to_string(),
        _ => format!("{},{:03}", grouped(value / 1_000), value % 1_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn number_has_fewer_decimals_the_larger_it_is() {
        for (value, text) in [
            (0.0, "0"),
            (1.0, "1"),
            (1.234, "1.23"),
            (12.34, "12.3"),
            (123.4, "123"),
            (999.9, "1,000"),
            (1_234_567.0, "1,234,567"),
        ] {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn table_renders_as_markdown() {
        let mut table = Table::new(["a", "b"]);
        table.row(["1", "2"]);
        assert_eq!(table.to_string(), "| a | b |\n| --- | --- |\n| 1 | 2 |\n");
    }
}
