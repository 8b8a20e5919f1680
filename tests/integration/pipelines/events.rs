//! Events of EventBridge, and one command through every trigger.

use std::fs;

use serde_json::Value;
use uuid::Uuid;
use widgets::local::{binaries, stack::DEVELOPMENT_ACCOUNT};

use super::{DIALECTS, about, by_http, command, create, id};
use crate::support::{
    app::{PATHWAY_BODY, TestApp},
    payloads::{batch, event, failures, sqs_record},
};

#[tokio::test]
async fn eventbridge_event_runs_once_per_event_id() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let event_id = Uuid::new_v4().to_string();
        let created = event(&event_id, &create(dialect.body));
        let widget = app.invoke(dialect.function, &created).await.unwrap();
        assert_eq!(by_http(&app, dialect, &id(&widget)).await, (200, widget.clone()));
        assert_eq!(app.invoke(dialect.function, &created).await, Ok(widget.clone()));
        // A rule may put it into a queue, twice.
        let records = [sqs_record("a", 1, &created), sqs_record("b", 1, &created)];
        assert_eq!(app.invoke(dialect.function, &batch(&records)).await, Ok(failures(&[])));
        assert_eq!(app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await.len(), 1);

        let deleted = event(&Uuid::new_v4().to_string(), &about("delete", &id(&widget)));
        assert_eq!(app.invoke(dialect.function, &deleted).await, Ok(widget));
        assert_eq!(
            app.invoke(dialect.function, &deleted).await,
            Ok("null".to_owned()),
            "it is deleted"
        );
        let line = app.logged(dialect.function, &format!(r#""id":"{event_id}""#)).await;
        assert!(line.contains(r#""trigger":"eventbridge""#), "{line}");
    }
}

#[tokio::test]
async fn free_form_json_is_unchanged_through_every_trigger() {
    let app = TestApp::start().await;
    let free =
        r#"{"z":1.0,"a":[1e3,12345678901234567890123],"\u00e9":"\ud83d\ude00 \"x\"","a":{}}"#;
    let body = PATHWAY_BODY.replace(r#""config":{}"#, &format!(r#""config":{free}"#));
    let once =
        |key: &str| command("create", &format!(r#","idempotency_key":"{key}","body":{body}"#));
    for (index, payload) in
        [create(&body), event("e", &create(&body)), format!("[{}]", once("p"))].iter().enumerate()
    {
        let answer = app.invoke("Pathway", payload).await.unwrap();
        assert!(answer.contains(&format!(r#""config":{free},"#)), "{index}: {answer}");
    }
    assert_eq!(
        app.invoke("Pathway", &batch(&[sqs_record("m", 1, &create(&body))])).await,
        Ok(failures(&[]))
    );
    let kept = app.stored_of(DEVELOPMENT_ACCOUNT, "pathway").await;
    assert_eq!(kept.len(), 4);
    assert!(kept.iter().all(|item| item["config"].as_s().unwrap() == free));
}

#[tokio::test]
async fn sample_events_of_this_repository_work() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let sample = |kind: &str| {
            let file =
                binaries::workspace().join(format!("tests/events/{kind}_{}.json", dialect.name));
            fs::read_to_string(file).unwrap()
        };
        let kept = async || app.stored_of(DEVELOPMENT_ACCOUNT, dialect.name).await.len();
        let widget = app.invoke(dialect.function, &sample("command")).await.unwrap();
        assert_eq!(by_http(&app, dialect, &id(&widget)).await, (200, widget));
        for _ in ["the first time", "again"] {
            app.invoke(dialect.function, &sample("eventbridge")).await.unwrap();
            let gone_back = failures(&["2e1424d4-f796-459a-8184-9c92662be6da"]);
            assert_eq!(app.invoke(dialect.function, &sample("sqs")).await, Ok(gone_back));
        }
        assert_eq!(kept().await, 3);
        let http: Value =
            serde_json::from_str(&app.invoke(dialect.function, &sample("create")).await.unwrap())
                .unwrap();
        assert_eq!(http["statusCode"], 401, "its key is not known here: {http}");
    }
}
