//! Lambda's Invoke API, as AWS documents it
//! (<https://docs.aws.amazon.com/lambda/latest/api/API_Invoke.html>), so that `widgets invoke`, the
//! AWS CLI, an SDK or cargo-lambda can send a function any event.

use std::{collections::BTreeMap, fmt::Display, net::SocketAddr, sync::Arc};

use axum::{
    extract::Request,
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
};
use percent_encoding::percent_decode_str;
use serde::de::IgnoredAny;
use serde_json::json;
use url::form_urlencoded;
use uuid::Uuid;

use super::{
    function_process::{Function, InvokeError, MAX_EVENT_BYTES},
    origin_of_request::is_from_this_machine,
    request_body::{BodyError, read_body},
};

/// The most bytes of an event that nobody waits for.
const MAX_ASYNCHRONOUS_EVENT_BYTES: usize = 1024 * 1024;

/// The header that says that a function failed, and how.
pub const FUNCTION_ERROR: &str = "x-amz-function-error";

/// The header that says which of the API's own errors an answer is.
pub const ERROR_TYPE: &str = "x-amzn-errortype";

/// The name in the path of a request that invokes a function.
///
/// No API key protects this, and an event may speak for any account. So it is there only for
/// programs on this machine: not for peers elsewhere, whatever address the stack listens on, and
/// neither for the web pages that a browser on this machine shows nor for what comes through a
/// tunnel. To them it is a path that leads nowhere.
pub fn invoke_target(request: &Request, client: SocketAddr) -> Option<String> {
    let is_of_a_page = request.headers().contains_key(header::ORIGIN);
    let is_local = is_from_this_machine(request, client) && !is_of_a_page;
    let path = request.uri().path().strip_prefix("/2015-03-31/functions/")?;
    let name = path.strip_suffix("/invocations")?;
    let is_invocation = request.method() == Method::POST && !name.contains('/');
    (is_local && is_invocation).then(|| percent_decode_str(name).decode_utf8_lossy().into_owned())
}

/// The functions that can be invoked.
#[derive(Debug, Default)]
pub struct Functions(BTreeMap<String, Arc<Function>>);

impl Functions {
    /// Adds a function under several names.
    pub fn add<const N: usize>(&mut self, names: [&str; N], function: &Arc<Function>) {
        self.0.extend(names.map(|name| (name.to_owned(), Arc::clone(function))));
    }

    /// Answers a request that invokes the function `name`.
    pub async fn answer(&self, name: &str, request: Request) -> Response {
        let id = Uuid::new_v4();
        let mut response =
            self.invoke(id, name, request).await.unwrap_or_else(Refusal::into_response);
        if let Ok(id) = id.to_string().try_into() {
            response.headers_mut().insert("x-amzn-requestid", id);
        }
        response
    }

    async fn invoke(&self, id: Uuid, name: &str, request: Request) -> Result<Response, Refusal> {
        let (parts, body) = request.into_parts();
        let invocation_type = InvocationType::of(&parts.headers)?;
        let function = Arc::clone(self.find(name, parts.uri.query().unwrap_or_default())?);
        let limit = match invocation_type {
            InvocationType::Event => MAX_ASYNCHRONOUS_EVENT_BYTES,
            InvocationType::RequestResponse | InvocationType::DryRun => MAX_EVENT_BYTES,
        };
        let event = read_body(body, limit).await.map_err(|error| match error {
            BodyError::TooLarge => Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "RequestTooLargeException",
                format!("Request must be smaller than {limit} bytes for the Invoke operation"),
            ),
            BodyError::Broken => Refusal::invalid_json("the request ended early"),
        })?;
        // What is sent without an event is invoked with an empty one.
        let event = if event.is_empty() { "{}".into() } else { event };
        check_json(&event)?;
        if invocation_type == InvocationType::DryRun {
            return Ok(StatusCode::NO_CONTENT.into_response());
        }
        // In a task of its own: a client that hangs up does not stop an invocation.
        let invocation = tokio::spawn(async move { function.invoke_as(id, event).await });
        match invocation_type {
            // One that fails is not made again, as Lambda would do minutes later; the log says that
            // it failed.
            InvocationType::Event => Ok(StatusCode::ACCEPTED.into_response()),
            _ => outcome(id, invocation.await.unwrap_or(Err(InvokeError::Crashed))),
        }
    }

    /// The function that `name` means, which is a function's name or its ARN, whole or in part, and
    /// may have a qualifier.
    fn find(&self, name: &str, query: &str) -> Result<&Arc<Function>, Refusal> {
        let named = name.rsplit_once("function:").map_or(name, |(_, named)| named);
        let (named, qualifier) = named.split_once(':').unwrap_or((named, "$LATEST"));
        let mut qualifiers =
            form_urlencoded::parse(query.as_bytes()).filter(|(key, _)| key == "Qualifier");
        // There are no versions and aliases here.
        let is_latest =
            qualifier == "$LATEST" && qualifiers.all(|(_, qualifier)| qualifier == "$LATEST");
        self.0.get(named).filter(|_| is_latest).ok_or_else(|| {
            let mut functions = self.0.clone();
            functions.retain(|name, function| *name == function.name);
            let names = Vec::from_iter(functions.into_keys()).join(" and ");
            let message = format!("Function not found: {name} (the stack has {names})");
            Refusal::new(StatusCode::NOT_FOUND, "ResourceNotFoundException", message)
        })
    }
}

/// The invocation type, which the header `X-Amz-Invocation-Type` names.
#[derive(Clone, Copy, PartialEq, Eq)]
enum InvocationType {
    /// The caller waits for the result.
    RequestResponse,
    /// Nobody waits.
    Event,
    /// It is not made.
    DryRun,
}

impl InvocationType {
    fn of(headers: &HeaderMap) -> Result<Self, Refusal> {
        match headers.get("x-amz-invocation-type").map(|kind| kind.as_bytes()) {
            None | Some(b"RequestResponse") => Ok(Self::RequestResponse),
            Some(b"Event") => Ok(Self::Event),
            Some(b"DryRun") => Ok(Self::DryRun),
            Some(_) => Err(Refusal::new(
                StatusCode::BAD_REQUEST,
                "InvalidParameterValueException",
                "X-Amz-Invocation-Type is RequestResponse, Event or DryRun",
            )),
        }
    }
}

fn check_json(event: &[u8]) -> Result<(), Refusal> {
    let text = str::from_utf8(event).map_err(Refusal::invalid_json)?;
    serde_json::from_str::<IgnoredAny>(text).map(drop).map_err(Refusal::invalid_json)
}

/// The answer to a caller who waited. A function that failed is a success of the API's, whose
/// payload is the error.
fn outcome(id: Uuid, outcome: Result<axum::body::Bytes, InvokeError>) -> Result<Response, Refusal> {
    let error = |kind: &str, message: String| {
        let message = format!("RequestId: {id} Error: {message}");
        json!({ "errorType": kind, "errorMessage": message }).to_string().into()
    };
    let headers = [
        (header::CONTENT_TYPE.as_str(), "application/json"),
        ("x-amz-executed-version", "$LATEST"),
    ];
    let failed = match outcome {
        Ok(payload) => return Ok((headers, payload).into_response()),
        Err(InvokeError::Busy) => {
            let (status, kind) = (StatusCode::TOO_MANY_REQUESTS, "TooManyRequestsException");
            return Err(Refusal::new(status, kind, "Rate exceeded."));
        }
        Err(InvokeError::Failed(document)) => document,
        Err(InvokeError::TimedOut(limit)) => error(
            "Sandbox.Timedout",
            format!("Task timed out after {:.2} seconds", limit.as_secs_f64()),
        ),
        Err(InvokeError::Crashed) => {
            error("Runtime.ExitError", "Runtime exited without providing a reason".to_owned())
        }
    };
    Ok((headers, [(FUNCTION_ERROR, "Unhandled")], failed).into_response())
}

/// An error of the API's own: nothing was invoked.
#[derive(Debug)]
struct Refusal {
    status: StatusCode,
    kind: &'static str,
    message: String,
}

impl Refusal {
    fn new(status: StatusCode, kind: &'static str, message: impl Into<String>) -> Self {
        Self { status, kind, message: message.into() }
    }

    fn invalid_json(why: impl Display) -> Self {
        let message = format!("Could not parse request body into json: {why}");
        Self::new(StatusCode::BAD_REQUEST, "InvalidRequestContentException", message)
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        // The service writes this one error's message with a capital, and SDKs look for it there.
        let message = if self.kind == "ResourceNotFoundException" { "Message" } else { "message" };
        let body = json!({ "Type": "User", message: self.message }).to_string();
        let headers =
            [(header::CONTENT_TYPE.as_str(), "application/json"), (ERROR_TYPE, self.kind)];
        (self.status, headers, body).into_response()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn functions() -> Functions {
        let function = Function::new(
            "Assistant",
            "assistant".into(),
            Duration::from_secs(1),
            vec![],
            1,
            Arc::new(|_, _| {}),
        );
        let mut functions = Functions::default();
        functions.add(["Assistant", "assistant"], &Arc::new(function));
        functions
    }

    #[test]
    fn function_is_found_by_name_arn_and_latest_qualifier() {
        let functions = functions();
        for (name, query, is_known) in [
            ("Assistant", "", true),
            ("assistant", "", true),
            ("Assistant:$LATEST", "Qualifier=%24LATEST", true),
            ("000000000000:function:Assistant", "", true),
            ("arn:aws:lambda:us-east-1:000000000000:function:Assistant", "", true),
            ("arn:aws:lambda:us-east-1:000000000000:function:Assistant:$LATEST", "", true),
            ("assistan", "", false),
            ("", "", false),
            ("Assistant:1", "", false),
            ("Assistant", "Qualifier=live", false),
        ] {
            assert_eq!(functions.find(name, query).is_ok(), is_known, "{name}?{query}");
        }
    }

    #[test]
    fn busy_function_returns_429() {
        let refused = outcome(Uuid::nil(), Err(InvokeError::Busy)).unwrap_err().into_response();
        assert_eq!(refused.status(), 429);
        assert_eq!(refused.headers()[ERROR_TYPE], "TooManyRequestsException");
    }

    #[test]
    fn only_local_programs_can_invoke() {
        let post = |path: &str, headers: &[(&str, &str)]| {
            let request = Request::post(path);
            let request = headers
                .iter()
                .fold(request, |request, (name, value)| request.header(*name, *value));
            request.body(axum::body::Body::empty()).unwrap()
        };
        let path = "/2015-03-31/functions/a%3Ab/invocations?Qualifier=x";
        let here = SocketAddr::from(([127, 0, 0, 1], 1));
        assert_eq!(invoke_target(&post(path, &[]), here).as_deref(), Some("a:b"));
        let elsewhere = SocketAddr::from(([192, 0, 2, 1], 1));
        assert_eq!(invoke_target(&post(path, &[]), elsewhere), None);
        for name in ["origin", "forwarded", "x-forwarded-for"] {
            assert_eq!(invoke_target(&post(path, &[(name, "null")]), here), None, "{name}");
        }
        for path in [
            "/2015-03-31/functions/a/b/invocations",
            "/2015-03-31/functions/a/invocations/",
            "/functions/a",
        ] {
            assert_eq!(invoke_target(&post(path, &[]), here), None, "{path}");
        }
        assert_eq!(
            invoke_target(&Request::get(path).body(axum::body::Body::empty()).unwrap(), here),
            None
        );
    }
}
