//! Everything that one run measures.

use std::{collections::HashMap, fmt, num::NonZeroUsize};

use anyhow::Result;
use serde::Serialize;

use crate::{
    comparison::Comparison,
    goals::Goals,
    growth,
    init::{self, Init},
    programs::Programs,
    requests::Dialect,
};

/// The report, as it is printed: ratios first.
#[derive(Debug, Serialize)]
pub struct Report {
    goals: Goals,
    programs: Comparison,
    init_over_tls: Vec<Init>,
    growth: Vec<growth::Row>,
}

impl Report {
    /// Builds the programs and measures, with accounts of so many widgets at the end. It says on
    /// standard error what it is at.
    pub async fn make(sizes: &[NonZeroUsize]) -> Result<Self> {
        let built = Programs::build(None).await?;
        eprintln!("the programs, side by side …");
        let programs = Comparison::make(&built).await?;
        eprintln!("INIT over TLS …");
        let init_over_tls = init::measure(&built).await?;
        eprintln!("accounts that grow …");
        let functions = Dialect::ALL
            .map(|dialect| (dialect.name().to_owned(), built.function(dialect).to_owned()));
        let growth = growth::measure(sizes, &HashMap::from(functions)).await?;
        Ok(Self { goals: Goals::of(&programs), programs, init_over_tls, growth })
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "## Goals\n\n{}", self.goals.table())?;
        writeln!(
            f,
            "## The functions beside the floor and the plain way\n\n{}",
            self.programs.table()
        )?;
        writeln!(f, "## INIT\n\n{}", init::table(&self.init_over_tls))?;
        write!(f, "## Accounts that grow\n\n{}", growth::table(&self.growth))
    }
}
