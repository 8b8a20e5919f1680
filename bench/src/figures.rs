//! Figures by name, and what is made of them: percentiles, ratios and tables.

use indexmap::IndexMap;

use crate::table::{Table, number};

/// The figures of a program, in the order in which they are printed.
pub type Figures = IndexMap<String, f64>;

/// The figures of several programs, by the name of the program.
pub type Comparison = IndexMap<String, Figures>;

/// The name of a figure and the program beside which it is printed as a ratio. `plain` stands for
/// the plain way that is sent the requests of the same dialect.
const RATIOS: [(&str, &str); 7] = [
    ("start to first poll, CPU, µs", "echo"),
    ("first invocation (create), CPU, µs", "plain"),
    ("create, CPU, µs", "plain"),
    ("read, CPU, µs", "plain"),
    ("start to first poll, instructions", "echo"),
    ("create, instructions", "plain"),
    ("read, instructions", "plain"),
];

/// Adds to the figures of a function its ratios to the echo and to the plain way.
pub fn add_ratios(comparison: &mut Comparison, function: &str) {
    for (name, baseline) in RATIOS {
        let program = match baseline {
            "plain" => format!("plain ({function})"),
            _ => baseline.to_owned(),
        };
        let figure = |program: &str| comparison.get(program)?.get(name).copied();
        let Some((own, other)) = figure(function).zip(figure(&program)) else { continue };
        let ratio = format!("{}, beside {baseline}", name.trim_end_matches(", µs"));
        comparison[function].insert(ratio, own / other);
    }
}

/// Returns a table with a column a program and a row a figure.
pub fn table(comparison: &Comparison) -> Table {
    let head = comparison.keys().map(String::as_str);
    let mut table = Table::new([""].into_iter().chain(head));
    // The program with the most figures has all of them.
    let names = comparison.values().max_by_key(|figures| figures.len());
    for name in names.into_iter().flat_map(Figures::keys) {
        let cells = comparison.values().map(|figures| {
            figures.get(name).map_or_else(|| "–".to_owned(), |value| number(*value))
        });
        table.row([name.clone()].into_iter().chain(cells));
    }
    table
}

/// Measurements by the name of the figure that they are of.
#[derive(Debug, Default)]
pub struct Samples(IndexMap<String, Vec<f64>>);

impl Samples {
    /// Adds a measurement.
    pub fn add(&mut self, name: impl Into<String>, value: f64) {
        self.0.entry(name.into()).or_default().push(value);
    }

    /// Returns a percentile of each figure.
    pub fn percentiles(&self, percent: usize) -> Figures {
        self.0.iter().map(|(name, values)| (name.clone(), percentile(values, percent))).collect()
    }
}

/// Returns the smallest of the values that at least `percent` of them do not exceed; 0 for none.
pub fn percentile(values: &[f64], percent: usize) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let last = values.len().saturating_sub(1);
    values.get((last * percent).div_ceil(100)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn percentile_is_one_of_the_values() {
        let hundred: Vec<f64> = (0..=100).rev().map(f64::from).collect();
        for percent in [0, 1, 50, 99, 100] {
            assert_eq!(percentile(&hundred, percent), percent as f64);
        }
        assert_eq!(percentile(&[3.0, 1.0], 99), 3.0);
        assert_eq!(percentile(&[7.0], 50), 7.0);
        assert_eq!(percentile(&[], 50), 0.0);
    }

    #[test]
    fn ratio_is_own_figure_beside_that_of_the_baseline() {
        let figures = |value| Figures::from([("create, CPU, µs".to_owned(), value)]);
        let mut comparison = Comparison::from([
            ("pathway".to_owned(), figures(2.0)),
            ("plain (pathway)".to_owned(), figures(8.0)),
        ]);
        add_ratios(&mut comparison, "pathway");
        assert_eq!(comparison["pathway"]["create, CPU, beside plain"], 0.25);
        assert_eq!(comparison["pathway"].len(), 2);
        assert_eq!(
            table(&comparison).to_string().lines().last().unwrap(),
            "| create, CPU, beside plain | 0.25 | – |"
        );
    }
}
