//! The bounds of the figures, as `bench/bounds.toml` has them.

use anyhow::{Context, Result};
use indexmap::IndexMap;

use crate::table::{Table, number};
use crate::{dialect::DIALECTS, figures::Comparison};

/// The table of the bounds on times, which both functions share. No check fails by them.
const GOALS: &str = "goals";

/// The bounds by figure, for each function and for [`GOALS`]. None of these sections is missing: a
/// test reads the committed file.
pub struct Bounds(IndexMap<String, IndexMap<String, f64>>);

/// A figure of a function beside its bound.
struct CheckedBound<'a> {
    function: &'static str,
    figure: &'a str,
    value: Option<f64>,
    bound: f64,
    is_goal: bool,
}

impl CheckedBound<'_> {
    fn holds(&self) -> bool {
        self.value.is_some_and(|value| value <= self.bound)
    }
}

impl Bounds {
    /// Returns the committed bounds.
    pub fn committed() -> Result<Self> {
        Self::parse(include_str!("../bounds.toml"))
    }

    fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map(Self).context("bench/bounds.toml is invalid")
    }

    fn check(&self, comparison: &Comparison) -> Vec<CheckedBound<'_>> {
        let bounds = DIALECTS.into_iter().flat_map(|dialect| {
            [GOALS, dialect.name].map(|section| (dialect.name, section, &self.0[section]))
        });
        let checked = bounds.flat_map(|(function, section, bounds)| {
            bounds.iter().map(move |(figure, bound)| CheckedBound {
                function,
                figure,
                value: comparison.get(function).and_then(|figures| figures.get(figure)).copied(),
                bound: *bound,
                is_goal: section == GOALS,
            })
        });
        checked.collect()
    }

    /// Returns a table of the figures beside their bounds.
    pub fn table(&self, comparison: &Comparison) -> Table {
        let mut table = Table::new(["function", "figure", "measured", "at most", "holds"]);
        for checked in self.check(comparison) {
            let holds = match (checked.value, checked.holds()) {
                (None, _) => "–",
                (_, true) => "yes",
                (_, false) if checked.is_goal => "no",
                (_, false) => "NO",
            };
            let value = checked.value.map_or_else(|| "–".to_owned(), number);
            let bound = number(checked.bound);
            table.row([checked.function, checked.figure, &value, &bound, holds]);
        }
        table
    }

    /// Returns the counted figures that exceed their bound or were not counted.
    pub fn exceeded(&self, comparison: &Comparison) -> Vec<String> {
        let checked = self.check(comparison).into_iter();
        let exceeded = checked.filter(|checked| !checked.is_goal && !checked.holds());
        exceeded.map(|checked| format!("{} of {}", checked.figure, checked.function)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(zip: f64) -> (Bounds, Comparison) {
        let text =
            "goals = {cpu = 1}\npathway = {}\n[assistant]\ncrates = 10\n\"zip, bytes\" = 2_000\n";
        let figures = [("cpu", 2.0), ("crates", 10.0), ("zip, bytes", zip)];
        let figures = figures.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        (Bounds::parse(text).unwrap(), Comparison::from([("assistant".to_owned(), figures)]))
    }

    #[test]
    fn figure_above_its_bound_is_exceeded_and_figure_at_it_is_not() {
        let (bounds, comparison) = checked(2_000.0);
        assert!(bounds.exceeded(&comparison).is_empty(), "a goal is no bound");
        let (bounds, comparison) = checked(2_001.0);
        assert_eq!(bounds.exceeded(&comparison), ["zip, bytes of assistant"]);
        let printed = bounds.table(&comparison).to_string();
        assert!(printed.contains("| assistant | cpu | 2 | 1 | no |"), "{printed}");
        assert!(printed.contains("| assistant | zip, bytes | 2,001 | 2,000 | NO |"), "{printed}");
    }

    #[test]
    fn bound_of_a_figure_that_nobody_counted_is_exceeded() {
        let (bounds, mut comparison) = checked(1.0);
        comparison["assistant"].shift_remove("crates");
        assert_eq!(bounds.exceeded(&comparison), ["crates of assistant"]);
    }

    #[test]
    fn committed_bounds_cover_both_functions() {
        let bounds = Bounds::committed().unwrap();
        for section in ["assistant", "pathway", GOALS] {
            assert!(!bounds.0[section].is_empty(), "{section}");
        }
    }
}
