//! The loop over Lambda's Runtime API: the next invocation, its answer, over and over
//! (<https://docs.aws.amazon.com/lambda/latest/dg/runtimes-api.html>).
//!
//! The types and the client are those of `lambda_runtime`. Its loop is not used: it sets
//! `_X_AMZN_TRACE_ID` for each invocation, and glibc keeps every value that a variable ever had, so
//! the memory of a function grows with each invocation until there is none left. Nothing here reads
//! the variable. Users reported the growth in
//! <https://github.com/aws/aws-lambda-rust-runtime/issues/972>; once `lambda_runtime` no longer
//! sets the variable, its loop can replace this one.

use std::convert::Infallible;
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use http_body_util::BodyExt;
use lambda_http::http::{HeaderName, HeaderValue, Method, Request, StatusCode, response};
use lambda_runtime::{Config, Context, Error};
use lambda_runtime_api_client::body::Body;
use lambda_runtime_api_client::{PooledClient, build_request};
use serde::Serialize;

use crate::commands::InvocationError;
use crate::telemetry::{Level, log};

/// The id of the invocation, which its answer is sent to.
const REQUEST_ID: HeaderName = HeaderName::from_static("lambda-runtime-aws-request-id");

/// A header that an answer must have if the invocation has it.
const INVOCATION_ID: HeaderName = HeaderName::from_static("lambda-runtime-invocation-id");

/// Has `handle` answer one invocation after the other until the environment ends. If `handle` fails
/// or panics the invocation fails, and the loop goes on.
///
/// # Errors
///
/// Lambda is gone or ends the function.
pub(super) async fn run<R: Serialize>(
    handle: impl AsyncFn(&[u8], Context) -> Result<R, InvocationError>,
) -> Result<Infallible, Error> {
    let client = PooledClient::builder().build();
    let config = Arc::new(Config::from_env());
    loop {
        let (parts, payload) = call(&client, request(Method::GET, "next", Vec::new())?).await?;
        // `cargo lambda watch` sends this now and then to keep the connection.
        if parts.status == StatusCode::NO_CONTENT {
            continue;
        }
        let id = parts.headers.get(&REQUEST_ID).map(HeaderValue::to_str);
        let id = id.ok_or_else(|| format!("an invocation without an id ({})", parts.status))??;
        let answer = async {
            let context = Context::new(id, Arc::clone(&config), &parts.headers)
                .map_err(|error| internal(id, &error))?;
            let response = handle(&payload, context).await?;
            serde_json::to_vec(&response).map_err(|error| internal(id, &error))
        };
        // What a handler leaves half done when it panics is its own.
        let outcome = AssertUnwindSafe(answer).catch_unwind().await;
        let mut answer = match outcome.unwrap_or_else(|_| Err(internal(id, &"panicked"))) {
            Ok(response) => request(Method::POST, &format!("{id}/response"), response)?,
            Err(error) => {
                let error = serde_json::to_vec(&error)?;
                let mut error = request(Method::POST, &format!("{id}/error"), error)?;
                let error_type = HeaderName::from_static("lambda-runtime-function-error-type");
                error.headers_mut().insert(error_type, HeaderValue::from_static("unhandled"));
                error
            }
        };
        if let Some(invocation) = parts.headers.get(&INVOCATION_ID) {
            answer.headers_mut().insert(INVOCATION_ID, invocation.clone());
        }
        let (accepted, _) = call(&client, answer).await?;
        if !accepted.status.is_success() {
            // Too late, or too large: Lambda has told the invoker.
            let cause = format!("{} (request {id})", accepted.status);
            log::write_message(Level::Error, "the answer was not taken", &cause);
        }
    }
}

/// Logs a fault of this service that ended an invocation, and returns what the invoker is told.
fn internal(id: &str, cause: &impl fmt::Display) -> InvocationError {
    let cause = format!("{cause} (request {id})");
    log::write_message(Level::Error, "the invocation failed", &cause);
    InvocationError::internal(id)
}

fn request(method: Method, action: &str, body: Vec<u8>) -> Result<Request<Body>, Error> {
    let uri = format!("/2018-06-01/runtime/invocation/{action}");
    Ok(build_request().method(method).uri(uri).body(Body::from(body))?)
}

/// Calls the Runtime API and reads all of its answer, so the connection serves the next call.
async fn call(
    client: &PooledClient,
    request: Request<Body>,
) -> Result<(response::Parts, Vec<u8>), Error> {
    let (parts, body) = client.call(request).await?.into_parts();
    Ok((parts, body.collect().await?.to_bytes().into()))
}
