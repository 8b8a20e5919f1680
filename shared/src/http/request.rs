//! A request, from API Gateway to a dialect.

use std::borrow::Cow;
use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use lambda_http::http::{HeaderMap, Method};
use serde_json::value::RawValue;
use url::form_urlencoded;

use super::payload::Payload;
use crate::error::{Error, Result};
use crate::validation::json::Text;
use crate::validation::{ViolationKind, json, violation};

/// The most bytes of a body, decoded: 256 KiB. It keeps a widget under DynamoDB's 400 KB an item.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// The most bytes of a body in base64.
const MAX_BASE64_BYTES: usize = MAX_BODY_BYTES.div_ceil(3) * 4;

/// The most bytes that JSON needs for one byte of a text: `\u0000`.
const MAX_ESCAPE_BYTES: usize = 6;

/// Says why a payload is not a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotARequest {
    /// It is not in API Gateway's payload format 2.0.
    OtherPayload,
    /// Its body should be base64 and is not.
    InvalidBase64,
}

/// A request. `Debug` shows nothing that may hold an API key.
pub struct Request<'a> {
    /// The method.
    pub method: Method,
    /// Decoded by API Gateway.
    path: Cow<'a, str>,
    /// The route of the template that the request came by: `GET /v1/widget/{id}`.
    pub route: Cow<'a, str>,
    /// The values of the route's parameters, decoded by API Gateway as the path is.
    path_parameters: Vec<Cow<'a, str>>,
    /// API Gateway joins those of one name with commas.
    headers: HeaderMap,
    query: Cow<'a, str>,
    /// `None` if the body is over [`MAX_BODY_BYTES`].
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
    /// Parses a payload in API Gateway's format 2.0.
    ///
    /// # Errors
    ///
    /// The reason why the payload is not a request.
    pub fn parse(payload: &'a [u8]) -> Result<Self, NotARequest> {
        // Serde would also take an array of the members in their order.
        if !payload.trim_ascii_start().starts_with(b"{") {
            return Err(NotARequest::OtherPayload);
        }
        let payload: Payload =
            serde_json::from_slice(payload).map_err(|_| NotARequest::OtherPayload)?;
        if payload.version.0 != "2.0" {
            return Err(NotARequest::OtherPayload);
        }
        let method = payload.request_context.http.method.0;
        let text = |text: Option<Text<'a>>| text.unwrap_or_default().0;
        Ok(Self {
            method: Method::from_bytes(method.as_bytes()).map_err(|_| NotARequest::OtherPayload)?,
            body: body(payload.body, payload.is_base64_encoded)?,
            path: text(payload.raw_path),
            route: text(payload.route_key),
            path_parameters: payload.path_parameters,
            headers: payload.headers,
            query: text(payload.raw_query_string),
        })
    }

    /// Returns the segments of the path behind the dialect's `root`: `["widgets"]` of
    /// `/chat/v1/widgets` behind `/v1/`. A trailing slash makes no difference. A path with an empty
    /// segment or without the root has none: it matches no route.
    pub fn segments(&self, root: &str) -> Vec<&str> {
        self.split_at_root(root).map(|(_, rest)| rest.split('/').collect()).unwrap_or_default()
    }

    /// Returns what the path has before the dialect's `root`, encoded for a URL: `/chat` of
    /// `/chat/v1/widgets` before `/v1/`.
    pub fn prefix(&self, root: &str) -> String {
        let prefix = self.split_at_root(root).map_or("", |(prefix, _)| prefix);
        let encoded = |segment: &str| {
            let form: String = form_urlencoded::byte_serialize(segment.as_bytes()).collect();
            // In a form a plus is a space, in a path it is a plus.
            form.replace('+', "%20")
        };
        prefix.split('/').map(encoded).collect::<Vec<_>>().join("/")
    }

    /// Splits the path around the dialect's `root`. The name of a stage or the mapping of a custom
    /// domain may precede it.
    fn split_at_root(&self, root: &str) -> Option<(&str, &str)> {
        if !self.path.starts_with('/') || self.path.contains("//") {
            return None;
        }
        let path = self.path.strip_suffix('/').unwrap_or(&self.path);
        let start = self.start_of_route(path).filter(|at| path[*at..].starts_with(root));
        let start = start.or_else(|| path.find(root))?;
        Some((&path[..start], &path[start + root.len()..]))
    }

    /// Returns where the last segments of `path` begin, as many as the template's route and the
    /// values of its parameters have. This finds the route behind a prefix that looks like one,
    /// such as a stage named `v1`.
    fn start_of_route(&self, path: &str) -> Option<usize> {
        let (_, route) = self.route.split_once(' ')?;
        if route.ends_with("+}") && self.path_parameters.is_empty() {
            return None;
        }
        let slashes = |text: &str| text.matches('/').count();
        let values = self.path_parameters.iter().map(|it| it.strip_suffix('/').unwrap_or(it));
        let segments = slashes(route) + values.map(slashes).sum::<usize>();
        path.rmatch_indices('/').nth(segments.checked_sub(1)?).map(|(at, _)| at)
    }

    /// Returns the values of a query parameter, decoded.
    pub fn query_values(&self, name: &str) -> impl Iterator<Item = String> {
        form_urlencoded::parse(self.query.as_bytes())
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.into())
    }

    /// Returns the value of a query parameter, decoded. Of one given twice the last counts.
    pub fn query_value(&self, name: &str) -> Option<String> {
        self.query_values(name).last()
    }

    /// Returns the value of a header that may come once, if it is ASCII.
    pub fn header(&self, name: impl AsRef<str>) -> Option<&str> {
        self.header_text(name).filter(|value| value.is_ascii())
    }

    /// Returns the value of a header that may come once. A header that came several times with one
    /// value has that value.
    pub fn header_text(&self, name: impl AsRef<str>) -> Option<&str> {
        self.header_list(name).map(repeated_value)
    }

    /// Returns the values of a header that may come several times, joined with commas.
    pub fn header_list(&self, name: impl AsRef<str>) -> Option<&str> {
        str::from_utf8(self.headers.get(name.as_ref())?.as_bytes()).ok()
    }

    /// Returns the bytes of the body.
    ///
    /// # Errors
    ///
    /// [`Error::BodyTooLarge`] over [`MAX_BODY_BYTES`].
    pub fn body(&self) -> Result<&[u8]> {
        self.body.as_deref().ok_or(Error::BodyTooLarge)
    }

    /// Parses the body as JSON, whatever its content type.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] if there is no body, and else what keeps it from being JSON.
    pub fn json(&self) -> Result<&RawValue> {
        match self.body()? {
            [] => Err(violation(ViolationKind::Missing, RawValue::NULL).into()),
            body => Ok(json::document(body)?),
        }
    }
}

/// Returns the value that `joined` repeats, or else `joined`. The value may have commas itself:
/// `a,b,a, b` repeats `a,b`.
fn repeated_value(joined: &str) -> &str {
    let parts: Vec<&str> = joined.split(',').map(str::trim).collect();
    let is_repeated = |period: &usize| {
        parts.len().is_multiple_of(*period) && parts[*period..] == parts[..parts.len() - period]
    };
    let period = (1..parts.len()).find(is_repeated);
    let end = period.and_then(|period| joined.match_indices(',').nth(period - 1));
    end.map_or(joined, |(end, _)| joined[..end].trim())
}

/// Returns the bytes of a body, or `None` if there are over [`MAX_BODY_BYTES`]. A text that is
/// longer than that is not decoded.
fn body(value: Option<&RawValue>, is_base64: bool) -> Result<Option<Cow<'_, [u8]>>, NotARequest> {
    let Some(value) = value else { return Ok(Some(Cow::Borrowed(&[]))) };
    let most = if is_base64 { MAX_BASE64_BYTES } else { MAX_BODY_BYTES };
    if value.get().len() > MAX_ESCAPE_BYTES * most + r#""""#.len() {
        return Ok(None);
    }
    let text = json::text(value).ok_or(NotARequest::OtherPayload)?;
    if text.len() > most {
        return Ok(None);
    }
    let bytes = match text {
        text if is_base64 => {
            let decoded = STANDARD.decode(text.as_bytes());
            Cow::Owned(decoded.map_err(|_| NotARequest::InvalidBase64)?)
        }
        Cow::Borrowed(text) => Cow::Borrowed(text.as_bytes()),
        Cow::Owned(text) => Cow::Owned(text.into_bytes()),
    };
    Ok(Some(bytes).filter(|bytes| bytes.len() <= MAX_BODY_BYTES))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parse(event: &Value) -> Result<Request<'static>, NotARequest> {
        Request::parse(event.to_string().leak().as_bytes())
    }

    fn request(event: &Value) -> Request<'static> {
        parse(event).unwrap()
    }

    fn event(path: &str, query: &str) -> Value {
        json!({
            "version": "2.0", "routeKey": "$default", "rawPath": path, "rawQueryString": query,
            "headers": {"authorization": "é"}, "requestContext": {"http": {"method": "POST", "path": path}}, "isBase64Encoded": false,
        })
    }

    #[test]
    fn path_and_query_need_not_be_a_valid_uri() {
        for path in ["/v1/widget/a b", "/v1/widget/<>?#", "/v1/widget/ü", "/v1/%zz", ":99999", ""]
        {
            assert_eq!(request(&event(path, "a=<\"é")).path, path);
        }
    }

    #[test]
    fn debug_shows_nothing_that_may_hold_a_key() {
        let mut event = event("/v1/widget/in-key", "api_key=in-key");
        event["headers"] = json!({"authorization": "in-key"});
        event["body"] = json!("in-key");
        let shown = format!("{:?}", request(&event));
        assert!(shown.contains("POST") && !shown.contains("in-key"), "{shown}");
    }

    #[test]
    fn query_values_finds_and_decodes_every_value() {
        let request = request(&event("/", "api_key=a%2Bb&x=1&api_key=c+d&api_key"));
        assert_eq!(request.query_values("api_key").collect::<Vec<_>>(), ["a+b", "c d", ""]);
    }

    #[test]
    fn base64_body_is_decoded_and_must_be_valid() {
        let mut event = event("/", "");
        event["isBase64Encoded"] = json!(true);
        event["body"] = json!("eyJhIjoxfQ==");
        assert_eq!(request(&event).json().unwrap().get(), r#"{"a":1}"#);
        event["body"] = json!("%%%");
        assert_eq!(parse(&event).unwrap_err(), NotARequest::InvalidBase64);
    }

    #[test]
    fn a_payload_with_a_wrong_member_is_not_a_request() {
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
            assert!(parse(&event).is_err(), "{pointer} {value}");
        }
    }

    #[test]
    fn an_array_of_the_members_is_not_a_request() {
        let array = r#"["2.0", "GET /", "/", "", {}, {"http": {"method": "GET"}}, "", false]"#;
        assert!(Request::parse(array.as_bytes()).is_err());
    }

    #[test]
    fn body_may_have_256_kib_and_no_byte_more() {
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
    fn too_many_headers_are_not_a_request_and_do_not_panic() {
        let mut event = event("/", "");
        event["headers"] = (0..100_000)
            .map(|i| (format!("x-{i}"), json!("")))
            .collect::<serde_json::Map<_, _>>()
            .into();
        assert!(parse(&event).is_err());
    }

    #[test]
    fn a_trailing_slash_is_ignored_and_an_empty_segment_is_not() {
        let segments = |path: &str| request(&event(path, "")).segments("/v1/").join("|");
        assert_eq!(segments("/v1/widget/a"), "widget|a");
        assert_eq!(segments("/v1/widget/a/"), "widget|a");
        for path in ["//v1/widget", "/v1//widget", "/v1/widget//", "/v1//", "/v1/", "/v1", "/", ""]
        {
            assert_eq!(segments(path), "", "{path}");
        }
    }

    #[test]
    fn what_precedes_the_root_is_no_part_of_the_route() {
        for (root, route, parameter, path, prefix, segments) in [
            ("/v1/", "GET /v1/widgets", "", "/v1/widgets", "", "widgets"),
            ("/v1/", "GET /v1/widgets", "", "/prod/v1/widgets/", "/prod", "widgets"),
            ("/v1/", "$default", "", "/a/b/v1/widgets", "/a/b", "widgets"),
            ("/v1/", "", "", "/a b/+/é<>/v1/widgets", "/a%20b/%2B/%C3%A9%3C%3E", "widgets"),
            ("/v1/", "GET /v1/widgets", "", "/v1/v1/widgets", "/v1", "widgets"),
            ("/v1/", "GET /v1/widgets", "", "/api/v1/v1/widgets", "/api/v1", "widgets"),
            ("/v1/", "GET /v1/widget/{id}", "v1", "/v1/widget/v1", "", "widget|v1"),
            ("/v1/", "GET /v1/widget/{id}", "v1", "/v1/v1/widget/v1", "/v1", "widget|v1"),
            (
                "/v1/",
                "GET /v1/widget/{id}/config",
                "v1",
                "/v1/widget/v1/config",
                "",
                "widget|v1|config",
            ),
            // An encoded slash.
            (
                "/v1/",
                "GET /v1/widget/{id}",
                "a/v1/widget/x",
                "/v1/widget/a/v1/widget/x",
                "",
                "widget|a|v1|widget|x",
            ),
            ("/v1/", "GET /v1/widget/{id}", "x/", "/v1/v1/widget/x/", "/v1", "widget|x"),
            (
                "/v1/",
                "ANY /v1/{proxy+}",
                "widget/v1/config",
                "/v1/widget/v1/config",
                "",
                "widget|v1|config",
            ),
            ("/v1/", "ANY /v1/{proxy+}", "api/v1/widget", "/v1/api/v1/widget", "", "api|v1|widget"),
            ("/v1/", "ANY /v1/{proxy+}", "widgets/", "/v1/v1/widgets/", "/v1", "widgets"),
            ("/v1/", "ANY /v1/{proxy+}", "v1/widgets", "/v1/v1/widgets", "", "v1|widgets"),
            // Without the parameter the first root counts.
            ("/v1/", "ANY /v1/{proxy+}", "", "/v1/v1/config", "", "v1|config"),
            ("/v1/", "$default", "", "/v10/widget", "", ""),
            ("/v1/", "$default", "", "v1/v1/widget", "", ""),
            ("/api/v1/", "GET /api/v1/widget", "", "/v1/api/v1/widget", "/v1", "widget"),
            ("/api/v1/", "GET /api/v1/widget", "", "/api/v1/api/v1/widget", "/api/v1", "widget"),
            ("/api/v1/", "GET /v1/widget", "", "/v1/widget", "", ""),
        ] {
            let mut event = event(path, "");
            event["routeKey"] = json!(route);
            if !parameter.is_empty() {
                event["pathParameters"] = json!({ "name": parameter });
            }
            let request = request(&event);
            let found = (request.prefix(root), request.segments(root).join("|"));
            assert_eq!(found, (prefix.to_owned(), segments.to_owned()), "{root} {route} {path}");
        }
    }

    #[test]
    fn a_header_that_repeats_one_value_has_that_value() {
        let value_of = |joined: &str| {
            let mut event = event("/", "");
            event["headers"] = json!({ "x": joined });
            request(&event).header_text("x").unwrap().to_owned()
        };
        for (joined, value) in [
            ("a", "a"),
            ("a,a", "a"),
            ("a, a ,a", "a"),
            ("a;b=\"c, d\",a;b=\"c, d\"", "a;b=\"c, d\""),
            ("a,b,a, b,a,b", "a,b"),
            ("é,é", "é"),
            ("", ""),
            (",", ""),
            (",,", ""),
            ("a,b", "a,b"),
            ("a,A", "a,A"),
            ("a,a,b", "a,a,b"),
            ("a,", "a,"),
            ("a,b,a", "a,b,a"),
        ] {
            assert_eq!(value_of(joined), value, "{joined}");
        }
        assert_eq!(value_of(&"a,".repeat(1_000_000)), "a,".repeat(1_000_000));
    }

    #[test]
    fn the_last_of_a_repeated_query_parameter_counts() {
        let request = request(&event("/", "page=1&page=%32"));
        assert_eq!(
            (request.query_value("page").as_deref(), request.query_value("size")),
            (Some("2"), None)
        );
    }
}
