//! What the functions cost, and how the local stack does under load. No function depends on it. The
//! tests use [`meter`] and [`copy_widget`]. `bench/programs` has the programs that the functions
//! are measured beside.
//!
//! `command` is the command line. What it measures:
//!
//! * `side_by_side`: starts and invocations of all programs. `in_process`: a create without
//!   Lambda and store. `instructions`: the same, counted by valgrind.
//! * `cold`: from the start of a process to its first answer, over TLS, with little CPU.
//! * `growth`: lists, totals and updates as an account grows, lists after deletes.
//! * `load`: clients that send every kind of request. `hostile`: hostile payloads.
//!
//! How it is measured:
//!
//! * `programs` builds the programs. `dialect` has the events that they are sent, and checks
//!   the answers.
//! * `environment` is a program between a Runtime API and a `store_stub`. `process` reads its
//!   CPU time and memory from the kernel.
//! * `local_stack` starts a whole stack. [`meter`] counts the calls to its store.
//! * `figures` are what all of it comes to, `bounds` what they may be, `table` prints them, and
//!   `chart` draws some.

mod bounds;
mod chart;
mod cold;
mod command;
mod dialect;
mod environment;
mod figures;
mod growth;
mod hostile;
mod in_process;
mod instructions;
mod load;
mod local_stack;
pub mod meter;
mod process;
mod programs;
mod side_by_side;
mod store_stub;
mod table;

pub use command::run;
pub use local_stack::copy_widget;
