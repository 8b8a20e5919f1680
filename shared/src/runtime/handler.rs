//! An invocation, from its payload to its answer.

use std::cell::Cell;
use std::time::Instant;

use lambda_runtime::Context;
use serde::Serialize;
use tokio::runtime::Builder;

use super::app::App;
use super::dialect::Dialect;
use super::guard::{Deadline, guard};
use super::request_line::RequestLine;
use super::runtime_api;
use crate::commands::{CommandResponse, InvocationError};
use crate::http::{GatewayResponse, NotARequest, Request, Response};
use crate::model::WidgetSettings;
use crate::telemetry::{Invocation, Level, log, request_stats};
use crate::{auth, commands};

/// The answer to an invocation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it becomes bytes at once"
)]
enum InvocationResponse {
    Http(GatewayResponse),
    Commands(CommandResponse),
}

/// Runs a function: INIT, then one invocation after the other until Lambda ends the environment.
/// `dialect` is made of what INIT opens.
///
/// # Errors
///
/// The function cannot start, or Lambda is gone.
pub fn start<D: Dialect>(dialect: fn(App) -> D) -> Result<(), lambda_runtime::Error> {
    log::install_panic_hook();
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let app = App::init().await.inspect_err(|error| {
            log::write_message(Level::Error, "the function cannot start", &error.to_string());
        })?;
        let dialect = dialect(app);
        let is_cold_start = Cell::new(true);
        let Err(error) = runtime_api::run(async |payload: &[u8], context: Context| {
            let invocation = Invocation {
                request_id: &context.request_id,
                function: &context.env_config.function_name,
                dialect: D::Settings::DIALECT,
                is_cold_start: is_cold_start.replace(false),
            };
            let deadline = Deadline::before(context.deadline());
            handle(&dialect, payload, &invocation, deadline).await
        })
        .await;
        Err(error)
    })
}

/// Answers an invocation. A payload that is not an HTTP request is parsed as a trigger event.
async fn handle(
    dialect: &impl Dialect,
    payload: &[u8],
    invocation: &Invocation<'_>,
    deadline: Deadline,
) -> Result<InvocationResponse, InvocationError> {
    match Request::parse(payload) {
        Ok(request) => {
            let response = answer(dialect, &request, invocation, deadline).await;
            Ok(InvocationResponse::Http(response.into_gateway()))
        }
        Err(NotARequest::OtherPayload) => {
            let run = commands::run(payload, invocation, async |envelope| {
                guard(deadline, Box::pin(dialect.execute(envelope))).await
            });
            Box::pin(run).await.map(InvocationResponse::Commands)
        }
        Err(NotARequest::InvalidBase64) => {
            // The position of the fault would disclose a byte of the body.
            let what = "an HTTP request whose body is not base64";
            let cause = format!("{what} (request {})", invocation.request_id);
            log::write_message(Level::Error, "unknown event", &cause);
            Err(InvocationError::unknown_event(what))
        }
    }
}

/// Answers a request and writes its log line.
async fn answer(
    dialect: &impl Dialect,
    request: &Request<'_>,
    invocation: &Invocation<'_>,
    deadline: Deadline,
) -> Response {
    let start = Instant::now();
    let request_id = invocation.request_id;
    // Boxed once: what is around it is moved several times, and this is all that an operation holds.
    let work = Box::pin(dialect.route(request));
    let (outcome, stats) = request_stats::count(guard(deadline, work)).await;
    let (response, error) = match outcome {
        Ok(response) => (response, None),
        Err(error) => (dialect.error_response(request, &error, request_id), Some(error)),
    };
    RequestLine {
        request_id,
        route: &request.route,
        status: response.status.as_u16(),
        stats: stats.fields(start.elapsed()),
        cold_start: invocation.is_cold_start,
        cause: error.as_ref().and_then(|error| error.cause()),
        metric: invocation.metric(stats, response.status.is_client_error()),
    }
    .write();
    response.with_security_headers(auth::is_key_in_url(request)).with_request_id(request_id)
}
