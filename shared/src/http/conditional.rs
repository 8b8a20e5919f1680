//! Conditional requests: entity tags, and the versions that a request applies to
//! (RFC 9110, sections 8.8.3 and 13).
//!
//! A tag is the version alone. A release that renders a version otherwise must give it another tag.

use lambda_http::http::{HeaderName, StatusCode, header};

use super::request::Request;
use super::response::Response;
use crate::error::{Error, Result, zip};
use crate::model::VersionCondition;
use crate::validation::{RequestPart, Validated, ViolationKind, text_violation};

/// The most tags of a list: the most operands that DynamoDB's `IN` compares with
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html>).
const MAX_TAGS: usize = 100;

impl Response {
    /// Sets the `ETag` of a version.
    pub fn with_etag(self, version: u64) -> Self {
        self.with_header(header::ETAG, format!("\"{version}\""))
    }

    /// Lets caches keep the response for a minute.
    pub fn with_public_cache(self) -> Self {
        self.with_header(header::CACHE_CONTROL, "public, max-age=60")
    }
}

/// The conditions `If-Match` and `If-None-Match` of a request. They apply to a widget that exists:
/// one that does not is a 404 whatever they say (RFC 9110, 13.2.1).
#[derive(Debug, PartialEq, Eq)]
pub struct Preconditions {
    if_match: Option<Tags>,
    if_none_match: Option<Tags>,
}

/// The tags of a header.
#[derive(Debug, PartialEq, Eq)]
enum Tags {
    /// `*`
    Any,
    /// The tags of a list that are versions.
    Versions(Vec<u64>),
}

impl Preconditions {
    /// Parses both headers.
    pub fn from_request(request: &Request<'_>) -> Result<Self> {
        let tags = |header: HeaderName, name, may_be_weak| -> Validated<Option<Tags>> {
            let Some(list) = request.header_list(header) else { return Ok(None) };
            Tags::parse(list, may_be_weak)
                .map(Some)
                .map_err(|kind| text_violation(RequestPart::Header, name, kind, list))
        };
        let if_match = tags(header::IF_MATCH, "if-match", false);
        let if_none_match = tags(header::IF_NONE_MATCH, "if-none-match", true);
        let (if_match, if_none_match) = zip(if_match, if_none_match)?;
        Ok(Self { if_match, if_none_match })
    }

    /// Answers a read of `version`: with `response`, or 304 if the client has that version.
    ///
    /// # Errors
    ///
    /// [`Error::PreconditionFailed`] if `If-Match` excludes the version.
    pub fn respond(&self, version: u64, response: impl FnOnce() -> Response) -> Result<Response> {
        if self.if_match.as_ref().is_some_and(|tags| !tags.contain(version)) {
            return Err(Error::PreconditionFailed);
        }
        let is_known = self.if_none_match.as_ref().is_some_and(|tags| tags.contain(version));
        let response =
            if is_known { Response::empty(StatusCode::NOT_MODIFIED) } else { response() };
        Ok(response.with_etag(version))
    }

    /// Returns the versions that a write applies to.
    pub fn into_version_condition(self) -> VersionCondition {
        match (self.if_match, self.if_none_match) {
            (_, Some(Tags::Any)) => VersionCondition::OneOf(Vec::new()),
            (Some(Tags::Versions(mut versions)), none_of) => {
                versions
                    .retain(|version| !none_of.as_ref().is_some_and(|tags| tags.contain(*version)));
                VersionCondition::OneOf(versions)
            }
            (_, Some(Tags::Versions(versions))) => VersionCondition::NoneOf(versions),
            (_, None) => VersionCondition::Any,
        }
    }
}

impl Tags {
    fn contain(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }

    /// Parses `*`, or a list such as `"1", W/"2"`. A comma in quotes does not separate. A weak tag
    /// matches nothing unless it `may_be_weak` (RFC 9110, 8.8.3.2).
    fn parse(list: &str, may_be_weak: bool) -> Result<Self, ViolationKind> {
        const SEPARATORS: [char; 3] = [',', ' ', '\t'];
        let mut rest = list.trim_matches(SEPARATORS);
        if rest == "*" {
            return Ok(Self::Any);
        }
        let (mut versions, mut count) = (Vec::new(), 0);
        while !rest.is_empty() || count == 0 {
            let opaque = rest.strip_prefix("W/").unwrap_or(rest);
            let is_comparable = opaque == rest || may_be_weak;
            let (tag, after) = opaque
                .strip_prefix('"')
                .and_then(|tag| tag.split_once('"'))
                .ok_or(ViolationKind::NotEntityTags)?;
            rest = after.trim_start_matches(SEPARATORS);
            let is_separated =
                after.is_empty() || after.trim_start_matches([' ', '\t']).starts_with(',');
            count += 1;
            match count {
                _ if !is_separated => return Err(ViolationKind::NotEntityTags),
                ..=MAX_TAGS => versions.extend(version(tag).filter(|_| is_comparable)),
                _ => return Err(ViolationKind::TooMany(MAX_TAGS)),
            }
        }
        Ok(Self::Versions(versions))
    }
}

/// Parses the tag of a version. A version has one tag only: `07` is not 7.
fn version(tag: &str) -> Option<u64> {
    tag.parse().ok().filter(|version: &u64| version.to_string() == tag)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn weak(list: &str) -> Result<Tags, ViolationKind> {
        Tags::parse(list, true)
    }

    #[test]
    fn a_tag_is_found_anywhere_in_a_list() {
        for tags in [
            r#""7""#,
            r#"W/"7""#,
            r#""1", "7""#,
            r#""1","7","8""#,
            r#""a,b" , W/"7""#,
            "*",
            r#" ,"7" ,, "#,
        ] {
            assert!(weak(tags).unwrap().contain(7), "{tags}");
        }
        for tags in [
            r#""70""#,
            r#""1", "2""#,
            r#"",7""#,
            r#""""#,
            r#""07""#,
            r#""+7""#,
            r#""18446744073709551616""#,
        ] {
            assert!(!weak(tags).unwrap().contain(7), "{tags}");
        }
    }

    #[test]
    fn an_invalid_list_of_tags_is_rejected() {
        for tags in [
            "",
            " ",
            ",",
            "7",
            r#""7"#,
            r#"w/"7""#,
            r#""1" "7""#,
            r#""1"; "7""#,
            r#"*, "7""#,
            r#""7", *"#,
            "\u{fffd}",
        ] {
            assert_eq!(weak(tags), Err(ViolationKind::NotEntityTags), "{tags:?}");
        }
        let tags = |count| vec![r#""1""#; count].join(",");
        assert!(weak(&tags(100)).is_ok());
        assert_eq!(weak(&tags(101)), Err(ViolationKind::TooMany(100)));
    }

    #[test]
    fn a_weak_tag_matches_no_write() {
        assert_eq!(Tags::parse(r#"W/"1", "2""#, false), Ok(Tags::Versions(vec![2])));
    }

    fn preconditions(if_match: Option<&str>, if_none_match: Option<&str>) -> Preconditions {
        let mut headers = json!({});
        for (name, value) in [("if-match", if_match), ("if-none-match", if_none_match)] {
            if let Some(value) = value {
                headers[name] = json!(value);
            }
        }
        let event = json!({"version": "2.0", "headers": headers, "requestContext": {"http": {"method": "GET"}}});
        Preconditions::from_request(&Request::parse(event.to_string().as_bytes()).unwrap()).unwrap()
    }

    #[test]
    fn both_headers_make_the_condition_of_a_write() {
        for (if_match, if_none_match, expected) in [
            (None, None, VersionCondition::Any),
            (Some("*"), None, VersionCondition::Any),
            (Some(r#""1", W/"2", "3""#), None, VersionCondition::OneOf(vec![1, 3])),
            (Some(r#""1", "3""#), Some(r#"W/"3""#), VersionCondition::OneOf(vec![1])),
            (Some(r#""other""#), None, VersionCondition::OneOf(Vec::new())),
            (Some("*"), Some(r#"W/"3", "4""#), VersionCondition::NoneOf(vec![3, 4])),
            (None, Some("*"), VersionCondition::OneOf(Vec::new())),
            (Some(r#""1""#), Some("*"), VersionCondition::OneOf(Vec::new())),
        ] {
            assert_eq!(
                preconditions(if_match, if_none_match).into_version_condition(),
                expected,
                "{if_match:?} {if_none_match:?}"
            );
        }
    }

    #[test]
    fn both_headers_make_a_read_200_304_or_412() {
        for (if_match, if_none_match, expected) in [
            (None, None, Ok(200)),
            (Some(r#""7""#), None, Ok(200)),
            (Some(r#""7""#), Some(r#""7""#), Ok(304)),
            (None, Some("*"), Ok(304)),
            (None, Some(r#""8""#), Ok(200)),
            (Some(r#""8""#), Some(r#""7""#), Err(Error::PreconditionFailed)),
            (Some(r#"W/"7""#), None, Err(Error::PreconditionFailed)),
        ] {
            let answer = preconditions(if_match, if_none_match)
                .respond(7, || Response::empty(StatusCode::OK));
            let answer = answer.map(|answer| {
                assert_eq!(answer.headers["etag"], r#""7""#);
                answer.status.as_u16()
            });
            assert_eq!(answer, expected, "{if_match:?} {if_none_match:?}");
        }
    }
}
