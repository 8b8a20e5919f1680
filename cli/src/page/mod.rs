//! The page of the local stack, `GET /`: what runs, the key, the widgets of both dialects with a
//! preview, the change events and log lines as they come, and both APIs as an explorer.
//!
//! The page has the API key. So the gateway shows it to browsers on this machine alone
//! (`local::gateway`), and no answer here has CORS headers.
//!
//! * [`summary`] is what the page tells of the stack.
//! * [`feed`] keeps the newest events and log lines, and sends them on as they come.
//! * [`changes`] puts the change events into the feed.
//! * [`files`] are the page's own: HTML, CSS and JavaScript, in `assets`.
//! * [`swagger_ui`] are the explorer's.
//! * [`embed`] reads a pathway widget's configuration as a page of another origin would.
//! * [`headers`] are those of every answer.

pub mod changes;
pub mod embed;
pub mod feed;
pub mod files;
pub mod headers;
pub mod summary;
pub mod swagger_ui;

use std::sync::Arc;

use aws_config::SdkConfig;
use axum::{
    Router,
    http::header,
    middleware::map_response,
    routing::{MethodRouter, get},
};

use crate::local::template::Template;

use changes::ChangeFeed;
use feed::Feed;
use summary::StackSummary;

/// Returns the page of a stack, for [`BoundStack::start`].
///
/// [`BoundStack::start`]: crate::local::stack::BoundStack::start
pub fn router(
    summary: &StackSummary,
    template: &Template,
    store: &SdkConfig,
    feed: &Arc<Feed>,
) -> Router {
    let mut router = Router::new();
    for file in files::ALL {
        router = router.route(file.path, get(|| async { file.response() }));
    }
    for file in swagger_ui::FILES {
        router = router.route(file.path, get(|| async { file.response() }));
    }
    let changes = Arc::new(ChangeFeed::new(store, template, feed));
    router
        .route("/page/stack.json", json(summary))
        .route("/page/feed", get(feed::stream).with_state(changes))
        .route("/page/config/{id}", get(embed::config).with_state(Arc::from(summary.base_url())))
        .layer(map_response(headers::add))
}

fn json(summary: &StackSummary) -> MethodRouter {
    let text: Arc<str> = summary.to_json().into();
    get(|| async move { ([(header::CONTENT_TYPE, "application/json")], text.to_string()) })
}
