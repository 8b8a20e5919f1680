//! `If-Match` and `If-None-Match`. They mean the same to a read and to a write.

use shared::{
    http::{Preconditions, Request, Response, StatusCode},
    model::VersionCondition,
};

use crate::{expect_explained, request, two_lines};

/// The most tags of a header.
const MAX_TAGS: usize = 100;

/// Checks `If-Match`, and `If-None-Match` on the next line.
pub fn preconditions(input: &[u8]) {
    let Some((if_match, if_none_match)) = two_lines(input) else { return };
    let event = request("", &[("if-match", if_match), ("if-none-match", if_none_match)]);
    let Ok(request) = Request::parse(&event) else { return };
    let parse = || Preconditions::from_request(&request);
    let (of_read, of_write) = match (parse(), parse()) {
        (Ok(of_read), Ok(of_write)) => (of_read, of_write.into_version_condition()),
        (Err(error), _) | (_, Err(error)) => return expect_explained(error.violations()),
    };
    let named = match &of_write {
        VersionCondition::Any => &[][..],
        VersionCondition::OneOf(versions) | VersionCondition::NoneOf(versions) => versions,
    };
    assert!(named.len() <= MAX_TAGS);
    for version in [1, 2, 3, u64::MAX].iter().chain(named) {
        let answer = of_read.respond(*version, || Response::empty(StatusCode::OK));
        let is_shown = answer.is_ok_and(|answer| answer.status == StatusCode::OK);
        assert_eq!(is_shown, of_write.matches(*version), "{version}");
    }
}
