//! The headers that keep an answer where it belongs
//! (<https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers>).

use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};

use crate::{
    http::{HeaderValue, Request, Response},
    keys,
};

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

/// `response` with them. No cache keeps it but what is public, and not even that where the request's URL holds a key: whoever
/// keeps the answer keeps the URL.
pub fn secured(request: &Request<'_>, mut response: Response) -> Response {
    for (name, value) in [
        (REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
        (X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
        // Nothing here is a page, to be shown or to be put into a frame.
        (
            CONTENT_SECURITY_POLICY,
            HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'"),
        ),
        // A year, in seconds. Of the host alone: what else its domain has is not ours to decide.
        (STRICT_TRANSPORT_SECURITY, HeaderValue::from_static("max-age=31536000")),
    ] {
        response.headers.insert(name, value);
    }
    if keys::is_in_url(request) {
        response.headers.insert(CACHE_CONTROL, NO_STORE);
    } else {
        response.headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
    }
    response
}
