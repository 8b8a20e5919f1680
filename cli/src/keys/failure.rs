//! What is wrong with the table, in words that an operator can act on.

use std::error::Error;

use anyhow::anyhow;
use aws_config::SdkConfig;
use aws_sdk_dynamodb::{
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use shared::auth::KeyId;

use crate::local::store_access::{THROTTLED, failed};

/// `what` failed at `table`, and why.
pub fn in_words<E>(
    what: &str,
    config: &SdkConfig,
    table: &str,
    error: &SdkError<E, HttpResponse>,
) -> anyhow::Error
where
    E: Error + ProvideErrorMetadata + 'static,
{
    if error.code() != Some("ResourceNotFoundException") {
        return failed(what, error, config);
    }
    let region = config.region().map_or("no region", |region| region.as_ref());
    anyhow!(
        "{what}: there is no table {table} in {region}: --table takes the stack's output ApiKeysTable, and AWS_REGION or \
         the profile names the stack's region"
    )
}

/// The code of a transaction that is being made for an earlier attempt.
const IN_PROGRESS: &str = "TransactionInProgressException";

/// Whether a write that failed so may have been made all the same: no answer says that it was
/// refused, or one that the SDK tries again after does, and says nothing of the attempts before it.
pub fn is_unclear<E: ProvideErrorMetadata>(error: &SdkError<E, HttpResponse>) -> bool {
    match error {
        SdkError::ConstructionFailure(_) => false,
        _ if error.code().is_some_and(|code| code == IN_PROGRESS || THROTTLED.contains(&code)) => {
            true
        }
        SdkError::ServiceError(answer) => !answer.raw().status().is_client_error(),
        _ => true,
    }
}

/// The same, of a new key that is in the table perhaps, and that nobody has seen then.
pub fn perhaps_unseen(failure: &anyhow::Error, id: &KeyId) -> anyhow::Error {
    anyhow!(
        "{failure:#}. It may have been done all the same. Where `widgets keys list` shows {id}, {}",
        unseen(id)
    )
}

/// What to do about a key in the table that nobody has seen.
pub fn unseen(id: &KeyId) -> String {
    format!(
        "nobody has seen that key: `widgets keys rotate {id} --overlap 0s` shows one in its place, `widgets keys revoke \
         {id}` ends it"
    )
}
