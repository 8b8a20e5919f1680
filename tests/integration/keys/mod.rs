//! API keys: how a request presents one, when it stops working, and `widgets keys`.
//!
//! Requests and function processes:
//!
//! * [`authentication`] is about the places that hold a key, and what a key may do.
//! * [`expiry`] is about expiry, revocation and the functions' key cache.
//!
//! `widgets keys`:
//!
//! * [`commands`] runs several commands in a row. [`issue`], [`list`], [`revoke`] and [`rotate`]
//!   are about one command each.
//! * [`outcomes`] is about a key that is in the table but is not printed.

mod authentication;
mod commands;
mod expiry;
mod issue;
mod list;
mod outcomes;
mod revoke;
mod rotate;

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::Value;
use shared::{
    auth::{ApiKey, Role},
    model::{AccountId, Timestamp},
};
use widgets::{
    keys::{KeySpec, NewKey, generate},
    local::stack::DEVELOPMENT_ACCOUNT,
};

use crate::{
    command::{Printed, run},
    support::{app::TestApp, dialect::DIALECTS, fault_proxy::Call},
};

const PUT: Call<'static> = Call("PutItem", "ApiKeys");
const ROTATE: Call<'static> = Call("TransactWriteItems", "ApiKeys");
const REVOKE: Call<'static> = Call("UpdateItem", "ApiKeys");
const SCAN: Call<'static> = Call("Scan", "ApiKeys");

fn text(text: &str) -> AttributeValue {
    AttributeValue::S(text.to_owned())
}

/// Returns an unnamed key of the development account that allows everything and does not expire.
fn key_spec(key: &NewKey) -> KeySpec<'_> {
    KeySpec { key, account: DEVELOPMENT_ACCOUNT, role: Role::Full, expires_at: None, name: None }
}

/// Puts a new key into the table and returns it.
async fn put(app: &TestApp, account: AccountId, role: Role, expires_at: Option<&str>) -> String {
    let key = generate().unwrap();
    let expires_at = expires_at.map(|moment| Timestamp::parse(moment).unwrap());
    let item = KeySpec { account, role, expires_at, ..key_spec(&key) };
    item.put(&app.stack.store.config, "ApiKeys").await.unwrap();
    key.reveal().to_owned()
}

/// Runs `widgets keys` on the store at `url`.
async fn keys(url: &str, arguments: &[&str]) -> Printed {
    run(&[&["keys"], arguments, &["--endpoint-url", url]].concat()).await
}

/// Returns the keys that `widgets keys list --json` prints with these options.
async fn list(url: &str, options: &[&str]) -> Vec<Value> {
    let list = keys(url, &[&["list", "--json"], options].concat()).await.json();
    serde_json::from_value(list).unwrap()
}

/// Returns the key with this id from a list.
fn find<'a>(list: &'a [Value], id: &str) -> &'a Value {
    list.iter().find(|key| key["id"] == id).unwrap_or_else(|| panic!("no {id}: {list:?}"))
}

/// Returns the newest key of a list.
fn newest(list: &[Value]) -> &Value {
    list.iter().max_by_key(|key| key["created_at"].to_string()).unwrap()
}

/// Computes the id of a key from the key alone.
fn id_of(key: &str) -> String {
    hash_of(key)[..16].to_owned()
}

fn hash_of(key: &str) -> String {
    ApiKey::parse(key).unwrap().hash().to_string()
}

/// Returns the status of a list request, which is the same in every dialect.
async fn listed(app: &TestApp, key: &str) -> u16 {
    let mut statuses = Vec::new();
    for dialect in DIALECTS {
        let answer = app.send("GET", dialect.list, &[("authorization", key)], "").await;
        statuses.push(answer.status);
    }
    statuses.dedup();
    let [status] = statuses[..] else { panic!("{statuses:?}") };
    status
}
