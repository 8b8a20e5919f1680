//! The change events, in the feed.

use std::{sync::Arc, time::Duration};

use anyhow::Result;
use aws_config::SdkConfig;
use tokio::{sync::OnceCell, time::sleep};

use super::feed::{Feed, Kind};
use crate::{
    events::Changes,
    local::{stream::Start, template::Template},
};

/// How long after a failure the store is asked again.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// A feed that gets the change events from when it is first looked at: before that, nothing asks
/// the store for them.
pub struct ChangeFeed {
    source: Source,
    feed: Arc<Feed>,
    started: OnceCell<()>,
}

#[derive(Clone)]
struct Source {
    store: SdkConfig,
    template: Template,
}

impl ChangeFeed {
    /// A feed of the changes in a store.
    pub fn new(store: &SdkConfig, template: &Template, feed: &Arc<Feed>) -> Self {
        let source = Source { store: store.clone(), template: template.clone() };
        Self { source, feed: Arc::clone(feed), started: OnceCell::new() }
    }

    /// Returns the feed. What is changed after this has returned will be in it.
    pub async fn started(&self) -> Arc<Feed> {
        let start = || async {
            let first = self.source.follow().await;
            tokio::spawn(pass_on(first, self.source.clone(), Arc::clone(&self.feed)));
        };
        self.started.get_or_init(start).await;
        Arc::clone(&self.feed)
    }
}

impl Source {
    async fn follow(&self) -> Result<Changes> {
        Changes::follow(&self.store, &self.template, Start::Now).await
    }
}

/// Passes the events on for ever. Why none come is an entry, too.
async fn pass_on(mut followed: Result<Changes>, source: Source, feed: Arc<Feed>) {
    loop {
        let error = match followed {
            Ok(changes) => until_failure(changes, &feed).await,
            Err(error) => error,
        };
        feed.push(Kind::Failure, &format!("{error:#}"));
        sleep(RETRY_DELAY).await;
        followed = source.follow().await;
    }
}

async fn until_failure(mut changes: Changes, feed: &Feed) -> anyhow::Error {
    loop {
        let events = match changes.next().await {
            Ok(events) => events,
            Err(error) => return error,
        };
        for event in events {
            match event {
                Ok(event) => feed.push(Kind::Change, &event),
                Err(error) => feed.push(Kind::Failure, &format!("{error:#}")),
            }
        }
    }
}
