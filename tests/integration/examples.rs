//! The page of `examples/embed` in a real browser. `.ci/run` runs the other examples.

use axum::{Router, http::header::CONTENT_TYPE, response::Html, routing::get};
use serde_json::json;
use tokio::net::TcpListener;

use crate::{
    browser::{chromium, visit},
    support::{
        app::TestApp,
        dialect::{ASSISTANT, PATHWAY},
    },
};

const PAGE: &str = include_str!("../../examples/embed/index.html");
const SCRIPT: &str = include_str!("../../examples/embed/widget-bubble.js");

/// Opens each widget as a visitor does, chooses its first message, and notes what there is to see.
const VISITOR: &str = r#"<widget-bubble base-url="STACK" widget-id="nobody"></widget-bubble><pre></pre>
<script>
// Before the module runs, which draws them.
const ended = (bubble) => new Promise((resolve) => {
  for (const type of ["load", "error"]) bubble.addEventListener(type, () => resolve(type));
});
const bubbles = [...document.querySelectorAll("widget-bubble")];
const outcomes = bubbles.map(ended);
(async () => {
  const seen = [];
  for (const [index, bubble] of bubbles.entries()) {
    const shown = { outcome: await outcomes[index] };
    if (shown.outcome === "load") {
      const find = (selector) => bubble.shadowRoot.querySelector(selector);
      const colour = (element) => getComputedStyle(element).backgroundColor;
      const [panel, button] = [find("section"), bubble.shadowRoot.lastElementChild];
      shown.hidden = panel.hidden;
      button.click();
      shown.open = !panel.hidden && button.ariaExpanded === "true";
      shown.texts = [button, find("header"), find("p")].map((element) => element.textContent);
      shown.colours = [button, find("header"), find("p")].map(colour);
      shown.icons = [...bubble.shadowRoot.querySelectorAll("img")].map((image) => image.src);
      shown.placeholder = find("input").placeholder;
      find(".openings button")?.click();
      shown.message = document.querySelector("output").textContent;
      shown.isMarkup = ["script", "b"].some((tag) => find(tag) !== null);
    }
    seen.push(shown);
  }
  // As what is dumped has no `<` of its own.
  const json = JSON.stringify(seen).replaceAll("<", "\\u003c").replaceAll(">", "\\u003e");
  document.querySelector("pre").textContent = json;
})();
</script>"#;

#[tokio::test]
async fn embedded_widgets_are_drawn_as_text_whatever_they_hold() {
    let Some(chromium) = chromium() else {
        eprintln!("SKIPPED: no chromium, chromium-browser or google-chrome on the PATH");
        return;
    };
    let app = TestApp::start().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();

    let hostile = json!({
        "widget_type": "chat",
        "user_opening_messages": ["<b>How</b> can I help?"],
        "action_buttons": [],
        "display_name": "<script>document.body.remove()</script>",
        "intro_message": "<img src=x onerror=document.body.remove()>",
        "bubble_text": "Ask us",
        "bubble_color": "rgb(1, 2, 3)",
        "header_color": "red; display: none",
        "conversation_bot_icon": "javascript:alert(1)",
        "bubble_bot_icon": "https://127.0.0.1:1/icon.svg",
    });
    let assistant = app.call("POST", ASSISTANT.root, hostile.to_string()).await.id();
    let config =
        json!({"display_name": 7, "bubble_color": "teal", "user_opening_messages": [1, "Hi"]});
    let pathway = json!({
        "agent_prompt": "Be kind.",
        "allowed_domains": [format!("127.0.0.1:{port}")],
        "messages_per_minute": 10,
        "config": config,
    });
    let pathway = app.call("POST", PATHWAY.root, pathway.to_string()).await.id();

    let page = (PAGE.to_owned() + VISITOR)
        .replace("http://127.0.0.1:3000", &app.stack.url)
        .replace("STACK", &app.stack.url)
        .replace("ASSISTANT_WIDGET_ID", &assistant)
        .replace("PATHWAY_WIDGET_ID", &pathway);
    let script = ([(CONTENT_TYPE, "text/javascript")], SCRIPT);
    let site = Router::new()
        .route("/", get(move || async move { Html(page) }))
        .route("/widget-bubble.js", get(move || async move { script }));
    let site = tokio::spawn(async move { axum::serve(listener, site).await.unwrap() });
    let seen = visit(&chromium, &format!("http://127.0.0.1:{port}/")).await;
    site.abort();

    let own = "rgb(31, 78, 216)";
    let grey = "rgb(238, 238, 238)";
    let expected = json!([
        {
            "outcome": "load", "hidden": true, "open": true, "isMarkup": false,
            "texts": ["Ask us", hostile["display_name"], hostile["intro_message"]],
            "colours": ["rgb(1, 2, 3)", own, grey],
            "icons": ["https://127.0.0.1:1/icon.svg"],
            "placeholder": "Write a message",
            "message": "<b>How</b> can I help?",
        },
        {
            "outcome": "load", "hidden": true, "open": true, "isMarkup": false,
            "texts": ["Chat", "Chat", "Hello!"],
            "colours": ["rgb(0, 128, 128)", own, grey],
            "icons": [],
            "placeholder": "Write a message",
            "message": "Hi",
        },
        {"outcome": "error"},
    ]);
    assert_eq!(seen, expected);
}
