//! Executing the commands of an invocation, one after the other.
//!
//! A direct command is answered with its widget, or its invocation fails. A queue is told which of
//! its messages failed; the reasons are in the log alone, and a message that fails too often
//! becomes a dead letter. Queues, buses and pipes deliver at least once, so to them the delete of a
//! widget that does not exist is a success: an earlier delivery may have deleted it.

use std::collections::HashSet;

use serde::Serialize;
use serde_json::value::RawValue;

use super::command::Operation;
use super::command_line::CommandLine;
use super::invocation_error::{ErrorType, InvocationError, log_cause};
use super::trigger_event::{CommandEnvelope, QueueMessage, Trigger, TriggerEvent};
use crate::error::{Error, Result};
use crate::http::MAX_ANSWER_BYTES;
use crate::telemetry::{Invocation, RequestStats, request_stats};
use crate::validation::{Location, prefix_path};

/// A widget as the dialect shows it; `null` if a delete found none.
type WidgetJson = Option<Box<RawValue>>;

/// The answer to an invocation that brought commands.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub enum CommandResponse {
    /// The widget of the command.
    Widget(WidgetJson),
    /// The widget of each command.
    Widgets(Vec<WidgetJson>),
    /// The messages that a queue is to deliver again
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html>).
    #[serde(rename_all = "camelCase")]
    Messages {
        /// Those that failed.
        batch_item_failures: Vec<BatchItemFailure>,
    },
}

/// A message that failed.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BatchItemFailure {
    item_identifier: String,
}

/// Executes every command that `payload` brings.
///
/// # Errors
///
/// What the invoker is told: that the payload is unknown, or why a command failed.
pub async fn run(
    payload: &[u8],
    invocation: &Invocation<'_>,
    execute: impl AsyncFn(&CommandEnvelope) -> Result<Box<RawValue>>,
) -> Result<CommandResponse, InvocationError> {
    let request_id = invocation.request_id;
    let event = TriggerEvent::parse(payload, request_id)
        .map_err(|unknown| InvocationError::unknown_event(&unknown, request_id))?;
    let executor = Executor { invocation, execute };
    let response = match event {
        TriggerEvent::Command(envelope) => {
            executor.execute(&envelope, None, false).await.map(CommandResponse::Widget)
        }
        TriggerEvent::Commands(envelopes) => {
            executor.all(&envelopes).await.map(CommandResponse::Widgets)
        }
        TriggerEvent::Messages(messages) => {
            Ok(CommandResponse::Messages { batch_item_failures: executor.each(messages).await })
        }
    };
    response.map_err(|error| InvocationError::new(&error, request_id))
}

struct Executor<'a, E> {
    invocation: &'a Invocation<'a>,
    execute: E,
}

impl<E: AsyncFn(&CommandEnvelope) -> Result<Box<RawValue>>> Executor<'_, E> {
    /// Executes commands up to the first failure, after which the pipe retries all of them. More
    /// widgets than an answer holds are a failure, too.
    async fn all(&self, envelopes: &[CommandEnvelope]) -> Result<Vec<WidgetJson>> {
        let mut widgets = Vec::with_capacity(envelopes.len());
        let mut size = 0;
        for (index, envelope) in envelopes.iter().enumerate() {
            let widget =
                self.execute(envelope, None, false).await.map_err(|error| match error {
                    Error::Invalid(violations) => {
                        Error::Invalid(prefix_path(Location::Index(index), violations))
                    }
                    error => error,
                })?;
            size += 1 + widget.as_ref().map_or("null".len(), |widget| widget.get().len());
            if size >= MAX_ANSWER_BYTES {
                return Err(Error::AnswerTooLarge);
            }
            widgets.push(widget);
        }
        Ok(widgets)
    }

    /// Executes each message, except those of a FIFO group of which one failed: they have to wait
    /// for it.
    async fn each(&self, messages: Vec<QueueMessage>) -> Vec<BatchItemFailure> {
        let (mut failures, mut failed_groups) = (Vec::new(), HashSet::new());
        for message in messages {
            let must_wait = message.group.as_ref().is_some_and(|it| failed_groups.contains(it));
            if self.execute(&message.envelope, Some(&message), must_wait).await.is_err() {
                failed_groups.extend(message.group);
                failures.push(BatchItemFailure { item_identifier: message.id });
            }
        }
        failures
    }

    /// Executes a command, unless it has to wait, and writes its log line.
    async fn execute(
        &self,
        envelope: &CommandEnvelope,
        message: Option<&QueueMessage>,
        must_wait: bool,
    ) -> Result<WidgetJson> {
        let (outcome, stats) = if must_wait {
            let cause = "not tried: a message of its group before it failed";
            (Err(Error::Unavailable(cause.to_owned())), RequestStats::default())
        } else {
            request_stats::count((self.execute)(envelope)).await
        };
        let operation = envelope.document.as_deref().ok().and_then(Operation::of);
        let may_be_redelivered =
            operation == Some(Operation::Delete) && envelope.trigger != Trigger::Direct;
        let outcome = match outcome {
            Ok(widget) => Ok(Some(widget)),
            Err(Error::WidgetNotFound(_)) if may_be_redelivered => Ok(None),
            Err(error) => Err(error),
        };
        let error = outcome.as_ref().err();
        let error_type = error.map(ErrorType::from);
        let is_refused = error_type.is_some_and(ErrorType::is_client_error);
        CommandLine {
            request_id: self.invocation.request_id,
            trigger: envelope.trigger,
            id: message.map(|message| message.id.as_str()).or(envelope.id.as_deref()),
            receive_count: message.and_then(|message| message.receive_count),
            operation,
            error: error_type,
            retryable: error_type.map(ErrorType::is_retryable),
            metric: self.invocation.metric(&stats, is_refused),
            stats,
            cold_start: self.invocation.is_cold_start,
            cause: error.map(log_cause),
        }
        .write();
        outcome
    }
}
