//! Cross-origin reads in a real browser: one page of an allowed origin, one of another origin.
//!
//! Runs where Chromium is installed. Prints `SKIPPED` where it is not.

use std::{env, path::PathBuf, process::Stdio};

use axum::{Router, response::Html, routing::get};
use serde_json::{Value, json};
use tokio::{net::TcpListener, process::Command};

use crate::support::app::{TestApp, eventually};
use crate::support::dialect::{ASSISTANT, PATHWAY};

/// Fetches each URL plainly, with a header that makes the browser ask first, and again, so that it
/// asks whether it still has the right answer. What came of it is the page's text.
const PAGE: &str = r#"<!doctype html><meta charset="utf-8"><pre></pre><script>
const read = async (url, options) => {
  try {
    const response = await fetch(url, options);
    return { status: response.status, tag: response.headers.get("etag"), data: (await response.json()).data };
  } catch (error) {
    return error.name;
  }
};
(async () => {
  const found = {};
  for (const [name, url] of Object.entries(URLS)) {
    found[name] = [
      await read(url),
      await read(url, { headers: { "x-of-the-page-s-own": "1" }, cache: "no-store" }),
      await read(url, { cache: "no-cache" }),
    ];
  }
  document.querySelector("pre").textContent = JSON.stringify(found);
})();
</script>"#;

/// Returns the browser, if there is one on this machine.
pub fn chromium() -> Option<PathBuf> {
    let folders: Vec<PathBuf> = env::split_paths(&env::var_os("PATH")?).collect();
    let names = ["chromium", "chromium-browser", "google-chrome"];
    folders
        .iter()
        .flat_map(|folder| names.map(|name| folder.join(name)))
        .find(|file| file.is_file())
}

/// Returns what the page at `url` found: the JSON in its `<pre>`.
pub async fn visit(chromium: &PathBuf, url: &str) -> Value {
    let profile = tempfile::tempdir().unwrap();
    let output = Command::new(chromium)
        .args(["--headless", "--no-sandbox", "--no-first-run"])
        .args(["--disable-gpu", "--disable-quic", "--disable-dev-shm-usage", "--disable-sync"])
        .args(["--disable-background-networking", "--disable-component-update"])
        // Time that passes only while nothing is being fetched.
        .args(["--virtual-time-budget=10000", "--dump-dom"])
        .arg(format!("--user-data-dir={}", profile.path().display()))
        .arg(url)
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let page = String::from_utf8_lossy(&output.stdout);
    let text = page.split_once("<pre>").and_then(|(_, rest)| Some(rest.split_once("</pre>")?.0));
    let text =
        text.unwrap_or_else(|| panic!("{page}\n{}", String::from_utf8_lossy(&output.stderr)));
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {page}"))
}

#[tokio::test]
async fn cross_origin_page_reads_public_data_only_where_allowed() {
    let Some(chromium) = chromium() else {
        eprintln!("SKIPPED: no chromium, chromium-browser or google-chrome on the PATH");
        return;
    };
    let app = TestApp::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();

    let body = ASSISTANT.body.replacen('{', r#"{"display_name":"Support","#, 1);
    let assistant = app.create_assistant(body).await.id();
    let domains = format!(r#""allowed_domains":["127.0.0.1:{port}"]"#);
    let body = PATHWAY.body.replace(r#""allowed_domains":[]"#, &domains);
    let pathway = app.create_pathway(body).await.id();

    let url = |path: String| format!("{}{path}", app.stack.url);
    let parameters = url(ASSISTANT.public_path(&assistant));
    let config = url(PATHWAY.public_path(&pathway));
    let urls = json!({"parameters": parameters, "config": config});
    let page = PAGE.replace("URLS", &urls.to_string());
    let server = Router::new().route("/", get(move || async move { Html(page) }));
    let server = tokio::spawn(async move { axum::serve(listener, server).await.unwrap() });

    // One machine, two origins.
    let allowed = visit(&chromium, &format!("http://127.0.0.1:{port}/")).await;
    let refused = visit(&chromium, &format!("http://localhost:{port}/")).await;
    server.abort();

    for found in [&allowed, &refused] {
        for answer in found["parameters"].as_array().unwrap() {
            assert_eq!(answer["status"], 200, "{found}");
            assert!(answer["tag"].as_str().unwrap().starts_with("\"1-"), "{found}");
            assert_eq!(answer["data"]["display_name"], "Support");
        }
    }
    let data = json!({"id": pathway, "config": {}, "messages_per_minute": 10});
    let tag = &allowed["config"][0]["tag"];
    assert!(tag.as_str().unwrap().starts_with("\"1-"), "{allowed}");
    let shown = json!({"status": 200, "tag": tag, "data": data});
    assert_eq!(allowed["config"], json!([shown, shown, shown]));
    // Not even that it is there.
    assert_eq!(refused["config"], json!(["TypeError", "TypeError", "TypeError"]));
    // The third time the browser had the answer already; the second time it asked first.
    for status in [r#""status":304"#, r#""status":204"#] {
        let count = || app.log().matches(status).count();
        eventually(status, || (count() >= 3).then_some(())).await;
        assert_eq!(count(), 3, "{}", app.log());
    }
}
