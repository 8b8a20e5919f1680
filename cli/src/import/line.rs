//! A line: the widget that it says, or everything that is wrong with it.

use std::{borrow::Cow, time::Duration};

use serde_json::value::RawValue;
use shared::{
    model::{AccountId, Timestamp, WidgetId},
    store::ImportedWidget,
    validation::{
        PathDisplay, Violation, ViolationKind,
        json::{self, JsonType, Members},
        rules, violation,
    },
};

use super::leniency::Importable;

/// How far ahead the clock of a service may be.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(24 * 60 * 60);

/// Parses a line as a widget of `account`. The faults are phrases without the line's number.
pub fn parse<S: Importable>(
    line: &[u8],
    account: AccountId,
) -> Result<ImportedWidget<S>, Vec<String>> {
    let document = json::document(line)
        .map_err(|error| words(violation(ViolationKind::Malformed(error), RawValue::NULL)))?;
    let members = json::members(document)
        .ok_or_else(|| words(violation(ViolationKind::NotABody, RawValue::NULL)))?;
    let mut faults = Faults::default();
    let id = faults.take(id(&members));
    let created_at = faults.take(time::<S>(&members, "created_at"));
    let updated_at = faults.take(time::<S>(&members, "updated_at"));
    let body = as_request::<S>(document, &members);
    let settings = json::value(&body)
        .map_err(|error| violation(ViolationKind::Malformed(error), RawValue::NULL))
        .and_then(|body| S::parse(body, account));
    let settings = faults.take(settings.map_err(words));
    match (id, created_at, updated_at, settings) {
        (Some(id), Some(created_at), Some(updated_at), Some(mut settings)) => {
            settings.keep(&members);
            Ok(ImportedWidget { id: WidgetId(id), created_at, updated_at, settings })
        }
        _ => Err(faults.0),
    }
}

/// The faults of a line so far.
#[derive(Default)]
struct Faults(Vec<String>);

impl Faults {
    /// Returns a value, or takes down why there is none.
    fn take<T>(&mut self, result: Result<T, Vec<String>>) -> Option<T> {
        result.map_err(|faults| self.0.extend(faults)).ok()
    }
}

fn id(members: &Members<'_>) -> Result<uuid::Uuid, Vec<String>> {
    let id = members.get("id").ok_or_else(|| vec!["id is required".to_owned()])?;
    rules::uuid(id).map_err(|_| {
        vec!["id must be a UUID, such as 3c90c3cc-0d44-4b50-8888-8dd25736052a".to_owned()]
    })
}

/// Parses a time of the widget, which may be missing or null. A time in the future would be in the
/// way of the widget's next update.
fn time<S: Importable>(
    members: &Members<'_>,
    name: &'static str,
) -> Result<Option<Timestamp>, Vec<String>> {
    let value = members.get(name).filter(|it| S::HAS_TIMES && json::type_of(it) != JsonType::Null);
    let Some(value) = value else { return Ok(None) };
    let time = json::text(value).and_then(|text| Timestamp::parse(&text));
    // In UTC its year may be one that RFC 3339 cannot write.
    let time = time.filter(|time| Timestamp::parse(&time.to_string()).is_some());
    let time = time.ok_or_else(|| {
        vec![format!("{name} must be a time of RFC 3339, such as 2024-01-15T10:30:00.000Z")]
    })?;
    if time > Timestamp::now().after(CLOCK_TOLERANCE) {
        return Err(vec![format!("{name} must not be in the future")]);
    }
    Ok(Some(time))
}

/// Returns the body of a request for the widget of a line. Of a member given twice the last counts.
fn as_request<'a, S: Importable>(document: &'a RawValue, members: &Members<'_>) -> Cow<'a, str> {
    let mut meant = String::new();
    for leniency in S::LENIENCIES {
        if leniency.values.contains(&members.get(leniency.field).map(RawValue::get)) {
            let separator = if members.0.is_empty() && meant.is_empty() { "" } else { "," };
            meant += &format!("{separator}\"{}\":{}", leniency.field, leniency.meaning);
        }
    }
    match document.get().strip_suffix('}') {
        Some(start) if !meant.is_empty() => format!("{start}{meant}}}").into(),
        _ => document.get().into(),
    }
}

fn words(violations: Vec<Violation>) -> Vec<String> {
    let in_words = |violation: &Violation| {
        format!("{} {}", PathDisplay { path: &violation.path, root: "the widget" }, violation.kind)
    };
    violations.iter().map(in_words).collect()
}
