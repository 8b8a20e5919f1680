//! A request as an event: what API Gateway's payload format 2.0 says of it
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).

use std::fmt;

use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use serde::{
    Deserialize, Deserializer,
    de::{Error as _, MapAccess, Visitor},
};
use serde_json::value::RawValue;

use crate::json::Text;

/// The members that a request is made of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event<'a> {
    #[serde(borrow)]
    pub version: Text<'a>,
    #[serde(borrow, default)]
    pub route_key: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub raw_path: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub raw_query_string: Option<Text<'a>>,
    #[serde(default, deserialize_with = "headers")]
    pub headers: HeaderMap,
    #[serde(borrow)]
    pub request_context: RequestContext<'a>,
    /// A slice of the payload until somebody has looked at its length.
    #[serde(borrow, default)]
    pub body: Option<&'a RawValue>,
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

fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    struct HeadersVisitor;

    impl<'de> Visitor<'de> for HeadersVisitor {
        type Value = HeaderMap;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("an object of headers")
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<HeaderMap, A::Error> {
            let mut headers = HeaderMap::new();
            while let Some((Text(name), Text(value))) = map.next_entry()? {
                let name = HeaderName::from_bytes(name.as_bytes()).map_err(A::Error::custom)?;
                let value = HeaderValue::from_bytes(value.as_bytes()).map_err(A::Error::custom)?;
                // A map holds 32,768 headers. API Gateway joins a header that comes twice: of two entries with one name, one
                // would be looked at and the other not.
                let earlier = headers.try_insert(name, value).map_err(A::Error::custom)?;
                if earlier.is_some() {
                    return Err(A::Error::custom("a header comes twice"));
                }
            }
            Ok(headers)
        }
    }

    deserializer.deserialize_map(HeadersVisitor)
}
