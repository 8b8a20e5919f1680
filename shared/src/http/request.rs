//! A request, from API Gateway to a dialect.

use std::{borrow::Cow, fmt};

use base64::{DecodeError, Engine, engine::general_purpose::STANDARD};
use lambda_http::http::{HeaderMap, Method};
use serde_json::value::RawValue;
use url::form_urlencoded;

use super::payload::Event;
use crate::{
    error::Error,
    json::{self, Text},
    validation::{Checked, Fault, refused},
};

/// The most bytes a body may have, decoded: 256 KiB (contract 1.5). It keeps a widget under DynamoDB's 400 KB an item.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// As many of them in base64.
const MAX_BASE64_BYTES: usize = MAX_BODY_BYTES.div_ceil(3) * 4;

/// The most bytes that JSON has for one of a text: `\u0000`.
const LONGEST_ESCAPE: usize = 6;

/// A request. `Debug` shows nothing that may hold a key.
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// The path, decoded, as API Gateway hands it over.
    pub path: Cow<'a, str>,
    /// The route by which it came, as the template names it.
    pub route: Cow<'a, str>,
    /// The headers, those given twice joined with commas.
    pub headers: HeaderMap,
    query: Cow<'a, str>,
    /// `None` where it is over [`MAX_BODY_BYTES`].
    body: Option<Cow<'a, [u8]>>,
}

impl fmt::Debug for Request<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("method", &self.method)
            .field("route", &self.route)
            .finish_non_exhaustive()
    }
}

impl<'a> Request<'a> {
    /// The request that `payload` is, in API Gateway's payload format 2.0; `None` where it is none. An error where no API
    /// Gateway could have sent it.
    pub fn parse(payload: &'a [u8]) -> Option<Result<Self, DecodeError>> {
        // Serde would take an array, too, for the members in their order.
        if !payload.trim_ascii_start().starts_with(b"{") {
            return None;
        }
        let event: Event = serde_json::from_slice(payload).ok()?;
        if event.version.0 != "2.0" {
            return None;
        }
        let method = Method::from_bytes(event.request_context.http.method.0.as_bytes()).ok()?;
        let body = if event.is_base64_encoded {
            let text = bounded(event.body, MAX_BASE64_BYTES)?;
            match text.map(|text| STANDARD.decode(text.as_bytes())).transpose() {
                Ok(body) => body.filter(|body| body.len() <= MAX_BODY_BYTES).map(Cow::Owned),
                Err(error) => return Some(Err(error)),
            }
        } else {
            bounded(event.body, MAX_BODY_BYTES)?.map(|text| match text {
                Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
                Cow::Owned(text) => Cow::Owned(text.into_bytes()),
            })
        };
        let text = |text: Option<Text<'a>>| text.unwrap_or_default().0;
        Some(Ok(Self {
            method,
            path: text(event.raw_path),
            route: text(event.route_key),
            headers: event.headers,
            query: text(event.raw_query_string),
            body,
        }))
    }

    /// The segments of the path: `["v1", "widget"]` of `/v1/widget`. A slash at its end makes no difference; one too many
    /// anywhere else makes it no path of ours, which has no segments.
    pub fn segments(&self) -> Vec<&str> {
        let path = self.path.strip_prefix('/').unwrap_or(&self.path);
        let segments: Vec<&str> = path.strip_suffix('/').unwrap_or(path).split('/').collect();
        if segments.contains(&"") { Vec::new() } else { segments }
    }

    /// The values of a query parameter, decoded.
    pub fn query_values(&self, name: &str) -> impl Iterator<Item = String> {
        form_urlencoded::parse(self.query.as_bytes())
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.into())
    }

    /// The value of a header, where it is readable text.
    pub fn header(&self, name: impl AsRef<str>) -> Option<&str> {
        self.headers.get(name.as_ref())?.to_str().ok()
    }

    /// The value of a query parameter, decoded: of one given twice the last counts.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query_values(name).last()
    }

    /// The body's bytes, unless there are too many.
    pub fn body(&self) -> Result<&[u8], Error> {
        self.body.as_deref().ok_or(Error::BodyTooLarge)
    }

    /// The body as JSON, whatever its content type says. A missing one is reported with the request's other faults, a
    /// malformed one alone.
    pub fn json(&self) -> Result<Checked<&RawValue>, Error> {
        match self.body()? {
            [] => Ok(Err(refused(Fault::Missing, RawValue::NULL))),
            body => Ok(Ok(json::document(body)?)),
        }
    }
}

/// The text that `value` is, empty where there is none, opened only if it may have at most `most` bytes: the outer `None` says
/// that it is no text, the inner one that it is longer.
fn bounded(value: Option<&RawValue>, most: usize) -> Option<Option<Cow<'_, str>>> {
    let Some(value) = value else { return Some(Some(Cow::Borrowed(""))) };
    if value.get().len() > LONGEST_ESCAPE * most + r#""""#.len() {
        return Some(None);
    }
    json::text(value).map(|text| Some(text).filter(|text| text.len() <= most))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(event: &Value) -> Option<Result<Request<'static>, DecodeError>> {
        Request::parse(event.to_string().leak().as_bytes())
    }

    fn request(event: &Value) -> Request<'static> {
        parse(event).unwrap().unwrap()
    }

    fn event(path: &str, query: &str) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": {"authorization": "é"}, "requestContext": {"http": {"method": "POST", "path": path}}, "isBase64Encoded": false,
        })
    }

    #[test]
    fn paths_and_queries_that_are_no_uri_are_still_requests() {
        for path in ["/v1/widget/a b", "/v1/widget/<>?#", "/v1/widget/ü", "/v1/%zz", ":99999", ""]
        {
            assert_eq!(request(&event(path, "a=<\"é")).path, path);
        }
    }

    #[test]
    fn a_request_is_shown_without_anything_that_may_hold_a_key() {
        let mut event = event("/v1/widget/in-key", "api_key=in-key");
        event["headers"] = json!({"authorization": "in-key"});
        event["body"] = json!("in-key");
        let shown = format!("{:?}", request(&event));
        assert!(shown.contains("POST") && !shown.contains("in-key"), "{shown}");
    }

    #[test]
    fn query_values_are_decoded_and_all_of_them_are_found() {
        let request = request(&event("/", "api_key=a%2Bb&x=1&api_key=c+d&api_key"));
        assert_eq!(request.query_values("api_key").collect::<Vec<_>>(), ["a+b", "c d", ""]);
    }

    #[test]
    fn a_base64_body_is_decoded_and_a_broken_one_is_no_request() {
        let mut event = event("/", "");
        event["isBase64Encoded"] = json!(true);
        event["body"] = json!("eyJhIjoxfQ==");
        assert_eq!(request(&event).json().unwrap().unwrap().get(), r#"{"a":1}"#);
        event["body"] = json!("%%%");
        assert!(parse(&event).unwrap().is_err());
    }

    #[test]
    fn what_is_no_text_where_a_text_belongs_is_no_request() {
        for (pointer, value) in [
            ("/version", json!("1.0")),
            ("/version", json!(2)),
            ("/rawPath", json!(1)),
            ("/rawQueryString", json!({})),
            ("/requestContext/http/method", json!("NO METHOD")),
            ("/requestContext/http", json!([])),
            ("/headers", json!(["a"])),
            ("/headers", json!({"a": 1})),
            ("/headers", json!({"a b": "1"})),
            ("/headers", json!({"a": "1", "A": "1"})),
            ("/routeKey", json!(1)),
            ("/headers", json!({"a": "1\n2"})),
        ] {
            let mut event = event("/", "");
            *event.pointer_mut(pointer).unwrap() = value.clone();
            assert!(parse(&event).is_none(), "{pointer} {value}");
        }
    }

    #[test]
    fn an_array_of_what_an_event_has_is_none() {
        let array = r#"["2.0", "GET /", "/", "", {}, {"http": {"method": "GET"}}, "", false]"#;
        assert!(Request::parse(array.as_bytes()).is_none());
    }

    #[test]
    fn a_body_of_256_kib_is_read_and_one_byte_more_is_not() {
        let too_large = |event: &Value| request(event).json().unwrap_err() == Error::BodyTooLarge;
        for character in ["a", "\u{1}", "é"] {
            let text = |bytes: usize| {
                format!("{}{}", character.repeat(bytes / character.len()), "\"".repeat(bytes % 2))
            };
            for (bytes, is_too_large) in
                [(MAX_BODY_BYTES, false), (MAX_BODY_BYTES + 1, true), (6 * MAX_BODY_BYTES, true)]
            {
                let mut event = event("/", "");
                event["body"] = json!(text(bytes));
                assert_eq!(too_large(&event), is_too_large, "{character:?} {bytes}");
                event["body"] = json!(STANDARD.encode(text(bytes)));
                event["isBase64Encoded"] = json!(true);
                assert_eq!(too_large(&event), is_too_large, "{character:?} {bytes} in base64");
            }
        }
    }

    #[test]
    fn more_headers_than_a_map_holds_are_no_request_and_no_panic() {
        let mut event = event("/", "");
        event["headers"] = (0..100_000)
            .map(|i| (format!("x-{i}"), json!("")))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert!(parse(&event).is_none());
    }

    #[test]
    fn a_slash_too_many_is_ignored_at_the_end_and_nowhere_else() {
        let segments = |path: &str| request(&event(path, "")).segments().join("|");
        assert_eq!(segments("/v1/widget"), "v1|widget");
        assert_eq!(segments("/v1/widget/"), "v1|widget");
        for path in ["//v1/widget", "/v1//widget", "/v1/widget//", "/", ""] {
            assert_eq!(segments(path), "", "{path}");
        }
    }

    #[test]
    fn of_a_query_parameter_given_twice_the_last_counts() {
        let request = request(&event("/", "page=1&page=%32"));
        assert_eq!(
            (request.query_value("page").as_deref(), request.query_value("size")),
            (Some("2"), None)
        );
    }
}
