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

use serde_json::Value;
use shared::{
    auth::{ApiKey, Role},
    model::{AccountId, Timestamp},
};
use widgets::keys::{KeySpec, generate};

use crate::{
    command::widgets,
    support::{app::TestApp, fault_proxy::Call},
};

/// Puts a new key into the table and returns it.
async fn put(app: &TestApp, account: AccountId, role: Role, expires_at: Option<&str>) -> String {
    let key = generate().unwrap();
    let expires_at = expires_at.map(|moment| Timestamp::parse(moment).unwrap());
    let item = KeySpec { key: &key, account, role, expires_at, name: None };
    item.put(&app.stack.store.config, "ApiKeys").await.unwrap();
    key.reveal().to_owned()
}

const PUT: Call<'static> = Call("PutItem", "ApiKeys");
const ROTATE: Call<'static> = Call("TransactWriteItems", "ApiKeys");
const REVOKE: Call<'static> = Call("UpdateItem", "ApiKeys");
const SCAN: Call<'static> = Call("Scan", "ApiKeys");

/// The outcome of a `widgets` command: stdout is `out`, stderr is `told`.
#[derive(Debug)]
struct Printed {
    is_success: bool,
    out: String,
    told: String,
}

impl Printed {
    fn json(&self) -> Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

/// Runs `widgets keys` on the store at `url`.
async fn keys(url: &str, arguments: &[&str]) -> Printed {
    run(&[&["keys"], arguments, &["--endpoint-url", url]].concat()).await
}

async fn run(arguments: &[&str]) -> Printed {
    let output = widgets(arguments).await.output().await.unwrap();
    Printed {
        is_success: output.status.success(),
        out: String::from_utf8(output.stdout).unwrap(),
        told: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Computes the id of a key from the key alone.
fn id_of(key: &str) -> String {
    ApiKey::parse(key).unwrap().hash().to_string()[..16].to_owned()
}

/// Returns the status of a list request in each dialect.
async fn listed(app: &TestApp, key: &str) -> [u16; 2] {
    let headers = [("authorization", key)];
    let assistant = app.send("GET", "/api/v1/widget", &headers, "").await.status;
    [assistant, app.send("GET", "/v1/widgets", &headers, "").await.status]
}
