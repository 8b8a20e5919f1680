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
        use attribute::{ACCOUNT_ID, EXPIRES_AT, NAME, REVOKED_AT, ROLE};
        let account = (ACCOUNT_ID, &*DEVELOPMENT_ACCOUNT.to_string());
        let another = (ACCOUNT_ID, &*Uuid::new_v4().to_string());
        let past = "2026-01-01T00:00:00.000Z";
        for (key, attributes) in [
            (&self.works, &[account][..]),
            (&self.of_another, &[another]),
            (&self.reads, &[account, (ROLE, "read")]),
            (&self.expired, &[account, (EXPIRES_AT, past)]),
            (&self.revoked, &[account, (REVOKED_AT, past)]),
            (&self.unreadable, &[(NAME, "without an account")]),
        ] {
            let text = |value: &str| AttributeValue::S(value.to_owned());
            let hash = ApiKey::parse(key).unwrap().hash().to_string();
            let put = app.store.put_item().table_name("ApiKeys");
            let put = put.item(attribute::KEY_HASH, text(&hash));
            let put =
                attributes.iter().fold(put, |put, (name, value)| put.item(*name, text(value)));
            put.send().await.unwrap();
        }
    }

    /// Returns the encodings of each key that may appear in a text, of these and of `others`.
    pub fn forms<'a>(&'a self, others: impl Iterator<Item = &'a String>) -> Vec<Vec<String>> {
        let Self { works, of_another, reads, expired, revoked, unknown, unreadable } = self;
        let own = [works, of_another, reads, expired, revoked, unknown, unreadable];
        let forms = |key: &String| {
            // Without the last bytes, whose encoding depends on what follows.
            let whole = &key.as_bytes()[..key.len() / 3 * 3];
            let in_url: String = form_urlencoded::byte_serialize(key.as_bytes()).collect();
            vec![key.clone(), in_url, STANDARD.encode(whole), URL_SAFE.encode(whole)]
        };
        own.into_iter().chain(others).map(forms).collect()
    }
}
