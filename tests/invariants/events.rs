//! Payloads. A function recognises each payload as at most one kind of event.

use shared::{
    commands::{Command, CommandEnvelope, InvocationError, TriggerEvent, log_cause},
    http::{MAX_BODY_BYTES, NotARequest, Request},
    model::{assistant, pathway},
    store::TableItem,
};

use crate::expect_explained;

/// The most characters of an error that a state machine keeps.
const MAX_ERROR: usize = 32_768;

/// The most bytes of a log line's cause: ten violations, a sentence each.
const MAX_CAUSE: usize = 4096;

/// Checks that a payload is an HTTP request within its bounds, another event, or neither.
pub fn event(payload: &[u8]) {
    let event = TriggerEvent::parse(payload, "the invocation");
    match Request::parse(payload) {
        Err(NotARequest::OtherPayload) => {}
        request => {
            assert!(event.is_err(), "an HTTP request is no other event");
            if let Ok(request) = request {
                expect_bounded(&request);
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
            assert!(what.len() < MAX_CAUSE, "the cause does not grow with the payload");
            return;
        }
    };
    for envelope in &envelopes {
        expect_bounded_error::<assistant::Settings>(envelope);
        expect_bounded_error::<pathway::Settings>(envelope);
    }
}

/// Asserts that a request has no empty segment, and no body above the bound.
fn expect_bounded(request: &Request<'_>) {
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
        expect_explained(error.violations());
    }
}

/// Asserts that the error of an invalid command fits where it is kept.
fn expect_bounded_error<S: TableItem>(envelope: &CommandEnvelope) {
    let Err(error) = Command::<S>::parse(envelope) else { return };
    if !error.violations().is_empty() {
        expect_explained(error.violations());
    }
    let document = InvocationError::new(&error, "the invocation");
    let document = serde_json::to_string(&document).unwrap_or_default();
    assert!((1..=MAX_ERROR).contains(&document.chars().count()), "{} bytes", document.len());
    let cause = log_cause(&error);
    assert!((1..=MAX_CAUSE).contains(&cause.len()), "{cause}");
}
