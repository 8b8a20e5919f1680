//! The request and the response as a dialect sees them, made from API Gateway's payload 2.0 and back.
//!
//! `lambda_http` has a conversion of its own, to `http::Request`. It is not used, because an HTTP API hands a path over
//! decoded and a query as sent, and that conversion panics on what is then no URI (a space in a path, a `<` in a
//! query); those requests get the dialect's own answer here. What is used of `lambda_http` are its types.

use base64::{Engine, engine::general_purpose::STANDARD};
pub use lambda_http::http::{HeaderValue, StatusCode, header};
use lambda_http::{
    Body,
    aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse},
    http::{
        HeaderMap, HeaderName, Method,
        header::{CONTENT_TYPE, IntoHeaderName},
    },
};
use serde::Serialize;
use serde_json::value::RawValue;
use url::form_urlencoded;

use crate::{
    error::Error,
    json,
    validation::{Checked, Fault, refused},
};

/// The most bytes a body may have, decoded: 256 KiB (contract 1.5). It keeps a widget under DynamoDB's 400 KB an item.
pub const MAX_BODY_BYTES: usize = 256 * 1024;

/// The most bytes of an answer, as the event that it becomes: Lambda's 6 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// A request.
#[derive(Debug)]
pub struct Request {
    /// The method.
    pub method: Method,
    /// The path, decoded, as API Gateway hands it over.
    pub path: String,
    /// The headers, those given twice joined with commas.
    pub headers: HeaderMap,
    query: String,
    body: Vec<u8>,
}

impl Request {
    /// The request that an event describes; an error where no API Gateway could have sent it.
    pub fn from_event(event: ApiGatewayV2httpRequest) -> Result<Self, base64::DecodeError> {
        let body = event.body.unwrap_or_default();
        Ok(Self {
            method: event.request_context.http.method,
            path: event.raw_path.unwrap_or_default(),
            headers: event.headers,
            query: event.raw_query_string.unwrap_or_default(),
            body: if event.is_base64_encoded { STANDARD.decode(body)? } else { body.into_bytes() },
        })
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
        form_urlencoded::parse(self.query.as_bytes()).filter(move |(key, _)| key == name).map(|(_, value)| value.into())
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
        if self.body.len() <= MAX_BODY_BYTES { Ok(&self.body) } else { Err(Error::BodyTooLarge) }
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

/// A response with a JSON body.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, JSON.
    pub body: String,
}

impl Response {
    /// A response of `status` whose body is `body`.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // Serialising plain structs and maps with string keys into memory cannot fail.
        Self::json_text(status, serde_json::to_string(body).unwrap_or_default())
    }

    /// The same where `body` is JSON already.
    pub fn json_text(status: StatusCode, body: String) -> Self {
        let headers = HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
        Self { status, headers, body }
    }

    /// A response of `status` without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: String::new() }
    }

    /// The same with one more header.
    pub fn with_header(mut self, name: impl IntoHeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.insert(name, value.into());
        self
    }

    /// The same with the request's id in `x-request-id` (contract 3).
    pub fn with_request_id(self, request_id: &str) -> Self {
        match HeaderValue::from_str(request_id) {
            Ok(value) => self.with_header(HeaderName::from_static("x-request-id"), value),
            Err(_) => self,
        }
    }

    /// The response as API Gateway takes it.
    pub fn into_event(self) -> ApiGatewayV2httpResponse {
        let mut event = ApiGatewayV2httpResponse::default();
        event.status_code = self.status.as_u16().into();
        event.headers = self.headers;
        event.body = Some(Body::Text(self.body));
        event
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn request(event: serde_json::Value) -> Result<Request, base64::DecodeError> {
        Request::from_event(serde_json::from_value(event).unwrap())
    }

    fn event(path: &str, query: &str) -> serde_json::Value {
        json!({
            "version": "2.0", "rawPath": path, "rawQueryString": query, "headers": {"authorization": "é"},
            "requestContext": {"http": {"method": "POST", "path": path}}, "isBase64Encoded": false,
        })
    }

    #[test]
    fn paths_and_queries_that_are_no_uri_are_still_requests() {
        for path in ["/v1/widget/a b", "/v1/widget/<>?#", "/v1/widget/ü", "/v1/%zz", ":99999", ""] {
            assert_eq!(request(event(path, "a=<\"é")).unwrap().path, path);
        }
    }

    #[test]
    fn query_values_are_decoded_and_all_of_them_are_found() {
        let request = request(event("/", "api_key=a%2Bb&x=1&api_key=c+d&api_key")).unwrap();
        assert_eq!(request.query_values("api_key").collect::<Vec<_>>(), ["a+b", "c d", ""]);
    }

    #[test]
    fn a_base64_body_is_decoded_and_a_broken_one_is_no_request() {
        let mut event = event("/", "");
        event["isBase64Encoded"] = json!(true);
        event["body"] = json!("eyJhIjoxfQ==");
        assert_eq!(request(event.clone()).unwrap().json().unwrap().unwrap().get(), r#"{"a":1}"#);
        event["body"] = json!("%%%");
        assert!(request(event).is_err());
    }

    #[test]
    fn a_body_of_256_kib_is_read_and_one_byte_more_is_not() {
        let mut event = event("/", "");
        event["body"] = json!(format!("\"{}\"", "a".repeat(MAX_BODY_BYTES - 2)));
        assert!(request(event.clone()).unwrap().json().is_ok());
        event["body"] = json!(format!("\"{}\"", "a".repeat(MAX_BODY_BYTES - 1)));
        assert_eq!(request(event).unwrap().json().unwrap_err(), Error::BodyTooLarge);
    }

    #[test]
    fn a_slash_too_many_is_ignored_at_the_end_and_nowhere_else() {
        let segments = |path: &str| request(event(path, "")).unwrap().segments().join("|");
        assert_eq!(segments("/v1/widget"), "v1|widget");
        assert_eq!(segments("/v1/widget/"), "v1|widget");
        for path in ["//v1/widget", "/v1//widget", "/v1/widget//", "/", ""] {
            assert_eq!(segments(path), "", "{path}");
        }
    }

    #[test]
    fn of_a_query_parameter_given_twice_the_last_counts() {
        let request = request(event("/", "page=1&page=%32")).unwrap();
        assert_eq!((request.query_value("page").as_deref(), request.query_value("size")), (Some("2"), None));
    }
}
