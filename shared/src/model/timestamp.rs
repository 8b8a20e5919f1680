//! Moments, to the millisecond.

use std::fmt;
use std::time::{Duration, SystemTime};

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use serde::{Serialize, Serializer};

/// A moment, to the millisecond. `Display` is RFC 3339 in UTC: `2024-01-15T10:30:00.000Z`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// Returns this moment.
    pub fn now() -> Self {
        Self(Utc::now().trunc_subsecs(3))
    }

    /// Parses RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Self(moment.with_timezone(&Utc).trunc_subsecs(3)))
    }

    /// Returns the moment that is `time` later.
    pub fn after(self, time: Duration) -> Self {
        Self(self.0 + time)
    }

    /// Returns whole seconds since 1970, as DynamoDB's TTL counts them.
    pub fn epoch_seconds(self) -> u64 {
        self.0.timestamp().unsigned_abs()
    }

    /// Returns milliseconds since 1970, as CloudWatch counts them.
    pub fn epoch_milliseconds(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// Returns the time from `now` to this moment; `None` once it has come.
    pub fn time_left(self, now: SystemTime) -> Option<Duration> {
        (self.0 - DateTime::<Utc>::from(now)).to_std().ok().filter(|left| !left.is_zero())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
