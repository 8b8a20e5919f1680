//! Entity tags: which version of a widget an answer shows, and which one a request is meant for (RFC 9110, 8.8.3 and 13).
//!
//! A tag is the version alone: a release that says something else of the same version has to give it another tag.

use lambda_http::http::{HeaderName, HeaderValue};

use crate::{
    error::Error,
    http::{Request, Response, StatusCode, header},
    model::Versions,
    validation::{Checked, Fault, Part, both, refused_text},
};

/// For how long what is public may be shown without asking again, and to whom (contract 2.6).
const CACHE_CONTROL: HeaderValue = HeaderValue::from_static("public, max-age=60");

/// The most tags of a list: the most operands that DynamoDB compares a value with
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Expressions.OperatorsAndFunctions.html>).
const MAX_TAGS: usize = 100;

/// `response` with the tag of the version that it shows.
pub fn tagged(version: u64, response: Response) -> Response {
    match HeaderValue::try_from(format!("\"{version}\"")) {
        Ok(tag) => response.with_header(header::ETAG, tag),
        // A number in quotes is a header's value.
        Err(_) => response,
    }
}

/// `response`, to be kept for a minute.
pub fn cached(response: Response) -> Response {
    response.with_header(header::CACHE_CONTROL, CACHE_CONTROL)
}

/// What `If-Match` and `If-None-Match` ask for. They are about a widget that is there: one that is not is a 404, whatever
/// they say (RFC 9110, 13.2.1).
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
    /// Those of a list that are a version's.
    Versions(Vec<u64>),
}

/// How tags are compared (RFC 9110, 8.8.3.2).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Comparison {
    /// A weak tag, `W/"…"`, matches nothing.
    Strong,
    /// A weak tag is as good as a strong one.
    Weak,
}

impl Preconditions {
    /// Those of `request`.
    pub fn of(request: &Request<'_>) -> Checked<Self> {
        let tags = |name: HeaderName, called, comparison| {
            let list =
                request.headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()));
            let read = |list: &str| {
                Tags::parse(list, comparison)
                    .map_err(|fault| refused_text(Part::Header, called, fault, list))
            };
            list.map(|list| read(&list)).transpose()
        };
        let if_match = tags(header::IF_MATCH, "if-match", Comparison::Strong);
        let if_none_match = tags(header::IF_NONE_MATCH, "if-none-match", Comparison::Weak);
        both(if_match, if_none_match)
            .map(|(if_match, if_none_match)| Self { if_match, if_none_match })
    }

    /// What is answered to a request that reads `version`: `answer`, or that its client has it already.
    pub fn answer(
        &self,
        version: u64,
        answer: impl FnOnce() -> Response,
    ) -> Result<Response, Error> {
        let has = |tags: &Tags| tags.have(version);
        if self.if_match.as_ref().is_some_and(|tags| !has(tags)) {
            return Err(Error::PreconditionFailed);
        }
        let is_known = self.if_none_match.as_ref().is_some_and(has);
        Ok(tagged(
            version,
            if is_known { Response::empty(StatusCode::NOT_MODIFIED) } else { answer() },
        ))
    }

    /// The versions that a request which writes is meant for.
    pub fn versions(self) -> Versions {
        match (self.if_match, self.if_none_match) {
            (_, Some(Tags::Any)) => Versions::OneOf(Vec::new()),
            (Some(Tags::Versions(mut versions)), none_of) => {
                versions
                    .retain(|version| !none_of.as_ref().is_some_and(|tags| tags.have(*version)));
                Versions::OneOf(versions)
            }
            (_, Some(Tags::Versions(versions))) => Versions::NoneOf(versions),
            (_, None) => Versions::Any,
        }
    }
}

impl Tags {
    fn have(&self, version: u64) -> bool {
        match self {
            Self::Any => true,
            Self::Versions(versions) => versions.contains(&version),
        }
    }

    /// Reads `*`, or a list such as `"1", W/"2"`. A comma in quotes separates nothing.
    fn parse(list: &str, comparison: Comparison) -> Result<Self, Fault> {
        const SEPARATORS: [char; 3] = [',', ' ', '\t'];
        let mut rest = list.trim_matches(SEPARATORS);
        if rest == "*" {
            return Ok(Self::Any);
        }
        let (mut versions, mut count) = (Vec::new(), 0);
        while !rest.is_empty() || count == 0 {
            let opaque = rest.strip_prefix("W/").unwrap_or(rest);
            let is_comparable = opaque == rest || comparison == Comparison::Weak;
            let (tag, after) = opaque
                .strip_prefix('"')
                .and_then(|tag| tag.split_once('"'))
                .ok_or(Fault::NotEntityTags)?;
            rest = after.trim_start_matches(SEPARATORS);
            let is_separated =
                after.is_empty() || after.trim_start_matches([' ', '\t']).starts_with(',');
            count += 1;
            match count {
                _ if !is_separated => return Err(Fault::NotEntityTags),
                ..=MAX_TAGS => versions.extend(version(tag).filter(|_| is_comparable)),
                _ => return Err(Fault::TooMany(MAX_TAGS)),
            }
        }
        Ok(Self::Versions(versions))
    }
}

/// The version whose tag this is: it is written in one way only.
fn version(tag: &str) -> Option<u64> {
    tag.parse().ok().filter(|version: &u64| version.to_string() == tag)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn weak(list: &str) -> Result<Tags, Fault> {
        Tags::parse(list, Comparison::Weak)
    }

    #[test]
    fn a_tag_is_found_wherever_it_stands_in_a_list() {
        for tags in [
            r#""7""#,
            r#"W/"7""#,
            r#""1", "7""#,
            r#""1","7","8""#,
            r#""a,b" , W/"7""#,
            "*",
            r#" ,"7" ,, "#,
        ] {
            assert!(weak(tags).unwrap().have(7), "{tags}");
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
            assert!(!weak(tags).unwrap().have(7), "{tags}");
        }
    }

    #[test]
    fn what_is_no_list_of_tags_is_told_so_and_not_passed_over() {
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
            assert_eq!(weak(tags), Err(Fault::NotEntityTags), "{tags:?}");
        }
        let tags = |count| vec![r#""1""#; count].join(",");
        assert!(weak(&tags(100)).is_ok());
        assert_eq!(weak(&tags(101)), Err(Fault::TooMany(100)));
    }

    #[test]
    fn a_weak_tag_is_not_good_enough_to_write_by() {
        assert_eq!(Tags::parse(r#"W/"1", "2""#, Comparison::Strong), Ok(Tags::Versions(vec![2])));
    }

    fn preconditions(if_match: Option<&str>, if_none_match: Option<&str>) -> Preconditions {
        let mut headers = json!({});
        for (name, value) in [("if-match", if_match), ("if-none-match", if_none_match)] {
            if let Some(value) = value {
                headers[name] = json!(value);
            }
        }
        let event = json!({"version": "2.0", "headers": headers, "requestContext": {"http": {"method": "GET"}}});
        Preconditions::of(&Request::parse(event.to_string().as_bytes()).unwrap().unwrap()).unwrap()
    }

    #[test]
    fn what_both_headers_ask_for_of_a_write_is_what_it_is_meant_for() {
        for (if_match, if_none_match, expected) in [
            (None, None, Versions::Any),
            (Some("*"), None, Versions::Any),
            (Some(r#""1", W/"2", "3""#), None, Versions::OneOf(vec![1, 3])),
            (Some(r#""1", "3""#), Some(r#"W/"3""#), Versions::OneOf(vec![1])),
            (Some(r#""other""#), None, Versions::OneOf(Vec::new())),
            (Some("*"), Some(r#"W/"3", "4""#), Versions::NoneOf(vec![3, 4])),
            (None, Some("*"), Versions::OneOf(Vec::new())),
            (Some(r#""1""#), Some("*"), Versions::OneOf(Vec::new())),
        ] {
            assert_eq!(
                preconditions(if_match, if_none_match).versions(),
                expected,
                "{if_match:?} {if_none_match:?}"
            );
        }
    }

    #[test]
    fn what_both_headers_ask_for_of_a_read_is_a_200_a_304_or_a_412() {
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
                .answer(7, || Response::empty(StatusCode::OK));
            let answer = answer.map(|answer| {
                assert_eq!(answer.headers["etag"], r#""7""#);
                answer.status.as_u16()
            });
            assert_eq!(answer, expected, "{if_match:?} {if_none_match:?}");
        }
    }
}
