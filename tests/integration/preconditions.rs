//! `ETag`, `If-Match` and `If-None-Match`. A request whose precondition fails changes nothing.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{
    ASSISTANT_BODY, ASSISTANT_CHANGE, Answer, PATHWAY_BODY, PATHWAY_CHANGE, TestApp,
};

/// Both dialects' root, verb of an update, body, change, and public path.
const DIALECTS: [(&str, &str, &str, &str, &str); 2] = [
    ("/api/v1/widget", "PUT", ASSISTANT_BODY, ASSISTANT_CHANGE, "parameters"),
    ("/v1/widget", "PATCH", PATHWAY_BODY, PATHWAY_CHANGE, "config"),
];

async fn ask(
    app: &TestApp,
    method: &str,
    path: &str,
    conditions: &[(&str, &str)],
    body: &str,
) -> Answer {
    let headers = [("authorization", app.key.as_str()), ("content-type", "application/json")];
    app.send(method, path, &[&headers, conditions].concat(), body.to_owned()).await
}

fn etag(answer: &Answer) -> Option<&str> {
    answer.headers.get("etag").map(|tag| tag.to_str().unwrap())
}

#[tokio::test]
async fn single_widget_has_an_etag_of_its_version_and_a_list_has_none() {
    let app = TestApp::start().await;
    for (root, update, body, change, public) in DIALECTS {
        let created = app.call("POST", root, body).await;
        let widget = format!("{root}/{}", created.id());
        assert_eq!(created.version(), 1);
        let read = app.call("GET", &widget, "").await;
        assert_eq!(etag(&read), etag(&created), "whatever the answer says around the widget");
        let updated = app.call(update, &widget, change).await;
        assert_eq!(updated.version(), 2);
        let read = app.call("GET", &widget, "").await;
        assert_eq!(etag(&read), etag(&updated));
        let shown = app.call("GET", &format!("{widget}/{public}"), "").await;
        assert_eq!(shown.version(), 2);
        assert_ne!(etag(&shown), etag(&read), "the public answer is another one");
        assert_eq!(etag(&app.call("GET", root, "").await), None);
        let deleted = app.call("DELETE", &widget, "").await;
        assert_eq!(etag(&deleted), etag(&read), "what was deleted");
        assert_eq!(etag(&app.call("DELETE", &widget, "").await), None);
    }
}

/// Changes what a version is answered with, as a release may: an attribute without a new version.
async fn show_otherwise(app: &TestApp, dialect: &str, id: &str) {
    let mut item = app.stored(dialect, id).await.unwrap();
    let (name, value) = match dialect {
        "assistant" => ("bubble_text", AttributeValue::S("other".to_owned())),
        _ => ("messages_per_minute", AttributeValue::N("77".to_owned())),
    };
    item.insert(name.to_owned(), value);
    let put = app.stack.store.client().put_item().table_name("Widgets");
    put.set_item(Some(item)).send().await.unwrap();
}

#[tokio::test]
async fn version_that_is_answered_otherwise_has_another_etag_and_is_no_304() {
    let app = TestApp::start().await;
    for (root, update, body, change, public) in DIALECTS {
        let id = app.call("POST", root, body).await.id();
        let widget = format!("{root}/{id}");
        let paths = [widget.clone(), format!("{widget}/{public}")];
        let mut before = Vec::new();
        for path in &paths {
            before.push(app.call("GET", path, "").await);
        }
        show_otherwise(&app, if root == "/v1/widget" { "pathway" } else { "assistant" }, &id).await;
        for (path, before) in paths.iter().zip(before) {
            let tag = before.header("etag");
            let again = ask(&app, "GET", path, &[("if-none-match", tag)], "").await;
            assert_eq!((again.status, again.version()), (200, 1), "{again:?}");
            assert_ne!((again.header("etag"), &again.body), (tag, &before.body));
            let current = [("if-none-match", again.header("etag"))];
            assert_eq!(ask(&app, "GET", path, &current, "").await.status, 304);
            // A condition of the version still holds.
            assert_eq!(ask(&app, "GET", path, &[("if-match", tag)], "").await.status, 200);
            let excluded = [("if-none-match", tag)];
            assert_eq!(ask(&app, update, &widget, &excluded, change).await.status, 412);
        }
        let tag = app.call("GET", &widget, "").await.header("etag").replace('-', "-0");
        assert_eq!(ask(&app, update, &widget, &[("if-match", &tag)], change).await.status, 412);
        let other = r#""1-0000000000000000""#;
        assert_eq!(ask(&app, update, &widget, &[("if-match", other)], change).await.status, 200);
    }
}

#[tokio::test]
async fn etag_of_an_earlier_release_names_its_version() {
    let app = TestApp::start().await;
    for (root, update, body, change, public) in DIALECTS {
        let widget = format!("{root}/{}", app.call("POST", root, body).await.id());
        for path in [&widget, &format!("{widget}/{public}")] {
            let read = ask(&app, "GET", path, &[("if-match", r#""1""#)], "").await;
            assert_eq!(read.status, 200);
            // It may have stood for another answer.
            let read = ask(&app, "GET", path, &[("if-none-match", r#""1""#)], "").await;
            assert_eq!((read.status, read.version()), (200, 1));
        }
        let excluded = ask(&app, update, &widget, &[("if-none-match", r#""1""#)], change).await;
        assert_eq!(excluded.status, 412);
        let updated = ask(&app, update, &widget, &[("if-match", r#""1""#)], change).await;
        assert_eq!((updated.status, updated.version()), (200, 2));
        let stale = ask(&app, "DELETE", &widget, &[("if-match", r#""1""#)], "").await;
        assert_eq!(stale.status, 412);
        let deleted = ask(&app, "DELETE", &widget, &[("if-match", r#""2""#)], "").await;
        assert_eq!(deleted.status, 200);
    }
}

#[tokio::test]
async fn request_runs_only_if_its_preconditions_hold() {
    let app = TestApp::start().await;
    // Of a widget of version 2: the conditions, what reading, updating and deleting it is answered
    // with, and the header that a 412 names. `TAG` stands for the tag of the answer.
    let cases = [
        (&[("if-match", "TAG")][..], 200, 200, ""),
        (&[("if-match", r#""2""#)], 200, 200, ""),
        (&[("if-match", r#""1", TAG , "x,y""#)], 200, 200, ""),
        (&[("if-match", "*")], 200, 200, ""),
        (&[("if-match", r#""1""#)], 412, 412, "if-match"),
        (&[("if-match", r#""02""#)], 412, 412, "if-match"),
        (&[("if-match", "W/TAG")], 412, 412, "if-match"),
        (&[("if-match", r#""abc""#)], 412, 412, "if-match"),
        (&[("if-none-match", r#""1""#)], 200, 200, ""),
        (&[("if-none-match", r#""abc", W/"3""#)], 200, 200, ""),
        (&[("if-none-match", "TAG")], 304, 412, "if-none-match"),
        (&[("if-none-match", r#""1", W/TAG"#)], 304, 412, "if-none-match"),
        (&[("if-none-match", "*")], 304, 412, "if-none-match"),
        (&[("if-match", "TAG"), ("if-none-match", "TAG")], 304, 412, "if-none-match"),
        (&[("if-match", r#""1""#), ("if-none-match", "TAG")], 412, 412, "if-match"),
        (&[("if-match", "TAG"), ("if-none-match", r#""1""#)], 200, 200, ""),
    ];
    for (root, update, body, change, public) in DIALECTS {
        let of_version_2 = async || {
            let widget = format!("{root}/{}", app.call("POST", root, body).await.id());
            assert_eq!(app.call(update, &widget, change).await.version(), 2);
            widget
        };
        for (conditions, on_read, on_write, failed) in cases {
            let what = format!("{root} {conditions:?}");
            let with_tag = |tag: &str| -> Vec<(&'static str, String)> {
                conditions.iter().map(|(name, tags)| (*name, tags.replace("TAG", tag))).collect()
            };
            let widget = of_version_2().await;
            for path in [&widget, &format!("{widget}/{public}")] {
                let tag = app.call("GET", path, "").await.header("etag").to_owned();
                let conditions = with_tag(&tag);
                let read = ask(&app, "GET", path, &borrowed(&conditions), "").await;
                assert_eq!(read.status, on_read, "{what}");
                assert_eq!(etag(&read), Some(&*tag), "{what}");
                assert_eq!(read.body.is_empty(), on_read == 304, "{what}");
                if on_read == 412 {
                    assert_eq!(read.json(), refusal(root, failed, &tag), "{what}");
                }
            }
            for (method, done) in [(update, Some(3)), ("DELETE", None)] {
                let widget = of_version_2().await;
                let before = app.call("GET", &widget, "").await;
                let tag = before.header("etag");
                let answer = ask(&app, method, &widget, &borrowed(&with_tag(tag)), body).await;
                assert_eq!(answer.status, on_write, "{method} {what}");
                let after = app.call("GET", &widget, "").await;
                if on_write == 412 {
                    assert_eq!(answer.json(), refusal(root, failed, tag), "{method} {what}");
                    assert_eq!(etag(&answer), Some(tag), "{method} {what}");
                    assert_eq!(after.body, before.body, "{method} {what}");
                } else {
                    assert_eq!(etag(&after).map(|_| after.version()), done, "{method} {what}");
                }
            }
        }
    }
}

fn borrowed<'a>(headers: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// The whole of a 412.
fn refusal(root: &str, header: &str, tag: &str) -> Value {
    match root {
        "/v1/widget" => {
            let message =
                format!("{header} excludes this version of the widget, whose ETag is {tag}");
            json!({
                "status": 412, "data": Value::Null,
                "errors": [{"error": "PRECONDITION_FAILED", "message": message}],
            })
        }
        _ => json!({
            "detail": format!("{header} excludes this version of the Widget, whose ETag is {tag}")
        }),
    }
}

#[tokio::test]
async fn no_op_update_still_checks_if_match() {
    let app = TestApp::start().await;
    let widget = format!("/v1/widget/{}", app.create_pathway(PATHWAY_BODY).await.id());
    for (tag, status) in [(r#""1""#, 200), (r#""2""#, 412)] {
        let answer = ask(&app, "PATCH", &widget, &[("if-match", tag)], "{}").await;
        assert_eq!((answer.status, answer.version()), (status, 1));
    }
}

#[tokio::test]
async fn missing_widget_returns_404_whatever_the_precondition() {
    let app = TestApp::start().await;
    let id = Uuid::now_v7();
    for (root, update, body, _, public) in DIALECTS {
        for condition in [
            ("if-match", "*"),
            ("if-match", r#""1""#),
            ("if-none-match", "*"),
            ("if-none-match", r#""1""#),
        ] {
            for (method, path) in
                [("GET", ""), (update, ""), ("DELETE", ""), ("GET", &*format!("/{public}"))]
            {
                let answer =
                    ask(&app, method, &format!("{root}/{id}{path}"), &[condition], body).await;
                assert_eq!(answer.status, 404, "{method} {condition:?}: {answer:?}");
            }
        }
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn precondition_is_checked_before_the_merged_widget() {
    let app = TestApp::start().await;
    let widget = format!("/v1/widget/{}", app.create_pathway(PATHWAY_BODY).await.id());
    let clears_the_only_script = r#"{"pathway_id":null}"#;
    for (tag, status) in [(r#""2""#, 412), (r#""1""#, 400)] {
        assert_eq!(
            ask(&app, "PATCH", &widget, &[("if-match", tag)], clears_the_only_script).await.status,
            status
        );
    }
    // What is wrong with the request itself does not depend on what there is.
    assert_eq!(
        ask(&app, "PATCH", &widget, &[("if-match", r#""2""#)], r#"{"config":null}"#).await.status,
        400
    );
}

#[tokio::test]
async fn malformed_precondition_is_reported_with_other_violations() {
    let app = TestApp::start().await;
    let tags = |count: usize| vec![r#""1""#; count].join(", ");
    for (root, update, body, change, public) in DIALECTS {
        let widget = format!("{root}/{}", app.call("POST", root, body).await.id());
        for header in ["if-match", "if-none-match"] {
            for tags in ["1", "", r#""1"#, r#""1" "2""#, r#"*, "1""#, "é", &tags(101)] {
                for (method, path) in
                    [("GET", ""), (update, ""), ("DELETE", ""), ("GET", &*format!("/{public}"))]
                {
                    let answer =
                        ask(&app, method, &format!("{widget}{path}"), &[(header, tags)], body)
                            .await;
                    let told = if root == "/v1/widget" {
                        assert_eq!(answer.status, 400, "{answer:?}");
                        answer.json()["errors"][0]["message"].as_str().unwrap().to_owned()
                    } else {
                        assert_eq!(
                            (answer.status, &answer.json()["detail"][0]["loc"]),
                            (422, &json!(["header", header]))
                        );
                        format!("{header} {}", answer.json()["detail"][0]["msg"].as_str().unwrap())
                    };
                    let expected = if tags.len() > 100 {
                        "at most 100 entries"
                    } else {
                        "entity tags in quotes"
                    };
                    assert!(told.starts_with(header) && told.contains(expected), "{told}");
                }
            }
        }
        let refused = ask(
            &app,
            update,
            &format!("{root}/x"),
            &[("if-match", "1"), ("if-none-match", "2")],
            "[]",
        )
        .await;
        let errors = &refused.json()[if root == "/v1/widget" { "errors" } else { "detail" }];
        assert_eq!(errors.as_array().unwrap().len(), 4, "path, both headers, body: {errors}");

        let updated = ask(&app, update, &widget, &[("if-match", &*tags(100))], change).await;
        assert_eq!(
            (updated.status, updated.version()),
            (200, 2),
            "a hundred tags are compared, and nothing was changed before"
        );
        let all_but_it: String = (3..103).map(|version| format!("W/\"{version}\",")).collect();
        assert_eq!(
            ask(&app, "DELETE", &widget, &[("if-none-match", &all_but_it)], "").await.status,
            200
        );
    }
}

#[tokio::test]
async fn precondition_costs_no_extra_store_call() {
    let (app, meter) = TestApp::start_metered().await;
    let store_calls = || meter.take().into_iter().map(|call| call.operation).collect::<Vec<_>>();
    for (root, update, body, _, _) in DIALECTS {
        let widget = format!("{root}/{}", app.call("POST", root, body).await.id());
        let absent = format!("{root}/{}", Uuid::nil());
        store_calls();
        for (method, call) in [("GET", "GetItem"), (update, "UpdateItem"), ("DELETE", "UpdateItem")]
        {
            for (path, conditions, status) in [
                (&absent, &[("if-match", r#""1""#)][..], 404),
                (&widget, &[("if-match", r#""7""#)], 412),
                (&widget, &[("if-match", "*"), ("if-none-match", r#""7", "8""#)], 200),
            ] {
                assert_eq!(
                    ask(&app, method, path, conditions, body).await.status,
                    status,
                    "{method} {conditions:?}"
                );
                assert_eq!(store_calls(), [call], "{method} {conditions:?}");
            }
        }
    }
}
