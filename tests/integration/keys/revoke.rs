//! `widgets keys revoke`.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use shared::auth::Role;
use widgets::{keys::NewKey, local::stack::DEVELOPMENT_ACCOUNT};

use super::{REVOKE, find, hash_of, id_of, key_spec, keys, list, listed, put, text};
use crate::support::{
    app::TestApp,
    fault_proxy::{Effect, Fault, FaultProxy},
};

#[tokio::test]
async fn revocation_holds_whatever_value_revoked_at_has() {
    let app = TestApp::start().await;
    for revoked_at in [
        text("2999-01-01T00:00:00Z"),
        text("no time"),
        text(""),
        AttributeValue::Null(true),
        AttributeValue::Bool(false),
    ] {
        let key = put(&app, DEVELOPMENT_ACCOUNT, Role::Full, None).await;
        let update = app.store.update_item().table_name("ApiKeys");
        let update = update.key("key_hash", text(&hash_of(&key)));
        let update = update.update_expression("SET revoked_at = :at");
        update.expression_attribute_values(":at", revoked_at).send().await.unwrap();
        assert_eq!(listed(&app, &key).await, 401);
        // Putting the key again does not restore it.
        let again = NewKey::parse(&key).unwrap();
        let refusal = key_spec(&again).put(&app.stack.store.config, "ApiKeys").await.unwrap_err();
        assert_eq!(refusal.to_string(), "this key was revoked, which nothing undoes");
    }
}

#[tokio::test]
async fn revocation_holds_even_if_its_answer_is_lost() {
    let proxy = FaultProxy::start().await;
    let url = proxy.url.as_str();
    let issued = async || id_of(keys(url, &["issue"]).await.key());
    let revoked_at = async |id: &str| find(&list(url, &[]).await, id)["revoked_at"].clone();
    // Lost once: the retry finds what the first attempt did.
    let (for_person, for_script, unknown) = (issued().await, issued().await, issued().await);
    proxy.next(REVOKE, [Fault::Reset(Effect::Done)]);
    let printed = keys(url, &["revoke", &for_person]).await;
    let words = ["is revoked. ", "60 seconds"];
    assert!(words.iter().all(|part| printed.key().contains(part)), "{printed:?}");
    proxy.next(REVOKE, [Fault::Reset(Effect::Done)]);
    let printed = keys(url, &["revoke", "--json", &for_script]).await.json();
    assert_eq!(printed, json!({"id": for_script, "revoked_at": revoked_at(&for_script).await}));
    // Lost at every attempt.
    proxy.always(REVOKE, Fault::Reset(Effect::Done));
    let printed = keys(url, &["revoke", &unknown]).await;
    printed.expect_failure("may have been done all the same: `widgets keys list` shows whether");
    assert!(revoked_at(&unknown).await.is_string());
}
