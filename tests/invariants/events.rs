//! Payloads. A function recognises each payload as at most one kind of event.

use shared::{
    commands::{Command, CommandEnvelope, InvocationError, TriggerEvent, log_cause},
    http::{MAX_BODY_BYTES, NotARequest, Request},
    model::{assistant, pathway},
    store::TableItem,
};

use crate::is_explained;

/// What a state machine keeps of an error, in characters.
const MAX_ERROR: usize = 32_768;

/// The most bytes of a log line's cause: ten violations, a sentence each.
const MAX_CAUSE: usize = 4096;

/// A payload is an HTTP request within its bounds, or something else, or nothing, and never two of
/// them.
pub fn event(payload: &[u8]) {
    let event = TriggerEvent::parse(payload, "the invocation");
    match Request::parse(payload) {
        Err(NotARequest::OtherPayload) => {}
        request => {
            assert!(event.is_err(), "an HTTP request that is something else as well");
            if let Ok(request) = request {
                is_within_bounds(&request);
            }
        }
    }
    let envelopes = match event {
        Ok(TriggerEvent::Command(envelope)) => vec![envelope],
        Ok(TriggerEvent::Commands(envelopes)) => envelopes,
        Ok(TriggerEvent::Messages(messages)) => {
            messages.into_iter().map(|message| message.envelope).collect()
        }
        Err(what) => {
            assert!(what.len() < MAX_CAUSE, "nothing of a payload's length is told");
            return;
        }
    };
    for envelope in &envelopes {
        is_valid_or_refused::<assistant::Settings>(envelope);
        is_valid_or_refused::<pathway::Settings>(envelope);
    }
}

/// A body that is longer than it may be is not there.
fn is_within_bounds(request: &Request<'_>) {
    for root in ["/api/v1/", "/v1/"] {
        assert!(!request.segments(root).contains(&""));
        assert!(!request.prefix(root).contains("//"));
    }
    if let Ok(body) = request.body() {
        assert!(body.len() <= MAX_BODY_BYTES);
    }
    if let Err(error) = request.json()
        && !error.violations().is_empty()
    {
        is_explained(error.violations());
    }
}

/// A command is valid, or refused in words that fit into what keeps them.
fn is_valid_or_refused<S: TableItem>(envelope: &CommandEnvelope) {
    let Err(error) = Command::<S>::parse(envelope) else { return };
    if !error.violations().is_empty() {
        is_explained(error.violations());
    }
    let document = InvocationError::new(&error, "the invocation");
    let document = serde_json::to_string(&document).unwrap_or_default();
    assert!((1..=MAX_ERROR).contains(&document.chars().count()), "{} bytes", document.len());
    let cause = log_cause(&error);
    assert!((1..=MAX_CAUSE).contains(&cause.len()), "{cause}");
}
