//! What a widget is. Everything here is valid by construction; nothing here knows HTTP or DynamoDB.

mod allowed_domain;
pub mod assistant;
pub mod hash;
pub mod pathway;
mod version_condition;

use std::{
    fmt,
    time::{Duration, SystemTime},
};

use chrono::{DateTime, SecondsFormat, SubsecRound, Utc};
use uuid::Uuid;

pub use allowed_domain::{AllowedDomain, Origin};
pub use version_condition::Versions;

/// The tenant that a key belongs to: its widgets are seen by its keys alone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AccountId(pub Uuid);

impl AccountId {
    /// The UUID that `text` writes, in any of its forms.
    pub fn parse(text: &str) -> Result<Self, uuid::Error> {
        Uuid::parse_str(text).map(Self)
    }
}

impl fmt::Display for AccountId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A widget's id: a UUIDv7, so that ids sort in the order of creation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct WidgetId(pub Uuid);

impl fmt::Display for WidgetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A moment, to the millisecond. `Display` is RFC 3339 in UTC: `2024-01-15T10:30:00.000Z` (contract 1.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(DateTime<Utc>);

impl Timestamp {
    /// This moment.
    pub fn now() -> Self {
        Self(Utc::now().trunc_subsecs(3))
    }

    /// The moment that `text` is in RFC 3339.
    pub fn parse(text: &str) -> Option<Self> {
        let moment = DateTime::parse_from_rfc3339(text).ok()?;
        Some(Self(moment.with_timezone(&Utc).trunc_subsecs(3)))
    }

    /// The moment so long after this one.
    pub fn after(self, time: Duration) -> Self {
        Self(self.0 + time)
    }

    /// Whole seconds since 1970, as DynamoDB's TTL counts them.
    pub fn epoch_seconds(self) -> u64 {
        self.0.timestamp().unsigned_abs()
    }

    /// Milliseconds since 1970, as CloudWatch counts them.
    pub fn epoch_milliseconds(self) -> i64 {
        self.0.timestamp_millis()
    }

    /// How long it is until then; `None` once it has come.
    pub fn time_left(self) -> Option<Duration> {
        self.time_left_at(SystemTime::now())
    }

    /// The same as seen at `now`.
    pub fn time_left_at(self, now: SystemTime) -> Option<Duration> {
        (self.0 - DateTime::<Utc>::from(now)).to_std().ok().filter(|left| !left.is_zero())
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.to_rfc3339_opts(SecondsFormat::Millis, true))
    }
}

/// A widget: what its client set ([`assistant::Settings`] or [`pathway::Settings`]) and what we add to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Widget<S> {
    /// Unique among all widgets.
    pub id: WidgetId,
    /// 1 at first, one more with every change.
    pub version: u64,
    /// When it was created.
    pub created_at: Timestamp,
    /// When it last changed.
    pub updated_at: Timestamp,
    /// What its client set.
    pub settings: S,
}

impl<S> Widget<S> {
    /// A new widget, its id and time of creation being now.
    pub fn new(settings: S) -> Self {
        let now = Timestamp::now();
        Self {
            id: WidgetId(Uuid::now_v7()),
            version: 1,
            created_at: now,
            updated_at: now,
            settings,
        }
    }
}
