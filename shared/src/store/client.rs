//! The DynamoDB client of a function, lean: no `aws-config`, no system roots, its timeouts set by hand.

use std::{fs, time::Duration};

use aws_sdk_dynamodb::{
    Client,
    config::{
        BehaviorVersion, Config, Credentials, Region,
        endpoint::{DefaultResolver, Params, ResolveEndpoint},
        http::HttpRequest,
        retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::BoxError,
};
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector, http_client_fn};
use aws_smithy_types::byte_stream::ByteStream;
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio::time::timeout;

use super::{
    ConfigError,
    retry::{TransactionConflicts, UnreadableAnswers, Unrepeated, Watch},
    variable,
};
use crate::{
    error::Causes,
    log::{self, Level},
};

/// Opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// One try.
pub(super) const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// A call with all its tries. Most requests on one widget make two at most (key, widget), so that they are answered within 8
/// seconds of the function's 10 however the store behaves. What makes more of them is given up before the 10 are over
/// ([`crate::lambda`]).
const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);
/// The first try and two more.
pub(super) const ATTEMPTS: u32 = 3;
/// Before the second try, at most and at random: a function's time is short and paid for.
pub(super) const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// How long opening the first connection may take before the function goes on without.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// Amazon's four roots: nothing else is ever connected to (build.rs).
const AMAZON_ROOTS: &str = include_str!(concat!(env!("OUT_DIR"), "/amazon_roots.pem"));

/// A client of the region and with the credentials that Lambda sets in the environment
/// (<https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html>), with its connection open.
/// `AWS_ENDPOINT_URL_DYNAMODB` points it elsewhere, and `AWS_CA_BUNDLE` (a PEM file) replaces the roots it trusts.
pub async fn connect() -> Result<Client, ConfigError> {
    let region = variable("AWS_REGION")?;
    let credentials = Credentials::new(
        variable("AWS_ACCESS_KEY_ID")?,
        variable("AWS_SECRET_ACCESS_KEY")?,
        variable("AWS_SESSION_TOKEN").ok(),
        None,
        "environment",
    );
    let endpoint = variable("AWS_ENDPOINT_URL_DYNAMODB").or_else(|_| variable("AWS_ENDPOINT_URL")).ok();
    let is_plain_http = endpoint.as_deref().is_some_and(|url| url.starts_with("http://"));
    let connector = connector(is_plain_http)?;
    let params = Params::builder().region(region.clone()).set_endpoint(endpoint.clone()).build();
    let shared_connector = connector.clone();
    let mut config = Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new(region))
        .credentials_provider(credentials)
        .http_client(http_client_fn(move |_, _| shared_connector.clone()))
        .retry_config(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(FIRST_BACKOFF)
                .with_max_backoff(LONGEST_BACKOFF),
        )
        .retry_classifier(TransactionConflicts)
        .retry_classifier(UnreadableAnswers)
        .retry_classifier(Unrepeated)
        .interceptor(Watch)
        .timeout_config(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        );
    config.set_endpoint_url(endpoint);
    let client = Client::from_conf(config.build());
    let opened = async { open(&connector, &params?).await };
    match timeout(WARM_UP_TIMEOUT, opened).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log::event(Level::Warn, "the store is not within reach yet", &Causes(&*error).to_string()),
        Err(_) => log::event(Level::Warn, "the store is not within reach yet", "no answer in time"),
    }
    Ok(client)
}

/// Sends one request that DynamoDB answers without a look at credentials or tables ("healthy"), and reads its answer, so
/// that the connection it needed lies in the connector's pool. The request that a client waits for then finds it there.
async fn open(connector: &SharedHttpConnector, params: &Params) -> Result<(), BoxError> {
    let endpoint = DefaultResolver::new().resolve_endpoint(params).await?;
    let response = connector.call(HttpRequest::get(endpoint.url())?).await?;
    ByteStream::new(response.into_body()).collect().await?;
    Ok(())
}

/// One connector for every call, so that they share its connections.
fn connector(is_plain_http: bool) -> Result<SharedHttpConnector, ConfigError> {
    let settings = HttpConnectorSettings::builder().connect_timeout(CONNECT_TIMEOUT).build();
    let builder = Connector::builder().connector_settings(settings);
    Ok(SharedHttpConnector::new(if is_plain_http {
        builder.build_http()
    } else {
        builder.tls_provider(Provider::Rustls(CryptoMode::Ring)).tls_context(tls_context()?).build()
    }))
}

#[expect(clippy::expect_used, reason = "this builder has no check that could fail")]
fn tls_context() -> Result<TlsContext, ConfigError> {
    let roots = match variable("AWS_CA_BUNDLE") {
        Ok(file) => ca_bundle(&file)?,
        Err(_) => AMAZON_ROOTS.into(),
    };
    let trust = TrustStore::empty().with_pem_certificate(roots);
    Ok(TlsContext::builder().with_trust_store(trust).build().expect("this builder has no check that could fail"))
}

/// The PEM file `file`, read here so that a fault in it is an error and not a panic of the TLS connector's.
fn ca_bundle(file: &str) -> Result<Vec<u8>, ConfigError> {
    let pem = fs::read(file).map_err(|error| ConfigError::CaBundle(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => Err(ConfigError::CaBundle("no certificate in it".to_owned())),
        Ok(_) => Ok(pem),
        Err(error) => Err(ConfigError::CaBundle(error.to_string())),
    }
}
