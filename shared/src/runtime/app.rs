//! What a function holds between invocations.

use crate::auth::{ApiKeys, Moment};
use crate::dynamodb::{ClientConfig, ConfigError, LeanClient, variable};
use crate::store::Store;

/// What a function holds between invocations.
#[derive(Debug)]
pub struct App {
    /// The API keys.
    pub api_keys: ApiKeys,
    /// The widgets.
    pub store: Store,
}

impl App {
    /// Reads the function's environment and connects to DynamoDB, so no request has to wait for
    /// it.
    ///
    /// # Errors
    ///
    /// What is wrong with the environment.
    pub async fn init() -> Result<Self, ConfigError> {
        let api_keys_table = variable("API_KEYS_TABLE")?;
        let widgets_table = variable("WIDGETS_TABLE")?;
        let client = LeanClient::connect(ClientConfig::from_env()?).await?;
        Ok(Self {
            api_keys: ApiKeys::new(client.clone(), api_keys_table, Moment::now),
            store: Store::new(client, widgets_table),
        })
    }
}
