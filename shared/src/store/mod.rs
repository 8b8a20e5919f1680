//! Widgets in DynamoDB: one table, one item a widget.
//!
//! | attribute | what |
//! |---|---|
//! | `pk` | `<account>#<dialect>`: an account reaches nothing but its own partitions |
//! | `sk` | the widget's id, a UUIDv7: a query is in the order of creation |
//! | `version`, `created_at`, `updated_at` | what we add |
//! | the documented fields | in DynamoDB's own types, free-form JSON as its text; null is absence |

pub mod client;
mod item;

use std::{collections::HashMap, env, error::Error as StdError, fmt};

use aws_sdk_dynamodb::{
    Client,
    error::SdkError,
    operation::put_item::PutItemError,
    types::{AttributeValue, ReturnValuesOnConditionCheckFailure},
};

pub use item::Stored;

use crate::{
    error::Error,
    model::{AccountId, Widget},
};

/// An item of the table.
type Item = HashMap<String, AttributeValue>;

/// Why a function cannot start: its environment is not as the template sets it.
#[derive(Debug)]
pub enum ConfigError {
    /// A variable that must be there is not.
    Missing(&'static str),
    /// The file that `AWS_CA_BUNDLE` names is no PEM file of certificates.
    CaBundle(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "the environment variable {name} is not set"),
            Self::CaBundle(error) => write!(f, "the file named by AWS_CA_BUNDLE cannot be used: {error}"),
        }
    }
}

impl StdError for ConfigError {}

/// The value of an environment variable that must be there.
pub fn variable(name: &'static str) -> Result<String, ConfigError> {
    env::var(name).ok().filter(|value| !value.is_empty()).ok_or(ConfigError::Missing(name))
}

/// The table of widgets.
#[derive(Debug)]
pub struct Store {
    client: Client,
    table: String,
}

impl Store {
    /// The widgets in `table`.
    pub fn new(client: Client, table: String) -> Self {
        Self { client, table }
    }

    /// Puts a new widget, the whole of it or nothing. With [`Error::Unavailable`] it is not known which: an answer may
    /// have been lost on its way.
    pub async fn create<S: Stored>(&self, account: AccountId, widget: &Widget<S>) -> Result<(), Error> {
        let item = item::of(account, widget);
        let result = self
            .client
            .put_item()
            .table_name(&self.table)
            .set_item(Some(item.clone()))
            .condition_expression("attribute_not_exists(pk)")
            .return_values_on_condition_check_failure(ReturnValuesOnConditionCheckFailure::AllOld)
            .send()
            .await;
        match result {
            Ok(_) => Ok(()),
            // The SDK retries where an answer got lost: then the item in the way is the one just sent.
            Err(SdkError::ServiceError(refusal)) if was_already_put(refusal.err(), &item) => Ok(()),
            Err(error) => Err(Error::from_store("PutItem Widgets", &error)),
        }
    }
}

fn was_already_put(error: &PutItemError, sent: &Item) -> bool {
    matches!(error, PutItemError::ConditionalCheckFailedException(refusal) if refusal.item() == Some(sent))
}
