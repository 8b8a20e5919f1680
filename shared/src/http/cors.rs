//! CORS: which pages may read what is public (<https://fetch.spec.whatwg.org/#http-cors-protocol>).

use lambda_http::http::{HeaderValue, StatusCode, header};

use super::request::Request;
use super::response::Response;

/// The seconds for which a browser may cache a preflight.
const PREFLIGHT_MAX_AGE: u32 = 600;

/// The response headers that a page may read besides those that it always may.
const EXPOSED_HEADERS: HeaderValue = HeaderValue::from_static("etag, retry-after, x-request-id");

/// Lets pages of every origin read `response`.
pub fn allow_any_origin(response: Response) -> Response {
    response
        .with_header(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))
        .with_header(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS)
}

/// Lets pages of the request's origin read `response`, and no others.
pub fn allow_request_origin(request: &Request<'_>, response: Response) -> Response {
    let response = vary_by_origin(response);
    // One origin of any scheme (the page of an app may come from `file://`), and nothing else.
    let is_origin =
        |text: &&str| *text == "null" || text.contains("://") && !text.contains([' ', ',']);
    let origin = request.header(header::ORIGIN).filter(is_origin).map(HeaderValue::from_str);
    match origin {
        Some(Ok(origin)) => response
            .with_header(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
            .with_header(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED_HEADERS),
        _ => response,
    }
}

/// Marks `response` as one that depends on the request's origin. No page may read it.
pub fn vary_by_origin(response: Response) -> Response {
    response.with_header(header::VARY, HeaderValue::from_static("Origin"))
}

/// Answers the preflight of a browser: a page may send GET with any headers.
pub fn preflight(request: &Request<'_>) -> Response {
    let response = Response::empty(StatusCode::NO_CONTENT)
        .with_header(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"))
        .with_header(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE);
    match request.header(header::ACCESS_CONTROL_REQUEST_HEADERS).map(HeaderValue::from_str) {
        Some(Ok(headers)) => response.with_header(header::ACCESS_CONTROL_ALLOW_HEADERS, headers),
        _ => response,
    }
}
