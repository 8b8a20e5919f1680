//! Entity tags: which version of a widget an answer shows, and whether a client has it already (RFC 9110, 8.8.3 and 13.1.2).
//!
//! A tag is the version alone: a release that says something else of the same version has to give it another tag.

use lambda_http::http::HeaderValue;

use crate::http::{Request, Response, StatusCode, header};

/// For how long what is public may be shown without asking again, and to whom (contract 2.6).
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// `answer` for a client that does not have `version` yet, 304 for one that does. Either may be kept for a minute.
pub fn cached(request: &Request, version: u64, answer: impl FnOnce() -> Response) -> Response {
    let tag = version.to_string();
    let known = request.header(header::IF_NONE_MATCH).is_some_and(|tags| lists(tags, &tag));
    let response = if known { Response::empty(StatusCode::NOT_MODIFIED) } else { answer() };
    let response = response.with_header(header::CACHE_CONTROL, CACHE_CONTROL);
    match HeaderValue::try_from(format!("\"{tag}\"")) {
        Ok(tag) => response.with_header(header::ETAG, tag),
        // A number in quotes is a header's value.
        Err(_) => response,
    }
}

/// Whether a list of entity tags has `tag`, weak or strong: `"1", W/"2"`, or `*` for any.
fn lists(tags: &str, tag: &str) -> bool {
    let mut rest = tags.trim();
    if rest == "*" {
        return true;
    }
    while let Some((listed, after)) = opaque_tag(rest) {
        if listed == tag {
            return true;
        }
        rest = after.trim_start_matches([' ', '\t', ',']);
    }
    false
}

/// The first tag of a list, without its quotes, and what follows it. A comma in quotes separates nothing.
fn opaque_tag(list: &str) -> Option<(&str, &str)> {
    list.strip_prefix("W/").unwrap_or(list).strip_prefix('"')?.split_once('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_is_found_wherever_it_stands_in_a_list() {
        for tags in [r#""7""#, r#"W/"7""#, r#""1", "7""#, r#""1","7","8""#, r#""a,b" , W/"7""#, "*", r#" "7" "#] {
            assert!(lists(tags, "7"), "{tags}");
        }
        for tags in ["", "7", r#""70""#, r#""1", "2""#, r#"",7""#, r#""7"#, r#"w/"7""#, r#""1" junk "7""#] {
            assert!(!lists(tags, "7"), "{tags}");
        }
    }
}
