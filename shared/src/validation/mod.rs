//! Reads JSON and collects everything that is wrong with a request.
//!
//! A rule is a function from a JSON value to what the model holds, or to the [`Violation`]s of that
//! value. [`Fields`] applies one rule a field and keeps going, so a client learns of all its faults
//! at once.
//!
//! * [`json`] opens a document one level at a time; free-form values stay the text they are.
//! * [`rules`] are the rules for values of a body, [`url`] those for what a URL holds.
//!
//! Not its business: which fields a dialect has ([`crate::model`]), and how a violation is worded
//! to a client (`errors.rs` of each function).

mod fields;
pub mod json;
pub mod rules;
pub mod url;
mod violation;

pub use fields::{Fields, Presence};
pub use violation::{
    Location, MAX_VIOLATIONS, PathDisplay, RequestPart, Validated, Violation, ViolationKind,
    WithoutValues, prefix_path, shorten, text_violation, violation,
};
