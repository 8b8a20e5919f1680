//! Requests about one widget, and requests with keys of two accounts.

use futures_util::future::join_all;
use uuid::Uuid;
use widgets::local::template::RouteSpec;

use super::{Accounts, Kind, PRECONDITIONS, at, expect_no_difference, routes};
use crate::support::dialect::{DIALECTS, Dialect};

/// Returns bodies of a request about one widget, and whether they are valid.
fn bodies(dialect: Dialect, method: &str) -> Vec<(String, bool)> {
    if !["PUT", "PATCH"].contains(&method) {
        return vec![(String::new(), true)];
    }
    // The first relies on the stored widget. The second names no field.
    let bodies = match dialect.name {
        "assistant" => {
            [(r#"{"widget_type":null}"#, true), ("{}", false), (r#"{"widget_type":7}"#, false)]
        }
        _ => [(r#"{"pathway_id":null}"#, true), ("{}", true), (r#"{"config":null}"#, false)],
    };
    let marked = dialect.marked(Uuid::nil());
    let bodies = [(dialect.change, true), (&*marked, true), ("{", false)].into_iter().chain(bodies);
    bodies.map(|(body, is_valid)| (body.to_owned(), is_valid)).collect()
}

#[tokio::test]
async fn widget_of_another_account_is_indistinguishable_from_none() {
    let there = Accounts::start().await;
    let (app, reader) = (&there.app, there.app.reading_key().await);
    for dialect in DIALECTS {
        assert_eq!(there.send(&reader, "GET", dialect.root, &[], "").await.status, 200);
    }
    let before = there.items().await;

    let of_route = async |(dialect, route): &(Dialect, RouteSpec)| {
        let (ids, mut groups) = (there.not_there(*dialect), Vec::new());
        for (headers, is_readable) in PRECONDITIONS {
            for (body, is_valid) in bodies(*dialect, &route.method) {
                let what = format!("{route:?} {headers:?} {body}");
                let mut answers = Vec::new();
                for id in &ids {
                    let answer = there.ask(&route.method, &at(route, id), headers, &body).await;
                    let is_invalid = [400, 422].contains(&answer.status);
                    let may_be_invalid = !is_readable || !is_valid;
                    let is_expected = answer.status == 404 || may_be_invalid && is_invalid;
                    assert!(is_expected, "{what}: {answer:?}");
                    assert!(there.is_free_of_theirs(&answer.body.replace(id, "")), "{answer:?}");
                    answers.push((id.clone(), answer));
                }
                groups.push((what, answers));
            }
        }
        // Another spelling of the id, and other ways to present a key.
        let body = if route.method == "GET" { "" } else { dialect.change };
        let in_query = format!("?api_key={}", app.key);
        let reader_s = if route.method == "GET" { 404 } else { 403 };
        for (key, query, status) in [("", in_query.as_str(), 404), (&reader, "", reader_s)] {
            let mut answers = Vec::new();
            for id in &ids {
                let path = at(route, &format!("urn:uuid:{}", id.to_uppercase())) + query;
                let answer = there.send(key, &route.method, &path, &[], body).await;
                assert_eq!(answer.status, status, "{route:?} {query}: {answer:?}");
                answers.push((id.clone(), answer));
            }
            groups.push((format!("{route:?} {query} {status}"), answers));
        }
        expect_no_difference(app, &groups).await;
    };
    join_all(routes(Kind::Widget).iter().map(of_route)).await;

    // Methods and paths without an operation.
    for (dialect, _) in routes(Kind::NoOperation) {
        let other_update = if dialect.update == "PUT" { "PATCH" } else { "PUT" };
        let mut groups = Vec::new();
        for (method, more) in [
            ("HEAD", ""),
            ("OPTIONS", ""),
            ("POST", ""),
            (other_update, ""),
            ("GET", "/threads"),
            ("DELETE", &format!("/{}", dialect.public)),
            ("POST", "/x/y"),
        ] {
            let mut answers = Vec::new();
            for id in there.not_there(dialect) {
                let path = dialect.widget(&id) + more;
                let answer = there.ask(method, &path, &[], dialect.change).await;
                assert!([404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
                answers.push((id, answer));
            }
            groups.push((format!("{method} {more}"), answers));
        }
        expect_no_difference(app, &groups).await;
    }
    assert_eq!(there.items().await, before, "no request changes anything");

    for dialect in DIALECTS {
        let path = dialect.widget(&there.own.ids[dialect.name][0]);
        let own = there.ask("GET", &path, &[], "").await;
        assert!(own.status == 200 && own.body.contains(&there.own_mark.to_string()), "{own:?}");
        assert!(there.is_free_of_theirs(&own.body), "{own:?}");
    }
}

#[tokio::test]
async fn request_with_keys_of_two_accounts_returns_401() {
    let there = Accounts::start().await;
    let before = there.items().await;
    let (own, theirs, own_mark) = (&there.app.key, &there.other_key, there.own_mark.to_string());
    let kinds = [Kind::Widget, Kind::List, Kind::ListOfAssistant, Kind::Create];
    for (dialect, route) in kinds.into_iter().flat_map(routes) {
        let body = match route.method.as_str() {
            "POST" => dialect.marked(there.own_mark),
            "PUT" | "PATCH" => dialect.change.to_owned(),
            _ => String::new(),
        };
        let ids = [&there.own.ids[dialect.name][0], &there.theirs.ids[dialect.name][0], &own_mark];
        for (in_url, in_header) in [(own, theirs), (theirs, own)] {
            for path in ids.map(|id| format!("{}?api_key={in_url}", at(&route, id))) {
                for key in [in_header.clone(), format!("Bearer {in_header}")] {
                    let headers = [("idempotency-key", "two")];
                    let answer = there.send(&key, &route.method, &path, &headers, &body).await;
                    assert_eq!(answer.status, 401, "{route:?}: {answer:?}");
                    assert!(!answer.body.contains(&own_mark), "{answer:?}");
                    assert!(there.is_free_of_theirs(&answer.body), "{answer:?}");
                }
            }
        }
    }
    assert_eq!(there.items().await, before, "no request changes anything");
}
