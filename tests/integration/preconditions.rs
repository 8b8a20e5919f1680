//! `ETag`, `If-Match` and `If-None-Match`. A request whose precondition fails changes nothing.

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
async fn single_widget_has_its_version_as_etag_and_a_list_has_none() {
    let app = TestApp::start().await;
    for (root, update, body, change, public) in DIALECTS {
        let created = app.call("POST", root, body).await;
        let widget = format!("{root}/{}", created.id());
        assert_eq!(etag(&created), Some(r#""1""#));
        assert_eq!(etag(&app.call("GET", &widget, "").await), Some(r#""1""#));
        assert_eq!(etag(&app.call(update, &widget, change).await), Some(r#""2""#));
        assert_eq!(etag(&app.call("GET", &widget, "").await), Some(r#""2""#));
        assert_eq!(etag(&app.call("GET", &format!("{widget}/{public}"), "").await), Some(r#""2""#));
        assert_eq!(etag(&app.call("GET", root, "").await), None);
        assert_eq!(
            etag(&app.call("DELETE", &widget, "").await),
            Some(r#""2""#),
            "what was deleted"
        );
        assert_eq!(etag(&app.call("DELETE", &widget, "").await), None);
    }
}

#[tokio::test]
async fn request_runs_only_if_its_preconditions_hold() {
    let app = TestApp::start().await;
    // Of a widget of version 2: the conditions, and what reading, updating and deleting it is
    // answered with.
    let cases = [
        (&[("if-match", r#""2""#)][..], 200, 200),
        (&[("if-match", r#""1", "2" , "x,y""#)], 200, 200),
        (&[("if-match", "*")], 200, 200),
        (&[("if-match", r#""1""#)], 412, 412),
        (&[("if-match", r#""02""#)], 412, 412),
        (&[("if-match", r#"W/"2""#)], 412, 412),
        (&[("if-match", r#""abc""#)], 412, 412),
        (&[("if-none-match", r#""1""#)], 200, 200),
        (&[("if-none-match", r#""abc", W/"3""#)], 200, 200),
        (&[("if-none-match", r#""2""#)], 304, 412),
        (&[("if-none-match", r#""1", W/"2""#)], 304, 412),
        (&[("if-none-match", "*")], 304, 412),
        (&[("if-match", r#""2""#), ("if-none-match", r#""2""#)], 304, 412),
        (&[("if-match", r#""1""#), ("if-none-match", r#""2""#)], 412, 412),
        (&[("if-match", r#""2""#), ("if-none-match", r#""1""#)], 200, 200),
    ];
    for (root, update, body, change, public) in DIALECTS {
        let of_version_2 = async || {
            let widget = format!("{root}/{}", app.call("POST", root, body).await.id());
            assert_eq!(etag(&app.call(update, &widget, change).await), Some(r#""2""#));
            widget
        };
        for (conditions, on_read, on_write) in cases {
            let what = format!("{root} {conditions:?}");
            let widget = of_version_2().await;
            for path in [&widget, &format!("{widget}/{public}")] {
                let read = ask(&app, "GET", path, conditions, "").await;
                assert_eq!(read.status, on_read, "{what}");
                assert_eq!(etag(&read), (on_read != 412).then_some(r#""2""#), "{what}");
                assert_eq!(read.body.is_empty(), on_read == 304, "{what}");
            }
            for (method, done) in [(update, Some(r#""3""#)), ("DELETE", None)] {
                let widget = of_version_2().await;
                let before = app.call("GET", &widget, "").await.body;
                let answer = ask(&app, method, &widget, conditions, body).await;
                assert_eq!(answer.status, on_write, "{method} {what}");
                let after = app.call("GET", &widget, "").await;
                if on_write == 412 {
                    assert_eq!(
                        (answer.json(), after.body),
                        (refusal(root), before),
                        "{method} {what}"
                    );
                } else {
                    assert_eq!(etag(&after), done, "{method} {what}");
                }
            }
        }
    }
}

/// The whole of a 412.
fn refusal(root: &str) -> Value {
    match root {
        "/v1/widget" => {
            json!({"status": 412, "data": Value::Null, "errors": [{"error": "PRECONDITION_FAILED", "message": "if-match asks for another version of the widget, or if-none-match excludes this one"}]})
        }
        _ => {
            json!({"detail": "If-Match asks for another version of the Widget, or If-None-Match excludes this one"})
        }
    }
}

#[tokio::test]
async fn no_op_update_still_checks_if_match() {
    let app = TestApp::start().await;
    let widget = format!("/v1/widget/{}", app.create_pathway(PATHWAY_BODY).await.id());
    for (tag, status) in [(r#""1""#, 200), (r#""2""#, 412)] {
        assert_eq!(ask(&app, "PATCH", &widget, &[("if-match", tag)], "{}").await.status, status);
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
            (updated.status, etag(&updated)),
            (200, Some(r#""2""#)),
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
                // A delete that succeeds removes its tombstone, with a condition or without.
                let removal = (method == "DELETE" && status == 200).then_some("DeleteItem");
                let expected: Vec<_> = [call].into_iter().chain(removal).collect();
                assert_eq!(store_calls(), expected, "{method} {conditions:?}");
            }
        }
    }
}
