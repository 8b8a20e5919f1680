//! How a store is called: endpoint, region, credentials and trusted certificates. And why a call
//! failed, in words that an operator can act on.

use std::{env, error::Error, io};

use anyhow::{Chain, Context, Result, anyhow, bail, ensure};
use aws_config::{
    BehaviorVersion, Region, SdkConfig,
    environment::{EnvironmentVariableCredentialsProvider, EnvironmentVariableRegionProvider},
    meta::{credentials::CredentialsProviderChain, region::RegionProviderChain},
    profile::{self, ProfileFileCredentialsProvider, ProfileFileRegionProvider},
    provider_config::ProviderConfig,
};
use aws_credential_types::provider::error::CredentialsError;
use aws_sdk_dynamodb::{
    config::{
        Credentials, ProvideCredentials, SharedAsyncSleep, SharedCredentialsProvider,
        SharedHttpClient,
        endpoint::{DefaultResolver, Params, ResolveEndpoint},
        http::HttpResponse,
    },
    error::{ProvideErrorMetadata, SdkError},
};
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_http_client::tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode};
use aws_types::{
    os_shim_internal::{Env, Fs},
    service_config::ServiceConfigKey,
};
use shared::dynamodb::{self, ClientConfig, LeanClient};
use url::Url;

/// Returns the configuration for a store of our own. It looks at none of the developer's
/// credentials.
pub fn local_config(url: &str) -> SdkConfig {
    SdkConfig::builder()
        .behavior_version(BehaviorVersion::latest())
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .sleep_impl(SharedAsyncSleep::new(TokioSleep::new()))
        .region(Region::from_static(LOCAL_REGION))
        .credentials_provider(SharedCredentialsProvider::new(placeholder()))
        .endpoint_url(url)
        .build()
}

/// The region of a store that is in none.
const LOCAL_REGION: &str = "us-east-1";

/// Returns what signs a call to a DynamoDB that wants a signature and does not check it.
fn placeholder() -> Credentials {
    Credentials::new("local", "local", None, None, "placeholder")
}

/// Returns the configuration for DynamoDB with the usual AWS credentials and region, at `endpoint`
/// or, without one, at AWS.
///
/// For AWS's own endpoints, everything is searched that AWS's tools search. A DynamoDB elsewhere
/// gets what the environment or a profile sets up, since DynamoDB Local keeps data apart by it, and
/// otherwise a placeholder.
///
/// # Errors
///
/// What is missing, and what to set: asked for before the first call, whose error would bury it.
pub async fn config(endpoint: Option<&Url>) -> Result<SdkConfig> {
    check_profile().await?;
    let https = https_client()?;
    let mut loader = aws_config::defaults(BehaviorVersion::latest()).http_client(https.clone());
    if let Some(endpoint) = endpoint {
        loader = loader.endpoint_url(endpoint.as_str().trim_end_matches('/'));
        if !is_aws(endpoint) {
            let lookup = ProviderConfig::default().with_http_client(https);
            let profile = ProfileFileCredentialsProvider::builder().configure(&lookup).build();
            let mut credentials = CredentialsProviderChain::first_try(
                "Environment",
                EnvironmentVariableCredentialsProvider::new(),
            )
            .or_else("Profile", profile);
            // A profile that was asked for by name and has none is a mistake, not a wish for a
            // placeholder.
            if env::var_os("AWS_PROFILE").is_none() {
                credentials = credentials.or_else("Placeholder", placeholder());
            }
            let region = RegionProviderChain::first_try(EnvironmentVariableRegionProvider::new())
                .or_else(ProfileFileRegionProvider::new())
                .or_else(Region::from_static(LOCAL_REGION));
            loader = loader.region(region).credentials_provider(credentials);
        }
    }
    let config = loader.load().await;
    check_credentials(&config).await?;
    ensure!(
        config.region().is_some(),
        "no AWS region: AWS_REGION or the profile names the one that the stack is in"
    );
    Ok(config)
}

/// Whether the endpoint is one of AWS's: regional, FIPS, dual-stack or in a VPC.
fn is_aws(endpoint: &Url) -> bool {
    const DOMAINS: [&str; 4] = [".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".api.aws"];
    endpoint.host_str().is_some_and(|host| DOMAINS.iter().any(|domain| host.ends_with(domain)))
}

/// Returns the client for all calls, those for credentials included. As in the functions, the PEM
/// file in `AWS_CA_BUNDLE` replaces the trusted roots.
fn https_client() -> Result<SharedHttpClient> {
    let mut tls = TlsContext::builder();
    if let Ok(file) = dynamodb::variable("AWS_CA_BUNDLE") {
        let trusted = TrustStore::empty().with_pem_certificate(dynamodb::read_ca_bundle(&file)?);
        tls = tls.with_trust_store(trusted);
    }
    let https = aws_smithy_http_client::Builder::new();
    let https = https.tls_provider(Provider::Rustls(CryptoMode::Ring));
    Ok(https.tls_context(tls.build()?).build_https())
}

/// Checks that the profile that `AWS_PROFILE` names exists. The SDK would pass over one that does
/// not, and may find the credentials of somebody else.
async fn check_profile() -> Result<()> {
    let Ok(name) = env::var("AWS_PROFILE") else { return Ok(()) };
    let profiles = profile::load(&Fs::real(), &Env::real(), &Default::default(), None).await;
    let profiles = profiles.context("AWS's configuration files cannot be read")?;
    ensure!(
        profiles.get_profile(&name).is_some(),
        "there is no AWS profile {name:?}, which AWS_PROFILE names: `aws configure list-profiles` shows which there are"
    );
    Ok(())
}

/// Checks that credentials can be had.
async fn check_credentials(config: &SdkConfig) -> Result<()> {
    let none = "no AWS credentials found: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE to a \
                profile that has some (`aws login`, `aws sso login` or `aws configure` makes some)";
    let provider = config.credentials_provider().context(none)?;
    match provider.provide_credentials().await {
        Ok(_) => Ok(()),
        // Its causes are what every source in turn does not have.
        Err(CredentialsError::CredentialsNotLoaded(_)) => bail!(none),
        Err(error) => {
            Err(error).context("the AWS credentials cannot be loaded (`aws login` or `aws sso login` renews a session's)")
        }
    }
}

/// Returns the functions' client of the store that `config` calls, with the credentials as they are
/// now. A call costs it a fraction of what it costs the SDK's client.
pub async fn lean_client(config: &SdkConfig) -> Result<LeanClient> {
    let region = config.region().context("no AWS region")?.as_ref();
    let parameters = Params::builder()
        .region(region)
        .set_use_fips(config.use_fips())
        .set_use_dual_stack(config.use_dual_stack())
        .set_endpoint(endpoint_url(config))
        .build()?;
    let endpoint = DefaultResolver::new().resolve_endpoint(&parameters).await;
    let endpoint = endpoint.map_err(|error| anyhow!("DynamoDB has no endpoint: {error}"))?;
    let provider = config.credentials_provider().context("no AWS credentials")?;
    let credentials = provider.provide_credentials().await?;
    Ok(LeanClient::new(ClientConfig::for_url(endpoint.url(), region, credentials)?)?)
}

/// Returns the URL that an option, the environment or a profile names, as the SDK finds it.
fn endpoint_url(config: &SdkConfig) -> Option<String> {
    let of_service = || {
        let key = ServiceConfigKey::builder()
            .service_id("DynamoDB")
            .env("AWS_ENDPOINT_URL")
            .profile("endpoint_url")
            .build();
        config.service_config()?.load_config(key.ok()?)
    };
    let is_option = config.get_origin("endpoint_url").is_client_config();
    let of_service = if is_option { None } else { of_service() };
    of_service.or_else(|| config.endpoint_url().map(str::to_owned))
}

/// The codes of a DynamoDB that has too much to do.
pub const THROTTLED: [&str; 3] =
    ["ThrottlingException", "ProvisionedThroughputExceededException", "RequestLimitExceeded"];

/// Returns why a call for `table` failed. `output` is the output of a stack that names the table.
pub fn table_reason<E: Error + ProvideErrorMetadata + 'static>(
    error: &SdkError<E, HttpResponse>,
    config: &SdkConfig,
    table: &str,
    output: &str,
) -> anyhow::Error {
    if error.code() != Some("ResourceNotFoundException") {
        return reason(error, config);
    }
    let region = config.region().map_or("no region", |region| region.as_ref());
    anyhow!(
        "there is no table {table} in {region}: --table takes the stack's output {output}, and AWS_REGION or the profile \
         names the stack's region"
    )
}

/// Returns why a call failed. The SDK's own words for it would show what was sent.
pub fn reason<E: Error + ProvideErrorMetadata + 'static>(
    error: &SdkError<E, HttpResponse>,
    config: &SdkConfig,
) -> anyhow::Error {
    let place = match (config.endpoint_url(), config.region()) {
        (Some(url), _) => format!("DynamoDB at {url}"),
        (None, Some(region)) => format!("DynamoDB in {region}"),
        (None, None) => "DynamoDB".to_owned(),
    };
    let code = error.code().unwrap_or_default();
    let message = error.message().unwrap_or("no message");
    let why = match (error, code) {
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
            let status = answer.raw().status().as_u16();
            format!("what answers is not {place} (status {status})")
        }
        (SdkError::ServiceError(_), code) => format!("{code}: {message}"),
        (SdkError::ResponseError(_), _) => {
            format!("what answers is not {place}: {}", root_cause(error))
        }
        (SdkError::TimeoutError(_), _) => format!("{place} does not answer in time"),
        _ => format!("{place} cannot be reached: {}", root_cause(error)),
    };
    anyhow::Error::msg(why)
}

/// Returns what an error comes from in the end, such as "connection refused".
pub fn root_cause(error: &(dyn Error + 'static)) -> String {
    let root = Chain::new(error).next_back().unwrap_or(error);
    let text = root.to_string();
    match root.downcast_ref::<io::Error>() {
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        _ if text.contains("certificate") => {
            format!("{text} (AWS_CA_BUNDLE names a PEM file of the certificates to trust)")
        }
        _ => text,
    }
}
