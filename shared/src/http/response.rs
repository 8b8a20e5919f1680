//! A response, from a dialect to API Gateway.

use lambda_http::Body;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_http::http::header::{CONTENT_TYPE, IntoHeaderName};
use lambda_http::http::{HeaderMap, HeaderValue, StatusCode};
use serde::Serialize;

/// A response in API Gateway's payload format 2.0.
pub type GatewayResponse = ApiGatewayV2httpResponse;

/// The most bytes of an answer as the payload that it becomes: Lambda's 6 MB
/// (<https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html>).
pub const MAX_ANSWER_BYTES: usize = 6 * 1024 * 1024;

/// A response with a JSON body.
#[derive(Debug)]
pub struct Response {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body: JSON, or empty.
    pub body: String,
}

impl Response {
    /// Makes a response of a body that is serialized.
    pub fn json(status: StatusCode, body: &impl Serialize) -> Self {
        // Serializing plain structs with string keys into memory cannot fail.
        Self::json_text(status, serde_json::to_string(body).unwrap_or_default())
    }

    /// Makes a response of a body that is JSON already.
    pub fn json_text(status: StatusCode, body: String) -> Self {
        Self { body, ..Self::empty(status) }.with_header(CONTENT_TYPE, "application/json")
    }

    /// Makes a response without a body.
    pub fn empty(status: StatusCode) -> Self {
        Self { status, headers: HeaderMap::new(), body: String::new() }
    }

    /// Sets a header, unless `value` has a byte that no header may have (RFC 9110, 5.5).
    pub fn with_header(
        mut self,
        name: impl IntoHeaderName,
        value: impl TryInto<HeaderValue>,
    ) -> Self {
        if let Ok(value) = value.try_into() {
            self.headers.insert(name, value);
        }
        self
    }

    /// Converts the response to API Gateway's format.
    pub fn into_gateway(self) -> GatewayResponse {
        let mut response = GatewayResponse::default();
        response.status_code = self.status.as_u16().into();
        response.headers = self.headers;
        response.body = Some(Body::Text(self.body));
        response
    }
}
