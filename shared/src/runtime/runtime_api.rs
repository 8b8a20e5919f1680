//! The loop of a function: the next event, its answer, over and over
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>). Several loops take several events at once.
//!
//! `lambda_runtime`, whose types and client are used here, has such a loop itself. It sets `_X_AMZN_TRACE_ID` for each event,
//! and glibc keeps every value that a variable ever had, so that a function's memory grows with each invocation until there
//! is none left. Nothing here reads the variable. Its loop for several events at once is a task for each, of a runtime with many
//! threads, and what it calls has to be [`Send`] and cloned.

use std::{convert::Infallible, fmt, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use http_body_util::BodyExt;
use lambda_http::http::{HeaderName, HeaderValue, Method, Request, StatusCode, response};
use lambda_runtime::{Config, Context, Error};
use lambda_runtime_api_client::{PooledClient, body::Body, build_request};
use serde::Serialize;

use crate::{
    failure::Failure,
    log::{self, Level},
};

/// The event's id, which its answer is sent to.
const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");

/// What an event may have and its answer has to have then.
const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");

/// Has `handle` answer one event after the other until the environment ends. What it fails with, and that it panics, is the
/// invocation's failure.
///
/// # Errors
///
/// That Lambda is not there any more, or tells the function to end.
pub async fn run<A: Serialize>(
    handle: impl AsyncFn(&[u8], Context) -> Result<A, Failure>,
) -> Result<Infallible, Error> {
    let client = PooledClient::builder().build();
    let config = Arc::new(Config::from_env());
    loop {
        let (event, payload) = call(&client, request(Method::GET, "next", Vec::new())?).await?;
        // What `cargo lambda watch` says now and then, to keep the connection.
        if event.status == StatusCode::NO_CONTENT {
            continue;
        }
        let id = event.headers.get(&REQUEST_ID).map(HeaderValue::to_str);
        let id =
            id.ok_or_else(|| format!("an event without an id, with status {}", event.status))??;
        let answer = async {
            let context = Context::new(id, Arc::clone(&config), &event.headers)
                .map_err(|error| broken(id, &error))?;
            let answer = handle(&payload, context).await?;
            serde_json::to_vec(&answer).map_err(|error| broken(id, &error))
        };
        // What a handler leaves half done when it panics is its own.
        let outcome = AssertUnwindSafe(answer).catch_unwind().await;
        let mut answer = match outcome.unwrap_or_else(|_| Err(broken(id, &"panicked"))) {
            Ok(answer) => request(Method::POST, &format!("{id}/response"), answer)?,
            Err(failure) => {
                let failure = serde_json::to_vec(&failure)?;
                let mut failure = request(Method::POST, &format!("{id}/error"), failure)?;
                let error_type = HeaderName::from_static("lambda-runtime-function-error-type");
                failure.headers_mut().insert(error_type, HeaderValue::from_static("unhandled"));
                failure
            }
        };
        if let Some(invocation) = event.headers.get(&INVOCATION_ID) {
            answer.headers_mut().insert(INVOCATION_ID, invocation.clone());
        }
        let (taken, _) = call(&client, answer).await?;
        if !taken.status.is_success() {
            // Too late, or too large: whoever invoked the function has been told so by Lambda.
            log::event(
                Level::Error,
                "the answer was not taken",
                &format!("{} (request {id})", taken.status),
            );
        }
    }
}

/// What an invocation fails with that no handler had a word in, which the log line tells.
fn broken(id: &str, cause: &impl fmt::Display) -> Failure {
    log::event(Level::Error, "the invocation failed", &format!("{cause} (request {id})"));
    Failure::internal(id)
}

fn request(method: Method, action: &str, body: Vec<u8>) -> Result<Request<Body>, Error> {
    let uri = format!("/2018-06-01/runtime/invocation/{action}");
    Ok(build_request().method(method).uri(uri).body(Body::from(body))?)
}

/// Makes a call to the Runtime API and reads the whole of its answer, so that its connection serves the next one.
async fn call(
    client: &PooledClient,
    request: Request<Body>,
) -> Result<(response::Parts, Vec<u8>), Error> {
    let (parts, body) = client.call(request).await?.into_parts();
    Ok((parts, body.collect().await?.to_bytes().into()))
}
