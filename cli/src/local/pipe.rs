//! A pipe from a table's stream to an event bus: which changes it publishes, and as what event.

use anyhow::{Context, Result};
use chrono::{DateTime, SecondsFormat, Utc};
use serde::Serialize;
use serde_json::{Value, value::RawValue};
use uuid::Uuid;

use super::{event_pattern::Pattern, input_transformer::InputTemplate, template::PipeSpec};

/// A pipe, ready to publish.
#[derive(Debug, Clone)]
pub struct Pipe {
    filters: Vec<Pattern>,
    input_template: InputTemplate,
    source: String,
    detail_type: String,
    account: String,
    region: String,
}

/// An event on an event bus
/// (<https://docs.aws.amazon.com/eventbridge/latest/ref/overiew-event-structure.html>).
#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PublishedEvent {
    /// Of the structure: always `0`.
    pub version: &'static str,
    /// The event's own.
    pub id: Uuid,
    /// What kind of event it is.
    pub detail_type: String,
    /// What it comes from.
    pub source: String,
    /// The AWS account.
    pub account: String,
    /// When it was published, to the second.
    pub time: String,
    /// The AWS region.
    pub region: String,
    /// What it is about, which a pipe leaves open.
    pub resources: [&'static str; 0],
    /// What happened: an object, in the order of the pipe's template.
    pub detail: Box<RawValue>,
}

impl Pipe {
    /// Makes a pipe that reads the stream `stream_arn`. What `spec` has and the local stack does
    /// not support is an error that names it.
    pub fn new(spec: &PipeSpec, stream_arn: &str, region: &str) -> Result<Self> {
        let unusable = || format!("the pipe {} of the template cannot be used", spec.name);
        let filters =
            spec.filters.iter().map(|filter| Pattern::parse(filter)).collect::<Result<_>>();
        let input_template = InputTemplate::parse(&spec.input_template);
        let account = stream_arn.split(':').nth(4).unwrap_or_default();
        Ok(Self {
            filters: filters.with_context(unusable)?,
            input_template: input_template.with_context(unusable)?,
            source: spec.source.clone(),
            detail_type: spec.detail_type.clone(),
            account: account.to_owned(),
            region: region.to_owned(),
        })
    }

    /// The event that a stream's record is published as at `now`, or none if no filter lets the
    /// record pass.
    pub fn publish(&self, record: &Value, now: DateTime<Utc>) -> Result<Option<PublishedEvent>> {
        if !self.filters.is_empty() && !self.filters.iter().any(|filter| filter.matches(record)) {
            return Ok(None);
        }
        let detail = self.input_template.render(record).with_context(|| {
            format!(
                "the change {} cannot be published",
                record["eventID"].as_str().unwrap_or("without an id")
            )
        })?;
        Ok(Some(PublishedEvent {
            version: "0",
            id: Uuid::new_v4(),
            detail_type: self.detail_type.clone(),
            source: self.source.clone(),
            account: self.account.clone(),
            time: now.to_rfc3339_opts(SecondsFormat::Secs, true),
            region: self.region.clone(),
            resources: [],
            detail,
        }))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::local::template::Template;

    const STREAM: &str = "arn:aws:dynamodb:dynoxide:000000000000:table/Widgets/stream/1";

    fn spec() -> PipeSpec {
        Template::parse(include_str!("../../../template.yaml")).unwrap().pipes.remove(0)
    }

    fn published(pipe: &Pipe, record: &Value) -> Result<Option<String>> {
        let now = DateTime::from_timestamp_millis(1_500_000_000_123).unwrap();
        let event = pipe.publish(record, now)?;
        Ok(event.map(|event| {
            serde_json::to_string(&event).unwrap().replace(&event.id.to_string(), "ID")
        }))
    }

    /// A change as the stream tells it.
    fn change(new_image: &Value) -> Value {
        json!({
            "eventID": "e1",
            "eventName": "MODIFY",
            "dynamodb": {"Keys": {"pk": {"S": "a#assistant"}, "sk": {"S": "w1"}}, "NewImage": new_image},
        })
    }

    #[test]
    fn widget_change_is_published_as_the_template_defines() {
        let pipe = Pipe::new(&spec(), STREAM, "us-east-1").unwrap();
        let image = json!({
            "change": {"S": "updated"}, "account": {"S": "a"}, "dialect": {"S": "assistant"}, "version": {"N": "2"},
            "updated_at": {"S": "2026-01-01T00:00:00.000Z"}, "name": {"S": "of no interest"},
        });
        assert_eq!(
            published(&pipe, &change(&image)).unwrap().unwrap(),
            r#"{"version":"0","id":"ID","detail-type":"Widget Changed","source":"widgets","account":"000000000000","time":"2017-07-14T02:40:00Z","region":"us-east-1","resources":[],"detail":{"specversion":"1.0","id":"w1:2","source":"/widgets/assistant","type":"widget.updated","subject":"w1","time":"2026-01-01T00:00:00.000Z","datacontenttype":"application/json","data":{"dialect":"assistant","account":"a","widget_id":"w1","version":"2"}}}"#
        );
    }

    #[test]
    fn record_that_matches_no_filter_is_not_published() {
        let pipe = Pipe::new(&spec(), STREAM, "us-east-1").unwrap();
        let removal = json!({"eventID": "e1", "eventName": "REMOVE", "dynamodb": {"Keys": {}}});
        for record in [
            removal,
            change(&json!({"ttl": {"N": "1"}})),
            change(&json!({"change": {"S": "read"}})),
        ] {
            assert_eq!(published(&pipe, &record).unwrap(), None, "{record}");
        }
    }

    #[test]
    fn record_passes_if_any_filter_matches_or_none_is_set() {
        let passes = |filters: &[&str], record: &Value| {
            let filters = filters.iter().map(|filter| (*filter).to_owned()).collect();
            let input_template = r#"{"name": "<$.eventName>"}"#.to_owned();
            let spec = PipeSpec { filters, input_template, ..spec() };
            published(&Pipe::new(&spec, STREAM, "us-east-1").unwrap(), record).unwrap()
        };
        let record = json!({"eventName": "REMOVE"});
        let (insert, remove) = (r#"{"eventName": ["INSERT"]}"#, r#"{"eventName": ["REMOVE"]}"#);
        assert!(passes(&[insert], &record).is_none());
        assert!(
            passes(&[insert, remove], &record).unwrap().ends_with(r#""detail":{"name":"REMOVE"}}"#)
        );
        assert!(passes(&[], &record).is_some());
    }

    #[test]
    fn unpublishable_change_is_an_error_with_its_id_and_missing_path() {
        let pipe = Pipe::new(&spec(), STREAM, "us-east-1").unwrap();
        let error = format!(
            "{:#}",
            published(&pipe, &change(&json!({"change": {"S": "created"}}))).unwrap_err()
        );
        assert!(
            error.contains("the change e1") && error.contains("$.dynamodb.NewImage.version.N"),
            "{error}"
        );
        let spec = PipeSpec { filters: vec![r#"{"a": [{"wildcard": "*"}]}"#.to_owned()], ..spec() };
        let error = format!("{:#}", Pipe::new(&spec, STREAM, "us-east-1").unwrap_err());
        assert!(error.contains("the pipe Changes") && error.contains("wildcard"), "{error}");
    }
}
