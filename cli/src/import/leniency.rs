//! What the services leave out of a widget or write otherwise than a request may. It is no fault in
//! a line. All else has to be as in a request.
//!
//! In both dialects, members that no rule knows are ignored, as in a request. Among them are those
//! that follow from others: `widget_provider` and `provider_user_friendly_label`.

use shared::{
    model::{assistant, pathway},
    store::TableItem,
    validation::json::{JsonType, Members, type_of},
};

/// A field that may be otherwise in a line than in a request.
#[derive(Debug)]
pub struct Leniency {
    /// The field.
    pub field: &'static str,
    /// The values, in JSON, that it may have; `None` stands for its absence.
    pub values: &'static [Option<&'static str>],
    /// What they mean, in JSON.
    pub meaning: &'static str,
}

const ABSENT: Option<&str> = None;
const NULL: Option<&str> = Some("null");
const EMPTY: Option<&str> = Some(r#""""#);

const fn lenient(
    field: &'static str,
    values: &'static [Option<&'static str>],
    meaning: &'static str,
) -> Leniency {
    Leniency { field, values, meaning }
}

/// A dialect whose widgets can be imported.
pub trait Importable: TableItem + Clone + Send + Sync + 'static {
    /// What is no fault.
    const LENIENCIES: &'static [Leniency];

    /// Whether a widget says when it was created and when it changed.
    const HAS_TIMES: bool;

    /// Keeps what the service answered where a request would set something else.
    fn keep(&mut self, _members: &Members<'_>) {}
}

impl Importable for assistant::Settings {
    const LENIENCIES: &'static [Leniency] = &[
        // A create has to name them, and may name null.
        lenient("widget_type", &[ABSENT], "null"),
        lenient("user_opening_messages", &[ABSENT], "null"),
        lenient("action_buttons", &[ABSENT], "null"),
        // A create may leave them out, and may not name null.
        lenient("attributes", &[NULL], "{}"),
        lenient("style_params", &[NULL], "{}"),
    ];

    const HAS_TIMES: bool = false;

    /// A request without `org_id` sets the account's id. A widget that has none keeps none.
    fn keep(&mut self, members: &Members<'_>) {
        if members.get("org_id").is_some_and(|it| type_of(it) == JsonType::Null) {
            self.org_id = None;
        }
    }
}

impl Importable for pathway::Settings {
    const LENIENCIES: &'static [Leniency] = &[
        // No entry means no restriction.
        lenient("allowed_domains", &[ABSENT, NULL], "[]"),
        lenient("config", &[ABSENT, NULL], "{}"),
        // What is not set may be an empty text.
        lenient("pathway_id", &[EMPTY], "null"),
        lenient("agent_prompt", &[EMPTY], "null"),
        lenient("agent_id", &[EMPTY], "null"),
        lenient("webhook_url", &[EMPTY], "null"),
    ];

    const HAS_TIMES: bool = true;
}
