//! A table's stream, followed as Lambda and EventBridge Pipes follow it
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>): every shard
//! after the one that it came from, so that the changes of an item come in their order.

use std::{
    mem,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_dynamodbstreams::{
    Client,
    config::{
        ConfigBag, Intercept, RuntimeComponents,
        interceptors::AfterDeserializationInterceptorContextRef,
    },
    error::BoxError,
    types::{self, ShardIteratorType},
};
use serde_json::Value;
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::store_access::reason;

/// How often a stream is read: four times a second, as Lambda does
/// (<https://docs.aws.amazon.com/lambda/latest/dg/services-dynamodb-eventsourcemapping.html>).
const READ_INTERVAL: Duration = Duration::from_millis(250);

/// Where in a stream to begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Start {
    /// With the changes after now.
    Now,
    /// With the oldest change that the stream still has.
    Oldest,
}

/// A stream that is being followed.
#[derive(Debug)]
pub struct Stream {
    config: SdkConfig,
    client: Client,
    arn: String,
    shards: Vec<Shard>,
    /// Read and not returned yet.
    records: Vec<Value>,
    turn: Interval,
}

#[derive(Debug)]
struct Shard {
    id: String,
    parent: Option<String>,
    /// Where it is read next; none at its end.
    iterator: Option<String>,
}

impl Stream {
    /// Follows the stream of `table`. What is changed after this has returned is seen.
    pub async fn follow(config: &SdkConfig, table: &str, start: Start) -> Result<Self> {
        let described =
            aws_sdk_dynamodb::Client::new(config).describe_table().table_name(table).send().await;
        let described = described
            .map_err(|error| reason(&error, config))
            .with_context(|| format!("the table {table} cannot be described"))?;
        let arn = described.table.and_then(|table| table.latest_stream_arn);
        let arn = arn.filter(|arn| !arn.is_empty());
        let arn = arn.with_context(|| format!("the table {table} has no stream"))?;
        let mut turn = interval(READ_INTERVAL);
        turn.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut stream = Self {
            config: config.clone(),
            client: Client::new(config),
            arn,
            shards: Vec::new(),
            records: Vec::new(),
            turn,
        };
        match start {
            Start::Now => {
                for shard in stream.describe().await? {
                    stream.open(shard, ShardIteratorType::Latest).await?;
                }
            }
            Start::Oldest => stream.open_successors().await?,
        }
        Ok(stream)
    }

    /// Its ARN.
    pub fn arn(&self) -> &str {
        &self.arn
    }

    /// The next records, or none if a quarter of a second brought none: each as Lambda and Pipes
    /// hand it on. Who stops waiting loses none: they come the next time.
    pub async fn next(&mut self) -> Result<Vec<Value>> {
        self.turn.tick().await;
        if self.lacks_successors() {
            self.open_successors().await?;
        }
        for shard in &mut self.shards {
            let Some(iterator) = shard.iterator.clone() else { continue };
            let answer = RawAnswer::default();
            let read = self.client.get_records().shard_iterator(iterator).customize();
            let read = read.interceptor(answer.clone()).send().await;
            let read = read.map_err(|error| reason(&error, &self.config))?;
            shard.iterator = read.next_shard_iterator.filter(|it| !it.is_empty());
            let mut answer = answer.0.lock().unwrap_or_else(PoisonError::into_inner);
            for record in answer["Records"].as_array_mut().into_iter().flatten() {
                record["eventSourceARN"] = self.arn.as_str().into();
                self.records.push(record.take());
            }
        }
        Ok(mem::take(&mut self.records))
    }

    /// Whether a shard has ended whose successor is not known yet.
    fn lacks_successors(&self) -> bool {
        let is_succeeded = |ended: &Shard| {
            self.shards.iter().any(|shard| shard.parent.as_ref() == Some(&ended.id))
        };
        self.shards.iter().any(|shard| shard.iterator.is_none() && !is_succeeded(shard))
    }

    /// Opens at its beginning every shard that is not known yet and has no parent that is still to
    /// be read.
    async fn open_successors(&mut self) -> Result<()> {
        let listed = self.describe().await?;
        let is_listed = |id: &str| listed.iter().any(|shard| shard.shard_id() == Some(id));
        let mut ready = Vec::new();
        for shard in &listed {
            let known = |id: &str| self.shards.iter().find(|known| known.id == id);
            let is_new = shard.shard_id().is_some_and(|id| known(id).is_none());
            let waits = shard.parent_shard_id().is_some_and(|parent| match known(parent) {
                Some(parent) => parent.iterator.is_some(),
                None => is_listed(parent),
            });
            if is_new && !waits {
                ready.push(shard.clone());
            }
        }
        for shard in ready {
            self.open(shard, ShardIteratorType::TrimHorizon).await?;
        }
        Ok(())
    }

    async fn open(&mut self, shard: types::Shard, at: ShardIteratorType) -> Result<()> {
        let id = shard.shard_id.unwrap_or_default();
        let iterator = self
            .client
            .get_shard_iterator()
            .stream_arn(&self.arn)
            .shard_id(&id)
            .shard_iterator_type(at);
        let iterator = iterator.send().await.map_err(|error| reason(&error, &self.config))?;
        self.shards.push(Shard {
            id,
            parent: shard.parent_shard_id,
            iterator: iterator.shard_iterator,
        });
        Ok(())
    }

    /// All the shards that the stream has, of which one answer may hold a part.
    async fn describe(&self) -> Result<Vec<types::Shard>> {
        let mut shards = Vec::new();
        let mut last = None;
        loop {
            let page = self
                .client
                .describe_stream()
                .stream_arn(&self.arn)
                .set_exclusive_start_shard_id(last)
                .send()
                .await;
            let page = page.map_err(|error| reason(&error, &self.config))?;
            let description = page.stream_description.context("DynamoDB describes no stream")?;
            shards.extend(description.shards.unwrap_or_default());
            // A store compatible with DynamoDB may send an empty one at the end.
            last = description.last_evaluated_shard_id.filter(|it| !it.is_empty());
            if last.is_none() {
                return Ok(shards);
            }
        }
    }
}

/// The JSON of the last answer. The SDK's types cannot be written as JSON, and do not have what is
/// newer than the SDK.
#[derive(Debug, Clone, Default)]
struct RawAnswer(Arc<Mutex<Value>>);

impl Intercept for RawAnswer {
    fn name(&self) -> &'static str {
        "RawAnswer"
    }

    fn read_after_deserialization(
        &self,
        context: &AfterDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let body = context.response().body().bytes().unwrap_or_default();
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) =
            serde_json::from_slice(body).unwrap_or_default();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use axum::{Json, Router, extract::State, http::HeaderMap};
    use serde_json::json;
    use tokio::net::TcpListener;

    use super::*;
    use crate::local::store_access::local_config;

    /// A record with a value of every type.
    fn record(id: &str) -> Value {
        let values = json!({
            "b": {"B": "AP8="}, "bool": {"BOOL": true}, "bs": {"BS": ["AP8="]}, "l": {"L": [{"NULL": true}]},
            "n": {"N": "1e3"}, "ns": {"NS": ["1"]}, "s": {"S": "x"}, "ss": {"SS": ["x"]},
        });
        json!({
            "eventID": id,
            "eventName": "MODIFY",
            "dynamodb": {"NewImage": {"m": {"M": values}}, "SizeBytes": 3},
        })
    }

    /// A stream of four shards: `b` follows `a` and `d` follows `b`, but is listed late; what `c`
    /// followed is gone. `a` and `b` have ended, which the store says with an empty text or none.
    async fn answer(
        State(listed): State<Arc<AtomicUsize>>,
        headers: HeaderMap,
        body: String,
    ) -> Json<Value> {
        let asked: Value = serde_json::from_str(&body).unwrap();
        let shard =
            |id: &str, parent: Option<&str>| json!({"ShardId": id, "ParentShardId": parent});
        Json(match headers["x-amz-target"].to_str().unwrap().rsplit_once('.').unwrap().1 {
            "DescribeTable" => json!({"Table": {"LatestStreamArn": "arn"}}),
            "DescribeStream" if asked["ExclusiveStartShardId"] == "b" => {
                let late =
                    (listed.fetch_add(1, Ordering::SeqCst) > 2).then(|| shard("d", Some("b")));
                let shards: Vec<Value> =
                    [shard("c", Some("gone"))].into_iter().chain(late).collect();
                json!({"StreamDescription": {"Shards": shards, "LastEvaluatedShardId": ""}})
            }
            "DescribeStream" => {
                let shards = [shard("b", Some("a")), shard("a", None)];
                json!({"StreamDescription": {"Shards": shards, "LastEvaluatedShardId": "b"}})
            }
            "GetShardIterator" => {
                let (shard, at) = (
                    asked["ShardId"].as_str().unwrap(),
                    asked["ShardIteratorType"].as_str().unwrap(),
                );
                json!({ "ShardIterator": format!("{shard} {at}") })
            }
            "GetRecords" => match asked["ShardIterator"].as_str().unwrap() {
                "a TRIM_HORIZON" => {
                    json!({"Records": [record("a1")], "NextShardIterator": "a next"})
                }
                "a next" => json!({"Records": [record("a2")]}),
                "b TRIM_HORIZON" => json!({"Records": [record("b1"), record("b2")]}),
                "c TRIM_HORIZON" => {
                    json!({"Records": [record("c1")], "NextShardIterator": "c next"})
                }
                "d TRIM_HORIZON" => {
                    json!({"Records": [record("d1")], "NextShardIterator": "d next"})
                }
                "c next" | "c LATEST" => json!({"Records": [], "NextShardIterator": "c next"}),
                "a LATEST" | "b LATEST" => json!({"Records": [], "NextShardIterator": ""}),
                unknown => panic!("{unknown}"),
            },
            unknown => panic!("{unknown}"),
        })
    }

    #[tokio::test]
    async fn shard_is_read_after_its_parent_and_its_records_are_returned_whole() {
        for (start, expected) in
            [(Start::Oldest, &["a1", "c1", "a2", "b1", "b2", "d1"][..]), (Start::Now, &["d1"])]
        {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let config = local_config(&format!("http://{}", listener.local_addr().unwrap()));
            let app = Router::new().fallback(answer).with_state(Arc::default());
            let server = tokio::spawn(async move { drop(axum::serve(listener, app).await) });
            let mut stream = Stream::follow(&config, "T", start).await.unwrap();
            let mut read = Vec::new();
            while read.last().is_none_or(|last| last != "d1") {
                for returned in stream.next().await.unwrap() {
                    let id = returned["eventID"].as_str().unwrap().to_owned();
                    let mut sent = record(&id);
                    sent["eventSourceARN"] = json!("arn");
                    assert_eq!(returned, sent);
                    read.push(id);
                }
            }
            assert_eq!(read, expected, "{start:?}");
            server.abort();
        }
    }
}
