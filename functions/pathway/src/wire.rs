//! Requests and bodies as they are on the wire (contract 1.2, 1.4 and 3).

use serde::Serialize;
use shared::{
    http::{Response, StatusCode},
    json::JsonText,
    model::{
        self, WidgetId,
        pathway::{AgentPrompt, Settings, WebhookUrl},
    },
    validation::{Checked, path_uuid},
};
use uuid::Uuid;

/// The id that a segment of the path is.
pub fn widget_id(segment: &str) -> Checked<WidgetId> {
    path_uuid("id", segment).map(WidgetId)
}

/// 200 with the envelope around `data`.
pub fn success(data: impl Serialize) -> Response {
    #[derive(Serialize)]
    struct Envelope<T> {
        status: u16,
        data: T,
        errors: Option<()>,
    }

    Response::json(
        StatusCode::OK,
        &Envelope { status: StatusCode::OK.as_u16(), data, errors: None },
    )
}

/// The widget object: ten keys, always all of them, in this order.
#[derive(Debug, Serialize)]
pub struct Widget<'a> {
    id: Uuid,
    pathway_id: Option<Uuid>,
    agent_id: Option<Uuid>,
    agent_prompt: Option<&'a str>,
    allowed_domains: Vec<&'a str>,
    messages_per_minute: &'a JsonText,
    config: &'a JsonText,
    webhook_url: Option<&'a str>,
    created_at: String,
    updated_at: String,
}

impl<'a> From<&'a model::Widget<Settings>> for Widget<'a> {
    fn from(widget: &'a model::Widget<Settings>) -> Self {
        let settings = &widget.settings;
        Self {
            id: widget.id.0,
            pathway_id: settings.script.pathway_id(),
            agent_id: settings.agent_id,
            agent_prompt: settings.script.agent_prompt().map(AgentPrompt::as_str),
            allowed_domains: settings
                .allowed_domains
                .iter()
                .map(|domain| domain.as_str())
                .collect(),
            messages_per_minute: settings.messages_per_minute.as_json(),
            config: settings.config.as_json(),
            webhook_url: settings.webhook_url.as_ref().map(WebhookUrl::as_str),
            created_at: widget.created_at.to_string(),
            updated_at: widget.updated_at.to_string(),
        }
    }
}

/// What a page that embeds the widget may know of it, and nothing else (contract 3).
#[derive(Debug, Serialize)]
pub struct Config<'a> {
    id: Uuid,
    config: &'a JsonText,
    messages_per_minute: &'a JsonText,
}

impl<'a> From<&'a model::Widget<Settings>> for Config<'a> {
    fn from(widget: &'a model::Widget<Settings>) -> Self {
        Self {
            id: widget.id.0,
            config: widget.settings.config.as_json(),
            messages_per_minute: widget.settings.messages_per_minute.as_json(),
        }
    }
}
