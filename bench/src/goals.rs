//! What the functions are to reach, as ratios of one run on one machine and as figures that are the
//! same on each, or nearly so.

use serde::Serialize;

use crate::{
    comparison::{Comparison, Known},
    requests::{Dialect, Operation},
    side_by_side::Subject,
    table::{Table, number},
};

/// All goals.
#[derive(Debug, Serialize)]
pub struct Goals(Vec<Goal>);

/// One of them.
#[derive(Debug, Serialize)]
struct Goal {
    what: &'static str,
    assistant: Option<f64>,
    pathway: Option<f64>,
    at_most: Option<f64>,
    is_reached: Option<bool>,
}

/// A function, and the programs that it is compared with.
struct Baselines<'a> {
    own: &'a Known,
    echo: &'a Known,
    plain: &'a Known,
}

impl Goals {
    /// The goals, and what `comparison` says of them.
    pub fn of(comparison: &Comparison) -> Self {
        let baselines = |dialect: Dialect| {
            Some(Baselines {
                own: comparison.of(Subject::Function(dialect))?,
                echo: comparison.of(Subject::Echo)?,
                plain: comparison.of(Subject::Plain(dialect))?,
            })
        };
        let (assistant, pathway) = (baselines(Dialect::Assistant), baselines(Dialect::Pathway));
        let mut goals = Vec::new();
        let mut goal = |what, at_most: Option<f64>, figure: fn(&Baselines<'_>) -> Option<f64>| {
            let [assistant, pathway] =
                [&assistant, &pathway].map(|baselines| figure(baselines.as_ref()?));
            let reached = |figure: Option<f64>| Some(figure? <= at_most?);
            let is_reached =
                reached(assistant).zip(reached(pathway)).map(|(one, other)| one && other);
            goals.push(Goal { what, assistant, pathway, at_most, is_reached });
        };
        goal("start to first poll, CPU, beside the echo's", Some(1.25), |baselines| {
            let cpu = |known: &Known| known.figures.start_to_first_poll.cpu_microseconds;
            Some(cpu(baselines.own) / cpu(baselines.echo))
        });
        goal("warm create, CPU, beside the plain way's put", Some(0.55), |baselines| {
            Some(cpu(baselines.own, Operation::Create)? / cpu(baselines.plain, Operation::Create)?)
        });
        goal("warm read, CPU, beside the plain way's get", Some(0.6), |baselines| {
            Some(cpu(baselines.own, Operation::Read)? / cpu(baselines.plain, Operation::Read)?)
        });
        goal("calls to the store, warm create", Some(1.0), |baselines| {
            calls(baselines, Operation::Create)
        });
        goal("calls to the store, warm read", Some(1.0), |baselines| {
            calls(baselines, Operation::Read)
        });
        goal("calls to the store, warm update", Some(1.0), |baselines| {
            calls(baselines, Operation::Update)
        });
        goal("calls to the store, warm delete", Some(2.0), |baselines| {
            calls(baselines, Operation::Delete)
        });
        goal("peak memory, MiB", Some(8.0), |baselines| {
            Some(baselines.own.figures.peak_memory_mebibytes)
        });
        goal("`bootstrap`, stripped, bytes", Some(4.6e6), |baselines| {
            Some(baselines.own.size.bootstrap_bytes as f64)
        });
        goal("zip, bytes", Some(2.1e6), |baselines| Some(baselines.own.size.zip_bytes as f64));
        goal(
            "event, validation, model and rendering of a create, in-process, µs",
            Some(15.0),
            |baselines| Some(baselines.own.in_process_create.as_ref()?.microseconds),
        );
        // The first three once more, as they can be counted.
        goal("start to first poll, instructions, beside the echo's", None, |baselines| {
            Some(start_instructions(baselines.own)? / start_instructions(baselines.echo)?)
        });
        goal("warm create, instructions, beside the plain way's put", None, |baselines| {
            Some(
                baselines.own.instructions?.warm_create as f64
                    / baselines.plain.instructions?.warm_create as f64,
            )
        });
        goal("warm read, instructions, beside the plain way's get", None, |baselines| {
            Some(
                baselines.own.instructions?.warm_read? as f64
                    / baselines.plain.instructions?.warm_read? as f64,
            )
        });
        Self(goals)
    }

    /// The goals, each beside what was measured.
    pub fn table(&self) -> Table {
        let mut table = Table::new(["", "assistant", "pathway", "at most", "reached"]);
        for goal in &self.0 {
            let cell = |value: Option<f64>| value.map_or("–".to_owned(), number);
            let reached = match goal.is_reached {
                None => "–",
                Some(true) => "yes",
                Some(false) => "no",
            };
            let figures = [cell(goal.assistant), cell(goal.pathway), cell(goal.at_most)];
            table
                .row([goal.what.to_owned()].into_iter().chain(figures).chain([reached.to_owned()]));
        }
        table
    }
}

fn cpu(known: &Known, operation: Operation) -> Option<f64> {
    Some(known.figures.warm_invocations.get(&operation)?.cpu_microseconds)
}

fn calls(baselines: &Baselines<'_>, operation: Operation) -> Option<f64> {
    Some(baselines.own.figures.warm_invocations.get(&operation)?.store_calls as f64)
}

fn start_instructions(known: &Known) -> Option<f64> {
    Some(known.instructions?.start_to_first_poll as f64)
}
