//! What answers look like.

use serde::{Serialize, Serializer};
use shared::http::{EntityTag, Response, StatusCode};
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

/// Answers 200 with a widget and its tag.
pub fn written(widget: &Widget<Settings>) -> Response {
    let answer = read(widget);
    let tag = EntityTag::of(widget.version, &answer);
    answer.with_etag(tag)
}

/// Answers a read of a widget, without its tag.
pub fn read(widget: &Widget<Settings>) -> Response {
    success(WidgetView::from(widget))
}

/// The widget object: always all keys, in this order.
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
        serialize_object!(serializer, &self.0.settings => some Settings {
            []
            { id: self.0.id }
            [config, messages_per_minute]
            {}
        })
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value};
    use shared::model::fields::Visibility;
    use shared::model::{AccountId, WidgetSettings};
    use shared::validation::json;
    use uuid::Uuid;

    use super::*;

    #[test]
    fn the_public_view_has_exactly_the_public_fields() {
        let body =
            r#"{"agent_prompt":"x","allowed_domains":[],"messages_per_minute":1,"config":1}"#;
        let settings =
            Settings::parse(json::document(body.as_bytes()).unwrap(), AccountId(Uuid::nil()));
        let widget = Widget::new(settings.unwrap());
        let shown = ConfigView(&widget);
        let shown: Map<String, Value> =
            serde_json::from_str(&serde_json::to_string(&shown).unwrap()).unwrap();
        const ADDED: [&str; 1] = ["id"];
        let mut shown: Vec<&str> =
            shown.keys().map(String::as_str).filter(|key| !ADDED.contains(key)).collect();
        let mut public: Vec<&str> = Settings::FIELDS
            .iter()
            .filter(|field| field.visibility == Visibility::Public)
            .map(|field| field.name)
            .collect();
        shown.sort_unstable();
        public.sort_unstable();
        assert_eq!(shown, public);
    }
}
