//! Requests and bodies as they are on the wire (contract 2.2 to 2.6).

use serde::Serialize;
use serde_json::value::RawValue;
use shared::{
    error::Error,
    http::{HeaderValue, Request, Response, StatusCode},
    json::JsonText,
    model::{self, WidgetId, assistant::Settings},
    validation::{Checked, Fault, Part, Violation, path_uuid},
};
use uuid::Uuid;

/// The id that a segment of the path is.
pub fn widget_id(segment: &str) -> Checked<WidgetId> {
    path_uuid("widget_id", segment).map(WidgetId)
}

/// The request's body as FastAPI would have it: JSON only where the content type says so.
pub fn body<'a>(request: &'a Request<'_>) -> Result<Checked<&'a RawValue>, Error> {
    let bytes = request.body()?;
    if !bytes.is_empty()
        && !is_json(
            request.headers.get("content-type").map(HeaderValue::as_bytes).unwrap_or_default(),
        )
    {
        // To FastAPI such a body is a text, and a text is not an object.
        let input = JsonText::string(str::from_utf8(bytes).map_err(|_| Error::BodyNotUtf8)?);
        return Ok(Err(vec![Violation {
            part: Part::Body,
            path: Vec::new(),
            fault: Fault::NotABody,
            input,
        }]));
    }
    request.json()
}

/// `application/json` or `application/…+json`, whatever its case and parameters.
fn is_json(content_type: &[u8]) -> bool {
    let media_type = content_type.split(|byte| *byte == b';').next().unwrap_or_default();
    let media_type = media_type.trim_ascii().to_ascii_lowercase();
    let subtype = media_type.strip_prefix(b"application/");
    subtype.is_some_and(|subtype| subtype == b"json" || subtype.ends_with(b"+json"))
}

/// 200 with the envelope around `data`.
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

/// The widget object: 29 keys, always all of them, in this order.
#[derive(Debug, Serialize)]
pub struct Widget<'a> {
    widget_type: Option<&'static str>,
    user_opening_messages: Option<&'a [String]>,
    action_buttons: Option<&'a JsonText>,
    id: Uuid,
    conversation_bot_icon: Option<&'a str>,
    bubble_bot_icon: Option<&'a str>,
    provider_user_friendly_label: &'static str,
    widget_provider: &'static str,
    org_id: Option<Uuid>,
    assistant_id: Option<Uuid>,
    name: Option<&'a str>,
    description: Option<&'a str>,
    attributes: &'a JsonText,
    display_name: Option<&'a str>,
    intro_message: Option<&'a str>,
    header_color: Option<&'a str>,
    user_message_color: Option<&'a str>,
    bot_message_color: Option<&'a str>,
    bot_icon_color: Option<&'a str>,
    remove_branding: Option<bool>,
    ice_break_color: Option<&'a str>,
    bubble_color: Option<&'a str>,
    bubble_text: Option<&'a str>,
    bot_text_message_color: Option<&'a str>,
    user_text_message_color: Option<&'a str>,
    header_text_color: Option<&'a str>,
    textbox_default_text: Option<&'a str>,
    action_buttons_color: Option<&'a str>,
    style_params: &'a JsonText,
}

impl<'a> From<&'a model::Widget<Settings>> for Widget<'a> {
    fn from(widget: &'a model::Widget<Settings>) -> Self {
        let settings = &widget.settings;
        let (widget_provider, provider_user_friendly_label) = settings.provider();
        Self {
            widget_type: settings.widget_type.map(|widget_type| widget_type.name()),
            user_opening_messages: settings.user_opening_messages.as_deref(),
            action_buttons: settings.action_buttons.as_ref(),
            id: widget.id.0,
            conversation_bot_icon: None,
            bubble_bot_icon: None,
            provider_user_friendly_label,
            widget_provider,
            org_id: settings.org_id,
            assistant_id: settings.assistant_id,
            name: settings.name.as_deref(),
            description: settings.description.as_deref(),
            attributes: &settings.attributes,
            display_name: settings.display_name.as_deref(),
            intro_message: settings.intro_message.as_deref(),
            header_color: settings.header_color.as_deref(),
            user_message_color: settings.user_message_color.as_deref(),
            bot_message_color: settings.bot_message_color.as_deref(),
            bot_icon_color: settings.bot_icon_color.as_deref(),
            remove_branding: settings.remove_branding,
            ice_break_color: settings.ice_break_color.as_deref(),
            bubble_color: settings.bubble_color.as_deref(),
            bubble_text: settings.bubble_text.as_deref(),
            bot_text_message_color: settings.bot_text_message_color.as_deref(),
            user_text_message_color: settings.user_text_message_color.as_deref(),
            header_text_color: settings.header_text_color.as_deref(),
            textbox_default_text: settings.textbox_default_text.as_deref(),
            action_buttons_color: settings.action_buttons_color.as_deref(),
            style_params: &settings.style_params,
        }
    }
}

/// A page of a list (contract 2.4).
#[derive(Debug, Serialize)]
pub struct Page {
    items: Vec<Box<RawValue>>,
    total: u64,
    page: u64,
    size: u64,
    pages: u64,
    previous_page: Option<u64>,
    next_page: Option<u64>,
}

impl Page {
    /// The page with the number `page`, counted from 1, of `total` widgets in pages of `size`.
    pub fn new(items: Vec<Box<RawValue>>, total: u64, page: u64, size: u64) -> Self {
        let pages = total.div_ceil(size);
        Self {
            items,
            total,
            page,
            size,
            pages,
            previous_page: (page > 1).then(|| page - 1),
            next_page: (page < pages).then(|| page + 1),
        }
    }
}

/// What an embedded widget needs to draw itself, and nothing else (contract 2.6).
#[derive(Debug, Serialize)]
pub struct Parameters<'a> {
    bubble_bot_icon: Option<&'a str>,
    bubble_color: Option<&'a str>,
    bubble_text: Option<&'a str>,
    display_name: Option<&'a str>,
    intro_message: Option<&'a str>,
    user_opening_messages: Option<&'a [String]>,
    header_color: Option<&'a str>,
    user_message_color: Option<&'a str>,
    bot_message_color: Option<&'a str>,
    bot_icon_color: Option<&'a str>,
    remove_branding: Option<bool>,
    conversation_bot_icon: Option<&'a str>,
    ice_break_color: Option<&'a str>,
    user_text_message_color: Option<&'a str>,
    bot_text_message_color: Option<&'a str>,
    header_text_color: Option<&'a str>,
    textbox_default_text: Option<&'a str>,
    action_buttons: Option<&'a JsonText>,
    action_buttons_color: Option<&'a str>,
    style_params: &'a JsonText,
    widget_type: Option<&'static str>,
}

impl<'a> From<&'a Settings> for Parameters<'a> {
    fn from(settings: &'a Settings) -> Self {
        Self {
            bubble_bot_icon: None,
            bubble_color: settings.bubble_color.as_deref(),
            bubble_text: settings.bubble_text.as_deref(),
            display_name: settings.display_name.as_deref(),
            intro_message: settings.intro_message.as_deref(),
            user_opening_messages: settings.user_opening_messages.as_deref(),
            header_color: settings.header_color.as_deref(),
            user_message_color: settings.user_message_color.as_deref(),
            bot_message_color: settings.bot_message_color.as_deref(),
            bot_icon_color: settings.bot_icon_color.as_deref(),
            remove_branding: settings.remove_branding,
            conversation_bot_icon: None,
            ice_break_color: settings.ice_break_color.as_deref(),
            user_text_message_color: settings.user_text_message_color.as_deref(),
            bot_text_message_color: settings.bot_text_message_color.as_deref(),
            header_text_color: settings.header_text_color.as_deref(),
            textbox_default_text: settings.textbox_default_text.as_deref(),
            action_buttons: settings.action_buttons.as_ref(),
            action_buttons_color: settings.action_buttons_color.as_deref(),
            style_params: &settings.style_params,
            widget_type: settings.widget_type.map(|widget_type| widget_type.name()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_counted_right_at_every_edge() {
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
            let it = Page::new(Vec::new(), total, page, size);
            assert_eq!(
                (it.pages, it.previous_page, it.next_page),
                expected,
                "{total} {page} {size}"
            );
        }
    }

    #[test]
    fn json_is_what_fastapi_takes_for_json() {
        // As FastAPI 0.165 answers each of them.
        for json in [
            "application/json",
            "application/json;",
            "Application/JSON; charset=utf-8",
            "application/vnd.api+json",
            "application/problem+JSON;a=b",
            "application/json; charset=\"é\"",
        ] {
            assert!(is_json(json.as_bytes()), "{json}");
        }
        for other in [
            "",
            "text/json",
            "application/jsonp",
            "application/ json",
            "application/json, text/plain",
            "x+json",
        ] {
            assert!(!is_json(other.as_bytes()), "{other}");
        }
    }
}
