//! What operators type and read: arguments, and messages on standard error.

use std::{
    fmt::Display,
    io::{self, Write},
    time::SystemTime,
};

use anyhow::{Context, Result};
use shared::model::{KeyId, Timestamp};

/// Parses a key's id. The error does not quote the argument, which may be a key, given by mistake.
pub fn id(argument: &str) -> Result<KeyId> {
    KeyId::parse(argument)
        .context("ID must be the 16 hex characters that `widgets keys list` shows, and not the key")
}

/// Parses a time in the future.
pub fn moment(text: &str) -> Result<Timestamp, &'static str> {
    let moment = Timestamp::parse(text).filter(|moment| {
        // In UTC the year may be 10,000, which RFC 3339 cannot write.
        Timestamp::parse(&moment.to_string()).is_some()
    });
    let moment =
        moment.ok_or("expected a date, a time and a zone, such as 2027-01-31T00:00:00Z")?;
    moment.time_left(SystemTime::now()).map(|_| moment).ok_or("this is in the past")
}

/// Prints a line on standard error. A closed one is no error: what the line tells of is done.
pub fn tell(text: impl Display) {
    let _ = writeln!(io::stderr(), "{text}");
}
