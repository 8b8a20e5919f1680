//! Lists: numbered pages in the assistant dialect, cursors in the pathway dialect.

use bench::{copy_widget, meter::Call};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{Answer, TestApp};
use crate::support::dialect::{ASSISTANT, DIALECTS, Dialect, PATHWAY};

/// The ids of a list's widgets, in its order.
fn ids(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// The part of a `Link` header's URL behind the host.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.find_header("link")?;
    let url = link.strip_prefix('<').unwrap().strip_suffix(r#">; rel="next""#).unwrap();
    Some(url[url.find("/v1/").unwrap()..].to_owned())
}

impl TestApp {
    /// Creates widgets. Returns their ids, newest first.
    async fn create_several(&self, dialect: &Dialect, count: usize) -> Vec<String> {
        let mut ids = Vec::new();
        for _ in 0..count {
            ids.insert(0, self.create(dialect).await.id());
        }
        ids
    }

    /// Follows the links of a list to its end. Returns the ids and the number of pages.
    async fn walk(&self, path: &str) -> (Vec<String>, usize) {
        let (mut path, mut found) = (Some(path.to_owned()), Vec::new());
        let mut pages = 0;
        while let Some(page) = path {
            let answer = self.call("GET", &page, "").await;
            assert_eq!(answer.status, 200, "{answer:?}");
            found.extend(ids(&answer.data()));
            pages += 1;
            path = next(&answer);
        }
        (found, pages)
    }
}

#[tokio::test]
async fn pages_are_correct_at_every_boundary() {
    let app = TestApp::start().await;
    let page = async |query: &str| {
        let answer = app.call("GET", &format!("/api/v1/widget{query}"), "").await;
        assert_eq!(answer.status, 200, "{query}: {answer:?}");
        let body = answer.json();
        assert_eq!((&body["message"], &body["meta"]), (&json!(""), &json!({})));
        body["data"].clone()
    };
    let empty = json!({"items": [], "total": 0, "page": 1, "size": 50, "pages": 0, "previous_page": null, "next_page": null});
    assert_eq!(page("").await, empty);
    assert_eq!(page("?page=3").await["previous_page"], 2);

    let mut newest_first = Vec::new();
    for count in 1..=7usize {
        newest_first.insert(0, app.create(&ASSISTANT).await.id());
        for size in [1, 2, 3, 6, 7, 8, 100] {
            let pages = count.div_ceil(size);
            for number in 1..=pages + 1 {
                let found = page(&format!("?page={number}&size={size}")).await;
                let expected: Vec<String> =
                    newest_first.iter().skip((number - 1) * size).take(size).cloned().collect();
                assert_eq!(ids(&found["items"]), expected, "{number} {size} of {count}");
                let previous = if number > 1 { json!(number - 1) } else { Value::Null };
                let next = if number < pages { json!(number + 1) } else { Value::Null };
                let rest = json!({"total": count, "page": number, "size": size, "pages": pages, "previous_page": previous, "next_page": next});
                for (name, value) in rest.as_object().unwrap() {
                    assert_eq!(&found[name], value, "{name}: {number} {size} of {count}");
                }
            }
        }
    }
}

#[tokio::test]
async fn total_is_correct_however_many_calls_it_takes() {
    let (app, meter) = TestApp::start_metered().await;
    let name = format!(r#"{{"name":"{}","#, "x".repeat(2000));
    let id = app.create_assistant(ASSISTANT.body.replace('{', &name)).await.id();
    let mut newest_first = vec![id.clone()];
    newest_first.extend(copy_widget(&app.store, "assistant", &id, 1199).await.unwrap());
    newest_first.reverse();
    for (page, size) in
        [(1, 50), (2, 100), (12, 100), (13, 100), (24, 50), (600, 2), (1_000_000, 100)]
    {
        meter.take();
        let answer = app.call("GET", &format!("/api/v1/widget?page={page}&size={size}"), "").await;
        let data = answer.data();
        assert_eq!((answer.status, &data["total"]), (200, &json!(1200)), "page {page}");
        let expected: Vec<String> =
            newest_first.iter().skip((page - 1) * size).take(size).cloned().collect();
        assert_eq!(ids(&data["items"]), expected, "page {page}");
        // What is on the page is read, what is not is only counted: widgets of 2 KB at less than a
        // tenth of that.
        let calls = meter.take().into_iter().filter(|call| call.operation == "Query");
        let calls: Vec<Call> = calls.collect();
        let units: f64 = calls.iter().map(|call| call.units).sum();
        assert!(calls.len() <= 3 && units < 100.0, "page {page}: {calls:?}");
    }
}

#[tokio::test]
async fn first_page_of_a_small_account_takes_one_call() {
    let (app, meter) = TestApp::start_metered().await;
    for dialect in DIALECTS {
        app.create_several(&dialect, 3).await;
    }
    for (path, calls) in [
        ("/api/v1/widget", 1),
        ("/api/v1/widget?size=3", 1),
        ("/api/v1/widget?size=2", 2),
        ("/v1/widgets", 1),
        ("/v1/widgets?limit=3", 1),
        ("/v1/widgets?limit=2", 1),
    ] {
        meter.take();
        assert_eq!(app.call("GET", path, "").await.status, 200);
        assert_eq!(meter.take().len(), calls, "{path}");
    }
}

#[tokio::test]
async fn assistant_list_follows_creates_updates_and_deletes() {
    let app = TestApp::start().await;
    let (one, other) = (Uuid::new_v4(), Uuid::new_v4());
    let of = |assistant: Uuid| {
        ASSISTANT.body.replacen('{', &format!(r#"{{"assistant_id":"{assistant}","#), 1)
    };
    let list = async |assistant: Uuid, query: &str| {
        let path = format!("/api/v1/assistant/{assistant}/widgets{query}");
        let answer = app.call("GET", &path, "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.data()
    };
    let first = app.create_assistant(of(one)).await.id();
    let second = app.create_assistant(of(one)).await.id();
    let third = app.create_assistant(of(other)).await.id();
    app.create(&ASSISTANT).await;

    assert_eq!(ids(&list(one, "").await["items"]), [second.clone(), first.clone()]);
    let page = list(one, "?page=2&size=1").await;
    assert_eq!(ids(&page["items"]), [&*first]);
    assert_eq!((&page["total"], &page["previous_page"]), (&json!(2), &json!(1)));
    assert_eq!(ids(&list(other, "").await["items"]), [&*third]);

    // It changes hands, another loses its assistant, and one goes.
    for (id, assistant) in [(&first, json!(other)), (&second, Value::Null)] {
        let change = json!({"widget_type": "sip", "assistant_id": assistant}).to_string();
        assert_eq!(app.call("PUT", &ASSISTANT.widget(id), change).await.status, 200);
    }
    app.call("DELETE", &ASSISTANT.widget(&third), "").await;
    assert_eq!(list(one, "").await["total"], 0);
    let left = list(other, "").await;
    assert_eq!(ids(&left["items"]), [first]);
    assert_eq!(left["items"][0]["widget_type"], "sip");
}

#[tokio::test]
async fn list_without_a_limit_returns_thousands_of_widgets() {
    let app = TestApp::start().await;
    let id = app.create(&PATHWAY).await.id();
    let mut newest_first = vec![id.clone()];
    newest_first.extend(copy_widget(&app.store, "pathway", &id, 5999).await.unwrap());
    newest_first.reverse();
    for path in ["/v1/widgets", "/v1/widget"] {
        let answer = app.call("GET", path, "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(ids(&answer.data()), newest_first);
        assert!(!answer.headers.contains_key("link"));
    }
}

#[tokio::test]
async fn list_past_the_answer_limit_returns_413_and_suggests_pages() {
    let app = TestApp::start().await;
    let large = "x".repeat(250_000);
    let body = PATHWAY.body.replace("{}", &format!(r#"{{"text":"{large}"}}"#));
    let mut newest_first = Vec::new();
    for _ in 0..26 {
        newest_first.insert(0, app.create_pathway(body.clone()).await.id());
    }
    let answer = app.call("GET", "/v1/widgets", "").await;
    assert_eq!(answer.error(), (413, json!("PAYLOAD_TOO_LARGE")));
    assert!(answer.messages()[0].contains("limit"), "{answer:?}");
    // A page ends where the answer is full, and the next begins there.
    assert_eq!(app.walk("/v1/widgets?limit=100").await, (newest_first, 2));

    let body = ASSISTANT.body.replacen('{', &format!(r#"{{"name":"{large}","#), 1);
    let id = app.create_assistant(body).await.id();
    copy_widget(&app.store, "assistant", &id, 30).await.unwrap();
    let (status, detail) = app.call("GET", "/api/v1/widget", "").await.detail();
    assert_eq!(status, 413);
    assert!(detail.as_str().unwrap().contains("smaller size"), "{detail}");
    let answer = app.call("GET", "/api/v1/widget?size=10&page=4", "").await;
    assert_eq!((answer.status, &answer.data()["total"]), (200, &json!(31)));
}

#[tokio::test]
async fn cursor_pages_stay_consistent_while_others_create_and_delete() {
    let app = TestApp::start().await;
    let newest_first = app.create_several(&PATHWAY, 10).await;
    let first = app.call("GET", "/v1/widgets?limit=3", "").await;
    assert_eq!(ids(&first.data()), newest_first[..3]);
    let link = first.header("link").to_owned();
    assert!(link.starts_with(&format!("<{}/v1/widgets?limit=3&cursor=", app.stack.url)), "{link}");

    // One more, which is newer than where the reading stands, and two fewer: the one it stands at
    // and one that is to come.
    app.create(&PATHWAY).await;
    for gone in [2, 4] {
        let deleted = app.call("DELETE", &PATHWAY.widget(&newest_first[gone]), "").await;
        assert_eq!(deleted.status, 200);
    }
    let second = app.call("GET", &next(&first).unwrap(), "").await;
    let left = [3, 5, 6].map(|index: usize| newest_first[index].clone());
    assert_eq!(ids(&second.data()), left);
    // The size of a page may change on the way.
    let third = app.call("GET", &next(&second).unwrap().replace("limit=3", "limit=100"), "").await;
    assert_eq!(ids(&third.data()), newest_first[7..]);
    assert_eq!(next(&third), None, "a page that ends with the list leads nowhere");
    let exact = app.call("GET", "/v1/widgets?limit=9", "").await;
    assert_eq!((ids(&exact.data()).len(), next(&exact)), (9, None));
}

#[tokio::test]
async fn next_link_never_contains_the_api_key() {
    let app = TestApp::start().await;
    app.create_several(&PATHWAY, 2).await;
    let answer = app.send("GET", &format!("/v1/widget?api_key={}&limit=1", app.key), &[], "").await;
    assert_eq!(answer.status, 200);
    assert!(!answer.header("link").contains(&app.key), "{answer:?}");
    assert_eq!(app.call("GET", &next(&answer).unwrap(), "").await.status, 200);
}

#[tokio::test]
async fn foreign_or_tampered_cursor_returns_400() {
    let app = TestApp::start().await;
    app.create_several(&PATHWAY, 2).await;
    let path = next(&app.call("GET", "/v1/widgets?limit=1", "").await).unwrap();
    let (_, cursor) = path.split_once("cursor=").unwrap();
    let other_key = app.another_key().await;
    let other = app.send("GET", &path, &[("authorization", &other_key)], "").await;
    let mut refused = vec![other];
    let (longer, changed) = (format!("{cursor}A"), cursor.replacen('A', "B", 1));
    for tampered in ["", "x", &cursor[1..], &longer, &changed, "%00", "<script>"] {
        refused.push(app.call("GET", &format!("/v1/widgets?limit=1&cursor={tampered}"), "").await);
    }
    for answer in refused {
        assert_eq!(answer.error(), (400, json!("INVALID_PARAMETER")), "{answer:?}");
        assert!(answer.messages()[0].starts_with("cursor "), "{answer:?}");
    }
    let both = app.call("GET", "/v1/widgets?limit=x&cursor=x", "").await;
    assert_eq!(both.messages().len(), 2, "{both:?}");
}

#[tokio::test]
async fn lists_stay_complete_and_ordered_during_concurrent_writes() {
    let app = TestApp::start().await;
    let lasting = app.create_several(&PATHWAY, 20).await;
    let writer = async {
        for _ in 0..40 {
            let id = app.create(&PATHWAY).await.id();
            assert_eq!(app.call("DELETE", &PATHWAY.widget(&id), "").await.status, 200);
        }
    };
    let reader = async {
        for _ in 0..10 {
            let (found, _) = app.walk("/v1/widgets?limit=3").await;
            let kept = found.iter().filter(|id| lasting.contains(id));
            assert!(kept.eq(&lasting), "each once and in order: {found:?}");
            assert!(found.is_sorted_by(|a, b| a > b), "{found:?}");
        }
    };
    tokio::join!(writer, reader);
}
