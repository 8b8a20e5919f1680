//! What a function reads from its environment to call DynamoDB.

use std::env;

use aws_sdk_dynamodb::config::Credentials;
use url::Url;

use super::config_error::ConfigError;
use super::endpoint::{self, EndpointOptions};

/// Where DynamoDB is and who calls it. It has no `Debug`, because that of the credentials shows a
/// part of them.
pub struct ClientConfig {
    pub(super) region: String,
    pub(super) endpoint: Url,
    pub(super) credentials: Credentials,
    pub(super) ca_bundle: Option<String>,
}

impl ClientConfig {
    /// Reads the variables that Lambda sets
    /// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>) and those of the
    /// SDKs for endpoints
    /// (<https://docs.aws.amazon.com/sdkref/latest/guide/settings-reference.html>):
    /// `AWS_ENDPOINT_URL_DYNAMODB`, `AWS_ENDPOINT_URL`, `AWS_USE_FIPS_ENDPOINT` and
    /// `AWS_USE_DUALSTACK_ENDPOINT`. The PEM file in `AWS_CA_BUNDLE` replaces the trusted roots.
    ///
    /// # Errors
    ///
    /// The variable that is missing or cannot be used.
    pub fn from_env() -> Result<Self, ConfigError> {
        let region = variable("AWS_REGION")?;
        let url = variable("AWS_ENDPOINT_URL_DYNAMODB").or_else(|_| variable("AWS_ENDPOINT_URL"));
        let options = EndpointOptions {
            url: url.ok(),
            use_fips: is_true("AWS_USE_FIPS_ENDPOINT"),
            use_dual_stack: is_true("AWS_USE_DUALSTACK_ENDPOINT"),
        };
        Ok(Self {
            endpoint: endpoint::resolve(&region, &options)?,
            region,
            credentials: Credentials::new(
                variable("AWS_ACCESS_KEY_ID")?,
                variable("AWS_SECRET_ACCESS_KEY")?,
                variable("AWS_SESSION_TOKEN").ok(),
                None,
                "environment",
            ),
            ca_bundle: variable("AWS_CA_BUNDLE").ok(),
        })
    }

    /// Configures a client of the DynamoDB at `url`: scheme, host and port. The PEM file in
    /// `AWS_CA_BUNDLE` replaces the trusted roots.
    ///
    /// # Errors
    ///
    /// [`ConfigError::Endpoint`] if `url` is anything else.
    pub fn for_url(url: &str, region: &str, credentials: Credentials) -> Result<Self, ConfigError> {
        let options = EndpointOptions { url: Some(url.to_owned()), ..EndpointOptions::default() };
        let endpoint = endpoint::resolve(region, &options)?;
        let ca_bundle = variable("AWS_CA_BUNDLE").ok();
        Ok(Self { region: region.to_owned(), endpoint, credentials, ca_bundle })
    }
}

/// Returns the value of an environment variable.
///
/// # Errors
///
/// [`ConfigError::Missing`] if it is not set or empty.
pub fn variable(name: &'static str) -> Result<String, ConfigError> {
    env::var(name).ok().filter(|value| !value.is_empty()).ok_or(ConfigError::Missing(name))
}

/// The SDKs take `true` in any case, and nothing else, for a setting that is on.
fn is_true(name: &'static str) -> bool {
    variable(name).is_ok_and(|value| value.eq_ignore_ascii_case("true"))
}
