//! The DynamoDB client of a function, lean: no `aws-config`, no system roots, its timeouts set by hand.

use std::{fs, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{BehaviorVersion, Config, Credentials, Region, retry::RetryConfig, timeout::TimeoutConfig},
};
use aws_smithy_http_client::{
    Builder,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};

use super::{ConfigError, variable};

/// Opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// One try.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// A call with all its tries. A request makes two at most (key, widget), so it is answered within 8 seconds of the
/// function's 10 however the store behaves.
const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);
/// The first try and two more.
const ATTEMPTS: u32 = 3;
/// Before the second try, at most and at random: a function's time is short and paid for.
const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// Amazon's four roots: nothing else is ever connected to (build.rs).
const AMAZON_ROOTS: &str = include_str!(concat!(env!("OUT_DIR"), "/amazon_roots.pem"));

/// A client of the region and with the credentials that Lambda sets in the environment
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>). `AWS_ENDPOINT_URL_DYNAMODB` points it
/// elsewhere, and `AWS_CA_BUNDLE` (a PEM file) replaces the roots it trusts.
pub fn from_env() -> Result<Client, ConfigError> {
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
        variable("AWS_SESSION_TOKEN").ok(),
        None,
        "environment",
    );
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(variable("AWS_REGION")?))
        .credentials_provider(credentials)
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(FIRST_BACKOFF)
                .with_max_backoff(LONGEST_BACKOFF),
        )
        .timeout_config(
            TimeoutConfig::builder()
                .connect_timeout(CONNECT_TIMEOUT)
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        );
    let endpoint = variable("AWS_ENDPOINT_URL_DYNAMODB").or_else(|_| variable("AWS_ENDPOINT_URL")).ok();
    let is_plain_http = endpoint.as_deref().is_some_and(|url| url.starts_with("http://"));
    config.set_http_client(Some(if is_plain_http {
        Builder::new().build_http()
    } else {
        Builder::new().tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls_context()?).build_https()
    }));
    config.set_endpoint_url(endpoint);
    Ok(Client::from_conf(config.build()))
}

#[expect(clippy::expect_used, reason = "the builder checks nothing: it always succeeds")]
fn tls_context() -> Result<TlsContext, ConfigError> {
    let roots = match variable("AWS_CA_BUNDLE") {
        Ok(file) => fs::read(file).map_err(ConfigError::CaBundle)?,
        Err(_) => AMAZON_ROOTS.into(),
    };
    let trust = TrustStore::empty().with_pem_certificate(roots);
    Ok(TlsContext::builder().with_trust_store(trust).build().expect("the builder checks nothing"))
}
