//! What is wrong with the table, in words that an operator can act on.

use std::error::Error;

use anyhow::anyhow;
use aws_sdk_dynamodb::{
    Client,
    config::http::HttpResponse,
    error::{ProvideErrorMetadata, SdkError},
};

use shared::auth::KeyId;

/// `what` failed at `table`, and why. The SDK's own words for it would show what was sent.
pub fn in_words<E>(
    what: &str,
    client: &Client,
    table: &str,
    error: &SdkError<E, HttpResponse>,
) -> anyhow::Error
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let region = client.config().region().map_or("no region", |region| region.as_ref());
    let code = error.code().unwrap_or_default();
    let message = error.message().unwrap_or("no message");
    let why = match (error, code) {
        (_, "ResourceNotFoundException") => format!(
            "there is no table {table} in {region}: --table takes the stack's output ApiKeysTable, and AWS_REGION or the \
             profile names the stack's region"
        ),
        (_, "AccessDeniedException") => format!("your AWS credentials do not allow it: {message}"),
        (
            _,
            "UnrecognizedClientException"
            | "InvalidClientTokenId"
            | "InvalidSignatureException"
            | "IncompleteSignatureException"
            | "MissingAuthenticationTokenException"
            | "ExpiredTokenException",
        ) => format!("AWS does not take your credentials, which may have expired: {message}"),
        (_, code) if THROTTLED.contains(&code) => {
            "DynamoDB is throttled: try again in a minute".to_owned()
        }
        (SdkError::ServiceError(answer), "") => {
            format!("what answers is not DynamoDB (status {})", answer.raw().status().as_u16())
        }
        (SdkError::ServiceError(_), code) => format!("{code}: {message}"),
        (SdkError::TimeoutError(_), _) => "DynamoDB does not answer in time".to_owned(),
        (SdkError::ResponseError(_), _) => format!("what answers is not DynamoDB: {}", root(error)),
        _ => format!("DynamoDB cannot be reached: {}", root(error)),
    };
    anyhow!("{what}: {why}")
}

/// The same for a write. `advice` follows where it may have been done all the same.
pub fn of_write<E>(
    what: &str,
    client: &Client,
    table: &str,
    error: &SdkError<E, HttpResponse>,
    advice: &str,
) -> anyhow::Error
where
    E: Error + ProvideErrorMetadata + 'static,
{
    let failure = in_words(what, client, table, error);
    if is_unclear(error) {
        anyhow!("{failure}. It may have been done all the same{advice}")
    } else {
        failure
    }
}

/// The codes of a DynamoDB that has too much to do.
const THROTTLED: [&str; 3] =
    ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"];

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

/// What an error comes from in the end.
fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, root)
}
