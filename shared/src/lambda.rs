//! A dialect as a Lambda function: events in, answers out.

use std::{
    cell::Cell,
    panic::AssertUnwindSafe,
    time::{Duration, Instant, SystemTime},
};

use futures_util::FutureExt;
use lambda_http::aws_lambda_events::apigw::{ApiGatewayV2httpRequest, ApiGatewayV2httpResponse};
use lambda_runtime::Context;
use tokio::time::timeout;

pub use lambda_runtime::Error;

use crate::{
    App, error,
    http::{Request, Response},
    log::{self, Level, RequestLine},
    runtime,
};

/// How long before Lambda would stop the function a request that is not done is given up: time enough to say so.
const MARGIN: Duration = Duration::from_millis(500);

/// What differs between the functions.
pub trait Dialect {
    /// Answers a request.
    fn answer(&self, request: &Request) -> impl Future<Output = Result<Response, error::Error>>;

    /// Says in the dialect's own words why `request` has no success.
    fn refuse(&self, request: &Request, error: &error::Error, request_id: &str) -> Response;
}

/// Starts a function: INIT, then events until Lambda ends the environment. `dialect` is made of what INIT opened.
pub async fn start<D: Dialect>(dialect: impl FnOnce(App) -> D) -> Result<(), Error> {
    log::panics();
    let app = App::init().await;
    let app = app.inspect_err(|error| log::event(Level::Error, "the function cannot start", &error.to_string()))?;
    serve(dialect(app)).await
}

async fn serve(dialect: impl Dialect) -> Result<(), Error> {
    let is_cold = Cell::new(true);
    runtime::run(async |event: &[u8], context: Context| {
        let cold_start = is_cold.replace(false);
        // Boxed: the loop would hold, and the compiler unfold, the whole of it.
        Box::pin(handle(&dialect, event, &context, cold_start)).await
    })
    .await
}

async fn handle(
    dialect: &impl Dialect,
    event: &[u8],
    context: &Context,
    cold_start: bool,
) -> Result<ApiGatewayV2httpResponse, Error> {
    let event = serde_json::from_slice::<ApiGatewayV2httpRequest>(event);
    let mut event = event.map_err(|error| format!("not an API Gateway payload 2.0: {:?}", error.classify()))?;
    let route = event.route_key.take().unwrap_or_default();
    let request = Request::from_event(event).map_err(|error| format!("the body is not base64: {error}"))?;
    Ok(answer(dialect, &request, &route, context, cold_start).await.into_event())
}

async fn answer(
    dialect: &impl Dialect,
    request: &Request,
    route: &str,
    context: &Context,
    cold_start: bool,
) -> Response {
    let start = Instant::now();
    let request_id = context.request_id.as_str();
    let (response, cause) = match outcome(dialect, request, time_left(context)).await {
        Ok(response) => (response, None),
        Err(error) => (dialect.refuse(request, &error, request_id), error.into_cause()),
    };
    RequestLine {
        request_id,
        route,
        status: response.status,
        duration_ms: (start.elapsed().as_secs_f64() * 1e6).round() / 1e3,
        cold_start,
        cause: cause.as_deref(),
    }
    .write();
    response.with_request_id(request_id)
}

/// What becomes of a request, also where its handler panics or has not come to an end in time.
async fn outcome(
    dialect: &impl Dialect,
    request: &Request,
    time_left: Option<Duration>,
) -> Result<Response, error::Error> {
    // What a handler may leave half done when it panics is its own; what outlives it (the store's client, the cache
    // of keys) is left consistent by every operation on it.
    let caught = AssertUnwindSafe(dialect.answer(request)).catch_unwind();
    let outcome = match time_left {
        Some(time_left) => timeout(time_left, caught)
            .await
            .map_err(|_| error::Error::Unavailable("not done before the function's timeout".to_owned()))?,
        None => caught.await,
    };
    outcome.unwrap_or_else(|_| Err(error::Error::Internal("the handler panicked".to_owned())))
}

/// How long a request may take; `None` where whoever runs the function sets no deadline that makes sense (`cargo lambda
/// watch` gives one of the year 1970).
fn time_left(context: &Context) -> Option<Duration> {
    /// Before Lambda was: it cannot be meant.
    const ABSURD: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    match context.deadline().duration_since(SystemTime::now()) {
        Ok(left) => Some(left.saturating_sub(MARGIN)),
        Err(past) => (past.duration() < ABSURD).then_some(Duration::ZERO),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::http::StatusCode;

    /// Panics at every other request.
    #[derive(Default)]
    struct Fragile(Cell<bool>);

    impl Dialect for Fragile {
        async fn answer(&self, _: &Request) -> Result<Response, error::Error> {
            assert!(self.0.replace(!self.0.get()), "a body may stand here: {}", "secret");
            Ok(Response::json(StatusCode::OK, &"fine"))
        }

        fn refuse(&self, _: &Request, error: &error::Error, request_id: &str) -> Response {
            assert_eq!(*error, error::Error::Internal("the handler panicked".to_owned()));
            Response::json(StatusCode::INTERNAL_SERVER_ERROR, &request_id)
        }
    }

    fn context() -> Context {
        let mut context = Context::default();
        context.request_id = "r1".to_owned();
        context
    }

    const REQUEST: &[u8] = br#"{"rawPath":"/","routeKey":"GET /","requestContext":{"http":{"method":"GET"}}}"#;

    #[tokio::test]
    async fn a_handler_that_panics_is_a_500_and_the_next_request_is_served() {
        let dialect = Fragile::default();
        for status in [500, 200, 500, 200] {
            let answer = handle(&dialect, REQUEST, &context(), false).await.unwrap();
            assert_eq!(answer.status_code, status);
            assert_eq!(answer.headers["x-request-id"], "r1");
        }
    }

    /// Never comes to an end.
    struct Stuck;

    impl Dialect for Stuck {
        async fn answer(&self, _: &Request) -> Result<Response, error::Error> {
            std::future::pending().await
        }

        fn refuse(&self, _: &Request, error: &error::Error, _: &str) -> Response {
            assert!(matches!(error, error::Error::Unavailable(_)), "{error:?}");
            Response::empty(StatusCode::SERVICE_UNAVAILABLE)
        }
    }

    #[tokio::test]
    async fn what_is_not_done_in_time_is_given_up_before_the_function_is_stopped() {
        let mut context = context();
        let deadline = SystemTime::now() + MARGIN + Duration::from_millis(20);
        context.deadline = deadline.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_millis().try_into().unwrap();
        assert_eq!(handle(&Stuck, REQUEST, &context, false).await.unwrap().status_code, 503);
        assert!(SystemTime::now() < deadline);
    }

    #[tokio::test]
    async fn what_is_no_http_request_fails_and_is_never_taken_for_one() {
        for payload in [
            json!({}),
            json!([]),
            json!(null),
            json!({"Records": [{"eventSource": "aws:sqs", "body": "{}"}]}),
            json!({"version": "0", "detail-type": "x", "source": "y", "detail": {}}),
            json!({"rawPath": "/", "requestContext": {"http": {"method": "GET"}}, "body": "%", "isBase64Encoded": true}),
        ] {
            assert!(
                handle(&Fragile::default(), payload.to_string().as_bytes(), &context(), false).await.is_err(),
                "{payload}"
            );
        }
    }
}
