//! Conditional requests: entity tags, and the versions that a request applies to
//! (RFC 9110, sections 8.8.3 and 13).
//!
//! A tag names a version and the answer that shows it ([`EntityTag`]). Only a 304 needs both to be
//! the same: what a client has of a version may look different after a release. All other
//! conditions compare versions.

use std::fmt;
use std::hash::{DefaultHasher, Hasher};

use lambda_http::http::{StatusCode, header};

use super::request::Request;
use super::response::Response;
use crate::error::{Error, Result, zip};
use crate::model::{VersionCondition, Widget, Written};
use crate::validation::{RequestPart, Validated, ViolationKind, text_violation};

/// The most tags of a list: the most operands that DynamoDB's `IN` compares with
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html>).
const MAX_TAGS: usize = 100;

const IF_MATCH: &str = "if-match";
const IF_NONE_MATCH: &str = "if-none-match";

/// A strong entity tag: a version of a widget and the answer that shows it, as in
/// `"3-85944171f73967e8"`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EntityTag {
    version: u64,
    /// The fingerprint of the answer. Tags of earlier releases have none.
    answer: Option<u64>,
}

impl EntityTag {
    /// Makes the tag of a version that is shown by `answer`, the answer to a read.
    pub fn of(version: u64, answer: &Response) -> Self {
        Self { version, answer: Some(fingerprint(&answer.body)) }
    }

    /// Parses what stands between the quotes. A version has one spelling only: `07` is not 7.
    fn parse(text: &str) -> Option<Self> {
        let (version, answer) = match text.split_once('-') {
            Some((version, answer)) => (version, Some(u64::from_str_radix(answer, 16).ok()?)),
            None => (text, None),
        };
        let tag = Self { version: version.parse().ok()?, answer };
        (tag.to_string().trim_matches('"') == text).then_some(tag)
    }
}

impl fmt::Display for EntityTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let version = self.version;
        match self.answer {
            Some(answer) => write!(f, "\"{version}-{answer:016x}\""),
            None => write!(f, "\"{version}\""),
        }
    }
}

/// Tells two answers apart. A release of Rust may bring another hash: as after a release that
/// renders a widget otherwise, each client then reads it once more.
fn fingerprint(text: &str) -> u64 {
    let mut hasher = DefaultHasher::new();
    hasher.write(text.as_bytes());
    hasher.finish()
}

impl Response {
    /// Sets the `ETag`.
    pub fn with_etag(self, tag: EntityTag) -> Self {
        self.with_header(header::ETAG, tag.to_string())
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
    /// The tags of a list that this service gives, or gave in an earlier release.
    Listed(Vec<EntityTag>),
}

impl Preconditions {
    /// Parses both headers.
    pub fn from_request(request: &Request<'_>) -> Result<Self> {
        let tags = |name: &'static str, may_be_weak| -> Validated<Option<Tags>> {
            let Some(list) = request.header_list(name) else { return Ok(None) };
            Tags::parse(list, may_be_weak)
                .map(Some)
                .map_err(|kind| text_violation(RequestPart::Header, name, kind, list))
        };
        let (if_match, if_none_match) = zip(tags(IF_MATCH, false), tags(IF_NONE_MATCH, true))?;
        Ok(Self { if_match, if_none_match })
    }

    /// Answers a read of `version`: with `answer` and its tag, or 304 if the client has that
    /// answer.
    ///
    /// # Errors
    ///
    /// [`Error::PreconditionFailed`] if `If-Match` excludes the version.
    pub fn respond(&self, version: u64, answer: Response) -> Result<Response> {
        let tag = EntityTag::of(version, &answer);
        if self.is_stale(version) {
            return Err(Error::PreconditionFailed { header: IF_MATCH, etag: tag.to_string() });
        }
        let is_known = match &self.if_none_match {
            None => false,
            Some(Tags::Any) => true,
            Some(Tags::Listed(tags)) => tags.contains(&tag),
        };
        let answer = if is_known { Response::empty(StatusCode::NOT_MODIFIED) } else { answer };
        Ok(answer.with_etag(tag))
    }

    /// Returns the versions that a write applies to.
    pub fn version_condition(&self) -> VersionCondition {
        match (&self.if_match, &self.if_none_match) {
            (_, Some(Tags::Any)) => VersionCondition::OneOf(Vec::new()),
            (Some(Tags::Listed(tags)), excluded) => {
                let versions = tags.iter().map(|tag| tag.version);
                let is_excluded = |version: &u64| {
                    excluded.as_ref().is_some_and(|excluded| excluded.contain_version(*version))
                };
                VersionCondition::OneOf(versions.filter(|it| !is_excluded(it)).collect())
            }
            (_, Some(Tags::Listed(tags))) => {
                VersionCondition::NoneOf(tags.iter().map(|tag| tag.version).collect())
            }
            (_, None) => VersionCondition::Any,
        }
    }

    /// Returns the widget of a write. `read` answers a read of it.
    ///
    /// # Errors
    ///
    /// [`Error::PreconditionFailed`] if the preconditions excluded its version.
    pub fn check_written<S>(
        &self,
        written: Written<S>,
        read: impl FnOnce(&Widget<S>) -> Response,
    ) -> Result<Widget<S>> {
        match written {
            Written::Done(widget) => Ok(widget),
            Written::Excluded(current) => {
                let is_stale = self.is_stale(current.version);
                Err(Error::PreconditionFailed {
                    header: if is_stale { IF_MATCH } else { IF_NONE_MATCH },
                    etag: EntityTag::of(current.version, &read(&current)).to_string(),
                })
            }
        }
    }

    /// Returns whether `If-Match` excludes a version.
    fn is_stale(&self, version: u64) -> bool {
        self.if_match.as_ref().is_some_and(|tags| !tags.contain_version(version))
    }
}

impl Tags {
    /// Returns whether the tags name a version, whichever answer shows it.
    fn contain_version(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Listed(tags) => tags.iter().any(|tag| tag.version == version),
        }
    }

    /// Parses `*`, or a list such as `"1", W/"2"`. A comma in quotes does not separate. A weak tag
    /// matches nothing unless it `may_be_weak` (RFC 9110, 8.8.3.2).
    fn parse(list: &str, may_be_weak: bool) -> Result<Self, ViolationKind> {
        const SEPARATORS: [char; 3] = [',', ' ', '\t'];
        let mut rest = list.trim_matches(SEPARATORS);
        // A header that came twice.
        if rest.split(',').all(|tag| tag.trim() == "*") {
            return Ok(Self::Any);
        }
        let (mut tags, mut count) = (Vec::new(), 0);
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
                ..=MAX_TAGS => tags.extend(EntityTag::parse(tag).filter(|_| is_comparable)),
                _ => return Err(ViolationKind::TooMany(MAX_TAGS)),
            }
        }
        Ok(Self::Listed(tags))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const READ: &str = r#"{"data":{"id":1}}"#;

    fn read() -> Response {
        Response::json_text(StatusCode::OK, READ.to_owned())
    }

    fn weak(list: &str) -> Result<Tags, ViolationKind> {
        Tags::parse(list, true)
    }

    #[test]
    fn a_tag_stands_for_the_version_and_the_text_of_the_answer() {
        let tag = |version, body: &str| {
            let answer = Response::json_text(StatusCode::OK, body.to_owned());
            EntityTag::of(version, &answer).to_string()
        };
        assert_eq!(tag(3, "a"), tag(3, "a"));
        assert_eq!(tag(3, "a").len(), r#""3-85944171f73967e8""#.len());
        assert_ne!(tag(3, ""), tag(3, "a"));
        assert_ne!(tag(3, r#"{"a":null}"#), tag(3, r#"{"a":null,"b":null}"#));
        assert_ne!(tag(3, "a"), tag(4, "a"));
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
            "*, *",
            r#" ,"7" ,, "#,
            r#""7-0000000000000000""#,
            r#""1-cbf29ce484222325", W/"7-cbf29ce484222325""#,
        ] {
            assert!(weak(tags).unwrap().contain_version(7), "{tags}");
        }
        for tags in [
            r#""70""#,
            r#""1", "2""#,
            r#"",7""#,
            r#""""#,
            r#""07""#,
            r#""+7""#,
            r#""18446744073709551616""#,
            r#""7-""#,
            r#""7-1""#,
            r#""7-CBF29CE484222325""#,
            r#""7-cbf29ce4842223251""#,
            r#""7-+bf29ce484222325""#,
            r#""07-cbf29ce484222325""#,
            r#""-7""#,
        ] {
            assert!(!weak(tags).unwrap().contain_version(7), "{tags}");
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
        let only = EntityTag { version: 2, answer: None };
        assert_eq!(Tags::parse(r#"W/"1", "2""#, false), Ok(Tags::Listed(vec![only])));
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
            (Some(r#""3-cbf29ce484222325""#), None, VersionCondition::OneOf(vec![3])),
            (None, Some(r#""3-cbf29ce484222325""#), VersionCondition::NoneOf(vec![3])),
        ] {
            assert_eq!(
                preconditions(if_match, if_none_match).version_condition(),
                expected,
                "{if_match:?} {if_none_match:?}"
            );
        }
    }

    #[test]
    fn both_headers_make_a_read_200_304_or_412() {
        let tag = &*EntityTag::of(7, &read()).to_string();
        let weak_tag = &*format!("W/{tag}");
        let stale = Err(Error::PreconditionFailed { header: "if-match", etag: tag.to_owned() });
        for (if_match, if_none_match, expected) in [
            (None, None, Ok(200)),
            (Some(tag), None, Ok(200)),
            (Some(tag), Some(tag), Ok(304)),
            (None, Some(weak_tag), Ok(304)),
            (None, Some("*"), Ok(304)),
            // Of the version before, of the version as another release showed it, and of an earlier
            // release.
            (None, Some(r#""8""#), Ok(200)),
            (None, Some(r#""7-cbf29ce484222325""#), Ok(200)),
            (None, Some(r#""7""#), Ok(200)),
            (Some(r#""7""#), None, Ok(200)),
            (Some(r#""7-cbf29ce484222325""#), None, Ok(200)),
            (Some(r#""8""#), Some(tag), stale.clone()),
            (Some(weak_tag), None, stale.clone()),
        ] {
            let answer = preconditions(if_match, if_none_match).respond(7, read());
            let answer = answer.map(|answer| {
                assert_eq!(answer.headers["etag"], tag);
                assert_eq!(answer.body, if answer.status == 304 { "" } else { READ });
                answer.status.as_u16()
            });
            assert_eq!(answer, expected, "{if_match:?} {if_none_match:?}");
        }
    }
}
