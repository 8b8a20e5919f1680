//! Lists: numbered pages in the assistant dialect, cursors in the pathway dialect.

use bench::meter::Call;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{ASSISTANT_BODY, Answer, PATHWAY_BODY, TestApp};

/// The ids of a list's widgets, in its order.
fn ids(items: &Value) -> Vec<String> {
    items.as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
}

/// The part of a `Link` header's URL behind the host.
fn next(answer: &Answer) -> Option<String> {
    let link = answer.headers.get("link")?.to_str().unwrap();
    let url = link.strip_prefix('<').unwrap().strip_suffix(r#">; rel="next""#).unwrap();
    Some(url[url.find("/v1/").unwrap()..].to_owned())
}

/// A body as large as one may be.
fn large(body: &str, field: &str) -> String {
    body.replacen('{', &format!(r#"{{"{field}":"{}","#, "x".repeat(250_000)), 1)
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
        newest_first.insert(0, app.create_assistant(ASSISTANT_BODY).await.id());
        for size in [1, 2, 3, 6, 7, 8, 100] {
            let pages = count.div_ceil(size);
            for number in 1..=pages + 1 {
                let found = page(&format!("?page={number}&size={size}")).await;
                let expected: Vec<String> =
                    newest_first.iter().skip((number - 1) * size).take(size).cloned().collect();
                assert_eq!(ids(&found["items"]), expected, "{number} {size} of {count}");
                let previous = if number > 1 { json!(number - 1) } else { Value::Null };
                let next = if number < pages { json!(number + 1) } else { Value::Null };
                assert_eq!(
                    (&found["total"], &found["pages"]),
                    (&json!(count), &json!(pages)),
                    "{number} {size}"
                );
                assert_eq!((&found["page"], &found["size"]), (&json!(number), &json!(size)));
                assert_eq!(
                    (&found["previous_page"], &found["next_page"]),
                    (&previous, &next),
                    "{number} {size} of {count}"
                );
            }
        }
    }
}

#[tokio::test]
async fn total_is_correct_however_many_calls_it_takes() {
    let (app, meter) = TestApp::start_metered().await;
    let id = app
        .create_assistant(
            ASSISTANT_BODY.replace('{', &format!(r#"{{"name":"{}","#, "x".repeat(2000))),
        )
        .await
        .id();
    let mut newest_first = vec![id.clone()];
    newest_first.extend(app.multiply("assistant", &id, 1199).await);
    newest_first.reverse();
    for (page, size) in
        [(1, 50), (2, 100), (12, 100), (13, 100), (24, 50), (600, 2), (1_000_000, 100)]
    {
        meter.take();
        let answer = app.call("GET", &format!("/api/v1/widget?page={page}&size={size}"), "").await;
        let data = &answer.json()["data"];
        assert_eq!((answer.status, &data["total"]), (200, &json!(1200)), "page {page}");
        let expected: Vec<String> =
            newest_first.iter().skip((page - 1) * size).take(size).cloned().collect();
        assert_eq!(ids(&data["items"]), expected, "page {page}");
        // What is on the page is read, what is not is only counted: widgets of 2 KB at less than a
        // tenth of that.
        let calls: Vec<Call> =
            meter.take().into_iter().filter(|call| call.operation == "Query").collect();
        let units: f64 = calls.iter().map(|call| call.units).sum();
        assert!(calls.len() <= 3 && units < 100.0, "page {page}: {calls:?}");
    }
}

#[tokio::test]
async fn first_page_of_a_small_account_takes_one_call() {
    let (app, meter) = TestApp::start_metered().await;
    for _ in 0..3 {
        assert_eq!(app.create_assistant(ASSISTANT_BODY).await.status, 200);
        assert_eq!(app.create_pathway(PATHWAY_BODY).await.status, 200);
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
        ASSISTANT_BODY.replacen('{', &format!(r#"{{"assistant_id":"{assistant}","#), 1)
    };
    let list = async |assistant: Uuid, query: &str| {
        let answer =
            app.call("GET", &format!("/api/v1/assistant/{assistant}/widgets{query}"), "").await;
        assert_eq!(answer.status, 200, "{answer:?}");
        answer.json()["data"].clone()
    };
    let first = app.create_assistant(of(one)).await.id();
    let second = app.create_assistant(of(one)).await.id();
    let third = app.create_assistant(of(other)).await.id();
    app.create_assistant(ASSISTANT_BODY).await;

    assert_eq!(ids(&list(one, "").await["items"]), [second.clone(), first.clone()]);
    let page = list(one, "?page=2&size=1").await;
    assert_eq!(
        (ids(&page["items"]), &page["total"], &page["previous_page"]),
        (vec![first.clone()], &json!(2), &json!(1))
    );
    assert_eq!(ids(&list(other, "").await["items"]), std::slice::from_ref(&third));

    // It changes hands, another loses its assistant, and one goes.
    app.call(
        "PUT",
        &format!("/api/v1/widget/{first}"),
        format!(r#"{{"widget_type":"sip","assistant_id":"{other}"}}"#),
    )
    .await;
    app.call(
        "PUT",
        &format!("/api/v1/widget/{second}"),
        r#"{"widget_type":"sip","assistant_id":null}"#,
    )
    .await;
    app.call("DELETE", &format!("/api/v1/widget/{third}"), "").await;
    assert_eq!(list(one, "").await["total"], 0);
    let left = list(other, "").await;
    assert_eq!(
        (ids(&left["items"]), &left["items"][0]["widget_type"]),
        (vec![first], &json!("sip"))
    );
}

#[tokio::test]
async fn list_without_a_limit_returns_thousands_of_widgets() {
    let app = TestApp::start().await;
    let id = app.create_pathway(PATHWAY_BODY).await.id();
    let mut newest_first = vec![id.clone()];
    newest_first.extend(app.multiply("pathway", &id, 5999).await);
    newest_first.reverse();
    for path in ["/v1/widgets", "/v1/widget"] {
        let answer = app.call("GET", path, "").await;
        assert_eq!(answer.status, 200);
        assert_eq!(ids(&answer.json()["data"]), newest_first);
        assert!(!answer.headers.contains_key("link"));
    }
}

#[tokio::test]
async fn list_past_the_answer_limit_returns_413_and_suggests_pages() {
    let app = TestApp::start().await;
    let body = PATHWAY_BODY.replace("{}", &format!(r#"{{"text":"{}"}}"#, "x".repeat(250_000)));
    let mut newest_first = Vec::new();
    for _ in 0..26 {
        newest_first.insert(0, app.create_pathway(body.clone()).await.id());
    }
    let answer = app.call("GET", "/v1/widgets", "").await;
    assert_eq!(
        (answer.status, &answer.json()["errors"][0]["error"]),
        (413, &json!("PAYLOAD_TOO_LARGE"))
    );
    assert!(
        answer.json()["errors"][0]["message"].as_str().unwrap().contains("limit"),
        "{answer:?}"
    );

    // A page ends where the answer is full, and the next begins there.
    let mut path = "/v1/widgets?limit=100".to_owned();
    let mut found = Vec::new();
    let mut pages = 0;
    loop {
        let answer = app.call("GET", &path, "").await;
        assert_eq!(answer.status, 200);
        found.extend(ids(&answer.json()["data"]));
        pages += 1;
        match next(&answer) {
            Some(next) => path = next,
            None => break,
        }
    }
    assert_eq!((found, pages), (newest_first, 2));

    let id = app.create_assistant(large(ASSISTANT_BODY, "name")).await.id();
    app.multiply("assistant", &id, 30).await;
    let answer = app.call("GET", "/api/v1/widget", "").await;
    assert_eq!(answer.status, 413);
    assert!(answer.json()["detail"].as_str().unwrap().contains("smaller size"), "{answer:?}");
    let answer = app.call("GET", "/api/v1/widget?size=10&page=4", "").await;
    assert_eq!((answer.status, &answer.json()["data"]["total"]), (200, &json!(31)));
}

#[tokio::test]
async fn cursor_pages_stay_consistent_while_others_create_and_delete() {
    let app = TestApp::start().await;
    let mut newest_first = Vec::new();
    for _ in 0..10 {
        newest_first.insert(0, app.create_pathway(PATHWAY_BODY).await.id());
    }
    let first = app.call("GET", "/v1/widgets?limit=3", "").await;
    assert_eq!(ids(&first.json()["data"]), newest_first[..3]);
    let link = first.header("link").to_owned();
    assert!(link.starts_with(&format!("<{}/v1/widgets?limit=3&cursor=", app.stack.url)), "{link}");

    // One more, which is newer than where the reading stands, and two fewer: the one it stands at
    // and one that is to come.
    app.create_pathway(PATHWAY_BODY).await;
    for gone in [2, 4] {
        assert_eq!(
            app.call("DELETE", &format!("/v1/widget/{}", newest_first[gone]), "").await.status,
            200
        );
    }
    let second = app.call("GET", &next(&first).unwrap(), "").await;
    let left = [3, 5, 6].map(|index: usize| newest_first[index].clone());
    assert_eq!(ids(&second.json()["data"]), left);
    // The size of a page may change on the way.
    let third = app.call("GET", &next(&second).unwrap().replace("limit=3", "limit=100"), "").await;
    assert_eq!(ids(&third.json()["data"]), newest_first[7..]);
    assert_eq!(next(&third), None, "a page that ends with the list leads nowhere");
    let exact = app.call("GET", "/v1/widgets?limit=9", "").await;
    assert_eq!((ids(&exact.json()["data"]).len(), next(&exact)), (9, None));
}

#[tokio::test]
async fn next_link_never_contains_the_api_key() {
    let app = TestApp::start().await;
    for _ in 0..2 {
        app.create_pathway(PATHWAY_BODY).await;
    }
    let answer = app.send("GET", &format!("/v1/widget?api_key={}&limit=1", app.key), &[], "").await;
    assert_eq!(answer.status, 200);
    assert!(!answer.header("link").contains(&app.key), "{answer:?}");
    assert_eq!(app.call("GET", &next(&answer).unwrap(), "").await.status, 200);
}

#[tokio::test]
async fn foreign_or_tampered_cursor_returns_400() {
    let app = TestApp::start().await;
    for _ in 0..2 {
        app.create_pathway(PATHWAY_BODY).await;
    }
    let path = next(&app.call("GET", "/v1/widgets?limit=1", "").await).unwrap();
    let (_, cursor) = path.split_once("cursor=").unwrap();
    let other_key = app.another_key().await;
    let other = app.send("GET", &path, &[("authorization", &other_key)], "").await;
    let mut refused = vec![other];
    for tampered in [
        "",
        "x",
        &cursor[1..],
        &format!("{cursor}A"),
        &cursor.replacen('A', "B", 1),
        "%00",
        "<script>",
    ] {
        refused.push(app.call("GET", &format!("/v1/widgets?limit=1&cursor={tampered}"), "").await);
    }
    for answer in refused {
        let body = answer.json();
        assert_eq!(
            (answer.status, &body["errors"][0]["error"]),
            (400, &json!("INVALID_PARAMETER")),
            "{answer:?}"
        );
        assert!(
            body["errors"][0]["message"].as_str().unwrap().starts_with("cursor "),
            "{answer:?}"
        );
    }
    let both = app.call("GET", "/v1/widgets?limit=x&cursor=x", "").await.json();
    assert_eq!(both["errors"].as_array().unwrap().len(), 2, "{both}");
}

#[tokio::test]
async fn lists_stay_complete_and_ordered_during_concurrent_writes() {
    let app = TestApp::start().await;
    let mut lasting = Vec::new();
    for _ in 0..20 {
        lasting.push(app.create_pathway(PATHWAY_BODY).await.id());
    }
    let writer = async {
        for _ in 0..40 {
            let id = app.create_pathway(PATHWAY_BODY).await.id();
            assert_eq!(app.call("DELETE", &format!("/v1/widget/{id}"), "").await.status, 200);
        }
    };
    let reader = async {
        for _ in 0..10 {
            let mut path = "/v1/widgets?limit=3".to_owned();
            let mut found = Vec::new();
            loop {
                let answer = app.call("GET", &path, "").await;
                found.extend(ids(&answer.json()["data"]));
                match next(&answer) {
                    Some(next) => path = next,
                    None => break,
                }
            }
            let kept: Vec<&String> = found.iter().filter(|id| lasting.contains(id)).collect();
            assert!(kept.into_iter().rev().eq(&lasting), "each once and in order: {found:?}");
            assert!(found.is_sorted_by(|a, b| a > b), "{found:?}");
        }
    };
    tokio::join!(writer, reader);
}
