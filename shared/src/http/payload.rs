//! API Gateway's payload format 2.0
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).

use std::borrow::Cow;

use lambda_http::http::{HeaderMap, HeaderName, HeaderValue};
use serde::de::Error;
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::validation::json::{Members, Text};

/// The members of a payload that a request is made of.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Payload<'a> {
    #[serde(borrow)]
    pub version: Text<'a>,
    #[serde(borrow, default)]
    pub route_key: Option<Text<'a>>,
    #[serde(borrow, default)]
    pub raw_path: Option<Text<'a>>,
    #[serde(borrow, default, deserialize_with = "values")]
    pub path_parameters: Vec<Cow<'a, str>>,
    #[serde(borrow, default)]
    pub raw_query_string: Option<Text<'a>>,
    #[serde(default, deserialize_with = "headers")]
    pub headers: HeaderMap,
    #[serde(borrow)]
    pub request_context: RequestContext<'a>,
    /// Not parsed before its length is known.
    #[serde(borrow, default)]
    pub body: Option<&'a RawValue>,
    #[serde(default)]
    pub is_base64_encoded: bool,
}

#[derive(Deserialize)]
pub(super) struct RequestContext<'a> {
    #[serde(borrow)]
    pub http: Http<'a>,
}

#[derive(Deserialize)]
pub(super) struct Http<'a> {
    #[serde(borrow)]
    pub method: Text<'a>,
}

/// Returns the values of an object's members. `null` has none.
fn values<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Cow<'de, str>>, D::Error> {
    let members = Option::<Members<Text>>::deserialize(deserializer)?;
    Ok(members.into_iter().flat_map(|it| it.0).map(|(_, Text(value))| value).collect())
}

/// API Gateway joins headers of one name, so two of them come from elsewhere: one would be read and
/// the other ignored. A map holds at most 32,768 headers.
fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<HeaderMap, D::Error> {
    let mut headers = HeaderMap::new();
    for (name, Text(value)) in Members::<Text>::deserialize(deserializer)?.0 {
        let name = HeaderName::from_bytes(name.as_bytes()).map_err(D::Error::custom)?;
        let value = HeaderValue::from_bytes(value.as_bytes()).map_err(D::Error::custom)?;
        if headers.try_insert(name, value).map_err(D::Error::custom)?.is_some() {
            return Err(D::Error::custom("a header comes twice"));
        }
    }
    Ok(headers)
}
