//! All that is known of each program, one beside the other.

use anyhow::Result;
use serde::{Serialize, Serializer, ser::SerializeMap};

use crate::{
    in_process,
    instructions::{self, Instructions},
    programs::{self, PLAIN, Programs, Size},
    requests::Operation,
    side_by_side::{self, Figures, Subject},
    table::{Table, number},
};

/// The programs and what is known of them.
#[derive(Debug)]
pub struct Comparison(Vec<(Subject, Known)>);

/// What is known of a program.
#[derive(Debug, Serialize)]
pub struct Known {
    #[serde(flatten)]
    pub size: Size,
    pub crates: u64,
    #[serde(flatten)]
    pub figures: Figures,
    /// Where there is a valgrind.
    pub instructions: Option<Instructions>,
    /// A create without Lambda and without the store, of a function.
    pub in_process_create: Option<InProcess>,
}

#[derive(Debug, Serialize)]
pub struct InProcess {
    pub microseconds: f64,
    /// Where there is a valgrind.
    pub instructions: Option<u64>,
}

impl Comparison {
    /// Measures and counts.
    pub async fn make(programs: &Programs) -> Result<Self> {
        let can_count = instructions::is_there().await;
        let mut all = Vec::new();
        for (subject, figures) in side_by_side::measure(programs).await? {
            let instructions =
                if can_count { Some(instructions::count(subject, programs).await?) } else { None };
            let in_process_create = match subject {
                Subject::Function(dialect) => Some(InProcess {
                    microseconds: in_process::measure(programs, dialect).await?,
                    instructions: if can_count {
                        Some(instructions::in_process(programs, dialect).await?)
                    } else {
                        None
                    },
                }),
                _ => None,
            };
            let size = Size::of(subject.program(programs))?;
            let crates = crates(subject).await?;
            all.push((subject, Known { size, crates, figures, instructions, in_process_create }));
        }
        Ok(Self(all))
    }

    /// What is known of one of them.
    pub fn of(&self, subject: Subject) -> Option<&Known> {
        self.0.iter().find(|(this, _)| *this == subject).map(|(_, known)| known)
    }

    /// Absolute figures, a column for each program.
    pub fn table(&self) -> Table {
        let mut table = Table::new(
            [String::new()].into_iter().chain(self.0.iter().map(|(subject, _)| subject.title())),
        );
        let mut row = |name: &str, figure: &dyn Fn(&Known) -> Option<f64>| {
            let cells =
                self.0.iter().map(|(_, known)| figure(known).map_or("–".to_owned(), number));
            table.row([name.to_owned()].into_iter().chain(cells));
        };
        let cost = |name: &str| [format!("{name}, CPU, µs"), format!("{name}, time, µs")];
        let [cpu, time] = cost("start to first poll");
        row(&cpu, &|known| Some(known.figures.start_to_first_poll.cpu_microseconds));
        row(&time, &|known| Some(known.figures.start_to_first_poll.time_microseconds));
        let [cpu, time] = cost("first invocation (create)");
        row(&cpu, &|known| Some(known.figures.first_invocation.cpu_microseconds));
        row(&time, &|known| Some(known.figures.first_invocation.time_microseconds));
        for operation in Operation::ALL {
            let name = operation.name();
            let warm = |known: &Known| known.figures.warm_invocations.get(&operation).copied();
            row(&format!("{name}, CPU, µs"), &|known| {
                warm(known).map(|warm| warm.cpu_microseconds)
            });
            row(&format!("{name}, p50, µs"), &|known| {
                warm(known).map(|warm| warm.p50_microseconds)
            });
            row(&format!("{name}, p99, µs"), &|known| {
                warm(known).map(|warm| warm.p99_microseconds)
            });
        }
        for operation in Operation::ALL {
            let calls = |known: &Known| {
                Some(known.figures.warm_invocations.get(&operation)?.store_calls as f64)
            };
            row(&format!("{}, calls to the store", operation.name()), &calls);
        }
        row("a create without Lambda and store, µs", &|known| {
            Some(known.in_process_create.as_ref()?.microseconds)
        });
        row("peak memory, MiB", &|known| Some(known.figures.peak_memory_mebibytes));
        row("`bootstrap`, bytes", &|known| Some(known.size.bootstrap_bytes as f64));
        row("zip, bytes", &|known| Some(known.size.zip_bytes as f64));
        row("crates", &|known| Some(known.crates as f64));
        let thousand = |count: u64| count as f64 / 1e3;
        row("start to first poll, 1,000 instructions", &|known| {
            Some(thousand(known.instructions?.start_to_first_poll))
        });
        row("create, 1,000 instructions", &|known| Some(thousand(known.instructions?.warm_create)));
        row("read, 1,000 instructions", &|known| known.instructions?.warm_read.map(thousand));
        row("a create without Lambda and store, 1,000 instructions", &|known| {
            known.in_process_create.as_ref()?.instructions.map(thousand)
        });
        table
    }
}

impl Serialize for Comparison {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (subject, known) in &self.0 {
            map.serialize_entry(&subject.key(), known)?;
        }
        map.end()
    }
}

async fn crates(subject: Subject) -> Result<u64> {
    match subject {
        Subject::Echo => programs::crates(&["--package", "echo"]).await,
        Subject::Function(dialect) => programs::crates(&["--package", dialect.name()]).await,
        Subject::Plain(_) => programs::crates(&PLAIN).await,
    }
}
