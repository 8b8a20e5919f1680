//! Cursors: where the next page of a list begins, as a text that means nothing to a client.
//!
//! A cursor is the id of the last widget that was shown, with a checksum over the list it belongs to. It tells a cursor of
//! another account, of a version of this service that reads it another way, and one that was changed. It is no secret, and
//! need not be: a list is read within its account's partition, whatever id it goes on from.

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::{
    model::{AccountId, WidgetId},
    validation::{Checked, Fault, Part, refused_text},
};

/// The version of what a cursor means.
const VERSION: u8 = 1;
const ID_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 12;

/// The cursor of the page after `last` in `account`'s list.
pub fn write(account: AccountId, last: WidgetId) -> String {
    let id = last.0.as_bytes();
    let mut bytes = vec![VERSION];
    bytes.extend(id);
    bytes.extend(checksum(account, id));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// The widget that the page after the cursor `text` follows. `name` is the query parameter it came in.
pub fn read(account: AccountId, name: &'static str, text: &str) -> Checked<WidgetId> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, sent) = bytes.strip_prefix(&[VERSION])?.split_at_checked(ID_BYTES)?;
        (sent == checksum(account, id)).then_some(WidgetId(Uuid::from_slice(id).ok()?))
    };
    read().ok_or_else(|| refused_text(Part::Query, name, Fault::InvalidCursor, text))
}

fn checksum(account: AccountId, id: &[u8]) -> [u8; CHECKSUM_BYTES] {
    let digest =
        Sha256::new_with_prefix([VERSION]).chain_update(account.0).chain_update(id).finalize();
    let mut checksum = [0; CHECKSUM_BYTES];
    checksum.copy_from_slice(&digest[..CHECKSUM_BYTES]);
    checksum
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(7));
    const ID: WidgetId = WidgetId(Uuid::from_u128(0x01a1fae4_9d78_70d4_b7de_b1fe66815968));

    #[test]
    fn a_cursor_leads_back_to_where_it_was_made() {
        assert_eq!(read(ACCOUNT, "cursor", &write(ACCOUNT, ID)), Ok(ID));
    }

    #[test]
    fn a_cursor_of_another_account_or_version_is_none() {
        assert!(read(AccountId(Uuid::from_u128(8)), "cursor", &write(ACCOUNT, ID)).is_err());
        let mut bytes = URL_SAFE_NO_PAD.decode(write(ACCOUNT, ID)).unwrap();
        bytes[0] += 1;
        assert!(read(ACCOUNT, "cursor", &URL_SAFE_NO_PAD.encode(bytes)).is_err());
    }

    #[test]
    fn a_cursor_that_was_changed_anywhere_is_none() {
        let cursor = write(ACCOUNT, ID);
        for (at, was) in cursor.char_indices() {
            for now in ['A', 'B', '_', '0', '=', 'é'].into_iter().filter(|now| *now != was) {
                let changed: String =
                    cursor.char_indices().map(|(i, c)| if i == at { now } else { c }).collect();
                assert!(read(ACCOUNT, "cursor", &changed).is_err(), "{changed}");
            }
        }
        for text in [
            "",
            "AQ",
            &cursor[1..],
            &cursor[..cursor.len() - 1],
            &format!("{cursor}A"),
            &format!("{cursor}="),
        ] {
            assert!(read(ACCOUNT, "cursor", text).is_err(), "{text}");
        }
    }
}
