//! The plain way to keep widgets: the SDK, `aws-config` and `lambda_http` with their defaults, a
//! runtime of many threads, a `Value` in and a `Value` out. It looks at no key and at no rule: a
//! POST puts what its body has, a GET gets it.

use std::env;

use aws_config::BehaviorVersion;
use aws_sdk_dynamodb::{Client, types::AttributeValue};
use lambda_http::{Body, Error, Request, Response, http::Method, run, service_fn, tracing};
use serde_json::{Map, Value, json};
use uuid::Uuid;

#[tokio::main]
async fn main() -> Result<(), Error> {
    tracing::init_default_subscriber();
    let config = aws_config::load_defaults(BehaviorVersion::latest()).await;
    let client = Client::new(&config);
    let table = env::var("WIDGETS_TABLE")?;
    run(service_fn(|request| handle(&client, &table, request))).await
}

async fn handle(client: &Client, table: &str, request: Request) -> Result<Response<Body>, Error> {
    let answer = if request.method() == Method::POST {
        create(client, table, serde_json::from_slice(request.body())?).await?
    } else {
        let id = request.uri().path().rsplit('/').next().unwrap_or_default();
        read(client, table, id).await?
    };
    let response = Response::builder().header("content-type", "application/json");
    Ok(response.body(answer.to_string().into())?)
}

async fn create(client: &Client, table: &str, widget: Map<String, Value>) -> Result<Value, Error> {
    let id = Uuid::new_v4().to_string();
    let mut put = client
        .put_item()
        .table_name(table)
        .item("pk", AttributeValue::S("account".to_owned()))
        .item("sk", AttributeValue::S(id.clone()));
    for (name, value) in &widget {
        put = put.item(name, AttributeValue::S(value.to_string()));
    }
    put.send().await?;
    Ok(json!({"id": id, "widget": widget}))
}

async fn read(client: &Client, table: &str, id: &str) -> Result<Value, Error> {
    let get = client
        .get_item()
        .table_name(table)
        .key("pk", AttributeValue::S("account".to_owned()))
        .key("sk", AttributeValue::S(id.to_owned()));
    let item = get.send().await?.item.ok_or("no such widget")?;
    let text = |value: AttributeValue| value.as_s().map(|text| json!(text)).unwrap_or_default();
    let widget: Map<String, Value> =
        item.into_iter().map(|(name, value)| (name, text(value))).collect();
    Ok(json!({"id": id, "widget": widget}))
}
