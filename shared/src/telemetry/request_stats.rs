//! Per-request counters. Code records into them where the work happens; the log line and the
//! metrics read them at the end.

use std::cell::RefCell;
use std::time::Instant;

use serde::Serialize;

use crate::model::{AccountId, Change, KeyId, WidgetId};

/// The counters of one request or command. They serialize to members of its log line.
#[derive(Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestStats {
    /// The account that the work is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The API key that the request came with. A command has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
    /// The widget that the work changed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub widget_id: Option<WidgetId>,
    /// The time that the work took: milliseconds, to the microsecond.
    pub duration_ms: f64,
    /// The calls to DynamoDB, every attempt counted.
    pub store_calls: u32,
    /// What the work did to a widget.
    #[serde(skip)]
    pub change: Option<Change>,
}

tokio::task_local! {
    static STATS: RefCell<RequestStats>;
}

/// Does `work` and returns its outcome with the counters that it recorded.
pub async fn count<T>(work: impl Future<Output = T>) -> (T, RequestStats) {
    let start = Instant::now();
    let work = async { (work.await, STATS.with(RefCell::take)) };
    let (outcome, stats) = STATS.scope(RefCell::default(), work).await;
    let duration_ms = (start.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    (outcome, RequestStats { duration_ms, ..stats })
}

/// Records the account that the work is for.
pub fn record_account(account: AccountId) {
    record(|stats| stats.account = Some(account));
}

/// Records the API key that the request came with.
pub fn record_key(id: KeyId) {
    record(|stats| stats.key_id = Some(id));
}

/// Records an attempt of a call to DynamoDB.
pub fn record_store_call() {
    record(|stats| stats.store_calls += 1);
}

/// Records what the work did to a widget, and to which.
pub fn record_change(change: Change, id: WidgetId) {
    record(|stats| {
        stats.change = Some(change);
        stats.widget_id = Some(id);
    });
}

/// Outside of [`count`] there is nothing to record into.
fn record(update: impl FnOnce(&mut RequestStats)) {
    let _ = STATS.try_with(|stats| update(&mut stats.borrow_mut()));
}
