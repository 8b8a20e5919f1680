//! Failures of the store, as the client and the log see them.

use serde_json::{Value, json};

use super::{DIALECTS, Operation, is_unavailable};
use crate::support::{
    app::{ASSISTANT_BODY, Answer, PATHWAY_BODY, TestApp},
    fault_proxy::{Call, Effect, Fault, FaultProxy},
};

/// Asserts that the answer of each dialect is its complete 503.
fn are_unavailable(assistant: &Answer, pathway: &Answer) {
    let [of_assistant, of_pathway] = DIALECTS;
    is_unavailable(of_assistant, assistant);
    is_unavailable(of_pathway, pathway);
}

#[tokio::test]
async fn unresponsive_store_returns_503_within_the_function_timeout() {
    for call in [Call::LOOK_UP_KEY, Call::CREATE] {
        let proxy = FaultProxy::start().await;
        let app = TestApp::start_over(&proxy, |_| {}).await;
        proxy.always(call, Fault::Silent(Effect::None));
        let (assistant, pathway) =
            tokio::join!(app.create_assistant(ASSISTANT_BODY), app.create_pathway(PATHWAY_BODY));
        are_unavailable(&assistant, &pathway);
        assert!(
            !app.log().contains("the function's timeout"),
            "its calls to the store end before it has to"
        );
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
        are_unavailable(
            &app.create_assistant(ASSISTANT_BODY).await,
            &app.create_pathway(PATHWAY_BODY).await,
        );
        let line = app.logged("Assistant", name).await;
        assert!(line.contains(r#""level":"ERROR""#) && line.contains(r#""status":503"#), "{line}");
    }
}

#[tokio::test]
async fn unreachable_store_returns_503() {
    let proxy = FaultProxy::start().await;
    let app = TestApp::start_over(&proxy, |_| {}).await;
    assert_eq!(app.create_pathway(PATHWAY_BODY).await.status, 200);
    drop(proxy);
    are_unavailable(
        &app.create_assistant(ASSISTANT_BODY).await,
        &app.create_pathway(PATHWAY_BODY).await,
    );
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
        let before = proxy.call_count(Call::CREATE);
        let assistant = app.create_assistant(ASSISTANT_BODY).await;
        let id = assistant.header("x-request-id").to_owned();
        assert_eq!(assistant.status, 500);
        assert_eq!(
            assistant.json(),
            json!({"detail": format!("Internal Server Error (request {id})")})
        );

        let pathway = app.create_pathway(PATHWAY_BODY).await;
        let id = pathway.header("x-request-id").to_owned();
        assert_eq!(
            pathway.json(),
            json!({"status": 500, "data": Value::Null, "errors": [{"error": "INTERNAL_ERROR", "message": format!("something went wrong on our side (request {id})")}]})
        );
        assert_eq!(proxy.call_count(Call::CREATE) - before, 2, "not tried again: {name}");
        assert!(app.logged("Pathway", &id).await.contains(name));
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
