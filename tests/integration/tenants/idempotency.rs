//! Idempotency keys. Each belongs to one account and one dialect.

use std::collections::BTreeMap;

use widgets::local::template::RouteSpec;

use super::{Accounts, Dialect, Kind, is_replay, routes};
use crate::support::app::Answer;

#[tokio::test]
async fn idempotency_key_belongs_to_one_account_and_dialect() {
    let there = Accounts::start().await;
    let (app, kept) = (&there.app, there.kept().await.len());
    let mut answers: Vec<(&str, Dialect, &RouteSpec, String, Answer)> = Vec::new();
    let creates = routes(Kind::Create);
    // The same key: with the same body, and with another one.
    for (key, mark) in [(&app.key, there.own_mark), (&there.other_key, there.own_mark)] {
        for (dialect, route) in &creates {
            let body = (dialect.marked)(mark);
            let answer = there
                .send(key, "POST", &route.path, &[("idempotency-key", "same body")], &body)
                .await;
            answers.push((key, *dialect, route, body, answer));
        }
    }
    for (key, mark) in [(&app.key, there.own_mark), (&there.other_key, there.their_mark)] {
        for (dialect, route) in &creates {
            let body = (dialect.marked)(mark);
            let answer = there
                .send(key, "POST", &route.path, &[("idempotency-key", "another body")], &body)
                .await;
            answers.push((key, *dialect, route, body, answer));
        }
    }
    let ids: BTreeMap<String, &str> =
        answers.iter().map(|(key, .., answer)| (answer.id(), *key)).collect();
    assert_eq!(ids.len(), 8, "each is a widget of its own");
    assert_eq!(there.kept().await.len(), kept + 16, "with a record of its own");
    for (index, (key, dialect, route, body, first)) in answers.iter().enumerate() {
        assert!(first.status == 200 && !is_replay(first), "{first:?}");
        let name = if index < 4 { "same body" } else { "another body" };
        let again = there.send(key, "POST", &route.path, &[("idempotency-key", name)], body).await;
        assert!(is_replay(&again) && again.body == first.body, "{again:?}");
        // It is there for its account alone.
        for reader in [&app.key, &there.other_key] {
            let read = there
                .send(reader, "GET", &format!("{}/{}", dialect.root, first.id()), &[], "")
                .await;
            assert_eq!(read.status, if reader == key { 200 } else { 404 }, "{read:?}");
        }
        // Within an account the key means what it did.
        let changed = body.replace("10", "11").replace("chat", "sms");
        let other =
            there.send(key, "POST", &route.path, &[("idempotency-key", name)], &changed).await;
        assert_eq!(other.status, 422, "{other:?}");
        assert!(!other.body.contains(&first.id()), "{other:?}");
    }
}
