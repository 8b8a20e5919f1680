//! Commands that events bring, done one after the other: what each comes to, and who is told.
//!
//! A command that comes by itself is answered with its widget or fails. Of a queue's messages those that failed go back to it,
//! and what went wrong is in the log alone; the queue puts a message aside that goes back too often. To whatever may bring a
//! command twice a widget that was deleted before is deleted.

use std::time::Instant;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    command::Operation,
    error::Error,
    event::{self, Delivery, Event, Message, Trigger},
    failure::{self, Failure, Kind},
    lambda::{Dialect, Invocation},
    log::{self, CommandLine, Level},
    validation::{Segment, within},
};

/// A widget as the dialect shows it; `null` where it was deleted before.
type Shown = Option<Box<RawValue>>;

/// What an invocation that brought commands is answered with.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum Answer {
    /// The command's widget.
    Widget(Shown),
    /// Each command's widget.
    Widgets(Vec<Shown>),
    /// What a queue is told.
    Messages(BatchItemFailures),
}

/// The messages that a queue is to bring again
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailures {
    batch_item_failures: Vec<ItemFailure>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct ItemFailure {
    item_identifier: String,
}

/// Has all that `payload` brings done.
pub async fn handle(dialect: &impl Dialect, payload: &[u8], invocation: &Invocation<'_>) -> Result<Answer, Failure> {
    let event = event::read(payload, invocation.request_id).map_err(|unknown| {
        log::event(Level::Warn, "unknown event", &format!("{unknown} (request {})", invocation.request_id));
        Failure::unknown(&unknown)
    })?;
    let told = |error: Error| Failure::of(&error, invocation.request_id);
    match event {
        Event::Command(delivery) => {
            execute(dialect, &delivery, None, invocation).await.map(Answer::Widget).map_err(told)
        }
        Event::Commands(deliveries) => all(dialect, &deliveries, invocation).await.map(Answer::Widgets).map_err(told),
        Event::Messages(messages) => Ok(Answer::Messages(each(dialect, messages, invocation).await)),
    }
}

/// All of the commands, or the first failure: whatever brought them brings all of them again.
async fn all(
    dialect: &impl Dialect,
    deliveries: &[Delivery],
    invocation: &Invocation<'_>,
) -> Result<Vec<Shown>, Error> {
    let mut widgets = Vec::with_capacity(deliveries.len());
    for (index, delivery) in deliveries.iter().enumerate() {
        let widget = execute(dialect, delivery, None, invocation).await;
        widgets.push(widget.map_err(|error| match error {
            Error::Invalid(violations) => Error::Invalid(within(Segment::Index(index), violations)),
            error => error,
        })?);
    }
    Ok(widgets)
}

/// Each of the messages, whatever becomes of the others; those behind one that failed are not tried where their queue keeps
/// them in order.
async fn each(dialect: &impl Dialect, messages: Vec<Message>, invocation: &Invocation<'_>) -> BatchItemFailures {
    let mut batch_item_failures: Vec<ItemFailure> = Vec::new();
    for message in messages {
        let has_to_wait = message.is_in_order && !batch_item_failures.is_empty();
        if has_to_wait || execute(dialect, &message.delivery, Some(&message), invocation).await.is_err() {
            batch_item_failures.push(ItemFailure { item_identifier: message.id });
        }
    }
    BatchItemFailures { batch_item_failures }
}

/// Has a command done, and writes what became of it into the log.
async fn execute(
    dialect: &impl Dialect,
    delivery: &Delivery,
    message: Option<&Message>,
    invocation: &Invocation<'_>,
) -> Result<Shown, Error> {
    let start = Instant::now();
    let outcome = match invocation.within_its_time(dialect.execute(delivery)).await {
        Ok(widget) => Ok(Some(widget)),
        Err(Error::AlreadyDeleted(_)) if delivery.trigger != Trigger::Direct => Ok(None),
        Err(error) => Err(error),
    };
    let error = outcome.as_ref().err();
    let kind = error.map(Kind::from);
    CommandLine {
        request_id: invocation.request_id,
        trigger: delivery.trigger,
        id: message.map(|message| message.id.as_str()).or(delivery.id.as_deref()),
        receive_count: message.and_then(|message| message.receive_count),
        operation: delivery.document.as_deref().ok().and_then(Operation::of),
        error: kind,
        retryable: kind.map(Kind::is_retryable),
        duration_ms: log::milliseconds(start.elapsed()),
        cold_start: invocation.cold_start,
        cause: error.map(failure::cause),
    }
    .write();
    outcome
}
