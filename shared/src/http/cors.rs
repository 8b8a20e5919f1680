//! What lets a page of another origin read what is public
//! (CORS, <https://fetch.spec.whatwg.org/#http-cors-protocol>).

use crate::http::{HeaderValue, Request, Response, StatusCode, header};

/// For how long a browser may remember what a preflight said, in seconds.
const PREFLIGHT_MAX_AGE: u32 = 600;

/// The headers that a page may read besides the ones it always may.
const EXPOSED: HeaderValue = HeaderValue::from_static("etag, retry-after, x-request-id");

/// `response`, for pages of every origin to read.
pub fn for_any_origin(response: Response) -> Response {
    response
        .with_header(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"))
        .with_header(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED)
}

/// `response`, for pages of the origin that asks to read and for no others.
pub fn for_this_origin(request: &Request<'_>, response: Response) -> Response {
    let response = for_no_origin(response);
    // One origin, of whatever scheme (an app's page may come from `file://`), and nothing else is given back.
    let is_origin =
        |text: &&str| *text == "null" || text.contains("://") && !text.contains([' ', ',']);
    let origin = request.header(header::ORIGIN).filter(is_origin).map(HeaderValue::from_str);
    match origin {
        Some(Ok(origin)) => response
            .with_header(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin)
            .with_header(header::ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED),
        _ => response,
    }
}

/// `response`, for no page to read, which is another one for another origin.
pub fn for_no_origin(response: Response) -> Response {
    response.with_header(header::VARY, HeaderValue::from_static("Origin"))
}

/// What a browser asks before it sends a request with headers of a page's own: reading is allowed, with any of them.
pub fn preflight(request: &Request<'_>) -> Response {
    let response = Response::empty(StatusCode::NO_CONTENT)
        .with_header(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET"))
        .with_header(header::ACCESS_CONTROL_MAX_AGE, PREFLIGHT_MAX_AGE);
    match request.header(header::ACCESS_CONTROL_REQUEST_HEADERS).map(HeaderValue::from_str) {
        Some(Ok(headers)) => response.with_header(header::ACCESS_CONTROL_ALLOW_HEADERS, headers),
        _ => response,
    }
}
