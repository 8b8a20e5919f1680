//! `ETag`, `If-Match` and `If-None-Match`. A request whose precondition fails changes nothing.

use serde_json::json;
use uuid::Uuid;

use crate::support::{
    app::{Answer, TestApp},
    dialect::{DIALECTS, Dialect, PATHWAY},
};

fn etag(answer: &Answer) -> Option<&str> {
    answer.find_header("etag")
}

/// Returns the methods and paths of everything that can be done to a widget.
fn requests(dialect: &Dialect, id: &str) -> [(&'static str, String); 4] {
    let widget = dialect.widget(id);
    [
        ("GET", widget.clone()),
        (dialect.update, widget.clone()),
        ("DELETE", widget),
        ("GET", dialect.public_path(id)),
    ]
}

#[tokio::test]
async fn single_widget_has_its_version_as_etag_and_a_list_has_none() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let created = app.create(&dialect).await;
        assert_eq!(etag(&created), Some(r#""1""#));
        let widget = &dialect.widget(&created.id());
        let public = &dialect.public_path(&created.id());
        for (method, path, tag) in [
            ("GET", widget, Some(r#""1""#)),
            (dialect.update, widget, Some(r#""2""#)),
            ("GET", widget, Some(r#""2""#)),
            ("GET", public, Some(r#""2""#)),
            ("GET", &dialect.root.to_owned(), None),
            // What was deleted.
            ("DELETE", widget, Some(r#""2""#)),
            ("DELETE", widget, None),
        ] {
            let answer = app.call(method, path, dialect.change).await;
            assert_eq!(etag(&answer), tag, "{method} {path}");
        }
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
    for dialect in DIALECTS {
        let create_version_2 = async || {
            let id = app.create(&dialect).await.id();
            let updated = app.call(dialect.update, &dialect.widget(&id), dialect.change).await;
            assert_eq!(etag(&updated), Some(r#""2""#));
            id
        };
        let refusal = dialect.error(
            412,
            "If-Match asks for another version of the Widget, or If-None-Match excludes this one",
            "PRECONDITION_FAILED",
            "if-match asks for another version of the widget, or if-none-match excludes this one",
        );
        for (conditions, on_read, on_write) in cases {
            let what = format!("{} {conditions:?}", dialect.name);
            let id = create_version_2().await;
            for path in [dialect.widget(&id), dialect.public_path(&id)] {
                let read = app.call_with(conditions, "GET", &path, "").await;
                assert_eq!(read.status, on_read, "{what}");
                assert_eq!(etag(&read), (on_read != 412).then_some(r#""2""#), "{what}");
                assert_eq!(read.body.is_empty(), on_read == 304, "{what}");
            }
            for (method, done) in [(dialect.update, Some(r#""3""#)), ("DELETE", None)] {
                let widget = &dialect.widget(&create_version_2().await);
                let before = app.call("GET", widget, "").await.body;
                let answer = app.call_with(conditions, method, widget, dialect.body).await;
                assert_eq!(answer.status, on_write, "{method} {what}");
                let after = app.call("GET", widget, "").await;
                if on_write == 412 {
                    assert_eq!(answer.json(), refusal, "{method} {what}");
                    assert_eq!(after.body, before, "{method} {what}");
                } else {
                    assert_eq!(etag(&after), done, "{method} {what}");
                }
            }
        }
    }
}

#[tokio::test]
async fn missing_widget_returns_404_whatever_the_precondition() {
    let app = TestApp::start().await;
    let id = Uuid::now_v7().to_string();
    for dialect in DIALECTS {
        for header in ["if-match", "if-none-match"] {
            for tag in ["*", r#""1""#] {
                for (method, path) in requests(&dialect, &id) {
                    let answer = app.call_with(&[(header, tag)], method, &path, dialect.body).await;
                    assert_eq!(answer.status, 404, "{method} {header} {tag}: {answer:?}");
                }
            }
        }
    }
    assert_eq!(app.count().await, 0);
}

#[tokio::test]
async fn precondition_is_checked_after_the_body_and_before_the_merged_widget() {
    let app = TestApp::start().await;
    let widget = PATHWAY.widget(&app.create(&PATHWAY).await.id());
    let clears_the_only_script = r#"{"pathway_id":null}"#;
    for (tag, body, status) in [
        (r#""1""#, "{}", 200),
        (r#""2""#, "{}", 412),
        (r#""1""#, clears_the_only_script, 400),
        (r#""2""#, clears_the_only_script, 412),
        // What is wrong with the request itself does not depend on what there is.
        (r#""2""#, r#"{"config":null}"#, 400),
    ] {
        let answer = app.call_with(&[("if-match", tag)], "PATCH", &widget, body).await;
        assert_eq!(answer.status, status, "{tag} {body}");
    }
}

#[tokio::test]
async fn malformed_precondition_is_reported_with_other_violations() {
    let app = TestApp::start().await;
    let tags = |count: usize| vec![r#""1""#; count].join(", ");
    for dialect in DIALECTS {
        let id = app.create(&dialect).await.id();
        for header in ["if-match", "if-none-match"] {
            for tags in ["1", "", r#""1"#, r#""1" "2""#, r#"*, "1""#, "é", &tags(101)] {
                for (method, path) in requests(&dialect, &id) {
                    let conditions = [(header, tags)];
                    let answer = app.call_with(&conditions, method, &path, dialect.body).await;
                    assert_eq!(answer.status, dialect.invalid, "{answer:?}");
                    let message = match dialect.name {
                        "pathway" => answer.messages()[0].clone(),
                        _ => {
                            let violation = answer.json()["detail"][0].clone();
                            assert_eq!(violation["loc"], json!(["header", header]));
                            format!("{header} {}", violation["msg"].as_str().unwrap())
                        }
                    };
                    let is_long = tags.len() > 100;
                    let rule =
                        if is_long { "at most 100 entries" } else { "entity tags in quotes" };
                    assert!(message.starts_with(header) && message.contains(rule), "{message}");
                }
            }
        }
        let conditions = [("if-match", "1"), ("if-none-match", "2")];
        let refused = app.call_with(&conditions, dialect.update, &dialect.widget("x"), "[]").await;
        let violations = dialect.violations(&refused);
        assert_eq!(violations.len(), 4, "path, both headers, body: {violations:?}");

        // A hundred tags are compared, and nothing was changed before.
        let (widget, hundred) = (dialect.widget(&id), tags(100));
        let conditions = [("if-match", &*hundred)];
        let updated = app.call_with(&conditions, dialect.update, &widget, dialect.change).await;
        assert_eq!((updated.status, etag(&updated)), (200, Some(r#""2""#)));
        let all_but_it: String = (3..103).map(|version| format!("W/\"{version}\",")).collect();
        let conditions = [("if-none-match", &*all_but_it)];
        assert_eq!(app.call_with(&conditions, "DELETE", &widget, "").await.status, 200);
    }
}

#[tokio::test]
async fn precondition_costs_no_extra_store_call() {
    let (app, meter) = TestApp::start_metered().await;
    let store_calls = || meter.take().into_iter().map(|call| call.operation).collect::<Vec<_>>();
    for dialect in DIALECTS {
        let widget = dialect.widget(&app.create(&dialect).await.id());
        let absent = dialect.widget(&Uuid::nil().to_string());
        store_calls();
        for (method, call) in
            [("GET", "GetItem"), (dialect.update, "UpdateItem"), ("DELETE", "UpdateItem")]
        {
            for (path, conditions, status) in [
                (&absent, &[("if-match", r#""1""#)][..], 404),
                (&widget, &[("if-match", r#""7""#)], 412),
                (&widget, &[("if-match", "*"), ("if-none-match", r#""7", "8""#)], 200),
            ] {
                let answer = app.call_with(conditions, method, path, dialect.body).await;
                assert_eq!(answer.status, status, "{method} {conditions:?}");
                assert_eq!(store_calls(), [call], "{method} {conditions:?}");
            }
        }
    }
}
