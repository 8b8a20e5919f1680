//! Trigger events: what an invocation brings that is not an HTTP request.
//!
//! AWS defines what they look like:
//! <https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html>.
//!
//! Each kind has one distinguishing member. A payload with none of them, or several, is rejected.

use serde_json::value::RawValue;

use crate::error::Result;
use crate::validation::json::Members;
use crate::validation::{Location, ViolationKind, json, prefix_path, violation};

/// What an invocation brings.
#[derive(Debug)]
pub enum TriggerEvent {
    /// A command.
    Command(CommandEnvelope),
    /// The batch of a pipe. If one command fails the pipe retries all of them.
    Commands(Vec<CommandEnvelope>),
    /// Messages of a queue. The queue retries those that fail.
    Messages(Vec<QueueMessage>),
}

/// A command as it is delivered.
#[derive(Debug)]
pub struct CommandEnvelope {
    /// What delivered it.
    pub trigger: Trigger,
    /// The id that stays the same if it is delivered again; a command of a pipe has none.
    pub id: Option<String>,
    /// The command's document, or why there is none.
    pub document: Result<Box<RawValue>>,
}

impl CommandEnvelope {
    fn new(trigger: Trigger, id: Option<&str>, document: Result<&RawValue>) -> Self {
        Self { trigger, id: id.map(str::to_owned), document: document.map(RawValue::to_owned) }
    }
}

/// What delivers a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// The invoker itself: a state machine, a program, a person.
    Direct,
    /// EventBridge.
    EventBridge,
    /// A pipe.
    Pipe,
    /// A queue.
    Sqs,
}

/// A message of a queue.
#[derive(Debug)]
pub struct QueueMessage {
    /// The `messageId`.
    pub id: String,
    /// The command in the body.
    pub envelope: CommandEnvelope,
    /// How often the message was received, this time included.
    pub receive_count: Option<u32>,
    /// The group within which a FIFO queue keeps the order.
    pub group: Option<String>,
}

/// Says what a payload is instead of a trigger event.
pub type UnknownEvent = String;

impl TriggerEvent {
    /// Recognizes `payload`. The `invocation_id` becomes the id of a direct command, because it
    /// stays the same if Lambda retries an asynchronous invocation.
    pub fn parse(payload: &[u8], invocation_id: &str) -> Result<Self, UnknownEvent> {
        let value: &RawValue = serde_json::from_slice(payload)
            .map_err(|error| format!("no JSON in UTF-8: {:?}", error.classify()))?;
        if let Some(elements) = json::elements(value) {
            return parse_batch(&elements);
        }
        let members = json::members(value).ok_or("no object and no array that can be read")?;
        match classify(&members)? {
            EventKind::Records(records) => {
                let records = json::elements(records);
                parse_messages(&records.ok_or("an object whose Records are no array")?)
            }
            EventKind::EventBridge => parse_eventbridge(&members)
                .map(Self::Command)
                .map_err(|missing| format!("an event of EventBridge's without {missing}")),
            EventKind::Command => {
                let envelope =
                    CommandEnvelope::new(Trigger::Direct, Some(invocation_id), Ok(value));
                Ok(Self::Command(envelope))
            }
        }
    }
}

/// The kinds of objects, by their distinguishing member.
enum EventKind<'a> {
    /// `Records`
    Records(&'a RawValue),
    /// `detail-type`
    EventBridge,
    /// `operation`
    Command,
}

fn classify<'a>(members: &Members<'a>) -> Result<EventKind<'a>, UnknownEvent> {
    let [http, records, event, command] =
        ["requestContext", "Records", "detail-type", "operation"].map(|name| members.get(name));
    match (http, records, event, command) {
        (None, Some(records), None, None) => Ok(EventKind::Records(records)),
        (None, None, Some(_), None) => Ok(EventKind::EventBridge),
        (None, None, None, Some(_)) => Ok(EventKind::Command),
        (Some(_), None, None, None) => {
            Err("an HTTP request that is not in API Gateway's payload format 2.0".to_owned())
        }
        (None, None, None, None) => {
            Err("none of: an HTTP request in API Gateway's payload format 2.0, records of SQS, an \
                 event of EventBridge's, a command, which has an operation"
                .to_owned())
        }
        _ => {
            Err("more than one of: an HTTP request, records, an event of EventBridge's, a command"
                .to_owned())
        }
    }
}

/// Parses an array, which is the batch of a pipe: SQS records, EventBridge events, or commands that
/// the pipe's input template makes.
fn parse_batch(elements: &[&RawValue]) -> Result<TriggerEvent, UnknownEvent> {
    let is_record = |element: &&RawValue| {
        json::members(element).is_some_and(|members| members.get("eventSource").is_some())
    };
    if !elements.is_empty() && elements.iter().all(is_record) {
        return parse_messages(elements);
    }
    let envelope = |(index, element): (usize, &&RawValue)| {
        let but = |what: &str| format!("an array, but its element {index} is {what}");
        let members = json::members(element).ok_or_else(|| but("no object"))?;
        match classify(&members).map_err(|unknown| but(&unknown))? {
            EventKind::EventBridge => parse_eventbridge(&members)
                .map_err(|missing| but(&format!("an event of EventBridge's without {missing}"))),
            EventKind::Command => Ok(CommandEnvelope::new(Trigger::Pipe, None, Ok(element))),
            EventKind::Records(_) => Err(but("a batch itself")),
        }
    };
    let envelopes = elements.iter().enumerate().map(envelope).collect::<Result<_, _>>();
    envelopes.map(TriggerEvent::Commands)
}

/// Parses an event of EventBridge, whose detail is the command.
///
/// # Errors
///
/// The member that is missing.
fn parse_eventbridge(members: &Members) -> Result<CommandEnvelope, &'static str> {
    let id = members.get("id").and_then(json::text).ok_or("id")?;
    let detail = members.get("detail").ok_or("detail")?;
    Ok(CommandEnvelope::new(Trigger::EventBridge, Some(&id), Ok(detail)))
}

fn parse_messages(records: &[&RawValue]) -> Result<TriggerEvent, UnknownEvent> {
    let message = |record: &&RawValue| {
        let members = json::members(record).ok_or("a record that is no object")?;
        let text = |name| members.get(name).and_then(json::text);
        if text("eventSource").as_deref() != Some("aws:sqs") {
            return Err("records of something else than SQS".to_owned());
        }
        // Without the id SQS could not be told which message failed.
        let id = text("messageId").ok_or("a record without a messageId")?.into_owned();
        let attributes = members.get("attributes").and_then(json::members);
        let attribute = |name| attributes.as_ref().and_then(|it| json::text(it.get(name)?));
        // Messages of a standard queue may have groups, too.
        let is_fifo = text("eventSourceARN").is_some_and(|arn| arn.ends_with(".fifo"));
        Ok(QueueMessage {
            envelope: parse_message_body(members.get("body"), &id),
            id,
            receive_count: attribute("ApproximateReceiveCount").and_then(|it| it.parse().ok()),
            group: is_fifo.then(|| attribute("MessageGroupId").unwrap_or_default().into_owned()),
        })
    };
    records.iter().map(message).collect::<Result<_, _>>().map(TriggerEvent::Messages)
}

/// Parses the body of a message: a command, or an event that a rule of EventBridge put there.
fn parse_message_body(body: Option<&RawValue>, message_id: &str) -> CommandEnvelope {
    let of_message = |document| CommandEnvelope::new(Trigger::Sqs, Some(message_id), document);
    let body = body.unwrap_or(RawValue::NULL);
    let Some(text) = json::text(body) else {
        return of_message(Err(violation(ViolationKind::NotAString, body).into()));
    };
    let document = match json::value(&text) {
        Ok(document) => document,
        Err(error) => return of_message(Err(error.into())),
    };
    let is_event = |members: &Members| matches!(classify(members), Ok(EventKind::EventBridge));
    match json::members(document).filter(is_event).map(|members| parse_eventbridge(&members)) {
        None => of_message(Ok(document)),
        Some(Ok(event)) => CommandEnvelope { trigger: Trigger::Sqs, ..event },
        Some(Err(missing)) => {
            let violations = violation(ViolationKind::Missing, document);
            of_message(Err(prefix_path(Location::Field(missing), violations).into()))
        }
    }
}
