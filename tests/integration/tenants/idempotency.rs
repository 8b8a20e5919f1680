//! Idempotency keys. Each belongs to one account and one dialect.

use std::collections::BTreeSet;

use uuid::Uuid;

use super::{Accounts, Kind, is_replay, routes};

#[tokio::test]
async fn idempotency_key_belongs_to_one_account_and_dialect() {
    let there = Accounts::start().await;
    let (app, items) = (&there.app, there.items().await.len());
    let post = async |account: &str, path: &str, name: &str, body: &str| {
        there.send(account, "POST", path, &[("idempotency-key", name)], body).await
    };
    // Both accounts use the same idempotency keys: one with the same body, and one with another.
    let mut creates = Vec::new();
    for (name, account, mark) in [
        ("same body", &app.key, there.own_mark),
        ("same body", &there.other_key, there.own_mark),
        ("another body", &app.key, there.own_mark),
        ("another body", &there.other_key, there.their_mark),
    ] {
        for (dialect, route) in routes(Kind::Create) {
            let body = dialect.marked(mark);
            let answer = post(account, &route.path, name, &body).await;
            creates.push((name, account, dialect, body, answer));
        }
    }
    let ids: BTreeSet<String> = creates.iter().map(|(.., answer)| answer.id()).collect();
    assert_eq!(ids.len(), creates.len(), "each is its own widget");
    assert_eq!(there.items().await.len(), items + 2 * creates.len(), "each has its own record");
    for (name, account, dialect, body, first) in &creates {
        assert!(first.status == 200 && !is_replay(first), "{first:?}");
        let again = post(account, dialect.root, name, body).await;
        assert!(is_replay(&again) && again.body == first.body, "{again:?}");
        for reader in [&app.key, &there.other_key] {
            let read = there.send(reader, "GET", &dialect.widget(&first.id()), &[], "").await;
            assert_eq!(read.status, if reader == *account { 200 } else { 404 }, "{read:?}");
        }
        // Within its account the key stands for the first body.
        let changed = dialect.marked(Uuid::new_v4());
        let other = post(account, dialect.root, name, &changed).await;
        assert_eq!(other.status, 422, "{other:?}");
        assert!(!other.body.contains(&first.id()), "{other:?}");
    }
}
