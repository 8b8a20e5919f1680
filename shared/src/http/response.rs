//! A response, from a dialect to API Gateway.

use lambda_http::{
    Body,
    aws_lambda_events::apigw::ApiGatewayV2httpResponse,
    http::{
        HeaderMap, HeaderName, HeaderValue, StatusCode,
        header::{CONTENT_TYPE, IntoHeaderName},
    },
};
use serde::Serialize;

/// The most bytes of an answer, as the event that it becomes: Lambda's 6 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

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
        let headers =
            HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static("application/json"))]);
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
