//! What the functions are to reach, as ratios of one run on one machine and as figures that are the same on each, or
//! nearly so.

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

/// A function, what it speaks, and the programs beside it.
struct Beside<'a> {
    own: &'a Known,
    echo: &'a Known,
    plain: &'a Known,
}

impl Goals {
    /// The goals, and what `comparison` says of them.
    pub fn of(comparison: &Comparison) -> Self {
        let beside = |dialect: Dialect| {
            Some(Beside {
                own: comparison.of(Subject::Function(dialect))?,
                echo: comparison.of(Subject::Echo)?,
                plain: comparison.of(Subject::Plain(dialect))?,
            })
        };
        let (assistant, pathway) = (beside(Dialect::Assistant), beside(Dialect::Pathway));
        let mut goals = Vec::new();
        let mut goal = |what, at_most: Option<f64>, figure: fn(&Beside<'_>) -> Option<f64>| {
            let [assistant, pathway] =
                [&assistant, &pathway].map(|beside| figure(beside.as_ref()?));
            let reached = |figure: Option<f64>| Some(figure? <= at_most?);
            let is_reached =
                reached(assistant).zip(reached(pathway)).map(|(one, other)| one && other);
            goals.push(Goal { what, assistant, pathway, at_most, is_reached });
        };
        goal("start to first poll, CPU, beside the echo's", Some(1.25), |beside| {
            let cpu = |known: &Known| known.figures.start_to_first_poll.cpu_microseconds;
            Some(cpu(beside.own) / cpu(beside.echo))
        });
        goal("warm create, CPU, beside the plain way's put", Some(0.55), |beside| {
            Some(cpu(beside.own, Operation::Create)? / cpu(beside.plain, Operation::Create)?)
        });
        goal("warm read, CPU, beside the plain way's get", Some(0.6), |beside| {
            Some(cpu(beside.own, Operation::Read)? / cpu(beside.plain, Operation::Read)?)
        });
        goal("calls to the store, warm create", Some(1.0), |beside| {
            calls(beside, Operation::Create)
        });
        goal("calls to the store, warm read", Some(1.0), |beside| calls(beside, Operation::Read));
        goal("calls to the store, warm update", Some(1.0), |beside| {
            calls(beside, Operation::Update)
        });
        goal("calls to the store, warm delete", Some(1.0), |beside| {
            calls(beside, Operation::Delete)
        });
        goal("peak memory, MiB", Some(8.0), |beside| {
            Some(beside.own.figures.peak_memory_mebibytes)
        });
        goal("`bootstrap`, stripped, bytes", Some(4.6e6), |beside| {
            Some(beside.own.size.bootstrap_bytes as f64)
        });
        goal("zip, bytes", Some(2.1e6), |beside| Some(beside.own.size.zip_bytes as f64));
        goal(
            "event, validation, model and rendering of a create, in-process, µs",
            Some(15.0),
            |beside| Some(beside.own.in_process_create.as_ref()?.microseconds),
        );
        // The first three once more, as they can be counted.
        goal("start to first poll, instructions, beside the echo's", None, |beside| {
            Some(start_instructions(beside.own)? / start_instructions(beside.echo)?)
        });
        goal("warm create, instructions, beside the plain way's put", None, |beside| {
            Some(
                beside.own.instructions?.warm_create as f64
                    / beside.plain.instructions?.warm_create as f64,
            )
        });
        goal("warm read, instructions, beside the plain way's get", None, |beside| {
            Some(
                beside.own.instructions?.warm_read? as f64
                    / beside.plain.instructions?.warm_read? as f64,
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

fn calls(beside: &Beside<'_>, operation: Operation) -> Option<f64> {
    Some(beside.own.figures.warm_invocations.get(&operation)?.store_calls as f64)
}

fn start_instructions(known: &Known) -> Option<f64> {
    Some(known.instructions?.start_to_first_poll as f64)
}
