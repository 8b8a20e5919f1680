//! Cursors. A cursor is valid only if this service wrote it for the same account.

use shared::{
    http::cursor::{read, write},
    model::{AccountId, WidgetId},
};
use uuid::Uuid;

use crate::{ACCOUNT, expect_explained};

const ANOTHER: AccountId = AccountId(Uuid::from_u128(1));

/// Checks an input as the text of a cursor, and as the bytes of a widget's id.
pub fn cursor(input: &[u8]) {
    if let Ok(text) = str::from_utf8(input) {
        match read(ACCOUNT, "cursor", text) {
            Ok(id) => {
                assert_eq!(write(ACCOUNT, id), text, "a valid cursor is one that was written")
            }
            Err(violations) => expect_explained(&violations),
        }
    }
    if let Ok(id) = Uuid::from_slice(input).map(WidgetId) {
        let cursor = write(ACCOUNT, id);
        assert_eq!(read(ACCOUNT, "cursor", &cursor), Ok(id));
        assert!(read(ANOTHER, "cursor", &cursor).is_err(), "it belongs to one account");
    }
}
