//! The `widgets` command: what runs on a developer's or an operator's machine. None of it is
//! deployed.
//!
//! * [`local`] is the whole service on this machine.
//! * [`serve`] is `widgets serve`: it starts the local stack and prints how to use it.
//! * [`page`] is the page of the local stack.
//! * [`keys`] is `widgets keys`: API keys, of the local stack or a deployed one.
//! * [`invoke`] is `widgets invoke`: it sends an event to a function.
//! * [`export`] is `widgets export`: it reads all widgets of a service.
//! * [`import`] is `widgets import`: it puts widgets into the table.
//! * [`events`] is `widgets events`: it prints the change events that the template's pipe
//!   publishes.
//! * [`completions`] and [`man`] are what a shell and `man` know of the command.
//! * [`dialect`] and [`location`] are options of several commands.

pub mod completions;
pub mod dialect;
pub mod events;
pub mod export;
pub mod import;
pub mod invoke;
pub mod keys;
pub mod local;
pub mod location;
pub mod man;
pub mod page;
pub mod serve;
