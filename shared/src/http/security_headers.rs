//! The headers that keep an answer where it belongs
//! (<https://cheatsheetseries.owasp.org/cheatsheets/REST_Security_Cheat_Sheet.html#security-headers>).

use lambda_http::http::header;

use super::response::Response;

impl Response {
    /// Sets the security headers. Caches may keep a public answer only, and not even that if the
    /// request's URL has an API key: a cache that keeps the answer keeps the URL.
    pub fn with_security_headers(self, is_key_in_url: bool) -> Self {
        let may_be_kept = self.headers.contains_key(header::CACHE_CONTROL) && !is_key_in_url;
        let response = self
            .with_header(header::REFERRER_POLICY, "no-referrer")
            .with_header(header::X_CONTENT_TYPE_OPTIONS, "nosniff")
            // No answer is a page to be shown or framed.
            .with_header(
                header::CONTENT_SECURITY_POLICY,
                "default-src 'none'; frame-ancestors 'none'",
            )
            // A year, of this host alone: the rest of its domain is not ours to decide.
            .with_header(header::STRICT_TRANSPORT_SECURITY, "max-age=31536000");
        if may_be_kept { response } else { response.with_header(header::CACHE_CONTROL, "no-store") }
    }
}
