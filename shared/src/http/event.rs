//! A request as an event: what API Gateway's payload format 2.0 says of it
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>). Whatever may be of any
//! length stays a slice of the payload until somebody has looked at its length.

use std::{borrow::Cow, fmt};

use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::json::{self, Text};

/// The most bytes of a path, of a query and of a route's name: what an HTTP API takes as a request line and headers together
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
pub const MAX_URL_BYTES: usize = 10_240;

/// The most bytes of all headers, names and values, as the event writes them: the same, and as much again for those that the API
/// adds.
pub const MAX_HEADER_BYTES: usize = 2 * 10_240;

/// The most bytes that JSON has for one of a text: `\u0000`.
const LONGEST_ESCAPE: usize = 6;

/// The members that a request is made of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub version: Text<'a>,
    #[serde(borrow, default)]
    route_key: Option<&'a RawValue>,
    #[serde(borrow, default)]
    raw_path: Option<&'a RawValue>,
    #[serde(borrow, default)]
    raw_query_string: Option<&'a RawValue>,
    #[serde(default)]
    pub headers: Headers,
    #[serde(borrow)]
    pub request_context: RequestContext<'a>,
    #[serde(borrow, default)]
    body: Option<&'a RawValue>,
    #[serde(default)]
    pub is_base64_encoded: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct RequestContext<'a> {
    #[serde(borrow)]
    pub http: Http<'a>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Http<'a> {
    #[serde(borrow)]
    pub method: Text<'a>,
}

/// A text, or that it is longer than it may be.
pub(super) type Bounded<'a> = Result<Cow<'a, str>, TooLong>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooLong;

impl<'a> Event<'a> {
    /// The route; `None` where it is no text.
    pub fn route(&self) -> Option<Bounded<'a>> {
        bounded(self.route_key, MAX_URL_BYTES)
    }

    /// The path; `None` where it is no text.
    pub fn path(&self) -> Option<Bounded<'a>> {
        bounded(self.raw_path, MAX_URL_BYTES)
    }

    /// The query; `None` where it is no text.
    pub fn query(&self) -> Option<Bounded<'a>> {
        bounded(self.raw_query_string, MAX_URL_BYTES)
    }

    /// The body, of at most so many bytes; `None` where it is no text.
    pub fn body(&self, most: usize) -> Option<Bounded<'a>> {
        bounded(self.body, most)
    }
}

/// The text that `value` is, empty where there is none, opened only if it may be short enough.
fn bounded(value: Option<&RawValue>, most: usize) -> Option<Bounded<'_>> {
    let Some(value) = value else { return Some(Ok(Cow::Borrowed(""))) };
    if value.get().len() > LONGEST_ESCAPE * most + r#""""#.len() {
        return Some(Err(TooLong));
    }
    let text = json::text(value)?;
    Some(if text.len() <= most { Ok(text) } else { Err(TooLong) })
}

/// The headers, or that they are over [`MAX_HEADER_BYTES`].
pub(super) struct Headers(pub Result<HeaderMap, TooLong>);

impl Default for Headers {
    fn default() -> Self {
        Self(Ok(HeaderMap::new()))
    }
}

impl<'de> Deserialize<'de> for Headers {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct HeadersVisitor;

        impl<'de> Visitor<'de> for HeadersVisitor {
            type Value = Headers;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of headers")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Headers, A::Error> {
                let (mut headers, mut bytes) = (HeaderMap::new(), 0);
                while let Some((Text(name), value)) = map.next_entry::<_, &RawValue>()? {
                    bytes += name.len() + value.get().len();
                    // The rest has to be read, and no more than that.
                    if bytes > MAX_HEADER_BYTES {
                        continue;
                    }
                    let value =
                        json::text(value).ok_or_else(|| A::Error::custom("a header is no text"))?;
                    let name = HeaderName::from_bytes(name.as_bytes()).map_err(A::Error::custom)?;
                    let value =
                        HeaderValue::from_bytes(value.as_bytes()).map_err(A::Error::custom)?;
                    // API Gateway joins what comes twice: of two, one would be looked at and the other not.
                    if headers.insert(name, value).is_some() {
                        return Err(A::Error::custom("a header comes twice"));
                    }
                }
                Ok(Headers(if bytes <= MAX_HEADER_BYTES { Ok(headers) } else { Err(TooLong) }))
            }
        }

        deserializer.deserialize_map(HeadersVisitor)
    }
}
