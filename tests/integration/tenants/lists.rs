//! Lists, totals and cursors.

use serde_json::json;
use shared::{http::cursor, model::WidgetId};
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{ASSISTANT, Accounts, Kind, PATHWAY, at, expect_no_difference, routes};
use crate::support::app::Answer;

/// Returns the ids of the widgets in a list, in order.
fn ids(list: &Answer) -> Vec<String> {
    let data = &list.json()["data"];
    let items = data.get("items").unwrap_or(data).as_array().unwrap();
    items.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// Returns the cursor of the page after `page`.
fn cursor_of(page: &Answer) -> String {
    let link = page.header("link");
    link.split_once("cursor=").unwrap().1.split('>').next().unwrap().to_owned()
}

#[tokio::test]
async fn lists_totals_and_cursors_cover_only_one_account() {
    let there = Accounts::start().await;
    let app = &there.app;
    let list = async |key: &str, path: &str| {
        let answer = there.send(key, "GET", path, &[], "").await;
        assert_eq!(answer.status, 200, "{path}: {answer:?}");
        answer
    };
    let list_bodies = async || {
        let mut bodies = Vec::new();
        for (dialect, route) in routes(Kind::List) {
            let newest_first: Vec<String> = there.own[dialect.name].iter().rev().cloned().collect();
            for query in ["", "?size=2", "?page=2&size=1", "?page=9", "?limit=2", "?limit=100"] {
                let answer = list(&app.key, &format!("{}{query}", route.path)).await;
                let found = ids(&answer);
                assert!(found.iter().all(|id| newest_first.contains(id)), "{query}: {found:?}");
                assert!(there.is_free_of_theirs(&answer.body), "{query}: {answer:?}");
                match dialect.name {
                    "assistant" => assert_eq!(answer.json()["data"]["total"], 3, "{query}"),
                    _ if !query.starts_with("?limit=2") => {
                        assert_eq!(found, newest_first, "{query}")
                    }
                    _ => assert_eq!(found, newest_first[..2], "{query}"),
                }
                bodies.push(answer.body);
            }
        }
        bodies
    };

    // Whatever the other account does, the list is the same to the byte.
    let before = list_bodies().await;
    for dialect in [ASSISTANT, PATHWAY] {
        let created = there
            .send(&there.other_key, "POST", dialect.root, &[], &(dialect.marked)(there.their_mark))
            .await;
        assert_eq!(created.status, 200, "{created:?}");
        let path = format!("{}/{}", dialect.root, there.theirs[dialect.name][3]);
        assert_eq!(there.send(&there.other_key, "DELETE", &path, &[], "").await.status, 200);
    }
    assert_eq!(list_bodies().await, before);

    // Another account's cursor is as good as one that somebody made up, wherever it comes from.
    for (_, route) in
        routes(Kind::List).into_iter().filter(|(dialect, _)| dialect.name == "pathway")
    {
        let theirs = cursor_of(&list(&there.other_key, &format!("{}?limit=1", route.path)).await);
        let own = cursor_of(&list(&app.key, &format!("{}?limit=1", route.path)).await);
        let made_up: String = theirs.chars().rev().collect();
        for limit in ["limit=1&", "limit=100&", ""] {
            let mut answers = Vec::new();
            for cursor in [&made_up, &theirs] {
                let path = format!("{}?{limit}cursor={cursor}", route.path);
                let answer = there.send(&app.key, "GET", &path, &[], "").await;
                assert_eq!(answer.status, 400, "{answer:?}");
                answers.push((cursor.clone(), answer));
            }
            expect_no_difference(app, &[(format!("{route:?} {limit}"), answers)]).await;
            assert_eq!(
                list(&app.key, &format!("{}?{limit}cursor={own}", route.path)).await.status,
                200
            );
        }
        // Who computes the checksum of their own account over another's id gets to a place in their
        // own list.
        for id in &there.theirs["pathway"] {
            let forged = cursor::write(DEVELOPMENT_ACCOUNT, WidgetId(id.parse().unwrap()));
            let older = list(&app.key, &format!("{}?limit=100&cursor={forged}", route.path)).await;
            assert_eq!(ids(&older), there.own["pathway"].iter().rev().cloned().collect::<Vec<_>>());
            assert!(there.is_free_of_theirs(&older.body), "{older:?}");
        }
    }
    // The other dialect's lists know no cursors.
    let theirs = cursor_of(&list(&there.other_key, "/v1/widgets?limit=1").await);
    for (_, route) in
        routes(Kind::List).into_iter().filter(|(dialect, _)| dialect.name == "assistant")
    {
        let plain = list(&app.key, &route.path).await;
        assert_eq!(
            list(&app.key, &format!("{}?cursor={theirs}", route.path)).await.body,
            plain.body
        );
    }

    // An assistant of another account's is one that nobody has.
    for (dialect, route) in routes(Kind::ListOfAssistant) {
        let theirs = there.their_mark.to_string();
        for query in ["", "?page=2&size=1"] {
            let mut answers = Vec::new();
            for assistant in [&Uuid::new_v4().to_string(), &theirs] {
                let answer = list(&app.key, &format!("{}{query}", at(&route, assistant))).await;
                assert_eq!(
                    (&answer.json()["data"]["total"], ids(&answer)),
                    (&json!(0), Vec::new())
                );
                answers.push((assistant.clone(), answer));
            }
            expect_no_difference(app, &[(format!("{route:?} {query}"), answers)]).await;
        }
        // One's own widget of the same assistant, and of the same organisation, stays one's own.
        let body = (dialect.marked)(there.own_mark).replace(&there.own_mark.to_string(), &theirs);
        let own = there.send(&app.key, "POST", dialect.root, &[], &body).await.id();
        for (key, expected) in [(&app.key, vec![own.clone()]), (&there.other_key, Vec::new())] {
            let found = ids(&list(key, &at(&route, &theirs)).await);
            assert_eq!(found.contains(&own), !expected.is_empty());
            assert!(expected.is_empty() || found == expected, "{found:?}");
        }
        let all = list(&there.other_key, dialect.root).await;
        assert!(all.json()["data"]["total"] == 4 && !ids(&all).contains(&own), "{all:?}");
    }
}
