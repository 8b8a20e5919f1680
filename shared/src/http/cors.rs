//! CORS: which pages may read what is public (<https://fetch.spec.whatwg.org/#http-cors-protocol>).

use lambda_http::http::{StatusCode, header};

use super::request::Request;
use super::response::Response;

/// The seconds for which a browser may cache a preflight.
const PREFLIGHT_MAX_AGE: u32 = 600;

/// Lets pages of every origin read `response`.
pub fn allow_any_origin(response: Response) -> Response {
    allow("*", response)
}

/// Lets pages of the request's origin read `response`, and no others.
pub fn allow_request_origin(request: &Request<'_>, response: Response) -> Response {
    let response = vary_by_origin(response);
    // One origin of any scheme (the page of an app may come from `file://`), and nothing else.
    let is_origin =
        |text: &&str| *text == "null" || text.contains("://") && !text.contains([' ', ',']);
    match request.header(header::ORIGIN).filter(is_origin) {
        Some(origin) => allow(origin, response),
        None => response,
    }
}

/// Lets pages of `origin` read `response`, with some headers besides those that they always may
/// read.
fn allow(origin: &str, response: Response) -> Response {
    response
        .with_header(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
        .with_header(header::ACCESS_CONTROL_EXPOSE_HEADERS, "etag, retry-after, x-request-id")
}

/// Tells caches that `response` depends on the request's origin. It allows no page to read it.
pub fn vary_by_origin(response: Response) -> Response {
    response.with_header(header::VARY, "Origin")
}

/// Answers the preflight of a browser: a page may send GET with any headers.
pub fn preflight(request: &Request<'_>) -> Response {
    let response = Response::empty(StatusCode::NO_CONTENT)
        .with_header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET")
        .with_header(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE);
    match request.header(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        Some(headers) => response.with_header(header::ACCESS_CONTROL_ALLOW_HEADERS, headers),
        None => response,
    }
}
