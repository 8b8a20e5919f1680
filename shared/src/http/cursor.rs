//! Cursors: opaque texts that say where the next page of a list begins.
//!
//! A cursor is the id of the last widget on the page, with a checksum over the format's version,
//! the account and the id. The checksum rejects cursors of other accounts, of other formats, and
//! ones that were changed. It is not a secret and need not be: a list is read within its account's
//! partition, whatever id it continues from.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::model::{AccountId, WidgetId};
use crate::validation::{RequestPart, Validated, ViolationKind, text_violation};

/// The version of the format.
const VERSION: u8 = 1;
const ID_BYTES: usize = 16;
const CHECKSUM_BYTES: usize = 12;

/// Writes the cursor of the page after `last` in the list of `account`.
pub fn write(account: AccountId, last: WidgetId) -> String {
    let id = last.0.as_bytes();
    let mut bytes = vec![VERSION];
    bytes.extend(id);
    bytes.extend(checksum(account, id));
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a cursor and returns the widget that the page follows. `name` is the query parameter.
pub fn read(account: AccountId, name: &'static str, text: &str) -> Validated<WidgetId> {
    let read = || {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        let (id, sent) = bytes.strip_prefix(&[VERSION])?.split_at_checked(ID_BYTES)?;
        (sent == checksum(account, id)).then_some(WidgetId(Uuid::from_slice(id).ok()?))
    };
    read()
        .ok_or_else(|| text_violation(RequestPart::Query, name, ViolationKind::InvalidCursor, text))
}

fn checksum(account: AccountId, id: &[u8]) -> Vec<u8> {
    let hasher = Sha256::new_with_prefix([VERSION]).chain_update(account.0).chain_update(id);
    hasher.finalize()[..CHECKSUM_BYTES].to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ACCOUNT: AccountId = AccountId(Uuid::from_u128(7));
    const ID: WidgetId = WidgetId(Uuid::from_u128(0x01a1fae4_9d78_70d4_b7de_b1fe66815968));

    #[test]
    fn a_cursor_leads_back_to_its_widget() {
        assert_eq!(read(ACCOUNT, "cursor", &write(ACCOUNT, ID)), Ok(ID));
    }

    #[test]
    fn a_cursor_of_another_account_or_version_is_rejected() {
        assert!(read(AccountId(Uuid::from_u128(8)), "cursor", &write(ACCOUNT, ID)).is_err());
        let mut bytes = URL_SAFE_NO_PAD.decode(write(ACCOUNT, ID)).unwrap();
        bytes[0] += 1;
        assert!(read(ACCOUNT, "cursor", &URL_SAFE_NO_PAD.encode(bytes)).is_err());
    }

    #[test]
    fn a_changed_cursor_is_rejected() {
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
