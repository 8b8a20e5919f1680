//! The keys that requests present, valid and invalid ones.

use aws_sdk_dynamodb::types::AttributeValue;
use base64::{
    Engine,
    engine::general_purpose::{STANDARD, URL_SAFE},
};
use shared::auth::{ApiKey, attribute};
use url::form_urlencoded;
use uuid::Uuid;
use widgets::local::stack::DEVELOPMENT_ACCOUNT;

use crate::support::app::TestApp;

/// Distinct keys, by state.
pub struct Keys {
    pub works: String,
    pub of_another: String,
    pub reads: String,
    pub expired: String,
    pub revoked: String,
    pub unknown: String,
    /// A key whose item has no account.
    pub unreadable: String,
}

impl Keys {
    /// Generates keys with characters that a URL must escape, as an operator may choose them.
    pub fn new() -> Self {
        let key = || format!("in-k+/=&%25#{}", Uuid::new_v4().simple());
        let [works, of_another, reads, expired, revoked, unknown, unreadable] =
            [(); 7].map(|()| key());
        Self { works, of_another, reads, expired, revoked, unknown, unreadable }
    }

    pub async fn put(&self, app: &TestApp) {
        let account = DEVELOPMENT_ACCOUNT.to_string();
        let another = Uuid::new_v4().to_string();
        for (key, attributes) in [
            (&self.works, &[(attribute::ACCOUNT_ID, account.as_str())][..]),
            (&self.of_another, &[(attribute::ACCOUNT_ID, another.as_str())]),
            (&self.reads, &[(attribute::ACCOUNT_ID, &account), (attribute::ROLE, "read")]),
            (
                &self.expired,
                &[
                    (attribute::ACCOUNT_ID, &account),
                    (attribute::EXPIRES_AT, "2026-01-01T00:00:00.000Z"),
                ],
            ),
            (
                &self.revoked,
                &[
                    (attribute::ACCOUNT_ID, &account),
                    (attribute::REVOKED_AT, "2026-01-01T00:00:00.000Z"),
                ],
            ),
            (&self.unreadable, &[(attribute::NAME, "without an account")]),
        ] {
            let hash = ApiKey::parse(key).unwrap().hash().to_string();
            let put = app
                .store
                .put_item()
                .table_name("ApiKeys")
                .item(attribute::KEY_HASH, AttributeValue::S(hash));
            let text = |value: &&str| AttributeValue::S((*value).to_owned());
            let put =
                attributes.iter().fold(put, |put, (name, value)| put.item(*name, text(value)));
            put.send().await.unwrap();
        }
    }

    /// Returns the encodings of each key that may appear in a text.
    pub fn forms(&self, of_the_stack: &[String]) -> Vec<Vec<String>> {
        let own = [
            &self.works,
            &self.of_another,
            &self.reads,
            &self.expired,
            &self.revoked,
            &self.unknown,
            &self.unreadable,
        ];
        let forms = |key: &String| {
            // Without its last bytes, which what stands behind it changes.
            let whole = &key.as_bytes()[..key.len() / 3 * 3];
            let in_url: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
            vec![key.clone(), in_url, STANDARD.encode(whole), URL_SAFE.encode(whole)]
        };
        own.into_iter().chain(of_the_stack).map(forms).collect()
    }
}
