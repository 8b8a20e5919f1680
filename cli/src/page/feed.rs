//! The newest change events and log lines, as server-sent events
//! (<https://html.spec.whatwg.org/multipage/server-sent-events.html>).

use std::{
    collections::VecDeque,
    convert::Infallible,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use axum::{
    extract::{Query, State},
    http::HeaderMap,
    response::{
        IntoResponse,
        sse::{Event, KeepAlive, Sse},
    },
};
use chrono::Utc;
use futures_util::{Stream, StreamExt, stream};
use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::sync::watch;

use super::changes::ChangeFeed;

/// The most entries that are kept for a page that opens later.
const KEPT: usize = 500;

/// How long a browser waits that has lost the feed.
const RECONNECT_DELAY: Duration = Duration::from_secs(1);

/// What an entry is: the name of its server-sent event.
#[derive(Debug, Clone, Copy)]
pub enum Kind {
    /// A change event.
    Change,
    /// A log line.
    Log,
    /// Why no change events come.
    Failure,
}

/// The newest entries, oldest first.
pub struct Feed {
    entries: Mutex<VecDeque<Entry>>,
    /// The number of the newest entry, or none once the feed has ended.
    newest: watch::Sender<Option<u64>>,
}

#[derive(Clone)]
struct Entry {
    number: u64,
    kind: Kind,
    data: String,
}

impl Default for Feed {
    /// An empty feed. Its numbers begin with the time, so that a page that knew an earlier stack
    /// sees all that this one has.
    fn default() -> Self {
        let first = u64::try_from(Utc::now().timestamp_micros()).unwrap_or_default();
        Self { entries: Mutex::default(), newest: watch::Sender::new(Some(first)) }
    }
}

impl Feed {
    /// Adds an entry of now, and drops the oldest one beyond what is kept.
    pub fn push(&self, kind: Kind, content: &impl Serialize) {
        let data = json!({"time": Utc::now().timestamp_millis(), "content": content}).to_string();
        let mut entries = self.entries();
        self.newest.send_if_modified(|newest| {
            let Some(newest) = newest else { return false };
            *newest += 1;
            entries.push_back(Entry { number: *newest, kind, data });
            true
        });
        while entries.len() > KEPT {
            entries.pop_front();
        }
    }

    /// Ends it, and with it every answer that follows it.
    pub fn end(&self) {
        self.newest.send_replace(None);
    }

    /// Follows it from the entry after the one with the number `after` on.
    fn follow(self: Arc<Self>, after: u64) -> impl Stream<Item = Result<Event, Infallible>> {
        let newest = self.newest.subscribe();
        stream::unfold((self, newest, after), |(feed, mut newest, after)| async move {
            let is_new = |newest: &Option<u64>| newest.is_none_or(|number| number > after);
            let number = (*newest.wait_for(is_new).await.ok()?)?;
            let entries = feed.after(after);
            let last = entries.last().map_or(number, |entry| entry.number);
            Some((stream::iter(entries), (feed, newest, last)))
        })
        .flatten()
        .map(|entry| Ok(entry.event()))
    }

    fn after(&self, number: u64) -> Vec<Entry> {
        self.entries().iter().filter(|entry| entry.number > number).cloned().collect()
    }

    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn event(self) -> Event {
        let name = match self.kind {
            Kind::Change => "change",
            Kind::Log => "log",
            Kind::Failure => "failure",
        };
        Event::default().id(self.number.to_string()).event(name).data(self.data)
    }
}

/// Where a page goes on that had the feed before.
#[derive(Deserialize)]
pub struct Position {
    #[serde(default)]
    after: u64,
}

/// `GET /page/feed`: what the feed has, and then what comes. A browser that reconnects names the
/// last entry that it has.
pub async fn stream(
    State(changes): State<Arc<ChangeFeed>>,
    Query(Position { after }): Query<Position>,
    headers: HeaderMap,
) -> impl IntoResponse {
    let last = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let feed = changes.started().await;
    // Something to send at once, without which the headers would wait, and the browser with them.
    let opening = stream::iter([Ok(Event::default().retry(RECONNECT_DELAY))]);
    let events = opening.chain(feed.follow(last.unwrap_or(after)));
    Sse::new(events).keep_alive(KeepAlive::default())
}
