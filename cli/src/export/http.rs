//! Requests to the service, and their retries.

use std::{
    error::Error,
    io,
    time::{Duration, SystemTime},
};

use anyhow::{Chain, Context, Result, bail};
use http_body_util::{BodyExt, Empty};
use hyper::{
    HeaderMap, Request, Response, StatusCode,
    body::{Bytes, Incoming},
    header::{AUTHORIZATION, HeaderName, HeaderValue, LINK, LOCATION, RETRY_AFTER, USER_AGENT},
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{self, connect::HttpConnector},
    rt::TokioExecutor,
};
use rustls::crypto::ring;
use serde_json::value::RawValue;
use tokio::time::{sleep, timeout};
use url::Url;

use super::{
    backoff::{self, MAX_ATTEMPTS, MAX_RETRY_AFTER},
    key::Key,
};

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// How long a service may be silent.
const IDLE_TIMEOUT: Duration = Duration::from_secs(60);

/// Where a service expects the API key.
pub enum Credential {
    /// In the query, as `api_key`.
    Query(Key),
    /// In the header `authorization`.
    Header(Key),
}

/// A whole answer: JSON, after a success.
pub struct Answer {
    /// Where it came from, without the API key.
    pub url: Url,
    /// The header `Link`; empty if there is none.
    pub link: String,
    /// The JSON text.
    pub body: Bytes,
}

/// A client that follows no redirect and sends the API key with each request.
pub struct Client {
    client: legacy::Client<HttpsConnector<HttpConnector>, Empty<Bytes>>,
    credential: Credential,
}

/// The outcome of an attempt, unless a retry cannot help.
enum Attempt {
    Answered(Answer),
    TooLarge,
    Failed { reason: String, retry_after: Option<Duration> },
}

impl Client {
    /// Makes a client that trusts the roots of this machine, or those in `SSL_CERT_FILE`.
    pub fn new(credential: Credential) -> Result<Self> {
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        let connector = HttpsConnectorBuilder::new()
            .with_provider_and_native_roots(ring::default_provider())
            .context("this machine has no list of trusted certificates (SSL_CERT_FILE names one)")?
            .https_or_http()
            .enable_http1()
            .wrap_connector(http);
        Ok(Self {
            client: legacy::Client::builder(TokioExecutor::new()).build(connector),
            credential,
        })
    }

    /// Sends a GET, and retries it with backoff. Before each wait it tells `say` why. Returns
    /// nothing if the answer is too large for the service.
    pub async fn get(&self, url: &Url, say: impl Fn(String)) -> Result<Option<Answer>> {
        let mut failures = 0;
        loop {
            let (reason, retry_after) = match self.attempt(url).await? {
                Attempt::Answered(answer) => return Ok(Some(answer)),
                Attempt::TooLarge => return Ok(None),
                Attempt::Failed { reason, retry_after } => (reason, retry_after),
            };
            failures += 1;
            if failures == MAX_ATTEMPTS {
                bail!("{} failed {failures} times, the last time with: {reason}", place(url));
            }
            let wait = retry_after.unwrap_or_else(|| backoff::wait(failures));
            if wait > MAX_RETRY_AFTER {
                let seconds = wait.as_secs();
                bail!("{} asks to be left alone for {seconds} seconds: {reason}", place(url));
            }
            say(format!(
                "{reason}: trying again in {:.1} s ({} of {MAX_ATTEMPTS})",
                wait.as_secs_f64(),
                failures + 1
            ));
            sleep(wait).await;
            say(String::new());
        }
    }

    async fn attempt(&self, url: &Url) -> Result<Attempt> {
        let failed = |reason| Ok(Attempt::Failed { reason, retry_after: None });
        let response = match timeout(IDLE_TIMEOUT, self.client.request(self.request(url)?)).await {
            Ok(Ok(response)) => response,
            // The two sides do not agree on TLS. A retry does not change that.
            Ok(Err(error)) if root(&error).is::<rustls::Error>() => {
                bail!("{} cannot be reached: {}", place(url), cause(&error))
            }
            Ok(Err(error)) => return failed(cause(&error)),
            Err(_) => return failed("no answer in time".to_owned()),
        };
        let status = response.status();
        let text = |name: HeaderName| joined(response.headers(), &name);
        if status == StatusCode::PAYLOAD_TOO_LARGE {
            return Ok(Attempt::TooLarge);
        }
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            let retry_after = backoff::retry_after(&text(RETRY_AFTER), SystemTime::now());
            return Ok(Attempt::Failed { reason: status.to_string(), retry_after });
        }
        if status != StatusCode::OK {
            bail!(refusal(url, status, &text(LOCATION)));
        }
        let link = text(LINK);
        let body = match read(response).await {
            Ok(body) => body,
            Err(reason) => return failed(reason),
        };
        match serde_json::from_slice::<&RawValue>(&body) {
            Ok(_) => Ok(Attempt::Answered(Answer { url: url.clone(), link, body })),
            Err(error) if error.is_eof() => failed("the answer is cut off".to_owned()),
            Err(_) => bail!("what {} answers is no JSON: is --from right?", place(url)),
        }
    }

    fn request(&self, url: &Url) -> Result<Request<Empty<Bytes>>> {
        let mut url = url.clone();
        let mut request =
            Request::get("/").header(USER_AGENT, concat!("widgets/", env!("CARGO_PKG_VERSION")));
        match &self.credential {
            Credential::Query(key) => {
                url.query_pairs_mut().append_pair("api_key", key.reveal());
            }
            Credential::Header(key) => {
                let mut value = HeaderValue::from_str(key.reveal())?;
                value.set_sensitive(true);
                request = request.header(AUTHORIZATION, value);
            }
        }
        Ok(request.uri(url.as_str()).body(Empty::new())?)
    }
}

/// Reads a body. The error says why there is none.
async fn read(response: Response<Incoming>) -> Result<Bytes, String> {
    let mut body = response.into_body();
    let mut read = Vec::new();
    loop {
        match timeout(IDLE_TIMEOUT, body.frame()).await {
            Ok(None) => return Ok(read.into()),
            Ok(Some(Ok(frame))) => read.extend(frame.into_data().unwrap_or_default()),
            Ok(Some(Err(error))) => return Err(cause(&error)),
            Err(_) => return Err("the answer does not go on".to_owned()),
        }
    }
}

/// Returns a header as one text, as if it came once.
fn joined(headers: &HeaderMap, name: &HeaderName) -> String {
    let values = headers.get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.collect::<Vec<_>>().join(", ")
}

/// Returns what to do about an answer that a retry does not change. It quotes nothing of the
/// answer, which may repeat the key.
fn refusal(url: &Url, status: StatusCode, location: &str) -> String {
    let place = place(url);
    match status {
        StatusCode::UNAUTHORIZED => format!(
            "{place} does not take the API key ({status}): check WIDGETS_API_KEY or --key-file"
        ),
        StatusCode::FORBIDDEN => {
            format!("{place} does not let this API key list widgets ({status}): take one that may")
        }
        StatusCode::NOT_FOUND => {
            format!("there is no {place} ({status}): check --from and --dialect")
        }
        _ if status.is_redirection() => {
            let target = url.join(location).map(|target| target.origin().ascii_serialization());
            let target = target.unwrap_or_else(|_| "nowhere".to_owned());
            format!("{place} redirects to {target} ({status}): name the service with --from")
        }
        _ => format!("{place} refuses the request ({status}): check --from and --dialect"),
    }
}

/// Returns a URL as messages show it: without a query.
fn place(url: &Url) -> Url {
    let mut place = url.clone();
    place.set_query(None);
    place
}

/// Returns what an error comes from in the end, such as "connection refused".
fn cause(error: &(dyn Error + 'static)) -> String {
    let root = root(error);
    let text = root.to_string();
    match root.downcast_ref::<io::Error>() {
        Some(error) if error.raw_os_error().is_some() => error.kind().to_string(),
        _ if text.contains("certificate") => {
            format!("{text} (SSL_CERT_FILE names a PEM file of the certificates to trust)")
        }
        _ => text,
    }
}

/// Returns the innermost error. An I/O error does not return the error that it wraps as its source.
fn root<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    let mut root = Chain::new(error).next_back().unwrap_or(error);
    while let Some(inner) = root.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
        root = inner;
    }
    root
}
