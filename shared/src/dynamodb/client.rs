//! The DynamoDB client of a function, lean: no `aws-config`, no system roots, its timeouts set by hand.

use std::{fs, sync::Arc, time::Duration};

use aws_sdk_dynamodb::{
    config::{
        http::{HttpRequest, HttpResponse},
        retry::RetryConfig,
        timeout::TimeoutConfig,
    },
    error::{BoxError, SdkError},
};
use aws_smithy_async::{rt::sleep::TokioSleep, time::SystemTimeSource};
use aws_smithy_http_client::{
    Connector,
    tls::{Provider, TlsContext, TrustStore, rustls_provider::CryptoMode},
};
use aws_smithy_runtime::client::{
    http::connection_poisoning::ConnectionPoisoningInterceptor,
    identity::{IdentityCache, no_auth::NoAuthIdentityResolver},
    orchestrator::{
        self,
        endpoints::{StaticUriEndpointResolver, StaticUriEndpointResolverParams},
    },
    retries::{
        TokenBucket, classifiers::HttpStatusCodeClassifier, strategy::StandardRetryStrategy,
    },
};
use aws_smithy_runtime_api::client::{
    auth::{SharedAuthScheme, static_resolver::StaticAuthSchemeOptionResolver},
    endpoint::EndpointResolverParams,
    http::{HttpConnector, HttpConnectorSettings, SharedHttpConnector, http_client_fn},
    interceptors::SharedInterceptor,
    runtime_components::RuntimeComponentsBuilder,
    runtime_plugin::{RuntimePlugins, SharedRuntimePlugin, StaticRuntimePlugin},
};
use aws_smithy_types::{byte_stream::ByteStream, config_bag::Layer};
use rustls_pki_types::{CertificateDer, pem::PemObject};
use tokio::time::timeout;
use url::Url;

use super::{
    config::{Access, ConfigError, host, variable},
    operations::{Call, Operations},
    retry::{TransactionConflicts, UnreadableAnswers, Unrepeated, Watch},
    signer::{SCHEME, Signer},
};
use crate::{
    error::Causes,
    log::{self, Level},
};

/// Opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// One try.
pub const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);
/// A call with all its tries. Most requests on one widget make two at most (key, widget), so that they are answered within 8
/// seconds of the function's 10 however the store behaves. What makes more of them is given up before the 10 are over
/// ([`crate::lambda`]).
const OPERATION_TIMEOUT: Duration = Duration::from_secs(4);
/// The first try and two more.
pub const ATTEMPTS: u32 = 3;
/// Before the second try, at most and at random: a function's time is short and paid for.
pub const FIRST_BACKOFF: Duration = Duration::from_millis(50);
const LONGEST_BACKOFF: Duration = Duration::from_millis(500);

/// How long opening the first connection may take before the function goes on without.
const WARM_UP_TIMEOUT: Duration = Duration::from_secs(1);

/// Amazon's four roots: nothing else is ever connected to (build.rs).
const AMAZON_ROOTS: &str = include_str!(concat!(env!("OUT_DIR"), "/amazon_roots.pem"));

/// A client of DynamoDB: the SDK's operations, orchestration, retries and timeouts, with no more around them than they need.
///
/// The SDK's own client reads a table of AWS's regions at each start, looks for each call's endpoint and identity anew, and tells
/// DynamoDB of the program what nobody here reads (ARCHITECTURE.md, "Speed").
#[derive(Debug, Clone)]
pub struct Client {
    plugin: SharedRuntimePlugin,
    operations: Arc<Operations>,
}

/// A client of what the environment says, with its connection open. `AWS_CA_BUNDLE` (a PEM file) replaces the roots that it
/// trusts.
pub async fn connect() -> Result<Client, ConfigError> {
    let access = Access::from_env()?;
    let endpoint = access.endpoint()?;
    let connector = connector(endpoint.scheme() == "http")?;
    match timeout(WARM_UP_TIMEOUT, open(&connector, &endpoint)).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => log::event(
            Level::Warn,
            "the store is not within reach yet",
            &Causes(&*error).to_string(),
        ),
        Err(_) => log::event(Level::Warn, "the store is not within reach yet", "no answer in time"),
    }
    Ok(Client::over(connector, access, &endpoint))
}

impl Client {
    /// A client that has yet to connect, for a store without TLS or whose roots the environment says.
    pub fn new(access: Access) -> Result<Self, ConfigError> {
        let endpoint = access.endpoint()?;
        Ok(Self::over(connector(endpoint.scheme() == "http")?, access, &endpoint))
    }

    fn over(connector: SharedHttpConnector, access: Access, endpoint: &Url) -> Self {
        let signer = Signer::new(access.credentials, access.region, host(endpoint));
        let components = RuntimeComponentsBuilder::new("client")
            .with_http_client(Some(http_client_fn(move |_, _| connector.clone())))
            .with_endpoint_resolver(Some(StaticUriEndpointResolver::uri(endpoint.as_str())))
            .with_auth_scheme(SharedAuthScheme::new(signer))
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
                SCHEME,
            ])))
            // The signer has the credentials itself: they are the same for as long as the process lives.
            .with_identity_resolver(SCHEME, NoAuthIdentityResolver::new())
            .with_identity_cache(Some(IdentityCache::no_cache()))
            .with_retry_strategy(Some(StandardRetryStrategy::new()))
            .with_retry_classifier(HttpStatusCodeClassifier::default())
            .with_retry_classifier(TransactionConflicts)
            .with_retry_classifier(UnreadableAnswers)
            .with_retry_classifier(Unrepeated)
            .with_interceptor(SharedInterceptor::permanent(Watch))
            // The next try is another server's, where one failed.
            .with_interceptor(SharedInterceptor::permanent(ConnectionPoisoningInterceptor::new()))
            .with_sleep_impl(Some(TokioSleep::new()))
            .with_time_source(Some(SystemTimeSource::new()));
        let mut config = Layer::new("client");
        config.store_put(TokenBucket::default());
        config.store_put(
            RetryConfig::standard()
                .with_max_attempts(ATTEMPTS)
                .with_initial_backoff(FIRST_BACKOFF)
                .with_max_backoff(LONGEST_BACKOFF),
        );
        config.store_put(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(OPERATION_TIMEOUT)
                .build(),
        );
        config.store_put(EndpointResolverParams::from(StaticUriEndpointResolverParams::new()));
        let plugin = StaticRuntimePlugin::new()
            .with_config(config.freeze())
            .with_runtime_components(components);
        Self { plugin: SharedRuntimePlugin::new(plugin), operations: Arc::default() }
    }

    /// Makes a call, and makes it again where that may help.
    pub(crate) async fn call<C: Call>(
        &self,
        call: C,
    ) -> Result<C::Output, SdkError<C::Error, HttpResponse>> {
        let plugins = C::slot(&self.operations).get_or_init(|| {
            RuntimePlugins::new()
                .with_client_plugin(self.plugin.clone())
                .with_operation_plugin(C::plugin())
        });
        let input = call.input().map_err(SdkError::construction_failure)?;
        // Boxed: it would be most of every future that is around it.
        match Box::pin(orchestrator::invoke("DynamoDB", C::NAME, input, plugins)).await {
            Ok(output) => output
                .downcast()
                .map_err(|_| SdkError::construction_failure("another operation's output")),
            Err(error) => Err(error.map_service_error(C::error)),
        }
    }
}

/// Sends one request that DynamoDB answers without a look at credentials or tables ("healthy"), and reads its answer, so
/// that the connection it needed lies in the connector's pool. The request that a client waits for then finds it there.
async fn open(connector: &SharedHttpConnector, endpoint: &Url) -> Result<(), BoxError> {
    let response = connector.call(HttpRequest::get(endpoint.as_str())?).await?;
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
    Ok(TlsContext::builder()
        .with_trust_store(trust)
        .build()
        .expect("this builder has no check that could fail"))
}

/// The PEM file `file`, read here so that a fault in it is an error and not a panic of the TLS connector's.
fn ca_bundle(file: &str) -> Result<Vec<u8>, ConfigError> {
    let pem = fs::read(file).map_err(|error| ConfigError::CaBundle(error.to_string()))?;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    match certificates {
        Ok(certificates) if certificates.is_empty() => {
            Err(ConfigError::CaBundle("no certificate in it".to_owned()))
        }
        Ok(_) => Ok(pem),
        Err(error) => Err(ConfigError::CaBundle(error.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use std::{
        fmt,
        io::{BufRead, BufReader, Read, Write},
        net::{TcpListener, TcpStream},
        sync::mpsc::{Receiver, Sender, channel},
        thread,
        time::SystemTime,
    };

    use aws_sdk_dynamodb::{
        config::Credentials,
        operation::get_item::{GetItemOutput, builders::GetItemInputBuilder},
        types::AttributeValue,
    };
    use aws_sigv4::{
        http_request::{SignableBody, SignableRequest, SigningSettings, sign},
        sign::v4::SigningParams,
    };
    use aws_smithy_runtime_api::client::identity::Identity;
    use chrono::NaiveDateTime;

    use super::*;

    /// A request as it came over the wire.
    #[derive(Debug, Default)]
    struct Received {
        request_line: String,
        headers: Vec<(String, String)>,
        body: Vec<u8>,
    }

    impl Received {
        fn read(stream: &mut impl BufRead) -> Option<Self> {
            let mut received = Self::default();
            let mut line = || {
                let mut line = String::new();
                (stream.read_line(&mut line).unwrap() > 0).then(|| line.trim_end().to_owned())
            };
            received.request_line = line()?;
            while let Some((name, value)) = line()?.split_once(": ") {
                received.headers.push((name.to_owned(), value.to_owned()));
            }
            let length = received.header("content-length").parse().unwrap();
            stream.take(length).read_to_end(&mut received.body).unwrap();
            Some(received)
        }

        fn header(&self, name: &str) -> &str {
            let found: Vec<&str> = self
                .headers
                .iter()
                .filter(|(own, _)| own == name)
                .map(|(_, value)| value.as_str())
                .collect();
            assert_eq!(found.len(), 1, "{name} in {self:?}");
            found[0]
        }

        /// The `Authorization` that the SDK's signer gives what came.
        fn authorization(&self, credentials: &Credentials) -> String {
            let ["POST", path, "HTTP/1.1"] = self.request_line.split(' ').collect::<Vec<_>>()[..]
            else {
                panic!("{self:?}")
            };
            let time =
                NaiveDateTime::parse_from_str(self.header("x-amz-date"), "%Y%m%dT%H%M%SZ").unwrap();
            let identity = Identity::from(credentials.clone());
            let params = SigningParams::builder()
                .identity(&identity)
                .region("us-east-1")
                .name("dynamodb")
                .time(SystemTime::from(time.and_utc()))
                .settings(SigningSettings::default())
                .build();
            let (_, signed) = self.header("authorization").split_once("SignedHeaders=").unwrap();
            let signed: Vec<&str> = signed.split_once(',').unwrap().0.split(';').collect();
            // These the signer adds.
            let is_own =
                |name: &str| ["host", "x-amz-date", "x-amz-security-token"].contains(&name);
            let given =
                signed.iter().filter(|name| !is_own(name)).map(|name| (*name, self.header(name)));
            let uri = format!("http://{}{path}", self.header("host"));
            let request =
                SignableRequest::new("POST", uri, given, SignableBody::Bytes(&self.body)).unwrap();
            let instructions = sign(request, &params.unwrap().into()).unwrap().into_parts().0;
            instructions.headers().find(|(name, _)| *name == "authorization").unwrap().1.to_owned()
        }
    }

    /// Answers each request of a connection with `status`, and tells it.
    fn serve(stream: TcpStream, status: u16, requests: &Sender<Received>) {
        let mut reader = BufReader::new(&stream);
        while let Some(request) = Received::read(&mut reader) {
            requests.send(request).unwrap();
            let answer = format!("HTTP/1.1 {status} -\r\ncontent-length: 2\r\n\r\n{{}}");
            (&stream).write_all(answer.as_bytes()).unwrap();
        }
    }

    /// Makes a call of a server whose first connection answers 500 and whose second 200. Tells the outcome, and what came.
    async fn call(
        credentials: &Credentials,
    ) -> (Result<GetItemOutput, impl fmt::Debug + use<>>, Receiver<Received>) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let (sender, requests) = channel();
        thread::spawn(move || {
            for (stream, status) in listener.incoming().zip([500, 200]) {
                let requests = sender.clone();
                thread::spawn(move || serve(stream.unwrap(), status, &requests));
            }
        });
        let credentials = credentials.clone();
        let access =
            Access { region: "us-east-1".to_owned(), endpoint: Some(endpoint), credentials };
        let get = GetItemInputBuilder::default()
            .table_name("Widgets")
            .key("pk", AttributeValue::S("é".to_owned()));
        (Client::new(access).unwrap().call(get).await, requests)
    }

    #[tokio::test]
    async fn what_a_server_failed_at_is_tried_again_with_another() {
        let (answer, requests) =
            call(&Credentials::new("AKID", "secret", None, None, "test")).await;
        assert!(answer.is_ok(), "{answer:?}");
        assert_eq!(requests.try_iter().count(), 2);
    }

    #[tokio::test]
    async fn each_try_is_signed_as_it_is_sent() {
        let credentials =
            Credentials::new("AKID", "secret", Some("token".to_owned()), None, "test");
        let (_, requests) = call(&credentials).await;
        let requests: Vec<Received> = requests.try_iter().collect();
        assert_eq!(requests.len(), 2);
        for request in requests {
            assert_eq!(
                request.header("authorization"),
                request.authorization(&credentials),
                "{request:?}"
            );
        }
    }
}
