//! The headers that keep an answer where it belongs
//! (<https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers>).

use lambda_http::http::HeaderValue;
use lambda_http::http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, REFERRER_POLICY, STRICT_TRANSPORT_SECURITY,
    X_CONTENT_TYPE_OPTIONS,
};

use super::response::Response;

const NO_STORE: HeaderValue = HeaderValue::from_static("no-store");

impl Response {
    /// Sets the security headers. Caches may keep a public answer only, and not even that if the
    /// request's URL has an API key: a cache that keeps the answer keeps the URL.
    pub fn with_security_headers(mut self, is_key_in_url: bool) -> Self {
        for (name, value) in [
            (REFERRER_POLICY, "no-referrer"),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            // No answer is a page to be shown or framed.
            (CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
            // A year, of this host alone: the rest of its domain is not ours to decide.
            (STRICT_TRANSPORT_SECURITY, "max-age=31536000"),
        ] {
            self.headers.insert(name, HeaderValue::from_static(value));
        }
        if is_key_in_url {
            self.headers.insert(CACHE_CONTROL, NO_STORE);
        } else {
            self.headers.entry(CACHE_CONTROL).or_insert(NO_STORE);
        }
        self
    }
}
