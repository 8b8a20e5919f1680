//! API keys. The extracted key is the only one that the request presents.

use shared::{
    auth::{ApiKey, presented_key},
    http::Request,
};

use crate::{request, two_lines};

/// Checks a query, and an `Authorization` header on the next line.
pub fn api_key(input: &[u8]) {
    let Some((query, header)) = two_lines(input) else { return };
    let event = request(query, &[("authorization", header)]);
    // A header that is not valid makes no request.
    let Ok(request) = Request::parse(&event) else { return };
    let in_query: Vec<String> =
        request.query_values("api_key").filter(|value| !value.is_empty()).collect();
    let Ok(key) = presented_key(&request) else { return };
    assert_eq!(format!("{key:?}"), "ApiKey(…)");
    // Of a header that came several times with one value, the first.
    let ends = header.match_indices(',').map(|(end, _)| end).chain([header.len()]);
    let in_header = ends
        .map(|end| header[..end].trim())
        .flat_map(|value| [value, value.split_once(' ').map_or("", |(_, key)| key.trim())]);
    let places = in_query.iter().map(String::as_str).chain(in_header);
    let found: Vec<&str> =
        places.filter(|text| ApiKey::parse(text).as_ref() == Some(&key)).collect();
    assert!(!found.is_empty(), "the key is not in the request");
    assert!(found.iter().all(|text| (1..=ApiKey::MAX_BYTES).contains(&text.len())));
    assert!(found.iter().all(|text| text.bytes().all(|byte| byte.is_ascii_graphic())));
    assert!(in_query.iter().all(|it| found.contains(&it.as_str())), "the query has another key");
}
