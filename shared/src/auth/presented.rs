//! Where a request presents its API key.

use super::api_key::ApiKey;
use crate::error::{Error, Result};
use crate::http::{Request, header};

const QUERY_PARAMETER: &str = "api_key";

/// Returns the key of a request. Both dialects take it from the query's `api_key` and from the
/// `Authorization` header, with `Bearer` before it or without. The same key in several places is
/// one key.
///
/// # Errors
///
/// [`Error::MissingApiKey`], [`Error::InvalidApiKey`], or [`Error::ConflictingApiKeys`] for two
/// different keys.
pub fn presented_key(request: &Request<'_>) -> Result<ApiKey> {
    let in_header = request.header_text(header::AUTHORIZATION).map(|value| {
        match value.split_once(' ').unwrap_or((value, "")) {
            (scheme, key) if scheme.eq_ignore_ascii_case("bearer") => key.trim().to_owned(),
            _ => value.to_owned(),
        }
    });
    let in_query = request.query_values(QUERY_PARAMETER);
    let mut keys = in_query.chain(in_header).filter(|key| !key.is_empty());
    let key = keys.next().ok_or(Error::MissingApiKey)?;
    if keys.any(|other| other != key) {
        return Err(Error::ConflictingApiKeys);
    }
    ApiKey::parse(&key).ok_or(Error::InvalidApiKey)
}

/// Returns whether the URL of a request has a key, or anything in its place.
pub fn is_key_in_url(request: &Request<'_>) -> bool {
    request.query_values(QUERY_PARAMETER).next().is_some()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn key_of(query: &str, authorization: Option<&str>) -> Result<ApiKey, Error> {
        let headers = authorization.map_or(json!({}), |value| json!({ "authorization": value }));
        let payload = json!({
            "version": "2.0", "rawPath": "/", "rawQueryString": query, "headers": headers,
            "requestContext": {"http": {"method": "GET"}},
        });
        presented_key(&Request::parse(payload.to_string().as_bytes()).unwrap())
    }

    #[test]
    fn a_key_is_accepted_in_every_documented_place() {
        let key = Ok(ApiKey::parse("in-abc").unwrap());
        assert_eq!(key_of("api_key=in-abc", None), key);
        assert_eq!(key_of("", Some("in-abc")), key);
        assert_eq!(key_of("", Some("Bearer in-abc")), key);
        assert_eq!(key_of("", Some("bearer  in-abc")), key);
        assert_eq!(key_of("api_key=in-abc&api_key=in-abc", Some("Bearer in-abc")), key);
        assert_eq!(key_of("api_key=", Some("in-abc")), key);
        assert_eq!(key_of("", Some("in-abc,in-abc")), key);
        assert_eq!(key_of("api_key=in-abc", Some("Bearer in-abc, Bearer in-abc")), key);
    }

    #[test]
    fn missing_conflicting_and_invalid_keys_are_distinguished() {
        assert_eq!(key_of("", None), Err(Error::MissingApiKey));
        assert_eq!(key_of("api_key=&API_KEY=x", Some("")), Err(Error::MissingApiKey));
        assert_eq!(key_of("", Some("Bearer ")), Err(Error::MissingApiKey));
        assert_eq!(key_of("", Some("Bearer")), Err(Error::MissingApiKey));
        assert_eq!(key_of("api_key=a", Some("b")), Err(Error::ConflictingApiKeys));
        assert_eq!(key_of("api_key=a&api_key=b", None), Err(Error::ConflictingApiKeys));
        assert_eq!(key_of("api_key=a%20b", None), Err(Error::InvalidApiKey));
        assert_eq!(key_of("", Some("é")), Err(Error::InvalidApiKey));
        assert_eq!(key_of("", Some("Bearer a,Bearer b")), Err(Error::InvalidApiKey));
        let too_long = format!("api_key={}", "a".repeat(256));
        assert_eq!(key_of(&too_long, None), Err(Error::InvalidApiKey));
    }
}
