//! What an invocation is about where it is no HTTP request: messages of a queue, an event of EventBridge's, a command by itself,
//! or several of them from a pipe. What each looks like is AWS's
//! (<https://docs.aws.amazon.com/lambda/latest/dg/with-sqs.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-events-structure.html>,
//! <https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-pipes-batching-concurrency.html>).
//!
//! A kind is told by the one member that the others have not. What has none of them, or several, is nothing that is guessed at.

use serde_json::value::RawValue;

use crate::{
    error::Error,
    json::{self, Members},
    validation::{self, Fault, Segment, refused},
};

/// What an invocation brings.
#[derive(Debug)]
pub enum Event {
    /// A command.
    Command(Delivery),
    /// What a pipe brings at a time, one of it or more: all of it is done, or the pipe brings it again.
    Commands(Vec<Delivery>),
    /// Messages of a queue: each that is not done stays there.
    Messages(Vec<Message>),
}

/// A command's document on its way.
#[derive(Debug)]
pub struct Delivery {
    /// What brought it.
    pub trigger: Trigger,
    /// What it is known by when it comes again.
    pub id: Option<String>,
    /// The document, where it is one.
    pub document: Result<Box<RawValue>, Error>,
}

/// What brings a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Trigger {
    /// Whoever invoked the function: a state machine, a program, a person.
    Direct,
    /// EventBridge.
    EventBridge,
    /// A pipe, without an id.
    Pipe,
    /// A queue.
    Sqs,
}

/// A message of a queue.
#[derive(Debug)]
pub struct Message {
    /// What SQS calls it.
    pub id: String,
    /// The command in it.
    pub delivery: Delivery,
    /// How many times it was received, this one included.
    pub receive_count: Option<u32>,
    /// The group whose messages are done in their order, in a queue that keeps one.
    pub group: Option<String>,
}

/// Why a payload is none of these.
pub type Unknown = String;

/// The event that `payload` is. A command that comes by itself is known by the `invocation`'s id, which stays the same where
/// Lambda makes an asynchronous invocation again.
pub fn read(payload: &[u8], invocation: &str) -> Result<Event, Unknown> {
    let value: &RawValue = serde_json::from_slice(payload)
        .map_err(|error| format!("no JSON in UTF-8: {:?}", error.classify()))?;
    if let Some(elements) = json::elements(value) {
        return batch(&elements);
    }
    let members = json::members(value).ok_or("no object and no array that can be read")?;
    match mark(&members)? {
        Mark::Records(records) => {
            messages(&json::elements(records).ok_or("an object whose Records are no array")?)
        }
        Mark::Event => event(&members)
            .map(Event::Command)
            .map_err(|lack| format!("an event of EventBridge's without {lack}")),
        Mark::Command => Ok(Event::Command(Delivery {
            trigger: Trigger::Direct,
            id: Some(invocation.to_owned()),
            document: Ok(value.to_owned()),
        })),
    }
}

/// By which an object is told.
enum Mark<'a> {
    Records(&'a RawValue),
    Event,
    Command,
}

fn mark<'a>(members: &Members<'a>) -> Result<Mark<'a>, Unknown> {
    let [http, records, event, command] =
        ["requestContext", "Records", "detail-type", "operation"].map(|name| members.get(name));
    match (http, records, event, command) {
        (None, Some(records), None, None) => Ok(Mark::Records(records)),
        (None, None, Some(_), None) => Ok(Mark::Event),
        (None, None, None, Some(_)) => Ok(Mark::Command),
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

/// An array is what a pipe brings: messages as SQS has them, events, or commands that the pipe's template made.
fn batch(elements: &[&RawValue]) -> Result<Event, Unknown> {
    let is_record = |element: &&RawValue| {
        json::members(element).is_some_and(|it| it.get("eventSource").is_some())
    };
    if !elements.is_empty() && elements.iter().all(is_record) {
        return messages(elements);
    }
    let delivery = |(index, element): (usize, &&RawValue)| {
        let but = |what: &str| format!("an array, but its element {index} is {what}");
        let members = json::members(element).ok_or_else(|| but("no object"))?;
        match mark(&members).map_err(|unknown| but(&unknown))? {
            Mark::Event => event(&members)
                .map_err(|lack| but(&format!("an event of EventBridge's without {lack}"))),
            Mark::Command => Ok(Delivery {
                trigger: Trigger::Pipe,
                id: None,
                document: Ok((*element).to_owned()),
            }),
            Mark::Records(_) => Err(but("a batch itself")),
        }
    };
    elements.iter().enumerate().map(delivery).collect::<Result<_, _>>().map(Event::Commands)
}

/// An event's detail is the document, and the event's id is what it is known by. An error is the member that is missing.
fn event(members: &Members) -> Result<Delivery, &'static str> {
    let id = members.get("id").and_then(json::string).ok_or("id")?;
    let detail = members.get("detail").ok_or("detail")?;
    Ok(Delivery { trigger: Trigger::EventBridge, id: Some(id), document: Ok(detail.to_owned()) })
}

fn messages(records: &[&RawValue]) -> Result<Event, Unknown> {
    let message = |record: &&RawValue| {
        let members = json::members(record).ok_or("a record that is no object")?;
        let text = |name| members.get(name).and_then(json::string);
        if text("eventSource").as_deref() != Some("aws:sqs") {
            return Err("records of something else than SQS".to_owned());
        }
        // Without it nobody could be told which message failed.
        let id = text("messageId").ok_or("a record without a messageId")?;
        let attributes = members.get("attributes").and_then(json::members);
        let attribute = |name| attributes.as_ref().and_then(|it| json::string(it.get(name)?));
        // A queue without an order has groups, too.
        let is_in_order = text("eventSourceARN").is_some_and(|arn| arn.ends_with(".fifo"));
        Ok(Message {
            delivery: within(members.get("body"), &id),
            id,
            receive_count: attribute("ApproximateReceiveCount")
                .and_then(|count| count.parse().ok()),
            group: is_in_order.then(|| attribute("MessageGroupId").unwrap_or_default()),
        })
    };
    records.iter().map(message).collect::<Result<_, _>>().map(Event::Messages)
}

/// What a message's body brings: a command, or an event that a rule of EventBridge's put there.
fn within(body: Option<&RawValue>, message_id: &str) -> Delivery {
    let of =
        |document| Delivery { trigger: Trigger::Sqs, id: Some(message_id.to_owned()), document };
    let body = body.unwrap_or(RawValue::NULL);
    let Some(text) = json::string(body) else {
        return of(Err(refused(Fault::NotAString, body).into()));
    };
    let document = match json::value(&text) {
        Ok(document) => document,
        Err(error) => return of(Err(error.into())),
    };
    let event = json::members(document)
        .filter(|it| matches!(mark(it), Ok(Mark::Event)))
        .map(|it| event(&it));
    match event {
        None => of(Ok(document.to_owned())),
        Some(Ok(event)) => Delivery { trigger: Trigger::Sqs, ..event },
        Some(Err(lack)) => {
            of(Err(
                validation::within(Segment::Field(lack), refused(Fault::Missing, document)).into()
            ))
        }
    }
}
