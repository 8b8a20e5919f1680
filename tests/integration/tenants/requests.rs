//! Requests about one widget, and requests with keys of two accounts.

use futures_util::future::join_all;
use uuid::Uuid;
use widgets::local::template::RouteSpec;

use super::{
    ASSISTANT, Accounts, Dialect, Kind, PATHWAY, PRECONDITIONS, at, expect_no_difference, routes,
};

/// Bodies of a request about one widget, and whether they are valid.
fn bodies(dialect: Dialect, method: &str) -> Vec<(String, bool)> {
    let is_assistant = dialect.name == "assistant";
    match method {
        "PUT" | "PATCH" => vec![
            (dialect.change.to_owned(), true),
            ((dialect.marked)(Uuid::nil()), true),
            // What relies on what is there, and what names nothing.
            (
                if is_assistant { r#"{"widget_type":null}"# } else { r#"{"pathway_id":null}"# }
                    .to_owned(),
                true,
            ),
            ("{}".to_owned(), !is_assistant),
            (
                if is_assistant { r#"{"widget_type":7}"# } else { r#"{"config":null}"# }.to_owned(),
                false,
            ),
            ("{".to_owned(), false),
        ],
        _ => vec![(String::new(), true)],
    }
}

#[tokio::test]
async fn widget_of_another_account_is_indistinguishable_from_none() {
    let there = Accounts::start().await;
    let (app, reader) = (&there.app, there.app.reading_key().await);
    for (root, key) in [(ASSISTANT.root, &reader), (PATHWAY.root, &reader)] {
        assert_eq!(there.send(key, "GET", root, &[], "").await.status, 200);
    }
    let before = there.kept().await;

    let of_route = async |(dialect, route): &(Dialect, RouteSpec)| {
        let (ids, mut groups) = (there.not_there(*dialect), Vec::new());
        for (headers, is_readable) in PRECONDITIONS {
            for (body, is_valid) in bodies(*dialect, &route.method) {
                let mut answers = Vec::new();
                for id in &ids {
                    let answer =
                        there.send(&app.key, &route.method, &at(route, id), headers, &body).await;
                    assert!(
                        answer.status == 404 || !is_readable || !is_valid,
                        "{route:?} {headers:?} {body}: {answer:?}"
                    );
                    assert!(
                        [400, 404, 422].contains(&answer.status),
                        "{route:?} {headers:?} {body}: {answer:?}"
                    );
                    assert!(there.is_free_of_theirs(&answer.body.replace(id, "")), "{answer:?}");
                    answers.push((id.clone(), answer));
                }
                groups.push((format!("{route:?} {headers:?} {body}"), answers));
            }
        }
        // However the id is written, and by whichever key.
        let body = if route.method == "GET" { "" } else { dialect.change };
        let in_query = format!("?api_key={}", app.key);
        let refused = if route.method == "GET" { 404 } else { 403 };
        for (key, query, status) in [("", in_query.as_str(), 404), (&reader, "", refused)] {
            let mut answers = Vec::new();
            for id in &ids {
                let path =
                    format!("{}{query}", at(route, &format!("urn:uuid:{}", id.to_uppercase())));
                let answer = there.send(key, &route.method, &path, &[], body).await;
                assert_eq!(answer.status, status, "{route:?} {query}: {answer:?}");
                answers.push((id.clone(), answer));
            }
            groups.push((format!("{route:?} {query} {status}"), answers));
        }
        expect_no_difference(app, &groups).await;
    };
    join_all(routes(Kind::Widget).iter().map(of_route)).await;

    // Neither is it there for methods and paths that have no operation.
    for (dialect, _) in routes(Kind::AnythingElse) {
        let mut groups = Vec::new();
        for (method, more) in [
            ("HEAD", ""),
            ("OPTIONS", ""),
            ("POST", ""),
            (if dialect.name == "assistant" { "PATCH" } else { "PUT" }, ""),
            ("GET", "/threads"),
            ("DELETE", if dialect.name == "assistant" { "/parameters" } else { "/config" }),
            ("POST", "/x/y"),
        ] {
            let mut answers = Vec::new();
            for id in there.not_there(dialect) {
                let path = format!("{}/{id}{more}", dialect.root);
                let answer = there.send(&app.key, method, &path, &[], dialect.change).await;
                assert!([404, 405].contains(&answer.status), "{method} {path}: {answer:?}");
                answers.push((id, answer));
            }
            groups.push((format!("{method} {more}"), answers));
        }
        expect_no_difference(app, &groups).await;
    }
    assert_eq!(there.kept().await, before, "nothing is another one than before");

    // What is one's own is there, and shows nothing of the other's.
    for (dialect, route) in
        routes(Kind::Widget).into_iter().filter(|(_, route)| route.method == "GET")
    {
        let own =
            there.send(&app.key, "GET", &at(&route, &there.own[dialect.name][0]), &[], "").await;
        assert!(own.status == 200 && own.body.contains(&there.own_mark.to_string()), "{own:?}");
        assert!(there.is_free_of_theirs(&own.body), "{own:?}");
    }
}

#[tokio::test]
async fn request_with_keys_of_two_accounts_returns_401() {
    let there = Accounts::start().await;
    let before = there.kept().await;
    let kinds = [Kind::Widget, Kind::List, Kind::ListOfAssistant, Kind::Create];
    for (dialect, route) in kinds.into_iter().flat_map(routes) {
        let body = match route.method.as_str() {
            "POST" => (dialect.marked)(there.own_mark),
            "PUT" | "PATCH" => dialect.change.to_owned(),
            _ => String::new(),
        };
        for (in_url, in_header) in
            [(&there.app.key, &there.other_key), (&there.other_key, &there.app.key)]
        {
            for id in [
                &there.own[dialect.name][0],
                &there.theirs[dialect.name][0],
                &there.own_mark.to_string(),
            ] {
                let path = format!("{}?api_key={in_url}", at(&route, id));
                for key in [in_header.clone(), format!("Bearer {in_header}")] {
                    let answer = there
                        .send(&key, &route.method, &path, &[("idempotency-key", "two")], &body)
                        .await;
                    assert_eq!(answer.status, 401, "{route:?}: {answer:?}");
                    assert!(!answer.body.contains(&there.own_mark.to_string()), "{answer:?}");
                    assert!(there.is_free_of_theirs(&answer.body), "{answer:?}");
                }
            }
        }
    }
    assert_eq!(there.kept().await, before, "nothing is made, changed or remembered");
}
