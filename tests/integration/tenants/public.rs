//! Public reads and OpenAPI documents. Every caller gets the same answer.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use super::{Accounts, Kind, PRECONDITIONS, at, expect_no_difference, routes};

#[tokio::test]
async fn public_view_is_the_same_for_every_caller_and_holds_nothing_else() {
    let there = Accounts::start().await;
    let app = &there.app;
    let before = there.items().await;
    let allowed = format!("https://{}.example", there.their_mark);
    for (dialect, route) in routes(Kind::Public) {
        let theirs = at(&route, &there.theirs.ids[dialect.name][1]);
        let mut bodies = Vec::new();
        for key in ["", &app.key, &there.other_key, "in-unknown"] {
            let answer = there.send(key, "GET", &theirs, &[("origin", &allowed)], "").await;
            assert_eq!((answer.status, answer.version()), (200, 1), "{answer:?}");
            bodies.push(answer.body);
        }
        assert!(bodies.iter().all(|body| *body == bodies[0]));
        let sent: Map<String, Value> =
            serde_json::from_str(&dialect.marked(there.their_mark)).unwrap();
        let shown: Value = serde_json::from_str(&bodies[0]).unwrap();
        let shown = shown["data"].as_object().unwrap();
        let names: BTreeSet<&str> = shown.keys().map(String::as_str).collect();
        let more = (dialect.name != "assistant").then_some("id");
        assert_eq!(names, dialect.public_fields().chain(more).collect());
        assert!(dialect.public_fields().all(|field| shown[field] == sent[field]), "{shown:?}");
        // A private value is in no other place of it either.
        for (field, value) in sent.iter().filter(|(field, _)| !shown.contains_key(*field)) {
            let text = value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned);
            let is_hidden = text == there.their_mark.to_string() || !bodies[0].contains(&text);
            assert!(is_hidden, "{field}: {}", bodies[0]);
        }

        // Ids without a widget in the dialect.
        let mut not_there = there.not_there(dialect);
        not_there.retain(|id| !there.theirs.ids[dialect.name].contains(id));
        assert_eq!(not_there.len(), 5);
        let methods: &[&str] =
            if dialect.name == "assistant" { &["GET"] } else { &["GET", "OPTIONS"] };
        let elsewhere = ("origin", "https://elsewhere.example");
        let mut groups = Vec::new();
        for method in methods {
            for (headers, is_readable) in PRECONDITIONS {
                for origin in [&[][..], &[("origin", allowed.as_str())], &[elsewhere]] {
                    let headers = [headers, origin].concat();
                    let what = format!("{method} {route:?} {headers:?}");
                    let mut answers = Vec::new();
                    for id in &not_there {
                        let answer = app.send(method, &at(&route, id), &headers, "").await;
                        let is_invalid = !is_readable && *method == "GET";
                        assert_eq!(answer.status == 404, !is_invalid, "{what}: {answer:?}");
                        answers.push((id.clone(), answer));
                    }
                    groups.push((what, answers));
                }
            }
        }
        expect_no_difference(app, &groups).await;

        // A page of an origin that the widget does not allow gets a 403, whatever the account.
        if dialect.name != "assistant" {
            let own = &there.own.ids[dialect.name][0];
            let valid = PRECONDITIONS.iter().filter(|(_, is_readable)| *is_readable);
            let requests = valid.flat_map(|(headers, _)| {
                [&there.theirs.ids[dialect.name][1], own]
                    .map(|id| (id, [*headers, &[elsewhere]].concat()))
            });
            for method in methods {
                let mut refusals = Vec::new();
                for (id, headers) in requests.clone() {
                    let answer = app.send(method, &at(&route, id), &headers, "").await;
                    assert_eq!(answer.status, 403, "{answer:?}");
                    assert!(!answer.headers.contains_key("etag"), "{answer:?}");
                    assert!(there.is_free_of_theirs(&answer.body), "{answer:?}");
                    refusals.push((id.clone(), answer));
                }
                expect_no_difference(app, &[(format!("{method} {route:?}"), refusals)]).await;
            }
        }
    }
    for (_, route) in routes(Kind::OpenApi) {
        let own = there.ask("GET", &route.path, &[], "").await;
        let theirs = there.send(&there.other_key, "GET", &route.path, &[], "").await;
        assert_eq!((own.status, &own.body), (200, &theirs.body));
    }
    assert_eq!(there.items().await, before);
}
