//! The pathway dialect's list: `GET /v1/widgets`. A deployment of this project answers in pages,
//! each with a `Link` to the next. The vendor's service answers with the whole list.

use serde::Deserialize;
use url::Url;

use super::{http::Answer, source::Page, widget::Widget};

#[derive(Deserialize)]
struct Body<'a> {
    #[serde(borrow)]
    data: Vec<Widget<'a>>,
}

/// Returns where the first page of `list` is.
pub fn first_page_url(list: &Url, size: u64) -> Url {
    let mut url = list.clone();
    url.query_pairs_mut().append_pair("limit", &size.to_string());
    url
}

/// Parses an answer.
pub fn parse(answer: &Answer) -> Option<Page<'_>> {
    let Body { data } = serde_json::from_slice(&answer.body).ok()?;
    let next = match next_link(&answer.link) {
        Some(link) => Some(answer.url.join(link).ok()?),
        None => None,
    };
    Some(Page { widgets: data, total: None, next })
}

/// Returns the target of the link whose relation is `next` (RFC 8288).
fn next_link(header: &str) -> Option<&str> {
    let mut rest = header;
    loop {
        let (target, behind) = rest.split_once('<')?.1.split_once('>')?;
        // The parameters end where the next link starts.
        let parameters = behind.split('<').next().unwrap_or_default();
        let is_next = parameters.split([';', ',']).any(|parameter| {
            let Some((name, value)) = parameter.split_once('=') else { return false };
            let relations = value.trim().trim_matches('"');
            name.trim().eq_ignore_ascii_case("rel")
                && relations.split_whitespace().any(|it| it.eq_ignore_ascii_case("next"))
        });
        if is_next {
            return Some(target);
        }
        rest = behind;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn next_link_is_found_by_its_relation() {
        for (header, expected) in [
            (
                r#"<https://a/v1/widgets?limit=2&cursor=x>; rel="next""#,
                Some("https://a/v1/widgets?limit=2&cursor=x"),
            ),
            ("<?cursor=a,b;c>; rel=next", Some("?cursor=a,b;c")),
            (r#"</first>; rel="first", </next> ; title="2" ; REL="last Next""#, Some("/next")),
            (r#"</previous>; rel="prev""#, None),
            (r#"</next>"#, None),
            ("", None),
            ("<", None),
            (r#"; rel="next""#, None),
        ] {
            assert_eq!(next_link(header), expected, "{header}");
        }
    }
}
