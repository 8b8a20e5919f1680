//! Per-request counters. Code records into them where the work happens; the log line and the
//! metrics read them at the end.

use std::cell::Cell;
use std::time::Instant;

use serde::Serialize;

use crate::model::{AccountId, Change};

/// The counters of one request or command. They serialize to members of its log line.
#[derive(Debug, Clone, Copy, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RequestStats {
    /// The account that the work is for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The time that the work took: milliseconds, to the microsecond.
    pub duration_ms: f64,
    /// The calls to DynamoDB, every attempt counted.
    pub store_calls: u32,
    /// What the work did to a widget.
    #[serde(skip)]
    pub change: Option<Change>,
}

tokio::task_local! {
    static STATS: Cell<RequestStats>;
}

/// Does `work` and returns its outcome with the counters that it recorded.
pub async fn count<T>(work: impl Future<Output = T>) -> (T, RequestStats) {
    let start = Instant::now();
    let work = async { (work.await, STATS.with(Cell::get)) };
    let (outcome, stats) = STATS.scope(Cell::default(), work).await;
    let duration_ms = (start.elapsed().as_secs_f64() * 1e6).round() / 1e3;
    (outcome, RequestStats { duration_ms, ..stats })
}

/// Records the account that the work is for.
pub fn record_account(account: AccountId) {
    record(|stats| RequestStats { account: Some(account), ..stats });
}

/// Records an attempt of a call to DynamoDB.
pub fn record_store_call() {
    record(|stats| RequestStats { store_calls: stats.store_calls + 1, ..stats });
}

/// Records what the work did to a widget.
pub fn record_change(change: Change) {
    record(|stats| RequestStats { change: Some(change), ..stats });
}

/// Outside of [`count`] there is nothing to record into.
fn record(update: impl FnOnce(RequestStats) -> RequestStats) {
    let _ = STATS.try_with(|stats| stats.update(update));
}
