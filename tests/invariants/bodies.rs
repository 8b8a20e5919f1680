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

use crate::{ACCOUNT, is_explained};

/// Fields that are not shown as they were sent: ids have one form of several, booleans too, and
/// others are ours.
const NOT_AS_SENT: [&str; 10] = [
    "id",
    "org_id",
    "assistant_id",
    "pathway_id",
    "agent_id",
    "remove_branding",
    "widget_provider",
    "provider_user_friendly_label",
    "created_at",
    "updated_at",
];

/// Defines `apply`, which sets on settings what changes set.
macro_rules! define_apply {
    ($($field:ident: $type:ty, $rule:expr, $required:ident, $visibility:ident;)+) => {
        fn apply(settings: &mut assistant_model::Settings, changes: assistant_model::Changes) {
            $(if let Some(value) = changes.$field { settings.$field = value; })+
        }
    };
}
shared::assistant_fields!(define_apply);

/// A body of the assistant dialect.
pub fn assistant_body(input: &[u8]) {
    use assistant_model::Settings;
    let Some(body) = body(input) else { return };
    let shown = |settings: &Settings| {
        rendered(assistant::views::WidgetView::from(&Widget::new(settings.clone())))
    };
    match Settings::parse(body, ACCOUNT) {
        Ok(settings) => {
            let shown = shown(&settings);
            comes_back(body, &shown);
            assert_eq!(Settings::parse(&shown, ACCOUNT), Ok(settings));
            assert!(Settings::parse_changes(body).is_ok(), "what makes a widget changes one");
        }
        Err(violations) => is_refused(violations, assistant::errors::response),
    }
    match Settings::parse_changes(body) {
        Ok(changes) => {
            let mut settings = minimal();
            apply(&mut settings, changes);
            let shown = shown(&settings);
            comes_back(body, &shown);
            let mut again = minimal();
            apply(&mut again, Settings::parse_changes(&shown).unwrap_or_default());
            assert_eq!(again, settings);
        }
        Err(violations) => is_refused(violations, assistant::errors::response),
    }
}

fn minimal() -> assistant_model::Settings {
    let body = br#"{"widget_type":null,"user_opening_messages":null,"action_buttons":null}"#;
    let settings = json::document(body).map(|it| assistant_model::Settings::parse(it, ACCOUNT));
    let Ok(Ok(settings)) = settings else { panic!("the minimal body is refused") };
    settings
}

/// A body of the pathway dialect.
pub fn pathway_body(input: &[u8]) {
    use shared::model::pathway::Settings;
    let Some(body) = body(input) else { return };
    let changes = Settings::parse_changes(body);
    match Settings::parse(body, ACCOUNT) {
        Ok(settings) => {
            let Ok(changes) = changes else { panic!("what makes a widget changes one") };
            assert_eq!(
                Settings::required_field(&changes),
                None,
                "it has whatever it needs by itself"
            );
            assert_eq!(changes.allowed_domains.as_ref(), Some(&settings.allowed_domains));
            let shown = rendered(pathway::views::WidgetView::from(&Widget::new(settings.clone())));
            comes_back(body, &shown);
            assert_eq!(Settings::parse(&shown, ACCOUNT), Ok(settings));
        }
        Err(violations) => {
            is_refused(violations, pathway::errors::response);
            if let Err(violations) = changes {
                is_refused(violations, pathway::errors::response);
            }
        }
    }
}

/// The JSON of a body that a function reads.
fn body(input: &[u8]) -> Option<&RawValue> {
    (input.len() <= MAX_BODY_BYTES).then(|| json::document(input).ok()).flatten()
}

fn rendered(widget: impl Serialize) -> Box<RawValue> {
    let Ok(json) = serde_json::value::to_raw_value(&widget) else {
        panic!("a widget cannot be rendered")
    };
    assert!(json::document(json.get().as_bytes()).is_ok(), "{json} is not what we read ourselves");
    json
}

/// Whether each field that `sent` has is the same in `shown`.
fn comes_back(sent: &RawValue, shown: &RawValue) {
    let (Some(sent), Some(shown)) = (json::members(sent), json::members(shown)) else {
        panic!("no object")
    };
    for name in shown.names().filter(|name| !NOT_AS_SENT.contains(name)) {
        if let (Some(sent), Some(shown)) = (sent.get(name), shown.get(name)) {
            is_the_same(sent, shown);
        }
    }
}

/// Strings are the same whatever their escapes, the arrays around them whatever their white space;
/// all else is the same text.
fn is_the_same(sent: &RawValue, shown: &RawValue) {
    match (json::type_of(sent), json::elements(sent), json::elements(shown)) {
        (JsonType::String, ..) => assert_eq!(json::text(sent), json::text(shown)),
        (_, Some(sent), Some(shown)) if sent.len() == shown.len() => {
            sent.iter().zip(&shown).for_each(|(sent, shown)| is_the_same(sent, shown));
        }
        _ => assert_eq!(sent.get(), shown.get()),
    }
}

/// Whether what is wrong is told, in an answer that Lambda takes.
fn is_refused(violations: Vec<Violation>, answer: impl FnOnce(&Error, &str) -> Response) {
    is_explained(&violations);
    let answer = answer(&Error::Invalid(violations), "the invocation");
    assert!(answer.status.is_client_error());
    assert!(json::value(&answer.body).is_ok(), "{}", answer.body);
    let event = serde_json::to_vec(&answer.into_gateway()).unwrap_or_default();
    assert!((1..=MAX_ANSWER_BYTES).contains(&event.len()), "an answer of {} bytes", event.len());
}
