//! A store that fails: the client gets a correct success, or a 503 it may act on, within the function's time.

use serde_json::{Value, json};
use widgets::store::Place;

use crate::{
    app::{ASSISTANT_BODY, Answer, PATHWAY_BODY, TestApp},
    fault_store::{Call, Fault, FaultStore},
};

/// A stack over a store that meets `call` with `fault`, always.
async fn app_over(store: &FaultStore) -> TestApp {
    let place = store.place();
    TestApp::start_with(|options| options.place = place).await
}

fn is_unavailable(answer: &Answer) {
    assert_eq!((answer.status, answer.header("retry-after")), (503, "1"), "{answer:?}");
    let json = answer.json();
    let told = if json["detail"].is_string() { &json["detail"] } else { &json["errors"][0]["message"] };
    assert!(told.as_str().unwrap().contains("try again"), "{answer:?}");
    assert_eq!(json["errors"].is_array(), json["status"] == 503);
}

#[tokio::test]
async fn a_store_that_keeps_failing_is_a_503_in_the_dialect_s_words() {
    for call in [Call::GetItem, Call::PutItem] {
        for fault in [
            Fault::Error(400, "ProvisionedThroughputExceededException"),
            Fault::Error(400, "ThrottlingException"),
            Fault::Error(400, "RequestLimitExceeded"),
            Fault::Error(400, "TooManyRequestsException"),
            Fault::Error(400, "ReplicatedWriteConflictException"),
            Fault::Error(500, "InternalServerError"),
            Fault::Error(503, "ServiceUnavailable"),
            Fault::CutOff,
            Fault::Garbage,
        ] {
            let store = FaultStore::start(call, [], fault.clone()).await;
            let app = app_over(&store).await;
            let (assistant, pathway) =
                tokio::join!(app.create_assistant(ASSISTANT_BODY), app.create_pathway(PATHWAY_BODY));
            is_unavailable(&assistant);
            is_unavailable(&pathway);
            let line = app.logged("Assistant", r#""status":503"#).await;
            assert!(line.contains(r#""level":"ERROR""#) && line.contains("cause"), "{fault:?}: {line}");
        }
    }
}

#[tokio::test]
async fn every_operation_over_a_store_that_fails_is_a_503() {
    const ID: &str = "01a1fae4-9d78-70d4-b7de-b1fe66815968";
    for (call, method, path) in [
        (Call::GetItem, "GET", format!("/api/v1/widget/{ID}")),
        (Call::GetItem, "GET", format!("/v1/widget/{ID}")),
        (Call::GetItem, "PATCH", format!("/v1/widget/{ID}")),
        (Call::UpdateItem, "PUT", format!("/api/v1/widget/{ID}")),
        (Call::UpdateItem, "PATCH", format!("/v1/widget/{ID}")),
        (Call::DeleteItem, "DELETE", format!("/api/v1/widget/{ID}")),
        (Call::DeleteItem, "DELETE", format!("/v1/widget/{ID}")),
        (Call::Query, "GET", "/api/v1/widget".to_owned()),
        (Call::Query, "GET", "/api/v1/widget?page=2".to_owned()),
        (Call::Query, "GET", format!("/api/v1/assistant/{ID}/widgets")),
        (Call::Query, "GET", "/v1/widgets".to_owned()),
        (Call::Query, "GET", format!("/api/v1/widget/{ID}/parameters")),
        (Call::Query, "GET", format!("/v1/widget/{ID}/config")),
    ] {
        for fault in [Fault::Error(400, "ThrottlingException"), Fault::CutOff, Fault::Garbage] {
            // The key is found.
            let script = (call == Call::GetItem).then_some(Fault::None);
            let store = FaultStore::start(call, script, fault.clone()).await;
            let app = app_over(&store).await;
            let body = match method {
                "PUT" => ASSISTANT_BODY,
                "PATCH" if call == Call::GetItem => "{}",
                "PATCH" => PATHWAY_BODY,
                _ => "",
            };
            let headers = [
                ("authorization", app.key.as_str()),
                ("content-type", "application/json"),
                ("origin", "https://example.com"),
            ];
            let answer = app.send(method, &path, &headers, body).await;
            is_unavailable(&answer);
            let is_public = path.ends_with("/parameters") || path.ends_with("/config");
            assert_eq!(answer.headers.contains_key("access-control-allow-origin"), is_public, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn a_store_that_never_answers_is_a_503_within_the_function_s_time() {
    for call in [Call::GetItem, Call::PutItem] {
        let store = FaultStore::start(call, [], Fault::Hang).await;
        let app = app_over(&store).await;
        let (assistant, pathway) = tokio::join!(app.create_assistant(ASSISTANT_BODY), app.create_pathway(PATHWAY_BODY));
        is_unavailable(&assistant);
        is_unavailable(&pathway);
    }
}

#[tokio::test]
async fn a_store_that_is_gone_is_a_503() {
    let store = FaultStore::start(Call::PutItem, [], Fault::None).await;
    let app = app_over(&store).await;
    assert_eq!(app.create_pathway(PATHWAY_BODY).await.status, 200);
    drop(store);
    is_unavailable(&app.create_assistant(ASSISTANT_BODY).await);
    is_unavailable(&app.create_pathway(PATHWAY_BODY).await);
}

#[tokio::test]
async fn a_passing_fault_is_not_seen() {
    for fault in [
        Fault::Error(400, "ProvisionedThroughputExceededException"),
        Fault::Error(500, "InternalServerError"),
        Fault::CutOff,
        Fault::Hang,
    ] {
        let store = FaultStore::start(Call::PutItem, [fault.clone()], Fault::None).await;
        let app = app_over(&store).await;
        let answer = app.create_pathway(PATHWAY_BODY).await;
        assert_eq!((answer.status, store.puts()), (200, 2), "{fault:?}: {answer:?}");
    }
}

#[tokio::test]
async fn a_retry_that_meets_its_own_first_success_is_a_success() {
    for body_fault in [Fault::Error(500, "InternalServerError"), Fault::CutOff] {
        let store = FaultStore::start(Call::PutItem, [body_fault], Fault::AlreadyThere).await;
        let app = app_over(&store).await;
        let answer = app.create_pathway(PATHWAY_BODY.replace("10", "1.50")).await;
        assert_eq!((answer.status, store.puts()), (200, 2), "{answer:?}");
    }
}

#[tokio::test]
async fn what_is_no_passing_fault_is_a_500_that_tells_nothing_but_the_request() {
    for fault in [
        Fault::Error(400, "ValidationException"),
        Fault::Error(400, "AccessDeniedException"),
        Fault::Error(400, "ResourceNotFoundException"),
        Fault::SomethingElseThere,
    ] {
        let store = FaultStore::start(Call::PutItem, [], fault.clone()).await;
        let app = app_over(&store).await;
        let assistant = app.create_assistant(ASSISTANT_BODY).await;
        let id = assistant.header("x-request-id").to_owned();
        assert_eq!(assistant.status, 500);
        assert_eq!(assistant.json(), json!({"detail": format!("Internal Server Error (request {id})")}));

        let pathway = app.create_pathway(PATHWAY_BODY).await;
        let id = pathway.header("x-request-id").to_owned();
        assert_eq!(
            pathway.json(),
            json!({"status": 500, "data": Value::Null, "errors": [{"error": "INTERNAL_ERROR", "message": format!("something went wrong on our side (request {id})")}]})
        );
        assert_eq!(store.puts(), 2, "not tried again: {fault:?}");
        app.logged("Pathway", &id).await;
        assert!(!app.log().contains("secret stored value"), "{}", app.log());
    }
}

#[tokio::test]
async fn a_store_of_an_earlier_version_gets_the_indexes_it_lacks_and_what_it_holds_is_in_them() {
    let folder = tempfile::tempdir().unwrap();
    let place = Place::Folder(folder.path().to_owned());
    let mut app = TestApp::start_with(|options| {
        options.place = place.clone();
        let table = options.template.tables.iter_mut().find(|table| table.name == "Widgets").unwrap();
        table.indexes.clear();
        table.attributes.retain(|(name, _)| table.key.iter().any(|(key, _)| key == name));
    })
    .await;
    let path = format!("/api/v1/widget/{}/parameters", app.create_assistant(ASSISTANT_BODY).await.id());
    app.stack.stop().await;

    app = TestApp::start_with(|options| options.place = place).await;
    assert_eq!(app.send("GET", &path, &[], "").await.status, 200);
    assert_eq!(app.call("GET", "/api/v1/widget?page=2", "").await.json()["data"]["total"], 1);
}
