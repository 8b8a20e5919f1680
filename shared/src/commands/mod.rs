//! Commands: what a request asks for, without HTTP around it.
//!
//! A queue, an event bus, a pipe, a state machine or a program brings them. [`TriggerEvent`]
//! recognizes what an invocation brings, [`Command`] is what one asks for, and [`run`] executes
//! them one after the other. A failure becomes an [`InvocationError`], and every command a log
//! line.
//!
//! Not its business: HTTP, panics and deadlines ([`crate::runtime`]), and how a dialect shows a
//! widget (the `execute` that [`run`] is given).

mod batch;
mod command;
mod command_line;
mod invocation_error;
mod trigger_event;

pub use batch::{CommandResponse, run};
pub use command::{Command, Operation};
pub use invocation_error::{ErrorType, InvocationError, log_cause};
pub use trigger_event::{CommandEnvelope, QueueMessage, Trigger, TriggerEvent};
