//! A table's stream, followed as Lambda and EventBridge Pipes follow it
//! (<https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Streams.html>): every shard
//! after the one that it came from, so that the changes of an item come in their order.

use std::{collections::HashMap, mem, time::Duration};

use anyhow::{Context, Result};
use aws_config::SdkConfig;
use aws_sdk_dynamodbstreams::{
    Client,
    types::{self, AttributeValue, Record, ShardIteratorType, StreamRecord},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::{Map, Value, json};
use tokio::time::{Interval, MissedTickBehavior, interval};

use super::store_access::failed;

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
        let described = described.map_err(|error| {
            failed(format_args!("the table {table} cannot be described"), &error, config)
        })?;
        let arn = described.table.and_then(|table| table.latest_stream_arn);
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
            let read = self.client.get_records().shard_iterator(iterator).send().await;
            let read = read.map_err(|error| {
                failed(format_args!("the stream {} cannot be read", self.arn), &error, &self.config)
            })?;
            shard.iterator = read.next_shard_iterator;
            self.records.extend(
                read.records
                    .unwrap_or_default()
                    .into_iter()
                    .map(|record| handed_on(record, &self.arn)),
            );
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
        let iterator = iterator.send().await.map_err(|error| {
            failed(format_args!("the stream {} cannot be read", self.arn), &error, &self.config)
        })?;
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
            let page = page.map_err(|error| {
                failed(format_args!("the stream {} cannot be read", self.arn), &error, &self.config)
            })?;
            let description = page.stream_description.context("DynamoDB describes no stream")?;
            shards.extend(description.shards.unwrap_or_default());
            last = description.last_evaluated_shard_id;
            if last.is_none() {
                return Ok(shards);
            }
        }
    }
}

/// A record as Lambda and Pipes hand it on
/// (<https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html>): what it does not have is left
/// out.
fn handed_on(record: Record, stream: &str) -> Value {
    object([
        ("eventID", record.event_id.map(Value::from)),
        ("eventName", record.event_name.map(|name| name.as_str().into())),
        ("eventVersion", record.event_version.map(Value::from)),
        ("eventSource", record.event_source.map(Value::from)),
        ("awsRegion", record.aws_region.map(Value::from)),
        ("dynamodb", record.dynamodb.map(change)),
        (
            "userIdentity",
            record.user_identity.map(
                |identity| json!({"principalId": identity.principal_id, "type": identity.r#type}),
            ),
        ),
        ("eventSourceARN", Some(stream.into())),
    ])
}

fn change(change: StreamRecord) -> Value {
    object([
        (
            "ApproximateCreationDateTime",
            change.approximate_creation_date_time.map(|time| time.secs().into()),
        ),
        ("Keys", change.keys.map(item)),
        ("NewImage", change.new_image.map(item)),
        ("OldImage", change.old_image.map(item)),
        ("SequenceNumber", change.sequence_number.map(Value::from)),
        ("SizeBytes", change.size_bytes.map(Value::from)),
        ("StreamViewType", change.stream_view_type.map(|view| view.as_str().into())),
    ])
}

fn object<const N: usize>(members: [(&str, Option<Value>); N]) -> Value {
    members
        .into_iter()
        .filter_map(|(name, value)| Some((name.to_owned(), value?)))
        .collect::<Map<_, _>>()
        .into()
}

fn item(item: HashMap<String, AttributeValue>) -> Value {
    item.into_iter().map(|(name, value)| (name, attribute(value))).collect::<Map<_, _>>().into()
}

/// A value in DynamoDB's JSON
/// (<https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_AttributeValue.html>).
fn attribute(value: AttributeValue) -> Value {
    match value {
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes) }),
        AttributeValue::Bool(value) => json!({ "BOOL": value }),
        AttributeValue::Bs(values) => {
            json!({ "BS": values.iter().map(|bytes| STANDARD.encode(bytes)).collect::<Vec<_>>() })
        }
        AttributeValue::L(values) => {
            json!({ "L": values.into_iter().map(attribute).collect::<Vec<_>>() })
        }
        AttributeValue::M(values) => json!({ "M": item(values) }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Ns(numbers) => json!({ "NS": numbers }),
        AttributeValue::Null(value) => json!({ "NULL": value }),
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::Ss(texts) => json!({ "SS": texts }),
        // A type that is newer than the SDK.
        _ => json!({}),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    };

    use aws_sdk_dynamodbstreams::primitives::Blob;
    use axum::{Json, Router, extract::State, http::HeaderMap};
    use tokio::net::TcpListener;

    use super::*;
    use crate::local::store_access::local_config;

    /// A stream of four shards: `b` follows `a` and `d` follows `b`, but is listed late; what `c`
    /// followed is gone. `a` and `b` have ended.
    async fn answer(
        State(listed): State<Arc<AtomicUsize>>,
        headers: HeaderMap,
        body: String,
    ) -> Json<Value> {
        let asked: Value = serde_json::from_str(&body).unwrap();
        let shard =
            |id: &str, parent: Option<&str>| json!({"ShardId": id, "ParentShardId": parent});
        let record = |id: &str| json!({"eventID": id, "dynamodb": {}});
        Json(match headers["x-amz-target"].to_str().unwrap().rsplit_once('.').unwrap().1 {
            "DescribeTable" => json!({"Table": {"LatestStreamArn": "arn"}}),
            "DescribeStream" if asked["ExclusiveStartShardId"] == "b" => {
                let late =
                    (listed.fetch_add(1, Ordering::SeqCst) > 2).then(|| shard("d", Some("b")));
                let shards: Vec<Value> =
                    [shard("c", Some("gone"))].into_iter().chain(late).collect();
                json!({"StreamDescription": {"Shards": shards}})
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
                "a LATEST" | "b LATEST" => json!({"Records": []}),
                unknown => panic!("{unknown}"),
            },
            unknown => panic!("{unknown}"),
        })
    }

    #[tokio::test]
    async fn shard_is_read_after_its_parent() {
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
                read.extend(
                    stream
                        .next()
                        .await
                        .unwrap()
                        .iter()
                        .map(|record| record["eventID"].as_str().unwrap().to_owned()),
                );
            }
            assert_eq!(read, expected, "{start:?}");
            server.abort();
        }
    }

    #[test]
    fn stream_record_becomes_dynamodb_json() {
        let blob = || Blob::new(b"\x00\xff");
        let values = [
            ("b", AttributeValue::B(blob()), json!({"B": "AP8="})),
            ("bool", AttributeValue::Bool(true), json!({"BOOL": true})),
            ("bs", AttributeValue::Bs(vec![blob()]), json!({"BS": ["AP8="]})),
            (
                "l",
                AttributeValue::L(vec![AttributeValue::Null(true)]),
                json!({"L": [{"NULL": true}]}),
            ),
            ("n", AttributeValue::N("1e3".to_owned()), json!({"N": "1e3"})),
            ("ns", AttributeValue::Ns(vec!["1".to_owned()]), json!({"NS": ["1"]})),
            ("s", AttributeValue::S("x".to_owned()), json!({"S": "x"})),
            ("ss", AttributeValue::Ss(vec!["x".to_owned()]), json!({"SS": ["x"]})),
        ];
        for (name, value, expected) in values {
            let image = AttributeValue::M(HashMap::from([(name.to_owned(), value)]));
            let change = StreamRecord::builder().new_image("m", image).size_bytes(3).build();
            let record = Record::builder()
                .event_id("e1")
                .event_name(types::OperationType::Modify)
                .dynamodb(change)
                .build();
            assert_eq!(
                handed_on(record, "arn"),
                json!({
                    "eventID": "e1",
                    "eventName": "MODIFY",
                    "eventSourceARN": "arn",
                    "dynamodb": {"NewImage": {"m": {"M": {name: expected}}}, "SizeBytes": 3},
                })
            );
        }
    }
}
