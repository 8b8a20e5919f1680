//! Cursors. A cursor is valid only if this service wrote it for the same account.

use shared::{
    http::cursor::{read, write},
    model::{AccountId, WidgetId},
};
use uuid::Uuid;

use crate::{ACCOUNT, is_explained};

const ANOTHER: AccountId = AccountId(Uuid::from_u128(1));

/// Whether `input` is a cursor, as a text, and is read as one, as a widget's id.
pub fn cursor(input: &[u8]) {
    if let Ok(text) = str::from_utf8(input) {
        match read(ACCOUNT, "cursor", text) {
            Ok(id) => assert_eq!(write(ACCOUNT, id), text, "what is read was written"),
            Err(violations) => is_explained(&violations),
        }
    }
    if let Ok(id) = Uuid::from_slice(input).map(WidgetId) {
        let cursor = write(ACCOUNT, id);
        assert_eq!(read(ACCOUNT, "cursor", &cursor), Ok(id));
        assert!(
            read(ANOTHER, "cursor", &cursor).is_err(),
            "a list is gone on with in its own account"
        );
    }
}
