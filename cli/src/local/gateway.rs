//! The front: an HTTP server that speaks to functions as API Gateway's HTTP API does, in payload
//! format 2.0
//! (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-develop-integrations-lambda.html>).
//!
//! A function that died is a 502 and one that took too long a 504, so that a developer can tell
//! them apart.

use std::{
    collections::{BTreeMap, HashMap},
    net::SocketAddr,
    sync::Arc,
};

use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
};
use base64::{Engine, engine::general_purpose::STANDARD};
use chrono::Utc;
use matchit::InsertError;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use url::form_urlencoded;
use uuid::Uuid;

use super::{
    function_process::{Function, InvokeError, LogSink, MAX_EVENT_BYTES},
    invocations::{self, ERROR_TYPE, Functions},
    origin_of_request::{host, is_for_loopback, is_from_this_machine, text},
    request_body::{BodyError, read_body},
    template::RouteSpec,
};

/// The most bytes API Gateway takes as a request's body
/// (<https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html>).
const MAX_BODY_BYTES: usize = 10 * 1024 * 1024;

/// Answers requests on `listener` until `stopped`; those that it is answering then come to their
/// end. Beside the API's `routes` it serves Lambda's Invoke API for `functions` and, where no route
/// matches, the `page`: both to this machine alone.
pub async fn serve(
    listener: TcpListener,
    routes: Routes,
    functions: Functions,
    page: Router,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    let not_found = async || refusal(NOT_FOUND);
    // The page is a service of its own: a router that has its routes would add `Allow` to a 404.
    let app = Router::new()
        .fallback_service(page.fallback(not_found))
        .layer(from_fn_with_state((Arc::new(routes), Arc::new(functions)), answer));
    axum::serve(listener, app.into_make_service_with_connect_info::<SocketAddr>())
        .with_graceful_shutdown(stopped)
        .await
}

/// The routes of the API, each with the function behind it.
pub struct Routes {
    /// What precedes every route, as the mapping of a custom domain does.
    prefix: String,
    by_method: HashMap<String, matchit::Router<Route>>,
    logs: LogSink,
}

struct Route {
    /// Its method and path, as API Gateway names it.
    key: String,
    function: Arc<Function>,
}

/// An answer of the gateway's own: its status and message.
type Refusal = (StatusCode, &'static str);

const NOT_FOUND: Refusal = (StatusCode::NOT_FOUND, "Not Found");

/// What a route made of a path's variables.
type PathParameters = BTreeMap<String, String>;

impl Routes {
    /// No routes yet. They will follow `prefix`: `/chat`, or nothing. `logs` takes a line for each
    /// answer that is the gateway's own.
    pub fn new(prefix: String, logs: LogSink) -> Self {
        Self { prefix, by_method: HashMap::new(), logs }
    }

    /// Adds a route to `function`.
    pub fn add(
        &mut self,
        RouteSpec { method, path }: &RouteSpec,
        function: Arc<Function>,
    ) -> Result<(), InsertError> {
        let pattern = match path.strip_suffix("+}").and_then(|path| path.rsplit_once('{')) {
            Some((start, name)) => format!("{start}{{*{name}}}"),
            None => path.clone(),
        };
        let route = Route { key: format!("{method} {path}"), function };
        self.by_method.entry(method.clone()).or_default().insert(pattern, route)
    }

    /// Returns the most specific route of the method, or else of `ANY`. The template uses `ANY` for
    /// greedy paths alone.
    fn find(&self, method: &Method, path: &str) -> Option<(&Route, PathParameters)> {
        let path = path.strip_prefix(&self.prefix)?;
        let of = |method| self.by_method.get(method)?.at(path).ok();
        let found = of(method.as_str()).or_else(|| of("ANY"))?;
        let decoded = |(name, value): (&str, &str)| (name.to_owned(), decoded(value));
        Some((found.value, found.params.iter().map(decoded).collect()))
    }

    /// Logs a request that no function answered, as functions log theirs.
    fn log(&self, status: StatusCode, route: &str, cause: &str) {
        let line = json!({ "status": status.as_u16(), "route": route, "cause": cause });
        (self.logs)("Gateway", &line.to_string());
    }
}

/// An HTTP API hands a path over decoded.
fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

async fn answer(
    State((routes, functions)): State<(Arc<Routes>, Arc<Functions>)>,
    ConnectInfo(client): ConnectInfo<SocketAddr>,
    request: Request,
    page: Next,
) -> Response {
    // A terminal obeys control characters.
    let path = request.uri().path().replace(char::is_control, "\u{fffd}");
    let target = format!("{} {path}", request.method());
    if let Some(name) = invocations::invoke_target(&request, client) {
        let response = functions.answer(&name, request).await;
        if let Some(error) = response.headers().get(ERROR_TYPE) {
            routes.log(response.status(), &target, &text(error));
        }
        return response;
    }
    if is_of_the_page(&routes, client, &request) {
        let response = page.run(request).await;
        if response.status() == StatusCode::NOT_FOUND {
            routes.log(response.status(), &target, NOT_FOUND.1);
        }
        return response;
    }
    let (parts, body) = request.into_parts();
    let found = routes.find(&parts.method, parts.uri.path());
    let route = found.as_ref().map_or(target, |(route, _)| route.key.clone());
    let answered = forward(found, client, parts, body).await;
    answered.and_then(|payload| response(&payload)).unwrap_or_else(|(status, message)| {
        routes.log(status, &route, message);
        refusal((status, message))
    })
}

/// Returns whether the page may answer the request: a browser on this machine asks for something
/// that is not the API's.
fn is_of_the_page(routes: &Routes, client: SocketAddr, request: &Request) -> bool {
    matches!(*request.method(), Method::GET | Method::HEAD)
        && routes.find(request.method(), request.uri().path()).is_none()
        && is_from_this_machine(request, client)
        && is_for_loopback(request)
}

/// Has the function of the route that was found answer the request.
async fn forward(
    found: Option<(&Route, PathParameters)>,
    client: SocketAddr,
    parts: Parts,
    body: Body,
) -> Result<Bytes, Refusal> {
    let (route, parameters) = found.ok_or(NOT_FOUND)?;
    let too_large = (StatusCode::PAYLOAD_TOO_LARGE, "Request Entity Too Large");
    let body = read_body(body, MAX_BODY_BYTES).await.map_err(|error| match error {
        BodyError::TooLarge => too_large,
        BodyError::Broken => (StatusCode::BAD_REQUEST, "Bad Request"),
    })?;
    let event = event(&parts, &body, route, &parameters, client).to_string();
    if event.len() > MAX_EVENT_BYTES {
        return Err(too_large);
    }
    // In a task of its own: a client that hangs up does not stop an invocation.
    let function = Arc::clone(&route.function);
    let invocation = tokio::spawn(async move { function.invoke(event.into()).await });
    match invocation.await {
        Ok(Ok(payload)) => Ok(payload),
        Ok(Err(InvokeError::TimedOut(_))) => {
            Err((StatusCode::GATEWAY_TIMEOUT, "Endpoint request timed out"))
        }
        Ok(Err(InvokeError::Busy)) => Err((StatusCode::SERVICE_UNAVAILABLE, "Service Unavailable")),
        Ok(Err(InvokeError::Crashed | InvokeError::Failed(_))) | Err(_) => Err(NO_ANSWER),
    }
}

/// A function ended without an answer, or with one that is none.
const NO_ANSWER: Refusal = (StatusCode::BAD_GATEWAY, "Internal Server Error");

/// An answer of the gateway's own.
fn refusal((status, message): Refusal) -> Response {
    (
        status,
        [(header::CONTENT_TYPE, "application/json")],
        json!({ "message": message }).to_string(),
    )
        .into_response()
}

/// The event that a request becomes.
fn event(
    parts: &Parts,
    body: &Bytes,
    route: &Route,
    parameters: &PathParameters,
    client: SocketAddr,
) -> Value {
    let now = Utc::now();
    let path = decoded(parts.uri.path());
    let query = parts.uri.query().unwrap_or_default();
    let host = host(&parts.uri, &parts.headers).unwrap_or_default();
    let mut event = json!({
        "version": "2.0",
        "routeKey": route.key,
        "rawPath": path,
        "rawQueryString": query,
        "headers": headers(parts, client),
        "requestContext": {
            "accountId": "anonymous",
            "apiId": "local",
            "domainName": host,
            "domainPrefix": host.split(['.', ':']).next(),
            "http": {
                "method": parts.method.as_str(),
                "path": path,
                "protocol": format!("{:?}", parts.version),
                "sourceIp": client.ip().to_string(),
                "userAgent": parts.headers.get(header::USER_AGENT).map(text).unwrap_or_default(),
            },
            "requestId": Uuid::now_v7().simple().to_string(),
            "routeKey": route.key,
            "stage": "$default",
            "time": now.format("%d/%b/%Y:%H:%M:%S +0000").to_string(),
            "timeEpoch": now.timestamp_millis(),
        },
        "isBase64Encoded": false,
    });
    let cookies: Vec<String> = parts.headers.get_all(header::COOKIE).iter().map(text).collect();
    if !cookies.is_empty() {
        event["cookies"] = json!(cookies.join("; ").split("; ").collect::<Vec<_>>());
    }
    let query_parameters =
        joined(form_urlencoded::parse(query.as_bytes()).map(|(k, v)| (k.into(), v.into())));
    if !query_parameters.is_empty() {
        event["queryStringParameters"] = json!(query_parameters);
    }
    if !parameters.is_empty() {
        event["pathParameters"] = json!(parameters);
    }
    if !body.is_empty() {
        match str::from_utf8(body) {
            Ok(text) if is_text(&parts.headers) => event["body"] = json!(text),
            _ => {
                event["body"] = json!(STANDARD.encode(body));
                event["isBase64Encoded"] = json!(true);
            }
        }
    }
    event
}

/// Whether API Gateway passes a body of this content type on as text rather than in base64.
fn is_text(headers: &HeaderMap) -> bool {
    let content_type =
        headers.get(header::CONTENT_TYPE).map(text).unwrap_or_default().to_ascii_lowercase();
    let media_type = content_type.split(';').next().unwrap_or_default().trim();
    media_type.starts_with("text/")
        || matches!(media_type, "application/json" | "application/javascript" | "application/xml")
}

fn headers(parts: &Parts, client: SocketAddr) -> BTreeMap<String, String> {
    let sent = parts.headers.iter().filter(|(name, _)| *name != header::COOKIE);
    let mut all = joined(sent.map(|(name, value)| (name.to_string(), text(value))));
    all.extend(host(&parts.uri, &parts.headers).map(|host| (header::HOST.to_string(), host)));
    all.insert("x-forwarded-for".to_owned(), client.ip().to_string());
    all.insert("x-forwarded-proto".to_owned(), "http".to_owned());
    all
}

/// Values of the same name joined with commas.
fn joined(pairs: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    let mut joined = BTreeMap::<String, String>::new();
    for (name, value) in pairs {
        joined
            .entry(name)
            .and_modify(|values| *values = format!("{values},{value}"))
            .or_insert(value);
    }
    joined
}

/// The HTTP response that a function's answer means. One without a status is a body by itself.
fn response(payload: &Bytes) -> Result<Response, Refusal> {
    #[derive(Deserialize)]
    #[serde(rename_all = "camelCase")]
    struct Answer {
        status_code: u16,
        headers: Option<BTreeMap<String, Value>>,
        cookies: Option<Vec<String>>,
        body: Option<String>,
        is_base64_encoded: Option<bool>,
    }

    let Ok(answer) = serde_json::from_slice::<Answer>(payload) else {
        return Ok(([(header::CONTENT_TYPE, "application/json")], payload.clone()).into_response());
    };
    let body = answer.body.unwrap_or_default();
    let body = if answer.is_base64_encoded == Some(true) {
        STANDARD.decode(&body).ok()
    } else {
        Some(body.into_bytes())
    };
    let (Ok(status), Some(body)) = (StatusCode::from_u16(answer.status_code), body) else {
        return Err(NO_ANSWER);
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let (headers, cookies) =
        (answer.headers.unwrap_or_default(), answer.cookies.unwrap_or_default());
    let cookies = cookies.into_iter().map(|cookie| (header::SET_COOKIE.as_str(), cookie));
    let named = headers.iter().map(|(name, value)| {
        (name.as_str(), value.as_str().map_or_else(|| value.to_string(), ToOwned::to_owned))
    });
    for (name, value) in named.chain(cookies) {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().append(name, value);
        }
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// The route that is found among these, and the variables of its path.
    fn found(routes: &[(&str, &str)], method: Method, path: &str) -> Option<String> {
        let logs: LogSink = Arc::new(|_, _| {});
        let timeout = Duration::from_secs(1);
        let function = Arc::new(Function::new("F", "f".into(), timeout, vec![], 1, logs.clone()));
        let mut all = Routes::new(String::new(), logs);
        for (method, path) in routes {
            let route = RouteSpec { method: (*method).to_owned(), path: (*path).to_owned() };
            all.add(&route, Arc::clone(&function)).unwrap();
        }
        let (route, parameters) = all.find(&method, path)?;
        let parameters = parameters.iter().map(|(name, value)| format!(" {name}={value}"));
        Some(route.key.clone() + &parameters.collect::<String>())
    }

    fn parameters(pattern: &str, path: &str) -> Option<String> {
        let found = found(&[("GET", pattern)], Method::GET, path)?;
        Some(found.strip_prefix(&format!("GET {pattern}")).unwrap().trim_start().to_owned())
    }

    #[test]
    fn most_specific_route_is_found() {
        let routes = [
            ("ANY", "/v1/{proxy+}"),
            ("GET", "/v1/widget/{id}"),
            ("GET", "/v1/widget/{id}/config"),
            ("GET", "/v1/widget/new"),
        ];
        for (method, path, expected) in [
            (Method::GET, "/v1/widget/a", "GET /v1/widget/{id} id=a"),
            (Method::GET, "/v1/widget/new", "GET /v1/widget/new"),
            (Method::GET, "/v1/widget/a/config", "GET /v1/widget/{id}/config id=a"),
            (Method::GET, "/v1/widget/new/config", "GET /v1/widget/{id}/config id=new"),
            (Method::GET, "/v1/widget/a/other", "ANY /v1/{proxy+} proxy=widget/a/other"),
            (Method::PUT, "/v1/widget/a", "ANY /v1/{proxy+} proxy=widget/a"),
        ] {
            assert_eq!(found(&routes, method, path).as_deref(), Some(expected));
        }
    }

    #[test]
    fn paths_match_as_in_api_gateway() {
        assert_eq!(parameters("/v1/widget", "/v1/widget").as_deref(), Some(""));
        assert_eq!(parameters("/v1/widget/{id}", "/v1/widget/a%20b").as_deref(), Some("id=a b"));
        assert_eq!(parameters("/v1/{proxy+}", "/v1/a/b/").as_deref(), Some("proxy=a/b/"));
        for path in ["/v1/widget/", "/v1", "/v1/widgets", "//v1/widget", "/"] {
            assert_eq!(parameters("/v1/widget", path), None, "{path}");
        }
        assert_eq!(parameters("/v1/widget/{id}", "/v1/widget/"), None);
        assert_eq!(parameters("/v1/{proxy+}", "/v1/"), None);
    }
}
