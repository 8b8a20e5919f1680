//! Lists, totals and cursors.

use shared::{http::cursor, model::WidgetId};
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{Accounts, Kind, at, expect_no_difference, routes};
use crate::support::{
    app::Answer,
    dialect::{ASSISTANT, DIALECTS, PATHWAY},
};

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
            let newest_first: Vec<String> =
                there.own.ids[dialect.name].iter().rev().cloned().collect();
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

    // What the other account does leaves the list unchanged to the byte.
    let before = list_bodies().await;
    for dialect in DIALECTS {
        let body = dialect.marked(there.their_mark);
        let created = there.send(&there.other_key, "POST", dialect.root, &[], &body).await;
        assert_eq!(created.status, 200, "{created:?}");
        let path = dialect.widget(&there.theirs.ids[dialect.name][3]);
        assert_eq!(there.send(&there.other_key, "DELETE", &path, &[], "").await.status, 200);
    }
    assert_eq!(list_bodies().await, before);

    let of_pathway = routes(Kind::List).into_iter().filter(|(it, _)| it.name == "pathway");
    for path in of_pathway.map(|(_, route)| route.path) {
        // Another account's cursor is as invalid as one that never existed.
        let theirs = cursor_of(&list(&there.other_key, &format!("{path}?limit=1")).await);
        let own = cursor_of(&list(&app.key, &format!("{path}?limit=1")).await);
        let made_up: String = theirs.chars().rev().collect();
        for limit in ["limit=1&", "limit=100&", ""] {
            let mut answers = Vec::new();
            for cursor in [&made_up, &theirs] {
                let answer =
                    there.ask("GET", &format!("{path}?{limit}cursor={cursor}"), &[], "").await;
                assert_eq!(answer.status, 400, "{answer:?}");
                answers.push((cursor.clone(), answer));
            }
            expect_no_difference(app, &[(format!("{path} {limit}"), answers)]).await;
            list(&app.key, &format!("{path}?{limit}cursor={own}")).await;
        }
        // A cursor that is forged from another account's id leads to a place in one's own list.
        let newest_first: Vec<String> = there.own.ids["pathway"].iter().rev().cloned().collect();
        for id in &there.theirs.ids["pathway"] {
            let forged = cursor::write(DEVELOPMENT_ACCOUNT, WidgetId(id.parse().unwrap()));
            let older = list(&app.key, &format!("{path}?limit=100&cursor={forged}")).await;
            assert_eq!(ids(&older), newest_first);
            assert!(there.is_free_of_theirs(&older.body), "{older:?}");
        }
    }
    // The assistant dialect has no cursors.
    let theirs = cursor_of(&list(&there.other_key, &format!("{}?limit=1", PATHWAY.list)).await);
    let plain = list(&app.key, ASSISTANT.list).await;
    let with_cursor = list(&app.key, &format!("{}?cursor={theirs}", ASSISTANT.list)).await;
    assert_eq!(with_cursor.body, plain.body);

    // An assistant of another account looks like one that nobody has.
    for (dialect, route) in routes(Kind::ListOfAssistant) {
        let theirs = there.their_mark.to_string();
        for query in ["", "?page=2&size=1"] {
            let mut answers = Vec::new();
            for assistant in [&Uuid::new_v4().to_string(), &theirs] {
                let answer = list(&app.key, &(at(&route, assistant) + query)).await;
                assert_eq!(answer.json()["data"]["total"], 0);
                assert_eq!(ids(&answer), [""; 0]);
                answers.push((assistant.clone(), answer));
            }
            expect_no_difference(app, &[(format!("{route:?} {query}"), answers)]).await;
        }
        // Two accounts may each have a widget of one assistant and of one organisation.
        let own =
            there.ask("POST", dialect.root, &[], &dialect.marked(there.their_mark)).await.id();
        let found = ids(&list(&app.key, &at(&route, &theirs)).await);
        assert!(found.len() == 1 && found[0] == own, "{found:?}");
        assert!(!ids(&list(&there.other_key, &at(&route, &theirs)).await).contains(&own));
        let all = list(&there.other_key, dialect.list).await;
        assert_eq!(all.json()["data"]["total"], 4);
        assert!(!ids(&all).contains(&own), "{all:?}");
    }
}
