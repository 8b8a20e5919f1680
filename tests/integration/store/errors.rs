//! Failures of the store, as the client and the log see them.

use super::expect_unavailable;
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
        let [assistant, pathway] = DIALECTS;
        let answers = tokio::join!(create(&app, assistant), create(&app, pathway));
        expect_unavailable(assistant, &answers.0);
        expect_unavailable(pathway, &answers.1);
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
