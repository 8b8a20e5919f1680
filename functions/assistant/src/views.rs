//! What answers look like.

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;
use shared::error::Result;
use shared::http::{EntityTag, Response, StatusCode, to_json};
use shared::model::assistant::Settings;
use shared::model::{Widget, WidgetId};
use shared::serialize_object;

/// Answers 200 with the envelope around `data`.
pub fn success(message: &str, data: impl Serialize) -> Response {
    #[derive(Serialize)]
    struct Envelope<'a, T> {
        message: &'a str,
        meta: Empty,
        data: T,
    }

    #[derive(Serialize)]
    struct Empty {}

    Response::json(StatusCode::OK, &Envelope { message, meta: Empty {}, data })
}

/// Answers a read of `data`.
pub fn retrieved(data: impl Serialize) -> Response {
    success("Data retrieved successfully", data)
}

/// Answers a read of a widget, without its tag.
pub fn read(widget: &Widget<Settings>) -> Response {
    retrieved(WidgetView::from(widget))
}

/// Answers a write of a widget. The tag is that of a read, which differs in its message.
pub fn written(message: &str, widget: &Widget<Settings>) -> Result<Response> {
    let data = to_json(&WidgetView::from(widget))?;
    let tag = EntityTag::of(widget.version, &retrieved(&data));
    Ok(success(message, data).with_etag(tag))
}

/// The widget object: always all keys, in this order.
#[derive(Debug)]
pub struct WidgetView<'a> {
    /// The widget's id.
    pub id: WidgetId,
    /// What its client set.
    pub settings: &'a Settings,
}

impl<'a> From<&'a Widget<Settings>> for WidgetView<'a> {
    fn from(widget: &'a Widget<Settings>) -> Self {
        Self { id: widget.id, settings: &widget.settings }
    }
}

impl Serialize for WidgetView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { id, settings } = self;
        let (provider, label) = settings.provider();
        serialize_object!(serializer, settings => Settings {
            [widget_type, user_opening_messages, action_buttons]
            { id: id }
            [conversation_bot_icon, bubble_bot_icon]
            { provider_user_friendly_label: label, widget_provider: provider }
            [
                org_id, assistant_id, name, description, attributes, display_name, intro_message,
                header_color, user_message_color, bot_message_color, bot_icon_color,
                remove_branding, ice_break_color, bubble_color, bubble_text,
                bot_text_message_color, user_text_message_color, header_text_color,
                textbox_default_text, action_buttons_color, style_params,
            ]
            {}
        })
    }
}

/// What an embedded widget needs to draw itself, and nothing else.
#[derive(Debug)]
pub struct ParametersView<'a>(pub &'a Settings);

impl Serialize for ParametersView<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_object!(serializer, self.0 => some Settings {
            [
                bubble_bot_icon, bubble_color, bubble_text, display_name, intro_message,
                user_opening_messages, header_color, user_message_color, bot_message_color,
                bot_icon_color, remove_branding, conversation_bot_icon, ice_break_color,
                user_text_message_color, bot_text_message_color, header_text_color,
                textbox_default_text, action_buttons, action_buttons_color, style_params,
                widget_type,
            ]
            {}
        })
    }
}

/// A page of a list.
#[derive(Debug, Serialize)]
pub struct ListView {
    items: Vec<Box<RawValue>>,
    total: u64,
    page: u64,
    size: u64,
    pages: u64,
    previous_page: Option<u64>,
    next_page: Option<u64>,
}

impl ListView {
    /// Makes the page with the number `page`, from 1, of `total` widgets in pages of `size`.
    pub fn new(items: Vec<Box<RawValue>>, total: u64, page: u64, size: u64) -> Self {
        let pages = total.div_ceil(size);
        let previous_page = (page > 1).then(|| page - 1);
        let next_page = (page < pages).then(|| page + 1);
        Self { items, total, page, size, pages, previous_page, next_page }
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
        let body = r#"{"widget_type":null,"user_opening_messages":null,"action_buttons":null}"#;
        let settings =
            Settings::parse(json::document(body.as_bytes()).unwrap(), AccountId(Uuid::nil()));
        let settings = settings.unwrap();
        let shown = ParametersView(&settings);
        let shown: Map<String, Value> =
            serde_json::from_str(&serde_json::to_string(&shown).unwrap()).unwrap();
        let mut shown: Vec<&str> = shown.keys().map(String::as_str).collect();
        let mut public: Vec<&str> = Settings::FIELDS
            .iter()
            .filter(|field| field.visibility == Visibility::Public)
            .map(|field| field.name)
            .collect();
        shown.sort_unstable();
        public.sort_unstable();
        assert_eq!(shown, public);
    }

    #[test]
    fn pages_are_counted_correctly_at_every_edge() {
        for (total, page, size, expected) in [
            (0, 1, 50, (0, None, None)),
            (0, 2, 50, (0, Some(1), None)),
            (50, 1, 50, (1, None, None)),
            (51, 1, 50, (2, None, Some(2))),
            (51, 2, 50, (2, Some(1), None)),
            (100, 1, 50, (2, None, Some(2))),
            (100, 2, 50, (2, Some(1), None)),
            (100, 3, 50, (2, Some(2), None)),
            (3, 2, 1, (3, Some(1), Some(3))),
            (u64::MAX, u64::MAX, 1, (u64::MAX, Some(u64::MAX - 1), None)),
        ] {
            let it = ListView::new(Vec::new(), total, page, size);
            assert_eq!((it.pages, it.previous_page, it.next_page), expected, "{total} {page}");
        }
    }
}
