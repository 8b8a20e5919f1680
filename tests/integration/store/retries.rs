//! Retried writes: attempts that arrive late, lost answers, concurrent changes and skewed clocks.

use aws_sdk_dynamodb::types::AttributeValue;
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use super::{Operation, bodies, expect_unavailable, until};
use crate::support::{
    app::{JSON, TestApp, raw_data},
    dialect::{DIALECTS, Dialect},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

#[tokio::test]
async fn missing_widget_returns_404_unless_an_outcome_is_unknown() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        let id = Uuid::now_v7().to_string();
        for (fault, status) in [
            (Fault::Refused(400, "ThrottlingException"), 404),
            (Fault::Conflict, 404),
            (Fault::Late, 404),
            // The first attempt may have deleted it.
            (Fault::Reset(Effect::None), 503),
        ] {
            for operation in
                [Operation::Update, Operation::UpdateIf, Operation::Delete, Operation::DeleteIf]
            {
                proxy.next(operation.call(), [fault]);
                let answer = operation.ask(&app, dialect, &app.key, &id).await;
                assert_eq!(answer.status, status, "{operation:?} {fault:?}: {answer:?}");
            }
        }
    }
}

/// Starts two environments of the dialect's function and puts the key into the cache of each.
async fn warm_up(app: &TestApp, dialect: Dialect) {
    let read = || Operation::List.ask(app, dialect, &app.key, "");
    let (a, b) = tokio::join!(read(), read());
    assert_eq!((a.status, b.status), (200, 200));
}

/// Waits until the widget at `path` has version 2.
async fn until_version_2(app: &TestApp, path: &str) {
    until(async || app.call("GET", path, "").await.version() == 2).await;
}

#[tokio::test]
async fn retried_update_never_overwrites_a_newer_change() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        warm_up(&app, dialect).await;
        for (operation, effect, version) in [
            (Operation::Update, Effect::Done, 3),
            (Operation::UpdateIf, Effect::Done, 3),
            (Operation::Update, Effect::None, 2),
            (Operation::UpdateIf, Effect::None, 2),
        ] {
            let id = Operation::created(&app, dialect).await;
            let path = dialect.widget(&id);
            let before = proxy.call_count(Call::UPDATE);
            proxy.next(Call::UPDATE, [Fault::Silent(effect)]);
            let meanwhile = async {
                proxy.wait_for_calls(Call::UPDATE, before + 1).await;
                if effect == Effect::Done {
                    until_version_2(&app, &path).await;
                }
                app.call(dialect.update, &path, bodies(dialect).other_change).await
            };
            let update = operation.ask(&app, dialect, &app.key, &id);
            let (answer, other) = tokio::join!(update, meanwhile);
            assert_eq!((other.status, other.version()), (200, version), "{other:?}");
            // The retry cannot tell whether the first attempt took effect.
            expect_unavailable(dialect, &answer);
            let last = app.call("GET", &path, "").await;
            assert_eq!(last.version(), version);
            assert_eq!(raw_data(&last.body), raw_data(&other.body));
        }
    }
}

#[tokio::test]
async fn no_op_update_writes_nothing_even_as_a_retry() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        let id = Operation::created(&app, dialect).await;
        let path = dialect.widget(&id);
        let kept = app.stored(dialect.name, &id).await;
        let again = app.call(dialect.update, &path, bodies(dialect).create).await;
        assert_eq!((again.status, again.version()), (200, 1), "{again:?}");
        assert_eq!(app.stored(dialect.name, &id).await, kept);
        let headers = [JSON, ("authorization", &app.key), ("if-match", r#""2""#)];
        let rejected = app.send(dialect.update, &path, &headers, bodies(dialect).create).await;
        assert_eq!(rejected.status, 412, "its precondition still holds for one version");

        // Another client changes another field before the retry, which finds its own change made.
        let elsewhere = match dialect.name {
            "assistant" => r#"{"widget_type":"chat","description":"x"}"#,
            _ => r#"{"messages_per_minute":7}"#,
        };
        let before = proxy.call_count(Call::UPDATE);
        proxy.next(Call::UPDATE, [Fault::Silent(Effect::Done)]);
        let meanwhile = async {
            proxy.wait_for_calls(Call::UPDATE, before + 1).await;
            until_version_2(&app, &path).await;
            app.call(dialect.update, &path, elsewhere).await
        };
        let update = Operation::Update.ask(&app, dialect, &app.key, &id);
        let (answer, other) = tokio::join!(update, meanwhile);
        assert_eq!((other.status, other.version()), (200, 3), "{other:?}");
        assert_eq!((answer.status, answer.version()), (200, 3), "{answer:?}");
        assert_eq!(raw_data(&answer.body), raw_data(&other.body));
    }
}

#[tokio::test]
async fn attempt_that_arrives_late_changes_nothing() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        let id = Operation::created(&app, dialect).await;
        proxy.next(Call::UPDATE, [Fault::Held]);
        let answer = Operation::Update.ask(&app, dialect, &app.key, &id).await;
        assert_eq!((answer.status, answer.version()), (200, 2), "{answer:?}");
        let other = app.call(dialect.update, &dialect.widget(&id), bodies(dialect).create).await;
        assert_eq!(other.version(), 3);
        let kept = app.stored(dialect.name, &id).await;
        proxy.deliver().await;
        assert_eq!(app.stored(dialect.name, &id).await, kept);

        for operation in [Operation::Create, Operation::CreateOnce] {
            proxy.next(operation.call(), [Fault::Held]);
            let answer = operation.ask(&app, dialect, &app.key, "").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            let widget = dialect.widget(&answer.id());
            assert_eq!(app.call("DELETE", &widget, "").await.status, 200);
            assert_eq!(app.call("DELETE", &widget, "").await.status, 404);
            proxy.deliver().await;
            assert_eq!(app.call("GET", &widget, "").await.status, 404, "it does not come back");
        }
    }
}

#[tokio::test]
async fn retried_create_returns_version_1_despite_a_newer_change() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        warm_up(&app, dialect).await;
        let stored = async || app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await;
        proxy.next(Call::CREATE, [Fault::Silent(Effect::Done)]);
        let meanwhile = async {
            until(async || !stored().await.is_empty()).await;
            let id = stored().await[0]["id"].as_s().unwrap().clone();
            Operation::Update.ask(&app, dialect, &app.key, &id).await
        };
        let create = Operation::Create.ask(&app, dialect, &app.key, "");
        let (answer, other) = tokio::join!(create, meanwhile);
        assert_eq!((answer.status, answer.version()), (200, 1), "{answer:?}");
        assert_eq!((other.status, other.version(), other.id()), (200, 2, answer.id()));
        assert_eq!(stored().await.len(), 1);
        assert_eq!(stored().await[0]["version"].as_n().unwrap(), "2");
    }
}

#[tokio::test]
async fn updates_with_skewed_clocks_all_apply_in_timestamp_order() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        let id = Operation::created(&app, dialect).await;
        // The clock of an earlier writer is far ahead.
        let mut item = app.stored(dialect.name, &id).await.unwrap();
        let ahead = "2999-01-01T00:00:00.000Z";
        item.insert("updated_at".to_owned(), AttributeValue::S(ahead.to_owned()));
        app.store.put_item().table_name("Widgets").set_item(Some(item)).send().await.unwrap();
        let path = dialect.widget(&id);
        for (change, version, time) in [
            (bodies(dialect).change, 2, "2999-01-01T00:00:00.001Z"),
            (bodies(dialect).other_change, 3, "2999-01-01T00:00:00.002Z"),
        ] {
            let before = proxy.call_count(Call::UPDATE);
            let answer = app.call(dialect.update, &path, change).await;
            assert_eq!((answer.status, answer.version()), (200, version), "{answer:?}");
            assert_eq!(
                proxy.call_count(Call::UPDATE) - before,
                2,
                "the retry takes its time from the item"
            );
            let item = app.stored(dialect.name, &id).await.unwrap();
            assert_eq!(item["updated_at"], AttributeValue::S(time.to_owned()));
        }
        let stale = Operation::UpdateIf.ask(&app, dialect, &app.key, &id).await;
        assert_eq!(stale.status, 412, "{stale:?}");
        let before = proxy.call_count(Call::UPDATE);
        // The first attempt is rejected for its time. The answer of the second is lost.
        proxy.next(Call::UPDATE, [Fault::None, Fault::Reset(Effect::Done)]);
        let answer = app.call(dialect.update, &path, bodies(dialect).create).await;
        assert_eq!((answer.status, answer.version()), (200, 4), "{answer:?}");
        assert_eq!(proxy.call_count(Call::UPDATE) - before, 3);
        if dialect.name != "assistant" {
            let clears = app.call("PATCH", &path, r#"{"agent_prompt":null}"#).await;
            assert_eq!(clears.status, 400, "the widget has no pathway_id: {clears:?}");
        }
    }
}

#[tokio::test]
async fn write_makes_at_most_three_attempts_whoever_retries() {
    let throttle = Fault::Refused(400, "ThrottlingException");
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for dialect in DIALECTS {
        for (operation, call) in
            [(Operation::Create, Call::CREATE), (Operation::Update, Call::UPDATE)]
        {
            for faults in [
                // The SDK's strategy retries these.
                [throttle; 3],
                // After these the update's own loop takes over.
                [Fault::Failed(Effect::None); 3],
                [Fault::Reset(Effect::None); 3],
                [throttle, Fault::Failed(Effect::None), throttle],
                [Fault::Reset(Effect::None), throttle, throttle],
            ] {
                let id = Operation::created(&app, dialect).await;
                let before = proxy.call_count(call);
                // A fourth attempt would succeed.
                proxy.next(call, faults);
                let answer = operation.ask(&app, dialect, &app.key, &id).await;
                expect_unavailable(dialect, &answer);
                assert_eq!(proxy.call_count(call) - before, 3, "{operation:?} {faults:?}");
            }
        }
    }
}
