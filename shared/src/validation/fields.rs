//! The fields of a body, parsed one after the other.

use serde_json::value::RawValue;

use super::json::{self, Members};
use super::violation::{
    Location, MAX_VIOLATIONS, Validated, Violation, ViolationKind, prefix_path, violation,
};

/// Whether a body must name a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Presence {
    /// A body without the field is invalid.
    Required,
    /// A body may leave the field out.
    Optional,
}

/// The fields of a body. It collects the violations of the fields that are read.
#[derive(Debug)]
pub struct Fields<'a> {
    body: &'a RawValue,
    members: Members<'a>,
    violations: Vec<Violation>,
}

impl<'a> Fields<'a> {
    /// Opens `body`, which must be an object.
    pub fn open(body: &'a RawValue) -> Validated<Self> {
        match json::members(body) {
            Some(members) => Ok(Self { body, members, violations: Vec::new() }),
            None => Err(violation(ViolationKind::NotABody, body)),
        }
    }

    /// Applies `rule` to a field. Returns `None` if the field is absent or invalid.
    pub fn get<T>(
        &mut self,
        name: &'static str,
        presence: Presence,
        rule: impl FnOnce(&'a RawValue) -> Validated<T>,
    ) -> Option<T> {
        let Some(value) = self.members.get(name) else {
            if presence == Presence::Required {
                self.report(name, ViolationKind::Missing);
            }
            return None;
        };
        match rule(value) {
            Ok(value) => Some(value),
            Err(violations) => {
                self.violations.extend(prefix_path(Location::Field(name), violations));
                None
            }
        }
    }

    /// Returns a field as it came in.
    pub fn value(&self, name: &str) -> Option<&'a RawValue> {
        self.members.get(name)
    }

    /// Reports each field that is not one of `names`.
    pub fn reject_unknown(&mut self, names: &[&str]) {
        let unknown = self.members.names().filter(|name| !names.contains(name));
        let violations = unknown.take(MAX_VIOLATIONS).flat_map(|name| {
            violation(ViolationKind::UnknownMember(name.to_owned()), RawValue::NULL)
        });
        self.violations.extend(violations);
    }

    /// Reports a violation of a field whose input is the whole body.
    pub fn report(&mut self, name: &'static str, kind: ViolationKind) {
        self.violations.extend(prefix_path(Location::Field(name), violation(kind, self.body)));
    }

    /// Returns `value` if every field was valid, and else at most [`MAX_VIOLATIONS`] violations.
    /// `value` is `None` only if a field was reported.
    pub fn finish<T>(mut self, value: Option<T>) -> Validated<T> {
        match value {
            Some(value) if self.violations.is_empty() => Ok(value),
            _ => {
                self.violations.truncate(MAX_VIOLATIONS);
                Err(self.violations)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::validation::PathDisplay;
    use crate::validation::rules::{list, nullable, text};

    fn raw(text: &str) -> &RawValue {
        json::document(text.as_bytes()).unwrap()
    }

    #[test]
    fn every_violation_is_collected_with_its_path_and_input() {
        let body = raw(r#"{"messages":["a",1,null],"name":2}"#);
        let mut fields = Fields::open(body).unwrap();
        let messages = fields.get("messages", Presence::Required, list(text));
        let name = fields.get("name", Presence::Optional, nullable(text));
        let missing = fields.get("missing", Presence::Required, text);
        assert!(messages.is_none() && name.is_none() && missing.is_none());
        let violations = fields.finish(Some(())).unwrap_err();
        let shown: Vec<String> = violations
            .iter()
            .map(|v| {
                format!(
                    "{} {} <- {}",
                    PathDisplay { path: &v.path, root: "body" },
                    v.kind,
                    v.input.as_str()
                )
            })
            .collect();
        assert_eq!(
            shown,
            [
                "messages[1] must be a string <- 1",
                "messages[2] must be a string <- null",
                "name must be a string <- 2",
                &format!("missing is required <- {}", body.get()),
            ]
        );
    }

    #[test]
    fn at_most_max_violations_are_reported() {
        let body = format!(r#"{{"a":[{}0],"b":1}}"#, "0,".repeat(100_000));
        let mut fields = Fields::open(raw(&body)).unwrap();
        let a = fields.get("a", Presence::Required, list(text));
        let _ = fields.get("b", Presence::Required, text);
        assert_eq!(fields.finish(a).unwrap_err().len(), MAX_VIOLATIONS);
    }
}
