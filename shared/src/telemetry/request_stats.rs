//! Per-request counters. Code records into them where the work happens; the log line and the metrics
//! read them at the end.

use std::cell::Cell;
use std::time::Duration;

use serde::Serialize;

use crate::model::{AccountId, Change};

/// The counters of one request or command.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RequestStats {
    /// The account that the work is for.
    pub account: Option<AccountId>,
    /// The calls to DynamoDB, every attempt counted.
    pub store_calls: u32,
    /// What the work did to a widget.
    pub change: Option<Change>,
}

tokio::task_local! {
    static STATS: Cell<RequestStats>;
}

/// Does `work` and returns its outcome with the counters that it recorded.
pub async fn count<T>(work: impl Future<Output = T>) -> (T, RequestStats) {
    STATS.scope(Cell::default(), async { (work.await, STATS.with(Cell::get)) }).await
}

/// Records the account that the work is for.
pub fn record_account(account: AccountId) {
    record(|stats| stats.account = Some(account));
}

/// Records an attempt of a call to DynamoDB.
pub fn record_store_call() {
    record(|stats| stats.store_calls += 1);
}

/// Records what the work did to a widget.
pub fn record_change(change: Change) {
    record(|stats| stats.change = Some(change));
}

/// Outside of [`count`] there is nothing to record into.
fn record(update: impl FnOnce(&mut RequestStats)) {
    let _ = STATS.try_with(|cell| {
        let mut stats = cell.get();
        update(&mut stats);
        cell.set(stats);
    });
}

impl RequestStats {
    /// Returns the members that a log line has for work that took `duration`.
    pub fn fields(self, duration: Duration) -> StatsFields {
        let duration_ms = (duration.as_secs_f64() * 1e6).round() / 1e3;
        StatsFields { account: self.account, duration_ms, store_calls: self.store_calls }
    }
}

/// The members of a log line that tell what the work did.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct StatsFields {
    #[serde(skip_serializing_if = "Option::is_none")]
    account: Option<AccountId>,
    /// Milliseconds, to the microsecond.
    duration_ms: f64,
    store_calls: u32,
}
