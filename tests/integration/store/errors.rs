//! Failures of the store, as the client and the log see them.

use futures_util::future::join_all;

use super::{Operation, expect_unavailable};
use crate::support::{
    app::{Answer, TestApp},
    dialect::{DIALECTS, Dialect},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

async fn create(app: &TestApp, dialect: Dialect) -> Answer {
    app.call("POST", dialect.root, dialect.body).await
}

#[tokio::test]
async fn unresponsive_store_returns_503_within_the_function_timeout() {
    for call in [Call::LOOK_UP_KEY, Call::CREATE] {
        let proxy = FaultProxy::start().await;
        let app = TestApp::start_over(&proxy, |_| {}).await;
        proxy.always(call, Fault::Silent(Effect::None));
        let answers = join_all(DIALECTS.map(|dialect| create(&app, dialect))).await;
        for (dialect, answer) in DIALECTS.into_iter().zip(&answers) {
            expect_unavailable(dialect, answer);
        }
        // The calls to the store end first.
        assert!(!app.log().contains("the function's timeout"));
    }
}

#[tokio::test]
async fn retryable_dynamodb_error_returns_503_and_logs_its_code() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for (status, name) in [
        (400, "ProvisionedThroughputExceededException"),
        (400, "RequestLimitExceeded"),
        (400, "TooManyRequestsException"),
        (400, "ReplicatedWriteConflictException"),
        (503, "ServiceUnavailable"),
    ] {
        proxy.always(Call::CREATE, Fault::Refused(status, name));
        for dialect in DIALECTS {
            expect_unavailable(dialect, &create(&app, dialect).await);
            let line = app.logged(dialect.function, name).await;
            assert!(line.contains(r#""level":"ERROR""#), "{line}");
            assert!(line.contains(r#""status":503"#), "{line}");
        }
    }
}

#[tokio::test]
async fn unreachable_store_returns_503() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    assert_eq!(create(&app, DIALECTS[1]).await.status, 200);
    drop(proxy);
    // One function finds its connection closed, the other never had one.
    for dialect in DIALECTS {
        expect_unavailable(dialect, &create(&app, dialect).await);
    }
}

#[tokio::test]
async fn permanent_dynamodb_error_returns_500_with_only_a_request_id() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    for name in [
        "ValidationException",
        "AccessDeniedException",
        "ResourceNotFoundException",
        "ConditionalCheckFailedException",
    ] {
        proxy.always(Call::CREATE, Fault::Refused(400, name));
        for dialect in DIALECTS {
            let before = proxy.call_count(Call::CREATE);
            let answer = create(&app, dialect).await;
            let id = answer.header("x-request-id");
            let body = dialect.error(
                500,
                &format!("Internal Server Error (request {id})"),
                "INTERNAL_ERROR",
                &format!("something went wrong on our side (request {id})"),
            );
            assert_eq!((answer.status, answer.json()), (500, body));
            assert_eq!(proxy.call_count(Call::CREATE) - before, 1, "{name} is not retried");
            assert!(app.logged(dialect.function, id).await.contains(name));
        }
    }
}

/// As a store may refuse that is compatible with DynamoDB but gives no reasons.
#[tokio::test]
async fn cancelled_transaction_without_reasons_is_a_replay_if_its_record_exists() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    let cancelled = Fault::Refused(400, "TransactionCanceledException");
    for dialect in DIALECTS {
        let create = || Operation::CreateOnce.ask(&app, dialect, &app.key, "");
        proxy.next(Call::CREATE_ONCE, [cancelled]);
        assert_eq!(create().await.status, 500, "nobody knows why it was cancelled");
        let created = create().await;
        assert_eq!(created.status, 200, "{created:?}");
        proxy.next(Call::CREATE_ONCE, [cancelled]);
        let replay = create().await;
        assert_eq!((replay.status, &replay.body), (200, &created.body), "{replay:?}");
        assert_eq!(replay.header("idempotency-replayed"), "true");
    }
}
