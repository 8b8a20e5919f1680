//! Commands that events bring, done one after the other: what each comes to, and who is told.
//!
//! A command that comes by itself is answered with its widget or fails. Of a queue's messages those that failed go back to it,
//! and what went wrong is in the log alone; the queue puts a message aside that goes back too often. To what brings a command
//! at least once (a queue, a bus, a pipe) a widget that was deleted before is deleted.

use std::{
    collections::HashSet,
    time::{Duration, Instant},
};

use serde::Serialize;
use serde_json::value::RawValue;

use crate::{
    command::Operation,
    error::Error,
    event::{self, Delivery, Event, Message, Trigger},
    failure::{self, Failure, Kind},
    http::MAX_ANSWER_BYTES,
    lambda::{Dialect, Invocation},
    log::{self, CommandLine, Level, Work},
    observed::{Observed, observed},
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
pub async fn handle(
    dialect: &impl Dialect,
    payload: &[u8],
    invocation: &Invocation<'_>,
) -> Result<Answer, Failure> {
    let event = event::read(payload, invocation.request_id).map_err(|unknown| {
        log::event(
            Level::Error,
            "unknown event",
            &format!("{unknown} (request {})", invocation.request_id),
        );
        Failure::unknown(&unknown)
    })?;
    let told = |error: Error| Failure::of(&error, invocation.request_id);
    match event {
        Event::Command(delivery) => {
            execute(dialect, &delivery, None, invocation).await.map(Answer::Widget).map_err(told)
        }
        Event::Commands(deliveries) => {
            all(dialect, &deliveries, invocation).await.map(Answer::Widgets).map_err(told)
        }
        Event::Messages(messages) => {
            Ok(Answer::Messages(each(dialect, messages, invocation).await))
        }
    }
}

/// All of the commands, or the first failure: whatever brought them brings all of them again. More widgets than an answer
/// holds are a failure, too.
async fn all(
    dialect: &impl Dialect,
    deliveries: &[Delivery],
    invocation: &Invocation<'_>,
) -> Result<Vec<Shown>, Error> {
    let mut widgets = Vec::with_capacity(deliveries.len());
    let mut size = 0;
    for (index, delivery) in deliveries.iter().enumerate() {
        let widget =
            execute(dialect, delivery, None, invocation).await.map_err(|error| match error {
                Error::Invalid(violations) => {
                    Error::Invalid(within(Segment::Index(index), violations))
                }
                error => error,
            })?;
        size += 1 + widget.as_ref().map_or(4, |widget| widget.get().len());
        if size >= MAX_ANSWER_BYTES {
            return Err(Error::AnswerTooLarge);
        }
        widgets.push(widget);
    }
    Ok(widgets)
}

/// Each of the messages, whatever becomes of the others, but for those behind one of their group that failed: they have to
/// wait for it.
async fn each<D: Dialect>(
    dialect: &D,
    messages: Vec<Message>,
    invocation: &Invocation<'_>,
) -> BatchItemFailures {
    let (mut batch_item_failures, mut failed_groups) = (Vec::new(), HashSet::new());
    for message in messages {
        let outcome = if message.group.as_ref().is_some_and(|group| failed_groups.contains(group)) {
            let has_to_wait = Err(Error::Unavailable(
                "not tried: a message of its group before it failed".to_owned(),
            ));
            log::<D>(
                &message.delivery,
                Some(&message),
                &has_to_wait,
                Observed::default(),
                Duration::ZERO,
                invocation,
            );
            has_to_wait
        } else {
            execute(dialect, &message.delivery, Some(&message), invocation).await
        };
        if outcome.is_err() {
            failed_groups.extend(message.group);
            batch_item_failures.push(ItemFailure { item_identifier: message.id });
        }
    }
    BatchItemFailures { batch_item_failures }
}

/// Has a command done, and writes what became of it into the log.
async fn execute<D: Dialect>(
    dialect: &D,
    delivery: &Delivery,
    message: Option<&Message>,
    invocation: &Invocation<'_>,
) -> Result<Shown, Error> {
    let start = Instant::now();
    let (outcome, observed) =
        observed(invocation.within_its_time(Box::pin(dialect.execute(delivery)))).await;
    let outcome = match outcome {
        Ok(widget) => Ok(Some(widget)),
        Err(Error::AlreadyDeleted(_)) if delivery.trigger != Trigger::Direct => Ok(None),
        Err(error) => Err(error),
    };
    log::<D>(delivery, message, &outcome, observed, start.elapsed(), invocation);
    outcome
}

fn log<D: Dialect>(
    delivery: &Delivery,
    message: Option<&Message>,
    outcome: &Result<Shown, Error>,
    observed: Observed,
    duration: Duration,
    invocation: &Invocation<'_>,
) {
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
        work: Work::new(observed, duration),
        cold_start: invocation.cold_start,
        cause: error.map(failure::cause),
        count: invocation.count::<D>(observed, kind.is_some_and(Kind::is_theirs)),
    }
    .write();
}
