//! The bounds of what can be counted. Calls and crates are the same on every machine; instructions,
//! bytes and memory nearly are, and have a margin.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::{
    comparison::Comparison,
    requests::{Dialect, Operation},
    side_by_side::Subject,
    table::number,
};

/// For each function the bound of each figure, by its name.
#[derive(Debug, Deserialize)]
pub struct Bounds(BTreeMap<String, BTreeMap<String, f64>>);

/// Something that can be counted.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    pub name: String,
    pub value: f64,
    /// By how much its bound is to be above it: what changes with nothing but the machine or its
    /// libraries is no regression.
    margin: f64,
}

/// A figure of a function, and its bound.
#[derive(Debug, Clone)]
pub struct CheckedBound {
    pub function: String,
    pub figure: Figure,
    pub bound: f64,
}

impl CheckedBound {
    pub fn is_exceeded(&self) -> bool {
        self.figure.value > self.bound
    }
}

impl Bounds {
    /// Those that are committed.
    pub fn committed() -> Result<Self> {
        Self::parse(include_str!("../bounds.toml"))
    }

    fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).context("the bounds cannot be read")
    }

    /// Each figure of `function` beside its bound. There must be one for each, and none for
    /// anything else.
    pub fn check(&self, function: &str, figures: Vec<Figure>) -> Result<Vec<CheckedBound>> {
        let bounds = self.0.get(function).with_context(|| format!("{function} has no bounds"))?;
        for name in bounds.keys() {
            ensure!(
                figures.iter().any(|figure| figure.name == *name),
                "{name} has a bound, but nobody counts it"
            );
        }
        let checked = |figure: Figure| {
            let bound = bounds
                .get(&figure.name)
                .with_context(|| format!("{} has no bound", figure.name))?;
            Ok(CheckedBound { function: function.to_owned(), figure, bound: *bound })
        };
        figures.into_iter().map(checked).collect()
    }
}

impl Figure {
    /// All that are counted of a function, in the order in which they are shown.
    pub fn of(comparison: &Comparison, dialect: Dialect) -> Result<Vec<Self>> {
        let known = |subject| comparison.of(subject).context("a program was not measured");
        let (own, echo, plain) = (
            known(Subject::Function(dialect))?,
            known(Subject::Echo)?,
            known(Subject::Plain(dialect))?,
        );
        let counted = "instructions are counted by valgrind, which is not installed";
        let [own_counts, echo_counts, plain_counts] =
            [own, echo, plain].map(|known| known.instructions);
        let (own_counts, echo_counts, plain_counts) = (
            own_counts.context(counted)?,
            echo_counts.context(counted)?,
            plain_counts.context(counted)?,
        );
        let in_process = own
            .in_process_create
            .as_ref()
            .and_then(|create| create.instructions)
            .context(counted)?;
        let (own_read, plain_read) =
            (own_counts.warm_read.context(counted)?, plain_counts.warm_read.context(counted)?);
        let figure =
            |name: &str, value: f64, margin: f64| Self { name: name.to_owned(), value, margin };
        let ratio = |one: u64, other: u64| one as f64 / other as f64;
        let mut figures = vec![
            figure("start_instructions", own_counts.start_to_first_poll as f64, 0.05),
            figure("create_instructions", own_counts.warm_create as f64, 0.05),
            figure("read_instructions", own_read as f64, 0.05),
            figure("in_process_create_instructions", in_process as f64, 0.05),
            figure(
                "start_instructions_beside_echo",
                ratio(own_counts.start_to_first_poll, echo_counts.start_to_first_poll),
                0.05,
            ),
            figure(
                "create_instructions_beside_plain",
                ratio(own_counts.warm_create, plain_counts.warm_create),
                0.05,
            ),
            figure("read_instructions_beside_plain", ratio(own_read, plain_read), 0.05),
            figure("bootstrap_bytes", own.size.bootstrap_bytes as f64, 0.01),
            figure("zip_bytes", own.size.zip_bytes as f64, 0.01),
            figure("peak_memory_mebibytes", own.figures.peak_memory_mebibytes, 0.15),
            figure("crates", own.crates as f64, 0.0),
        ];
        for operation in Operation::ALL {
            let warm = own
                .figures
                .warm_invocations
                .get(&operation)
                .context("an operation was not measured")?;
            figures.push(figure(
                &format!("{}_store_calls", operation.key()),
                warm.store_calls as f64,
                0.0,
            ));
        }
        Ok(figures)
    }

    /// The bound that it would have as it is now: with its margin, and rounded up to three digits
    /// where there is one.
    pub fn bound(&self) -> f64 {
        if self.margin == 0.0 {
            return self.value;
        }
        let bound = self.value * (1.0 + self.margin);
        // To so many digits before or behind the point.
        let unit = 10_f64.powi(bound.log10().floor() as i32 - 2);
        if unit < 1.0 {
            (bound / unit).ceil() / (1.0 / unit).round()
        } else {
            (bound / unit).ceil() * unit
        }
    }
}

/// What to commit where the bounds are to be a little above what was counted, of each function by
/// its name.
pub fn as_toml(counted: &[(&str, Vec<Figure>)]) -> String {
    let mut text = String::new();
    for (function, figures) in counted {
        let lines =
            figures.iter().map(|figure| format!("{} = {}\n", figure.name, literal(figure.bound())));
        text += &format!("\n[{function}]\n{}", lines.collect::<String>());
    }
    text
}

/// `bound` with all of its digits: one that is rounded once more may be below what was counted.
fn literal(bound: f64) -> String {
    // Only a whole one has groups of three digits.
    if bound.fract() == 0.0 { number(bound).replace(',', "_") } else { bound.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figure(name: &str, value: f64, margin: f64) -> Figure {
        Figure { name: name.to_owned(), value, margin }
    }

    #[test]
    fn committed_bounds_parse_and_cover_both_functions() {
        let bounds = Bounds::committed().unwrap();
        assert!(Dialect::ALL.iter().all(|dialect| bounds.0.contains_key(dialect.name())));
    }

    #[test]
    fn figure_above_its_bound_is_exceeded_and_figure_at_it_is_not() {
        let bounds = Bounds::parse("[assistant]\ncrates = 10\nzip_bytes = 2_000\n").unwrap();
        let figures = vec![figure("crates", 10.0, 0.0), figure("zip_bytes", 2_001.0, 0.01)];
        let checked = bounds.check("assistant", figures).unwrap();
        let exceeded: Vec<&str> = checked
            .iter()
            .filter(|checked| checked.is_exceeded())
            .map(|checked| &*checked.figure.name)
            .collect();
        assert_eq!(exceeded, ["zip_bytes"]);
    }

    #[test]
    fn figure_without_bound_and_bound_without_figure_are_errors() {
        let bounds = Bounds::parse("[assistant]\ncrates = 10\n").unwrap();
        assert!(bounds.check("assistant", vec![]).is_err());
        assert!(
            bounds
                .check("assistant", vec![figure("crates", 1.0, 0.0), figure("bytes", 1.0, 0.0)])
                .is_err()
        );
        assert!(bounds.check("pathway", vec![figure("crates", 1.0, 0.0)]).is_err());
        assert!(Bounds::parse("[assistant]\ncrates = \"many\"\n").is_err());
    }

    #[test]
    fn bound_is_figure_plus_margin_rounded_up_to_three_digits() {
        assert_eq!(figure("crates", 147.0, 0.0).bound(), 147.0);
        assert_eq!(figure("bytes", 4_334_304.0, 0.01).bound(), 4_380_000.0);
        assert_eq!(figure("ratio", 1.9354, 0.03).bound(), 2.0);
        assert_eq!(figure("memory", 6.61, 0.05).bound(), 6.95);
    }

    #[test]
    fn figures_stay_within_the_bounds_generated_from_them() {
        let figures = vec![
            figure("crates", 147.0, 0.0),
            figure("calls", 0.0, 0.0),
            figure("instructions", 1_734_567.0, 0.05),
            figure("few_instructions", 1_234.0, 0.01),
            figure("ratio", 0.1213, 0.01),
            figure("small_ratio", 0.001234, 0.01),
            figure("memory", 12.34, 0.05),
        ];
        let text = as_toml(&[("assistant", figures.clone()), ("pathway", figures.clone())]);
        assert!(
            text.contains("\n[pathway]\n") && text.contains("\ninstructions = 1_830_000\n"),
            "{text}"
        );
        let bounds = Bounds::parse(&text).unwrap();
        for function in ["assistant", "pathway"] {
            for checked in bounds.check(function, figures.clone()).unwrap() {
                assert_eq!(
                    checked.bound,
                    checked.figure.bound(),
                    "{}: {text}",
                    checked.figure.name
                );
                assert!(!checked.is_exceeded(), "{}: {text}", checked.figure.name);
            }
        }
    }
}
