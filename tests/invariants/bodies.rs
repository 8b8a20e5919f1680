//! Bodies. A dialect round-trips what it accepts. It explains what it rejects, in an answer that
//! Lambda takes.

use serde::Serialize;
use serde_json::value::RawValue;
use shared::{
    error::Error,
    http::{MAX_ANSWER_BYTES, MAX_BODY_BYTES, Response},
    model::{Widget, WidgetSettings, assistant as assistant_model},
    validation::{
        Violation,
        json::{self, JsonType},
    },
};

use crate::{ACCOUNT, expect_explained};

/// Fields that a body may spell in several ways, and an answer in one.
const NORMALISED: [&str; 5] =
    ["org_id", "assistant_id", "pathway_id", "agent_id", "remove_branding"];

/// Members of an answer that a body does not set.
const NOT_SET_BY_BODY: [&str; 5] =
    ["id", "widget_provider", "provider_user_friendly_label", "created_at", "updated_at"];

/// Fields that are always null.
const ALWAYS_NULL: [&str; 2] = ["conversation_bot_icon", "bubble_bot_icon"];

/// Defines `apply`, which sets on settings what changes set.
macro_rules! define_apply {
    ($($field:ident: $type:ty, $rule:expr, $required:ident, $visibility:ident;)+) => {
        fn apply(settings: &mut assistant_model::Settings, changes: assistant_model::Changes) {
            $(if let Some(value) = changes.$field { settings.$field = value; })+
        }
    };
}
shared::assistant_fields!(define_apply);

/// Checks a body of the assistant dialect.
pub fn assistant_body(input: &[u8]) {
    use assistant_model::Settings;
    let Some(body) = body(input) else { return };
    let shown = |settings: &Settings| {
        rendered(assistant::views::WidgetView::from(&Widget::new(settings.clone())))
    };
    match Settings::parse(body, ACCOUNT) {
        Ok(settings) => {
            let shown = shown(&settings);
            expect_round_trip(body, &shown);
            assert_eq!(Settings::parse(&shown, ACCOUNT), Ok(settings));
            assert!(Settings::parse_changes(body).is_ok(), "a valid create is a valid update");
        }
        Err(violations) => expect_rejection(violations, assistant::errors::response),
    }
    match Settings::parse_changes(body) {
        Ok(changes) => {
            let mut settings = minimal();
            apply(&mut settings, changes);
            let shown = shown(&settings);
            expect_round_trip(body, &shown);
            let mut again = minimal();
            apply(&mut again, Settings::parse_changes(&shown).unwrap_or_default());
            assert_eq!(again, settings);
        }
        Err(violations) => expect_rejection(violations, assistant::errors::response),
    }
}

fn minimal() -> assistant_model::Settings {
    let body = br#"{"widget_type":null,"user_opening_messages":null,"action_buttons":null}"#;
    let settings = json::document(body).map(|it| assistant_model::Settings::parse(it, ACCOUNT));
    let Ok(Ok(settings)) = settings else { panic!("the minimal body is rejected") };
    settings
}

/// Checks a body of the pathway dialect.
pub fn pathway_body(input: &[u8]) {
    use shared::model::pathway::Settings;
    let Some(body) = body(input) else { return };
    let changes = Settings::parse_changes(body);
    match Settings::parse(body, ACCOUNT) {
        Ok(settings) => {
            let Ok(changes) = changes else { panic!("a valid create is a valid update") };
            assert_eq!(Settings::required_field(&changes), None, "a create is complete");
            assert_eq!(changes.allowed_domains.as_ref(), Some(&settings.allowed_domains));
            let shown = rendered(pathway::views::WidgetView::from(&Widget::new(settings.clone())));
            expect_round_trip(body, &shown);
            assert_eq!(Settings::parse(&shown, ACCOUNT), Ok(settings));
        }
        Err(violations) => {
            expect_rejection(violations, pathway::errors::response);
            if let Err(violations) = changes {
                expect_rejection(violations, pathway::errors::response);
            }
        }
    }
}

/// Parses a body as a function does.
fn body(input: &[u8]) -> Option<&RawValue> {
    (input.len() <= MAX_BODY_BYTES).then(|| json::document(input).ok()).flatten()
}

fn rendered(widget: impl Serialize) -> Box<RawValue> {
    let Ok(json) = serde_json::value::to_raw_value(&widget) else {
        panic!("a widget cannot be rendered")
    };
    assert!(json::document(json.get().as_bytes()).is_ok(), "{json} cannot be read again");
    json
}

/// Asserts that each field of `sent` is the same in `shown`.
fn expect_round_trip(sent: &RawValue, shown: &RawValue) {
    let (Some(sent), Some(shown)) = (json::members(sent), json::members(shown)) else {
        panic!("no object")
    };
    let is_as_sent = |name: &&str| !NORMALISED.contains(name) && !NOT_SET_BY_BODY.contains(name);
    for name in shown.names().filter(is_as_sent) {
        match (sent.get(name), shown.get(name)) {
            (_, Some(shown)) if ALWAYS_NULL.contains(&name) => assert_eq!(shown.get(), "null"),
            (Some(sent), Some(shown)) => expect_same(sent, shown),
            _ => {}
        }
    }
}

/// Asserts that two values are the same. Strings may differ in their escapes, and arrays in their
/// white space. Everything else is the same text.
fn expect_same(sent: &RawValue, shown: &RawValue) {
    match (json::type_of(sent), json::elements(sent), json::elements(shown)) {
        (JsonType::String, ..) => assert_eq!(json::text(sent), json::text(shown)),
        (_, Some(sent), Some(shown)) if sent.len() == shown.len() => {
            sent.iter().zip(&shown).for_each(|(sent, shown)| expect_same(sent, shown));
        }
        _ => assert_eq!(sent.get(), shown.get()),
    }
}

/// Asserts that the answer to a rejected body is one that Lambda accepts.
fn expect_rejection(violations: Vec<Violation>, answer: impl FnOnce(&Error, &str) -> Response) {
    expect_explained(&violations);
    let answer = answer(&Error::Invalid(violations), "the invocation");
    assert!(answer.status.is_client_error());
    assert!(json::value(&answer.body).is_ok(), "{}", answer.body);
    let event = serde_json::to_vec(&answer.into_gateway()).unwrap_or_default();
    assert!((1..=MAX_ANSWER_BYTES).contains(&event.len()), "an answer of {} bytes", event.len());
}
