//! What answers look like.

use serde::{Serialize, Serializer};
use shared::http::{Response, StatusCode};
use shared::model::Widget;
use shared::model::pathway::Settings;
use shared::serialize_object;

/// Answers 200 with the envelope around `data`.
pub fn success(data: impl Serialize) -> Response {
    #[derive(Serialize)]
    struct Envelope<T> {
        status: u16,
        data: T,
        errors: Option<()>,
    }

    let status = StatusCode::OK.as_u16();
    Response::json(StatusCode::OK, &Envelope { status, data, errors: None })
}

/// The widget object: ten keys, always all of them, in this order.
#[derive(Debug)]
pub struct WidgetView<'a>(&'a Widget<Settings>);

impl<'a> From<&'a Widget<Settings>> for WidgetView<'a> {
    fn from(widget: &'a Widget<Settings>) -> Self {
        Self(widget)
    }
}

impl Serialize for WidgetView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Widget { id, created_at, updated_at, settings, .. } = self.0;
        serialize_object!(serializer, settings => Settings {
            []
            { id: id }
            [
                pathway_id, agent_id, agent_prompt, allowed_domains, messages_per_minute, config,
                webhook_url,
            ]
            { created_at: created_at, updated_at: updated_at }
        })
    }
}

/// What a page that embeds the widget may read of it, and nothing else.
#[derive(Debug)]
pub struct ConfigView<'a>(pub &'a Widget<Settings>);

impl Serialize for ConfigView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_object!(serializer, &self.0.settings => public Settings {
            []
            { id: self.0.id }
            [config, messages_per_minute]
            {}
        })
    }
}
