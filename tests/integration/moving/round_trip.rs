//! Widgets that leave a stack and come into another one are the same, byte for byte.

use std::fs;

use futures_util::{StreamExt, future::join_all, stream};

use crate::{
    command::{Printed, run, widgets},
    support::{
        app::TestApp,
        dialect::{DIALECTS, Dialect},
    },
};

/// How many widgets of a dialect there are.
const COUNT: usize = 1000;

/// Free-form JSON of every kind, whose text has to survive.
const FREE: [&str; 16] = [
    "{}",
    "[]",
    r#"{"z":1,"a":2,"m":{"z":null,"a":[]}}"#,
    "[1.0,1e3,-0,-0.0,1E-7,0.10,100000000000000000000000000000000000000000]",
    r#"{"é":"é","😀":"\ud83d\ude00","tab":"\t\u0009","quote":"\"\\\/"}"#,
    r#"{"a":1,"a":2}"#,
    r#"{ "spaced" : [ 1 , 2 , { } ] }"#,
    "{\n  \"lines\": [\n    \"a\\nb\"\n  ]\n}",
    r#"[[[[[[[[[[[[[[[[[[[["deep"]]]]]]]]]]]]]]]]]]]]"#,
    r#"{"":"","\u0000":"\u0000"}"#,
    r#""a text alone""#,
    "true",
    "17",
    r#"{"html":"<script>alert('&amp;')</script>\u2028"}"#,
    r#"{"id":"not-this","created_at":"never"}"#,
    r#"["null",null,false,{"null":null}]"#,
];

/// Returns the JSON of a number of [`FREE`] that is what `starts` it.
fn free(number: usize, starts: &str) -> &'static str {
    let fitting: Vec<&str> = FREE.into_iter().filter(|it| it.starts_with(starts)).collect();
    fitting[number % fitting.len()]
}

fn body(dialect: &Dialect, number: usize) -> String {
    let text = ["null", r#""""#, r#""plain""#, r#""\"é\" 😀\n\u0001""#][number % 4];
    match dialect.name {
        "assistant" => format!(
            r#"{{"widget_type":{},"user_opening_messages":{},"action_buttons":{},"name":{text},
                "org_id":{},"bubble_bot_icon":{text},"remove_branding":{},"attributes":{},
                "style_params":{},"intro_message":{text}}}"#,
            ["null", r#""chat""#, r#""plivo_call""#][number % 3],
            ["null", "[]", r#"["a","","\u00e9"]"#][number % 3],
            ["null", free(number, "[")][number % 2],
            ["null", r#""3C90C3CC0D444B5088888DD25736052A""#][number / 2 % 2],
            ["null", "true", r#""no""#][number % 3],
            free(number, "{"),
            free(number / 3, "{"),
        ),
        _ => format!(
            r#"{{"pathway_id":"a0f0d4ed-f5f5-4f16-b3f9-22166594d7a7","agent_prompt":{},
                "allowed_domains":{},"messages_per_minute":{},"config":{},"webhook_url":{}}}"#,
            ["null", r#""Be \"kind\".\n""#][number % 2],
            ["[]", r#"["Example.com","*.example.org","localhost:3000","127.0.0.1"]"#][number % 2],
            ["10", "1.0", "0", "1e3", "0.10", "12345678901234567890123456789012345678901234"]
                [number % 6],
            FREE[number % FREE.len()],
            ["null", r#""https://Example.com/hook?a=%20""#][number / 2 % 2],
        ),
    }
}

/// Creates widgets, and changes and deletes some.
async fn fill(app: &TestApp, dialect: &Dialect) {
    let create = async |number: usize| {
        let created = app.call("POST", dialect.root, body(dialect, number)).await;
        assert_eq!(created.status, 200, "{number}: {created:?}");
        let path = dialect.widget(&created.id());
        let (method, change) = match number % 100 {
            0 if dialect.name == "assistant" => ("PUT", r#"{"widget_type":null,"org_id":null}"#),
            0 => ("PATCH", r#"{"pathway_id":null,"agent_prompt":"alone"}"#),
            1 => ("DELETE", ""),
            _ => return,
        };
        assert_eq!(app.call(method, &path, change).await.status, 200);
    };
    stream::iter(0..COUNT).map(create).buffer_unordered(16).collect::<Vec<()>>().await;
}

/// Returns what `widgets export` writes.
async fn export(app: &TestApp, dialect: &Dialect, key: &str) -> String {
    let mut export =
        widgets(&["export", "--from", &app.stack.url, "--dialect", dialect.name]).await;
    let printed = Printed::new(export.env("WIDGETS_API_KEY", key).output().await.unwrap());
    assert!(printed.is_success, "{printed:?}");
    printed.stdout
}

#[tokio::test]
async fn what_is_imported_elsewhere_is_exported_as_the_same_bytes() {
    let (old, new) = (TestApp::start().await, TestApp::start().await);
    let (key, account) = new.another_account().await;
    join_all(DIALECTS.iter().map(|dialect| fill(&old, dialect))).await;
    let folder = tempfile::tempdir().unwrap();
    for dialect in DIALECTS {
        let exported = export(&old, &dialect, &old.key).await;
        let count = COUNT - COUNT / 100;
        assert_eq!(exported.lines().count(), count, "all but those that were deleted");
        let file = folder.path().join(dialect.name);
        fs::write(&file, &exported).unwrap();
        let (file, account) = (file.to_str().unwrap(), account.to_string());
        let store = new.stack.store.url.as_str();
        let import = ["import", file, "--dialect", dialect.name, "--account", &account];
        let imported = run(&[&import[..], &["--endpoint-url", store]].concat()).await;
        let summary = format!("created {count}, left 0, replaced 0, refused 0\n");
        assert_eq!((imported.stdout, imported.stderr), (summary, String::new()));
        let again = export(&new, &dialect, &key).await;
        let differing = exported.lines().zip(again.lines()).find(|(old, new)| old != new);
        assert!(again == exported, "{differing:?}");
    }
}
