//! Payloads: what a function makes of whatever it is invoked with.

use serde_json::value::RawValue;
use shared::{
    command::Command,
    error::Error,
    event::{self, Delivery, Event},
    failure::{self, Failure},
    http::{MAX_BODY_BYTES, Request},
    model::{AccountId, assistant, pathway},
    store::Stored,
    validation::Checked,
};

use crate::is_explained;

/// What a state machine keeps of a failure, in characters.
const MAX_FAILURE: usize = 32_768;

/// The most bytes of a log line's cause: ten violations, a sentence each.
const MAX_CAUSE: usize = 4096;

/// A payload is an HTTP request within its bounds, or something else, or nothing, and never two of them.
pub fn event(payload: &[u8]) {
    let event = event::read(payload, "the invocation");
    match Request::parse(payload) {
        None => {}
        Some(request) => {
            assert!(event.is_err(), "an HTTP request that is something else as well");
            if let Ok(request) = request {
                is_within_bounds(&request);
            }
        }
    }
    let deliveries = match event {
        Ok(Event::Command(delivery)) => vec![delivery],
        Ok(Event::Commands(deliveries)) => deliveries,
        Ok(Event::Messages(messages)) => {
            messages.into_iter().map(|message| message.delivery).collect()
        }
        Err(what) => {
            assert!(what.len() < MAX_CAUSE, "nothing of a payload's length is told");
            return;
        }
    };
    for delivery in &deliveries {
        is_done_or_refused(delivery, assistant::Settings::parse, assistant::Changes::parse);
        is_done_or_refused(
            delivery,
            |body, _| pathway::Settings::parse(body),
            pathway::Changes::parse,
        );
    }
}

/// A body that is longer than it may be is not there.
fn is_within_bounds(request: &Request<'_>) {
    assert!(!request.segments().contains(&""));
    if let Ok(body) = request.body() {
        assert!(body.len() <= MAX_BODY_BYTES);
    }
    if let Ok(Err(violations)) = request.json() {
        is_explained(&violations);
    }
}

/// A command is read, or refused in words that fit into what keeps them.
fn is_done_or_refused<S: Stored>(
    delivery: &Delivery,
    settings: impl FnOnce(&RawValue, AccountId) -> Checked<S>,
    changes: impl FnOnce(&RawValue) -> Checked<S::Changes>,
) {
    let Err(error) = Command::parse(delivery, settings, changes) else { return };
    if let Error::Invalid(violations) = &error {
        is_explained(violations);
    }
    let told = serde_json::to_string(&Failure::of(&error, "the invocation")).unwrap_or_default();
    assert!((1..=MAX_FAILURE).contains(&told.chars().count()), "a failure of {} bytes", told.len());
    let logged = failure::cause(&error);
    assert!((1..=MAX_CAUSE).contains(&logged.len()), "{logged}");
}
