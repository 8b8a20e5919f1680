//! What is wrong with the table, in words that an operator can act on.

use std::error::Error;

use anyhow::anyhow;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use shared::model::KeyId;

use crate::local::store_access::{THROTTLED, table_reason};

/// `what` failed at `table`, and why.
pub fn in_words<E: Error + ProvideErrorMetadata + 'static>(
    what: &str,
    config: &SdkConfig,
    table: &str,
    error: &SdkError<E, HttpResponse>,
) -> anyhow::Error {
    anyhow!("{what}: {}", table_reason(error, config, table, "ApiKeysTable"))
}

/// The same for a write. `advice` follows where it may have been done all the same.
pub fn of_write<E: Error + ProvideErrorMetadata + 'static>(
    what: &str,
    config: &SdkConfig,
    table: &str,
    error: &SdkError<E, HttpResponse>,
    advice: &str,
) -> anyhow::Error {
    let failure = in_words(what, config, table, error);
    if is_unclear(error) {
        anyhow!("{failure}. It may have been done all the same{advice}")
    } else {
        failure
    }
}

/// The code of a transaction that is being made for an earlier attempt.
const IN_PROGRESS: &str = "TransactionInProgressException";

/// Whether a write that failed so may have been made all the same: no answer says that it was
/// refused, or one that the SDK tries again after does, and says nothing of the attempts before it.
fn is_unclear<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        _ if error.code().is_some_and(|code| code == IN_PROGRESS || THROTTLED.contains(&code)) => {
            true
        }
        SdkError::ServiceError(answer) => !answer.raw().status().is_client_error(),
        _ => true,
    }
}

/// What to do after a write that may have put the key into the table.
pub fn if_unseen(id: &KeyId) -> String {
    format!(". Where `widgets keys list` shows {id}, {}", unseen(id))
}

/// What to do about a key in the table that nobody has seen.
pub fn unseen(id: &KeyId) -> String {
    format!(
        "nobody has seen that key: `widgets keys rotate {id} --overlap 0s` shows one in its place, `widgets keys revoke \
         {id}` ends it"
    )
}
