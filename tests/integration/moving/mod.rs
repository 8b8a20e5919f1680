//! Moving widgets between a service and a stack.
//!
//! * [`import`] runs `widgets import` on files of every kind.
//! * [`round_trip`] exports from one stack and imports into another.

mod import;
mod round_trip;
