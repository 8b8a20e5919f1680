//! The connection to the store as on AWS: over TLS, opened during INIT.

use std::{
    io::Write,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use rcgen::{CertifiedKey, generate_simple_self_signed};
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::{
    io::copy_bidirectional,
    net::{TcpListener, TcpStream},
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, pki_types::PrivateKeyDer},
};
use url::Url;
use widgets::{
    keys::{NewKey, issue_development_key},
    local::function_process::Function,
};

use crate::{
    command::{Printed, widgets},
    support::{
        app::function,
        dialect::PATHWAY,
        fault_proxy::{Call, FaultProxy},
    },
};

/// A TLS front before an HTTP server, with the number of its handshakes.
pub struct TlsFront {
    pub port: u16,
    pub certificate: NamedTempFile,
    handshakes: Arc<AtomicUsize>,
}

impl TlsFront {
    pub async fn before(server: &Url) -> Self {
        let CertifiedKey { cert, signing_key } =
            generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut certificate = NamedTempFile::new().unwrap();
        certificate.write_all(cert.pem().as_bytes()).unwrap();
        let key = PrivateKeyDer::Pkcs8(signing_key.serialize_der().into());
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![cert.der().clone()], key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let server = server.socket_addrs(|| None).unwrap()[0];
        let handshakes = Arc::new(AtomicUsize::new(0));
        let made = Arc::clone(&handshakes);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (acceptor, made) = (acceptor.clone(), Arc::clone(&made));
                tokio::spawn(async move {
                    // A client that does not trust the certificate ends the handshake.
                    let Ok(mut client) = acceptor.accept(client).await else { return };
                    made.fetch_add(1, Ordering::SeqCst);
                    let mut server = TcpStream::connect(server).await.unwrap();
                    let _ = copy_bidirectional(&mut client, &mut server).await;
                });
            }
        });
        Self { port, certificate, handshakes }
    }

    /// Starts the pathway function with this front as its store.
    async fn function(&self, is_trusted: bool) -> Function {
        let bundle = self.certificate.path().to_str().unwrap();
        let bundle: &[_] = if is_trusted { &[("AWS_CA_BUNDLE", bundle)] } else { &[] };
        function(PATHWAY.name, &format!("https://localhost:{}", self.port), bundle).await
    }
}

const CREATE: &str = include_str!("../events/create_pathway.json");

/// Starts a store with the key of [`CREATE`].
async fn proxy() -> FaultProxy {
    let proxy = FaultProxy::start().await;
    let key = NewKey::parse("in-test").unwrap();
    issue_development_key(&key, &proxy.store).await.unwrap();
    proxy
}

async fn invoke(function: &Function, event: &str) -> Value {
    serde_json::from_slice(&function.invoke(event.to_owned().into()).await.unwrap()).unwrap()
}

#[tokio::test]
async fn connection_opened_during_init_serves_every_request() {
    let proxy = proxy().await;
    let front = TlsFront::before(&proxy.url).await;
    let function = front.function(true).await;
    // This request makes no call: the connection was opened before.
    let nowhere = CREATE.replace(PATHWAY.root, "/v1/none");
    assert_eq!(invoke(&function, &nowhere).await["statusCode"], 404);
    assert_eq!((front.handshakes.load(Ordering::SeqCst), proxy.call_count(Call::CREATE)), (1, 0));
    for _ in 0..3 {
        assert_eq!(invoke(&function, CREATE).await["statusCode"], 200);
    }
    assert_eq!((front.handshakes.load(Ordering::SeqCst), proxy.call_count(Call::CREATE)), (1, 3));
}

#[tokio::test]
async fn untrusted_store_returns_503_and_receives_no_call() {
    let proxy = proxy().await;
    let front = TlsFront::before(&proxy.url).await;
    let function = front.function(false).await;
    assert_eq!(invoke(&function, CREATE).await["statusCode"], 503);
    assert_eq!((front.handshakes.load(Ordering::SeqCst), proxy.call_count(Call::CREATE)), (0, 0));
}

#[tokio::test]
async fn commands_trust_what_the_ca_bundle_holds() {
    let proxy = proxy().await;
    let front = TlsFront::before(&proxy.url).await;
    let url = format!("https://localhost:{}", front.port);
    let mut no_bundle = NamedTempFile::new().unwrap();
    no_bundle.write_all(b"-----BEGIN NOTHING-----").unwrap();
    let run = async |arguments: &[&str], bundle: Option<&Path>| {
        let mut command = widgets(&[arguments, &["--endpoint-url", &url]].concat()).await;
        command.env_remove("AWS_CA_BUNDLE").env_remove("AWS_PROFILE");
        command.envs(bundle.map(|bundle| ("AWS_CA_BUNDLE", bundle)));
        Printed::new(command.output().await.unwrap())
    };

    let trusted = run(&["keys", "list"], Some(front.certificate.path())).await;
    assert!(trusted.is_success && trusted.stderr.is_empty(), "{trusted:?}");
    for arguments in [&["keys", "list"][..], &["events"], &["serve", "--port", "0"]] {
        let untrusted = run(arguments, None).await;
        let reason = "cannot be reached: invalid peer certificate";
        untrusted.expect_failure(&format!("DynamoDB at {url} {reason}"));
        assert!(untrusted.stderr.contains("AWS_CA_BUNDLE"), "{untrusted:?}");
        let unusable = run(arguments, Some(no_bundle.path())).await;
        unusable.expect_failure("widgets: the file named by AWS_CA_BUNDLE cannot be used: ");
    }
}
