//! Connections to DynamoDB: TLS, trusted roots, and the one that is opened during INIT.

use std::fs;
use std::sync::Arc;

use aws_sdk_dynamodb::config::http::HttpRequest;
use aws_sdk_dynamodb::error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpConnector, SharedHttpConnector};
use aws_smithy_types::byte_stream::ByteStream;
use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig as TlsConfig, RootCertStore};
use tokio::time::timeout;
use url::Url;

use super::config::ClientConfig;
use super::config_error::ConfigError;
use super::connector::PooledConnector;
use super::retry::WARM_UP_TIMEOUT;
use crate::error::Causes;
use crate::telemetry::{Level, log};

/// Amazon's four roots: a function connects to nothing else (build.rs).
const AMAZON_ROOTS: &str = include_str!(concat!(env!("OUT_DIR"), "/amazon_roots.pem"));

/// Makes the connector that all calls share, and with it their connections.
pub(super) fn connector(config: &ClientConfig) -> Result<SharedHttpConnector, ConfigError> {
    let roots = match config.endpoint.scheme() {
        // Without TLS no root is needed, and to parse them costs time.
        "http" => RootCertStore::empty(),
        _ => trusted_roots(config.ca_bundle.as_deref())?,
    };
    Ok(SharedHttpConnector::new(PooledConnector::new(tls_config(roots))))
}

/// Opens the connection that the first call then uses. A failure is logged: the function starts
/// without.
pub(super) async fn warm_up(connector: &SharedHttpConnector, endpoint: &Url) {
    let cause = match timeout(WARM_UP_TIMEOUT, ping(connector, endpoint)).await {
        Ok(Ok(())) => return,
        Ok(Err(error)) => Causes(&*error).to_string(),
        Err(_) => "no answer in time".to_owned(),
    };
    log::write_message(Level::Warn, "DynamoDB is not within reach yet", &cause);
}

/// Sends a request that DynamoDB answers ("healthy") without a look at credentials or tables, and
/// reads the answer, so the connection goes back to the pool.
async fn ping(connector: &SharedHttpConnector, endpoint: &Url) -> Result<(), BoxError> {
    let response = connector.call(HttpRequest::get(endpoint.as_str())?).await?;
    ByteStream::new(response.into_body()).collect().await?;
    Ok(())
}

fn trusted_roots(ca_bundle: Option<&str>) -> Result<RootCertStore, ConfigError> {
    match ca_bundle {
        Some(file) => parse_roots(&read_ca_bundle(file)?),
        None => parse_roots(AMAZON_ROOTS.as_bytes()),
    }
}

/// Parses a PEM file of certificates, at least one.
fn parse_roots(pem: &[u8]) -> Result<RootCertStore, ConfigError> {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(pem) {
        let certificate = certificate.map_err(|error| ConfigError::CaBundle(error.to_string()))?;
        roots.add(certificate).map_err(|error| ConfigError::CaBundle(error.to_string()))?;
    }
    if roots.is_empty() {
        return Err(ConfigError::CaBundle("no certificate in it".to_owned()));
    }
    Ok(roots)
}

#[expect(clippy::expect_used, reason = "ring has cipher suites for the versions of TLS")]
fn tls_config(roots: RootCertStore) -> TlsConfig {
    TlsConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .expect("ring has cipher suites for the versions of TLS")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

/// Reads a PEM file of certificates, and checks all of them: the TLS connector of the SDK panics if
/// one is faulty.
///
/// # Errors
///
/// [`ConfigError::CaBundle`] if the file cannot be read, or is anything else.
pub fn read_ca_bundle(file: &str) -> Result<Vec<u8>, ConfigError> {
    let pem = fs::read(file).map_err(|error| ConfigError::CaBundle(error.to_string()))?;
    parse_roots(&pem)?;
    Ok(pem)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_root_of_amazon_is_usable() {
        assert_eq!(trusted_roots(None).unwrap().len(), 4);
    }

    #[test]
    fn a_bundle_with_an_unusable_certificate_is_refused() {
        let not_der = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for pem in ["", "no PEM", "-----BEGIN CERTIFICATE-----\n", not_der] {
            assert!(matches!(parse_roots(pem.as_bytes()), Err(ConfigError::CaBundle(_))), "{pem}");
        }
    }
}
