//! The client: the SDK's orchestrator with one plugin of ours.

use std::sync::Arc;

use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::timeout::TimeoutConfig;
use aws_sdk_dynamodb::error::SdkError;
use aws_smithy_async::rt::sleep::TokioSleep;
use aws_smithy_async::time::SystemTimeSource;
use aws_smithy_runtime::client::http::connection_poisoning::ConnectionPoisoningInterceptor;
use aws_smithy_runtime::client::identity::IdentityCache;
use aws_smithy_runtime::client::identity::no_auth::NoAuthIdentityResolver;
use aws_smithy_runtime::client::orchestrator;
use aws_smithy_runtime::client::orchestrator::endpoints::{
    StaticUriEndpointResolver, StaticUriEndpointResolverParams,
};
use aws_smithy_runtime::client::retries::TokenBucket;
use aws_smithy_runtime::client::retries::classifiers::HttpStatusCodeClassifier;
use aws_smithy_runtime::client::retries::strategy::StandardRetryStrategy;
use aws_smithy_runtime_api::client::auth::SharedAuthScheme;
use aws_smithy_runtime_api::client::auth::static_resolver::StaticAuthSchemeOptionResolver;
use aws_smithy_runtime_api::client::endpoint::EndpointResolverParams;
use aws_smithy_runtime_api::client::http::{SharedHttpConnector, http_client_fn};
use aws_smithy_runtime_api::client::interceptors::SharedInterceptor;
use aws_smithy_runtime_api::client::runtime_components::RuntimeComponentsBuilder;
use aws_smithy_runtime_api::client::runtime_plugin::{
    RuntimePlugins, SharedRuntimePlugin, StaticRuntimePlugin,
};
use aws_smithy_types::config_bag::Layer;

use super::absence::DropEmpty;
use super::config::ClientConfig;
use super::config_error::ConfigError;
use super::endpoint::host;
use super::error::CallError;
use super::operations::{Call, PluginCache};
use super::retry::{
    ATTEMPT_TIMEOUT, AttemptTracker, CALL_TIMEOUT, FIRST_BACKOFF, MAX_BACKOFF, RetryPolicy,
    RetryRules,
};
use super::signer::{SCHEME, Signer};
use super::{connection, retry};

/// A client of DynamoDB.
#[derive(Debug, Clone)]
pub struct LeanClient {
    plugin: SharedRuntimePlugin,
    operations: Arc<PluginCache>,
}

impl LeanClient {
    /// Makes a client and opens its connection, so that no request has to wait for it. If that
    /// fails, the first call tries again.
    ///
    /// # Errors
    ///
    /// [`ConfigError::CaBundle`].
    pub async fn connect(config: ClientConfig) -> Result<Self, ConfigError> {
        let connector = connection::connector(&config)?;
        connection::warm_up(&connector, &config.endpoint).await;
        Ok(Self::over(connector, config))
    }

    /// Makes a client that connects with its first call.
    ///
    /// # Errors
    ///
    /// [`ConfigError::CaBundle`].
    pub fn new(config: ClientConfig) -> Result<Self, ConfigError> {
        Ok(Self::over(connection::connector(&config)?, config))
    }

    fn over(connector: SharedHttpConnector, config: ClientConfig) -> Self {
        let ClientConfig { region, endpoint, credentials, ca_bundle: _ } = config;
        let signer = Signer::new(credentials, region, host(&endpoint));
        let components = RuntimeComponentsBuilder::new("client")
            .with_http_client(Some(http_client_fn(move |_, _| connector.clone())))
            .with_endpoint_resolver(Some(StaticUriEndpointResolver::uri(endpoint.as_str())))
            .with_auth_scheme(SharedAuthScheme::new(signer))
            .with_auth_scheme_option_resolver(Some(StaticAuthSchemeOptionResolver::new(vec![
                SCHEME,
            ])))
            // The signer has the credentials, which are the same as long as the process lives.
            .with_identity_resolver(SCHEME, NoAuthIdentityResolver::new())
            .with_identity_cache(Some(IdentityCache::no_cache()))
            .with_retry_strategy(Some(StandardRetryStrategy::new()))
            .with_retry_classifier(HttpStatusCodeClassifier::default())
            .with_retry_classifier(RetryRules)
            .with_interceptor(SharedInterceptor::permanent(AttemptTracker))
            // After a 5xx the next attempt goes over another connection, to another server.
            .with_interceptor(SharedInterceptor::permanent(ConnectionPoisoningInterceptor::new()))
            .with_sleep_impl(Some(TokioSleep::new()))
            .with_time_source(Some(SystemTimeSource::new()));
        let mut layer = Layer::new("client");
        layer.store_put(TokenBucket::default());
        layer.store_put(
            RetryConfig::standard()
                .with_max_attempts(RetryPolicy::DEFAULT.max_attempts)
                .with_initial_backoff(FIRST_BACKOFF)
                .with_max_backoff(MAX_BACKOFF),
        );
        layer.store_put(
            TimeoutConfig::builder()
                .operation_attempt_timeout(ATTEMPT_TIMEOUT)
                .operation_timeout(CALL_TIMEOUT)
                .build(),
        );
        layer.store_put(EndpointResolverParams::from(StaticUriEndpointResolverParams::new()));
        let plugin = StaticRuntimePlugin::new()
            .with_config(layer.freeze())
            .with_runtime_components(components);
        Self { plugin: SharedRuntimePlugin::new(plugin), operations: Arc::default() }
    }

    /// Makes a call and retries whatever may succeed.
    pub async fn call<C: Call>(&self, call: C) -> Result<C::Output, CallError<C::Error>> {
        self.call_with(RetryPolicy::DEFAULT, call).await
    }

    /// Makes a call and retries it as `policy` says.
    pub async fn call_with<C: Call>(
        &self,
        policy: RetryPolicy,
        call: C,
    ) -> Result<C::Output, CallError<C::Error>> {
        let plugins = C::plugins(&self.operations).get_or_init(|| {
            RuntimePlugins::new()
                .with_client_plugin(self.plugin.clone())
                .with_operation_plugin(C::plugin())
        });
        let invoke = async {
            let input = call.input().map_err(SdkError::construction_failure)?;
            // Boxed: it would be most of every future around it.
            match Box::pin(orchestrator::invoke("DynamoDB", C::NAME, input, plugins)).await {
                Ok(output) => output
                    .downcast()
                    .map(C::Output::drop_empty)
                    .map_err(|_| SdkError::construction_failure("another operation's output")),
                Err(error) => Err(error.map_service_error(|error| C::error(error).drop_empty())),
            }
        };
        let (outcome, attempts) = retry::track(policy, invoke).await;
        outcome.map_err(|source| CallError { attempts, source })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead, BufReader, Read, Write};
    use std::net::{TcpListener, TcpStream};
    use std::sync::mpsc::{Receiver, Sender, channel};
    use std::time::SystemTime;
    use std::{fmt, thread};

    use aws_sdk_dynamodb::config::Credentials;
    use aws_sdk_dynamodb::operation::get_item::GetItemOutput;
    use aws_sdk_dynamodb::operation::get_item::builders::GetItemInputBuilder;
    use aws_sdk_dynamodb::types::AttributeValue;
    use aws_sigv4::http_request::{SignableBody, SignableRequest, SigningSettings, sign};
    use aws_sigv4::sign::v4::SigningParams;
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

        /// Returns the `Authorization` header that the SDK's signer gives the request.
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
            // The signer adds these itself.
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

    /// Answers each request of a connection with `status` and an empty item, and sends it to
    /// `requests`.
    fn serve(stream: TcpStream, status: u16, requests: &Sender<Received>) {
        let mut reader = BufReader::new(&stream);
        while let Some(request) = Received::read(&mut reader) {
            requests.send(request).unwrap();
            let answer =
                format!("HTTP/1.1 {status} -\r\ncontent-length: 11\r\n\r\n{{\"Item\":{{}}}}");
            (&stream).write_all(answer.as_bytes()).unwrap();
        }
    }

    /// Calls a server whose first connection answers 500 and whose second answers 200. Returns the
    /// outcome and the requests.
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
        let config = ClientConfig::for_url(&endpoint, "us-east-1", credentials.clone()).unwrap();
        let get = GetItemInputBuilder::default()
            .table_name("Widgets")
            .key("pk", AttributeValue::S("é".to_owned()));
        (LeanClient::new(config).unwrap().call(get).await, requests)
    }

    #[tokio::test]
    async fn a_retry_after_a_500_uses_another_connection() {
        let (answer, requests) =
            call(&Credentials::new("AKID", "secret", None, None, "test")).await;
        assert!(answer.is_ok(), "{answer:?}");
        assert_eq!(requests.try_iter().count(), 2);
    }

    #[tokio::test]
    async fn an_empty_item_is_none() {
        let (answer, _) = call(&Credentials::new("AKID", "secret", None, None, "test")).await;
        assert_eq!(answer.unwrap().item, None);
    }

    #[tokio::test]
    async fn each_attempt_is_signed_as_it_is_sent() {
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
