//! `ETag`, `If-Match` and `If-None-Match`. A request whose precondition fails changes nothing.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::{Value, json};
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
async fn single_widget_has_an_etag_of_its_version_and_a_list_has_none() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let created = app.create(&dialect).await;
        let widget = &dialect.widget(&created.id());
        assert_eq!(created.version(), 1);
        // Whatever the answer says around the widget.
        let read = app.call("GET", widget, "").await;
        assert_eq!(etag(&read), etag(&created));
        let updated = app.call(dialect.update, widget, dialect.change).await;
        assert_eq!(updated.version(), 2);
        let read = app.call("GET", widget, "").await;
        assert_eq!(etag(&read), etag(&updated));
        // A public read is answered otherwise.
        let shown = app.call("GET", &dialect.public_path(&created.id()), "").await;
        assert_eq!(shown.version(), 2);
        assert_ne!(etag(&shown), etag(&read));
        assert_eq!(etag(&app.call("GET", dialect.root, "").await), None);
        // What was deleted.
        let deleted = app.call("DELETE", widget, "").await;
        assert_eq!(etag(&deleted), etag(&read));
        assert_eq!(etag(&app.call("DELETE", widget, "").await), None);
    }
}

/// Changes what a version is answered with, as a release may: an attribute without a new version.
async fn show_otherwise(app: &TestApp, dialect: &Dialect, id: &str) {
    let mut item = app.stored(dialect.name, id).await.unwrap();
    let (name, value) = match dialect.name {
        "assistant" => ("bubble_text", AttributeValue::S("other".to_owned())),
        _ => ("messages_per_minute", AttributeValue::N("77".to_owned())),
    };
    item.insert(name.to_owned(), value);
    app.put(item).await;
}

#[tokio::test]
async fn version_that_is_answered_otherwise_has_another_etag_and_is_no_304() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let id = app.create(&dialect).await.id();
        let widget = &dialect.widget(&id);
        let paths = [widget.clone(), dialect.public_path(&id)];
        let mut before = Vec::new();
        for path in &paths {
            before.push(app.call("GET", path, "").await);
        }
        show_otherwise(&app, &dialect, &id).await;
        let update = async |conditions: &[(&str, &str)]| {
            app.call_with(conditions, dialect.update, widget, dialect.change).await.status
        };
        for (path, before) in paths.iter().zip(before) {
            let read = async |conditions: &[(&str, &str)]| {
                app.call_with(conditions, "GET", path, "").await
            };
            let tag = before.header("etag");
            let again = read(&[("if-none-match", tag)]).await;
            assert_eq!((again.status, again.version()), (200, 1), "{again:?}");
            assert_ne!(again.header("etag"), tag);
            assert_ne!(again.body, before.body);
            assert_eq!(read(&[("if-none-match", again.header("etag"))]).await.status, 304);
            // A condition of the version still holds.
            assert_eq!(read(&[("if-match", tag)]).await.status, 200);
            assert_eq!(update(&[("if-none-match", tag)]).await, 412);
        }
        let malformed = app.call("GET", widget, "").await.header("etag").replace('-', "-0");
        assert_eq!(update(&[("if-match", &malformed)]).await, 412);
        assert_eq!(update(&[("if-match", r#""1-0000000000000000""#)]).await, 200);
    }
}

#[tokio::test]
async fn etag_of_an_earlier_release_names_its_version() {
    let app = TestApp::start().await;
    for dialect in DIALECTS {
        let id = app.create(&dialect).await.id();
        let widget = &dialect.widget(&id);
        for path in [widget, &dialect.public_path(&id)] {
            let read = app.call_with(&[("if-match", r#""1""#)], "GET", path, "").await;
            assert_eq!(read.status, 200);
            // It may have stood for another answer.
            let read = app.call_with(&[("if-none-match", r#""1""#)], "GET", path, "").await;
            assert_eq!((read.status, read.version()), (200, 1));
        }
        for (method, header, tag, status, version) in [
            (dialect.update, "if-none-match", r#""1""#, 412, 1),
            (dialect.update, "if-match", r#""1""#, 200, 2),
            ("DELETE", "if-match", r#""1""#, 412, 2),
            ("DELETE", "if-match", r#""2""#, 200, 2),
        ] {
            let answer = app.call_with(&[(header, tag)], method, widget, dialect.change).await;
            let what = format!("{method} {header} {tag}");
            assert_eq!((answer.status, answer.version()), (status, version), "{what}");
        }
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
    for dialect in DIALECTS {
        let create_version_2 = async || {
            let id = app.create(&dialect).await.id();
            let updated = app.call(dialect.update, &dialect.widget(&id), dialect.change).await;
            assert_eq!(updated.version(), 2);
            id
        };
        for (conditions, on_read, on_write, failed) in cases {
            let what = format!("{} {conditions:?}", dialect.name);
            let id = create_version_2().await;
            for path in [dialect.widget(&id), dialect.public_path(&id)] {
                let current = app.call("GET", &path, "").await;
                let tag = current.header("etag");
                let conditions = with_tag(conditions, tag);
                let read = app.call_with(&borrowed(&conditions), "GET", &path, "").await;
                assert_eq!(read.status, on_read, "{what}");
                assert_eq!(etag(&read), Some(tag), "{what}");
                assert_eq!(read.body.is_empty(), on_read == 304, "{what}");
                if on_read == 412 {
                    assert_eq!(read.json(), refusal(&dialect, failed, tag), "{what}");
                }
            }
            for (method, done) in [(dialect.update, Some(3)), ("DELETE", None)] {
                let widget = &dialect.widget(&create_version_2().await);
                let before = app.call("GET", widget, "").await;
                let tag = before.header("etag");
                let conditions = with_tag(conditions, tag);
                let answer =
                    app.call_with(&borrowed(&conditions), method, widget, dialect.body).await;
                assert_eq!(answer.status, on_write, "{method} {what}");
                let after = app.call("GET", widget, "").await;
                if on_write == 412 {
                    assert_eq!(answer.json(), refusal(&dialect, failed, tag), "{method} {what}");
                    assert_eq!(etag(&answer), Some(tag), "{method} {what}");
                    assert_eq!(after.body, before.body, "{method} {what}");
                } else {
                    assert_eq!(etag(&after).map(|_| after.version()), done, "{method} {what}");
                }
            }
        }
    }
}

/// Returns the headers with `tag` in place of `TAG`.
fn with_tag<'a>(headers: &[(&'a str, &str)], tag: &str) -> Vec<(&'a str, String)> {
    headers.iter().map(|(name, tags)| (*name, tags.replace("TAG", tag))).collect()
}

fn borrowed<'a>(headers: &'a [(&'a str, String)]) -> Vec<(&'a str, &'a str)> {
    headers.iter().map(|(name, value)| (*name, value.as_str())).collect()
}

/// Returns the body of a 412 that names the header that failed and the current tag.
fn refusal(dialect: &Dialect, header: &str, tag: &str) -> Value {
    let sentence =
        |widget| format!("{header} excludes this version of the {widget}, whose ETag is {tag}");
    dialect.error(412, &sentence("Widget"), "PRECONDITION_FAILED", &sentence("widget"))
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
        assert_eq!(etag(&answer).map(|_| answer.version()), (status != 400).then_some(1));
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
                        "assistant" => {
                            let violation = answer.json()["detail"][0].clone();
                            assert_eq!(violation["loc"], json!(["header", header]));
                            format!("{header} {}", violation["msg"].as_str().unwrap())
                        }
                        _ => answer.messages()[0].clone(),
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
        assert_eq!((updated.status, updated.version()), (200, 2));
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
                // A delete that succeeds also removes its tombstone.
                let removal = (method == "DELETE" && status == 200).then_some("DeleteItem");
                let expected: Vec<_> = [call].into_iter().chain(removal).collect();
                assert_eq!(store_calls(), expected, "{method} {conditions:?}");
            }
        }
    }
}
