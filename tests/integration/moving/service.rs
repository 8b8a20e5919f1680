//! A service of either dialect, which answers as a test has it.

use std::{
    future, io,
    sync::{Arc, Mutex},
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::Request,
    http::{HeaderMap, StatusCode, Uri, header::CONTENT_LENGTH},
    response::{IntoResponse, Response},
};
use futures_util::stream;
use tokio::{net::TcpListener, task::JoinSet};

/// A running service. It stops when it is dropped.
pub struct Service {
    pub url: String,
    requests: Arc<Mutex<Vec<(Uri, HeaderMap)>>>,
    _server: JoinSet<()>,
}

impl Service {
    /// Starts one. `answer` gets the number of a request, from 1, and its URI. Where it answers
    /// nothing, the client waits for ever.
    pub async fn start(
        answer: impl Fn(usize, &Uri) -> Option<Response> + Clone + Send + Sync + 'static,
    ) -> Self {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let received = Arc::clone(&requests);
        let app = Router::new().fallback(move |request: Request| {
            let (uri, headers) = (request.uri().clone(), request.headers().clone());
            let number = {
                let mut received = received.lock().unwrap();
                received.push((uri.clone(), headers));
                received.len()
            };
            let answer = answer(number, &uri);
            async move {
                match answer {
                    Some(answer) => answer,
                    None => future::pending().await,
                }
            }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let mut server = JoinSet::new();
        server.spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, requests, _server: server }
    }

    /// Returns the path and query of each request so far.
    pub fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().iter().map(|(uri, _)| uri.to_string()).collect()
    }

    /// Returns the header `authorization` of each request so far.
    pub fn authorizations(&self) -> Vec<Option<String>> {
        let requests = self.requests.lock().unwrap();
        let text = |headers: &HeaderMap| {
            headers.get("authorization").map(|value| value.to_str().unwrap().to_owned())
        };
        requests.iter().map(|(_, headers)| text(headers)).collect()
    }
}

/// Returns a widget whose text no serializer would write so.
pub fn widget(id: &str) -> String {
    format!(r#"{{ "n":1.50e+00, "id":"{id}","config":{{"b" : 1,"a":"\u00e9 / \/","b":2}} }}"#)
}

/// Returns the lines of an export of these widgets.
pub fn lines(ids: &[String]) -> String {
    ids.iter().map(|id| widget(id) + "\n").collect()
}

/// Returns so many ids.
pub fn ids(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{number:032}")).collect()
}

/// Returns the body of a page of the assistant dialect: of the one that `uri` asks for.
pub fn numbered_page(ids: &[String], uri: &Uri) -> String {
    let [page, size] = ["page", "size"].map(|name| query(uri, name).unwrap().parse().unwrap());
    let items: Vec<String> =
        ids.iter().skip((page - 1) * size).take(size).map(|id| widget(id)).collect();
    let (items, total, pages) = (items.join(" ,\n"), ids.len(), ids.len().div_ceil(size));
    format!(
        r#"{{"message":"","meta":{{}},"data":{{"items":[{items}],"total":{total},"page":{page},"size":{size},"pages":{pages}}}}}"#
    )
}

/// Returns the body of a list of the pathway dialect.
pub fn list(ids: &[String]) -> String {
    let data: Vec<String> = ids.iter().map(|id| widget(id)).collect();
    format!(r#"{{"status":200,"data":[{}],"errors":null}}"#, data.join(" ,\n"))
}

/// Answers with a body.
pub fn ok(body: String) -> Option<Response> {
    Some(body.into_response())
}

/// Answers with half of a body, and hangs up.
pub fn cut(body: String) -> Option<Response> {
    let half = Bytes::from(body[..body.len() / 2].to_owned());
    let chunks = [Ok(half), Err(io::Error::other("hung up"))];
    let length = [(CONTENT_LENGTH, body.len().to_string())];
    Some((length, Body::from_stream(stream::iter(chunks))).into_response())
}

/// Answers with an error that says when to try again.
pub fn failure(status: u16, retry_after: &str) -> Option<Response> {
    let status = StatusCode::from_u16(status).unwrap();
    Some((status, [("retry-after", retry_after)], "{}").into_response())
}

/// Returns a parameter of a query.
pub fn query(uri: &Uri, name: &str) -> Option<String> {
    let pairs = url::form_urlencoded::parse(uri.query().unwrap_or_default().as_bytes());
    pairs.into_iter().find(|(it, _)| it == name).map(|(_, value)| value.into_owned())
}
