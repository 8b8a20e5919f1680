//! `widgets keys revoke`.

use aws_sdk_dynamodb::types::AttributeValue;
use serde_json::json;
use shared::auth::{ApiKey, Role};
use widgets::{
    keys::{KeySpec, NewKey},
    local::stack::DEVELOPMENT_ACCOUNT,
};

use super::{REVOKE, id_of, keys, put};
use crate::support::{
    app::TestApp,
    fault_proxy::{Effect, Fault, FaultProxy},
};

#[tokio::test]
async fn revocation_holds_whatever_value_revoked_at_has() {
    let app = TestApp::start().await;
    for revoked_at in [
        AttributeValue::S("2999-01-01T00:00:00Z".to_owned()),
        AttributeValue::S("no time".to_owned()),
        AttributeValue::S(String::new()),
        AttributeValue::Null(true),
        AttributeValue::Bool(false),
    ] {
        let key = put(&app, DEVELOPMENT_ACCOUNT, Role::Full, None).await;
        let hash = ApiKey::parse(&key).unwrap().hash().to_string();
        let update =
            app.store.update_item().table_name("ApiKeys").key("key_hash", AttributeValue::S(hash));
        let update = update
            .update_expression("SET revoked_at = :at")
            .expression_attribute_values(":at", revoked_at);
        update.send().await.unwrap();
        for path in ["/api/v1/widget", "/v1/widgets"] {
            assert_eq!(
                app.send("GET", path, &[("authorization", &key)], "").await.status,
                401,
                "{path}"
            );
        }
        // And it does not come back.
        let again = NewKey::parse(&key).unwrap();
        let item = KeySpec {
            key: &again,
            account: DEVELOPMENT_ACCOUNT,
            role: Role::Full,
            expires_at: None,
            name: None,
        };
        let refusal = item.put(&app.stack.store.config, "ApiKeys").await.unwrap_err().to_string();
        assert_eq!(refusal, "this key was revoked, which nothing undoes");
    }
}

#[tokio::test]
async fn revocation_holds_even_if_its_answer_is_lost() {
    let proxy = FaultProxy::start().await;
    let url = proxy.url.as_str();
    let issued = async || id_of(keys(url, &["issue"]).await.out.trim());
    let revoked_at = async |id: &str| {
        let list = keys(url, &["list", "--json"]).await.json();
        list.as_array().unwrap().iter().find(|key| key["id"] == id).unwrap()["revoked_at"].clone()
    };
    // Once: the retry meets what the first attempt did.
    let (for_person, for_script, unknown) = (issued().await, issued().await, issued().await);
    proxy.next(REVOKE, [Fault::Reset(Effect::Done)]);
    let printed = keys(url, &["revoke", &for_person]).await;
    assert!(
        printed.is_success
            && printed.out.contains("is revoked. ")
            && printed.out.contains("60 seconds"),
        "{printed:?}"
    );
    proxy.next(REVOKE, [Fault::Reset(Effect::Done)]);
    let printed = keys(url, &["revoke", "--json", &for_script]).await.json();
    assert_eq!(printed, json!({"id": for_script, "revoked_at": revoked_at(&for_script).await}));
    // Always.
    proxy.always(REVOKE, Fault::Reset(Effect::Done));
    let printed = keys(url, &["revoke", &unknown]).await;
    assert!(!printed.is_success && printed.out.is_empty(), "{printed:?}");
    assert!(
        printed.told.contains("may have been done all the same: `widgets keys list` shows whether"),
        "{printed:?}"
    );
    assert!(revoked_at(&unknown).await.is_string());
}
