//! What a request says, and which widgets it is about.

use serde_json::value::RawValue;
use shared::error::{Error, Result};
use shared::http::{Request, header};
use shared::model::WidgetId;
use shared::model::assistant::Settings;
use shared::validation::json::JsonText;
use shared::validation::url::path_uuid;
use shared::validation::{Validated, ViolationKind, violation};

/// The widgets of the account that asks.
pub type Widgets<'a> = shared::store::Widgets<'a, Settings>;

/// Parses the segment of the path that is a widget's id.
pub fn widget_id(segment: &str) -> Validated<WidgetId> {
    path_uuid("widget_id", segment).map(WidgetId)
}

/// Returns the body as FastAPI does: it is JSON only if the content type says so.
pub fn body<'a>(request: &'a Request<'_>) -> Result<&'a RawValue> {
    let bytes = request.body()?;
    let content_type = request.header_text(header::CONTENT_TYPE).unwrap_or_default();
    if bytes.is_empty() || is_json(content_type) {
        return request.json();
    }
    // To FastAPI such a body is a string, and a string is not an object.
    let text = str::from_utf8(bytes).map_err(|_| Error::BodyNotUtf8)?;
    Err(violation(ViolationKind::NotABody, JsonText::string(text)).into())
}

/// Returns whether a content type is `application/json` or `application/…+json`, in any case and
/// with any parameters.
fn is_json(content_type: &str) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default();
    let media_type = media_type.trim_ascii().to_ascii_lowercase();
    let subtype = media_type.strip_prefix("application/");
    subtype.is_some_and(|subtype| subtype == "json" || subtype.ends_with("+json"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_content_types_are_those_of_fastapi() {
        // As FastAPI 0.165 answers each of them.
        for json in [
            "application/json",
            "application/json;",
            "Application/JSON; charset=utf-8",
            "application/vnd.api+json",
            "application/problem+JSON;a=b",
            "application/json; charset=\"é\"",
        ] {
            assert!(is_json(json), "{json}");
        }
        for other in [
            "",
            "text/json",
            "application/jsonp",
            "application/ json",
            "application/json, text/plain",
            "x+json",
        ] {
            assert!(!is_json(other), "{other}");
        }
    }
}
