//! Events of EventBridge, and one command through every trigger.

use std::fs;

use serde_json::Value;
use uuid::Uuid;
use widgets::local::{binaries, stack::DEVELOPMENT_ACCOUNT};

use super::{about, by_http, count, create, create_once, id, invoke};
use crate::support::{
    app::TestApp,
    dialect::{DIALECTS, PATHWAY},
    payloads::{batch, event, failures, sqs_record},
};

#[tokio::test]
async fn eventbridge_event_runs_once_per_event_id() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let event_id = Uuid::new_v4().to_string();
        let created = event(&event_id, &create(dialect.body));
        let widget = invoke(&app, dialect, &created).await;
        assert_eq!(by_http(&app, dialect, &id(&widget)).await, (200, widget.clone()));
        assert_eq!(invoke(&app, dialect, &created).await, widget);
        // A rule may put the event into a queue, twice.
        let records = [sqs_record("a", 1, &created), sqs_record("b", 1, &created)];
        assert_eq!(invoke(&app, dialect, &batch(&records)).await, failures(&[]));
        assert_eq!(count(&app, dialect).await, 1);

        let deleted = event(&Uuid::new_v4().to_string(), &about("delete", &id(&widget)));
        assert_eq!(invoke(&app, dialect, &deleted).await, widget);
        assert_eq!(invoke(&app, dialect, &deleted).await, "null", "deleted already");
        let line = app.logged(dialect.function, &format!(r#""id":"{event_id}""#)).await;
        assert!(line.contains(r#""trigger":"eventbridge""#), "{line}");
    }
}

#[tokio::test]
async fn free_form_json_is_unchanged_through_every_trigger() {
    let app = TestApp::start().await;
    let free =
        r#"{"z":1.0,"a":[1e3,12345678901234567890123],"\u00e9":"\ud83d\ude00 \"x\"","a":{}}"#;
    let body = PATHWAY.body.replace(r#""config":{}"#, &format!(r#""config":{free}"#));
    let create = create(&body);
    for payload in [&create, &event("e", &create), &format!("[{}]", create_once("p", &body))] {
        let answer = invoke(&app, PATHWAY, payload).await;
        assert!(answer.contains(&format!(r#""config":{free},"#)), "{payload}: {answer}");
    }
    let returned = invoke(&app, PATHWAY, &batch(&[sqs_record("m", 1, &create)])).await;
    assert_eq!(returned, failures(&[]));
    let stored = app.stored_of(DEVELOPMENT_ACCOUNT, PATHWAY.name).await;
    assert_eq!(stored.len(), 4);
    assert!(stored.iter().all(|item| item["config"].as_s().unwrap() == free));
}

#[tokio::test]
async fn sample_events_of_this_repository_work() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let sample = |kind: &str| {
            let file = format!("tests/events/{kind}_{}.json", dialect.name);
            fs::read_to_string(binaries::workspace().join(file)).unwrap()
        };
        let widget = invoke(&app, dialect, &sample("command")).await;
        assert_eq!(by_http(&app, dialect, &id(&widget)).await, (200, widget));
        for _ in ["the first time", "again"] {
            invoke(&app, dialect, &sample("eventbridge")).await;
            let returned = failures(&["2e1424d4-f796-459a-8184-9c92662be6da"]);
            assert_eq!(invoke(&app, dialect, &sample("sqs")).await, returned);
        }
        assert_eq!(count(&app, dialect).await, 3);
        let answer = invoke(&app, dialect, &sample("create")).await;
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["statusCode"], 401, "its key is unknown here: {answer}");
    }
}
