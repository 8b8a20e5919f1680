//! A dialect as a Lambda function: events in, answers out.

use std::{
    cell::Cell,
    panic::AssertUnwindSafe,
    time::{Duration, SystemTime},
};

use futures_util::FutureExt;
use lambda_http::aws_lambda_events::apigw::ApiGatewayV2httpResponse;
use lambda_runtime::Context;
use serde::Serialize;
use serde_json::value::RawValue;
use tokio::{
    runtime::Builder,
    time::{Instant, timeout_at},
};

pub use lambda_runtime::Error;

use crate::{
    App, error,
    event::Delivery,
    failure::Failure,
    http::{Request, Response},
    log::{self, Level, RequestLine, Work},
    metrics::{Count, Metric},
    model::Timestamp,
    observed::{Observed, observed},
    pipeline, runtime,
    security_headers::secured,
};

/// How long before Lambda would stop the function a request that is not done is given up: time enough to say so.
const MARGIN: Duration = Duration::from_millis(500);

/// What differs between the functions.
pub trait Dialect {
    /// What it is called.
    const NAME: &'static str;

    /// Answers a request.
    fn answer(&self, request: &Request<'_>)
    -> impl Future<Output = Result<Response, error::Error>>;

    /// Says in the dialect's own words why `request` has no success.
    fn refuse(&self, request: &Request<'_>, error: &error::Error, request_id: &str) -> Response;

    /// Does what a command asks for, and tells the widget as the dialect shows it.
    fn execute(
        &self,
        delivery: &Delivery,
    ) -> impl Future<Output = Result<Box<RawValue>, error::Error>>;
}

/// What is known of an invocation beside what it brings.
#[derive(Debug)]
pub struct Invocation<'a> {
    /// Lambda's id of it.
    pub request_id: &'a str,
    /// The function's name.
    pub function: &'a str,
    /// Whether it is this environment's first.
    pub cold_start: bool,
    /// When what is not done is given up.
    deadline: Option<Instant>,
}

/// What an invocation is answered with.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[expect(
    clippy::large_enum_variant,
    reason = "there is one at a time, and it becomes bytes at once"
)]
enum Answer {
    Http(ApiGatewayV2httpResponse),
    Pipeline(pipeline::Answer),
}

/// Runs a function: INIT, then events until Lambda ends the environment. `dialect` is made of what INIT opened.
///
/// # Errors
///
/// That the function cannot start, or that Lambda is not there any more.
pub fn start<D: Dialect>(dialect: fn(App) -> D) -> Result<(), Error> {
    log::panics();
    Builder::new_current_thread().enable_all().build()?.block_on(async {
        let app = App::init().await.inspect_err(|error| {
            log::event(Level::Error, "the function cannot start", &error.to_string());
        })?;
        let dialect = dialect(app);
        let is_cold = Cell::new(true);
        let Err(error) = runtime::runtime_api::run(async |event: &[u8], context: Context| {
            let invocation = Invocation::of(&context, is_cold.replace(false));
            handle(&dialect, event, &invocation).await
        })
        .await;
        Err(error)
    })
}

/// An HTTP request is one in API Gateway's payload format 2.0 and nothing else; what is none may be another event.
async fn handle(
    dialect: &impl Dialect,
    event: &[u8],
    invocation: &Invocation<'_>,
) -> Result<Answer, Failure> {
    let Some(request) = Request::parse(event) else {
        return Box::pin(pipeline::handle(dialect, event, invocation)).await.map(Answer::Pipeline);
    };
    let request = request.map_err(|_| {
        // Where it is not would tell a byte of it.
        let what = "an HTTP request whose body is not base64";
        log::event(
            Level::Error,
            "unknown event",
            &format!("{what} (request {})", invocation.request_id),
        );
        Failure::unknown(what)
    })?;
    Ok(Answer::Http(answer(dialect, &request, invocation).await.into_event()))
}

async fn answer<D: Dialect>(
    dialect: &D,
    request: &Request<'_>,
    invocation: &Invocation<'_>,
) -> Response {
    let start = Instant::now();
    let request_id = invocation.request_id;
    // Boxed, here and once: what is around it is moved several times, and this is all that an operation holds.
    let work = Box::pin(dialect.answer(request));
    let (outcome, observed) = observed(invocation.within_its_time(work)).await;
    let (response, cause) = match outcome {
        Ok(response) => (response, None),
        Err(error) => (dialect.refuse(request, &error, request_id), error.into_cause()),
    };
    RequestLine {
        request_id,
        route: &request.route,
        status: response.status,
        work: Work::new(observed, start.elapsed()),
        cold_start: invocation.cold_start,
        cause: cause.as_deref(),
        count: invocation.count::<D>(observed, response.status.is_client_error()),
    }
    .write();
    secured(request, response).with_request_id(request_id)
}

impl<'a> Invocation<'a> {
    fn of(context: &'a Context, cold_start: bool) -> Self {
        let deadline = time_left(context).map(|time_left| Instant::now() + time_left);
        Self {
            request_id: &context.request_id,
            function: &context.env_config.function_name,
            cold_start,
            deadline,
        }
    }

    /// What CloudWatch counts of a request or a command that did what was `observed`, or was refused.
    pub fn count<D: Dialect>(&self, observed: Observed, is_refused: bool) -> Option<Count<'a>> {
        let metric = observed.change.map(Metric::from).or(is_refused.then_some(Metric::Refused))?;
        Some(Count { metric, at: Timestamp::now(), function: self.function, dialect: D::NAME })
    }

    /// What becomes of `work`, also where it panics, has not come to an end in time, or could not begin before. It is moved
    /// from hand to hand, which is why it has to be boxed.
    pub async fn within_its_time<T>(
        &self,
        work: impl Future<Output = Result<T, error::Error>> + Unpin,
    ) -> Result<T, error::Error> {
        let late =
            || error::Error::Unavailable("not done before the function's timeout".to_owned());
        // What a handler may leave half done when it panics is its own; what outlives it (the store's client, the cache
        // of keys) is left consistent by every operation on it.
        let caught = AssertUnwindSafe(work).catch_unwind();
        let outcome = match self.deadline {
            Some(deadline) if deadline <= Instant::now() => return Err(late()),
            Some(deadline) => timeout_at(deadline, caught).await.map_err(|_| late())?,
            None => caught.await,
        };
        outcome.unwrap_or_else(|_| Err(error::Error::Internal("the handler panicked".to_owned())))
    }
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
    use std::cell::Cell;

    use serde_json::{Value, json};

    use super::*;
    use crate::{command::Operation, http::StatusCode};

    /// Panics at every other request, and at every command but to read.
    #[derive(Default)]
    struct Fragile(Cell<bool>);

    impl Dialect for Fragile {
        const NAME: &'static str = "fragile";

        async fn answer(&self, _: &Request<'_>) -> Result<Response, error::Error> {
            assert!(self.0.replace(!self.0.get()), "a body may stand here: {}", "secret");
            Ok(Response::json(StatusCode::OK, &"fine"))
        }

        fn refuse(&self, _: &Request<'_>, error: &error::Error, request_id: &str) -> Response {
            assert_eq!(*error, error::Error::Internal("the handler panicked".to_owned()));
            Response::json(StatusCode::INTERNAL_SERVER_ERROR, &request_id)
        }

        async fn execute(&self, delivery: &Delivery) -> Result<Box<RawValue>, error::Error> {
            let document = delivery.document.as_deref().unwrap();
            assert_eq!(Operation::of(document), Some(Operation::Read));
            Ok(document.to_owned())
        }
    }

    const INVOCATION: Invocation<'_> =
        Invocation { request_id: "r1", function: "f", cold_start: false, deadline: None };

    const REQUEST: &[u8] =
        br#"{"version":"2.0","rawPath":"/","routeKey":"GET /","requestContext":{"http":{"method":"GET"}}}"#;

    async fn http(dialect: &impl Dialect, invocation: &Invocation<'_>) -> ApiGatewayV2httpResponse {
        match handle(dialect, REQUEST, invocation).await {
            Ok(Answer::Http(answer)) => answer,
            other => panic!("{other:?}"),
        }
    }

    /// What is answered to an event that is no request, or what it fails with.
    async fn event(
        dialect: &impl Dialect,
        event: Value,
        invocation: &Invocation<'_>,
    ) -> Result<Value, Value> {
        match handle(dialect, event.to_string().as_bytes(), invocation).await {
            Ok(Answer::Http(answer)) => panic!("{answer:?}"),
            Ok(answer) => Ok(serde_json::to_value(answer).unwrap()),
            Err(failure) => Err(serde_json::to_value(failure).unwrap()),
        }
    }

    #[tokio::test]
    async fn a_handler_that_panics_is_a_500_and_the_next_request_is_served() {
        let dialect = Fragile::default();
        for status in [500, 200, 500, 200] {
            let answer = http(&dialect, &INVOCATION).await;
            assert_eq!(answer.status_code, status);
            assert_eq!(answer.headers["x-request-id"], "r1");
        }
    }

    fn message(id: &str, queue: &str, body: &str) -> Value {
        let arn = format!("arn:aws:sqs:us-east-1:123456789012:{queue}");
        json!({"messageId": id, "body": body, "eventSource": "aws:sqs", "eventSourceARN": arn})
    }

    const READS: &str = r#"{"operation":"read"}"#;
    const PANICS: &str = r#"{"operation":"delete"}"#;

    #[tokio::test]
    async fn a_command_that_panics_fails_alone() {
        let dialect = Fragile::default();
        let failed =
            event(&dialect, json!({"operation": "delete"}), &INVOCATION).await.unwrap_err();
        assert_eq!(failed["errorType"], "InternalError");
        let records =
            ["a", "b", "c"].map(|id| message(id, "q", if id == "b" { PANICS } else { READS }));
        let answer = event(&dialect, json!({"Records": records}), &INVOCATION).await;
        assert_eq!(answer, Ok(json!({"batchItemFailures": [{"itemIdentifier": "b"}]})));
    }

    #[tokio::test]
    async fn behind_a_message_that_failed_those_of_its_group_wait_in_a_queue_that_keeps_its_order()
    {
        for (queue, failures) in [("q", vec!["b1"]), ("q.fifo", vec!["b1", "b2", "b3"])] {
            let records = ["a1", "b0", "b1", "b2", "a2", "b3"].map(|id| {
                let mut record = message(id, queue, if id == "b1" { PANICS } else { READS });
                record["attributes"] = json!({"MessageGroupId": id[..1]});
                record
            });
            let answer =
                event(&Fragile::default(), json!({"Records": records}), &INVOCATION).await.unwrap();
            let failures: Vec<_> =
                failures.iter().map(|id| json!({"itemIdentifier": id})).collect();
            assert_eq!(answer, json!({"batchItemFailures": failures}));
        }
    }

    /// Never comes to an end.
    struct Stuck;

    impl Dialect for Stuck {
        const NAME: &'static str = "stuck";

        async fn answer(&self, _: &Request<'_>) -> Result<Response, error::Error> {
            std::future::pending().await
        }

        fn refuse(&self, _: &Request<'_>, error: &error::Error, _: &str) -> Response {
            assert!(matches!(error, error::Error::Unavailable(_)), "{error:?}");
            Response::empty(StatusCode::SERVICE_UNAVAILABLE)
        }

        async fn execute(&self, delivery: &Delivery) -> Result<Box<RawValue>, error::Error> {
            assert_eq!(delivery.id.as_deref(), Some("a"), "there is no time for another one");
            std::future::pending().await
        }
    }

    #[tokio::test]
    async fn what_is_not_done_in_time_is_given_up_before_the_function_is_stopped() {
        let mut context = Context::default();
        let deadline = SystemTime::now() + MARGIN + Duration::from_millis(20);
        context.deadline = deadline
            .duration_since(SystemTime::UNIX_EPOCH)
            .unwrap()
            .as_millis()
            .try_into()
            .unwrap();
        let invocation = Invocation::of(&context, false);
        assert_eq!(http(&Stuck, &invocation).await.status_code, 503);
        assert!(SystemTime::now() < deadline);
    }

    #[tokio::test]
    async fn messages_that_there_is_no_time_for_go_back_to_their_queue() {
        let deadline = Some(Instant::now() + Duration::from_millis(20));
        let invocation = Invocation { deadline, ..INVOCATION };
        let records = ["a", "b"].map(|id| message(id, "q", READS));
        let answer = event(&Stuck, json!({"Records": records}), &invocation).await;
        assert_eq!(
            answer,
            Ok(json!({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}))
        );
    }

    #[tokio::test]
    async fn what_is_nothing_known_fails_and_is_taken_for_nothing_else() {
        let http = json!({"http": {"method": "GET", "path": "/"}});
        let base64 = json!({"version": "2.0", "rawPath": "/", "requestContext": http, "body": "%", "isBase64Encoded": true});
        for payload in [
            json!({}),
            json!(null),
            json!("read"),
            json!([1]),
            json!([[]]),
            json!([{"Records": []}]),
            json!([{"operation": "read"}, {}]),
            json!([message("a", "q", READS), {"operation": "read"}]),
            json!({"requestContext": http}),
            json!({"version": "1.0", "path": "/", "httpMethod": "GET", "requestContext": {"httpMethod": "GET"}}),
            base64,
            json!({"requestContext": http, "operation": "read"}),
            json!({"operation": "read", "Records": []}),
            json!({"operation": "read", "detail-type": "x", "detail": {}, "id": "1"}),
            json!({"Records": {}}),
            json!({"Records": [{"eventSource": "aws:s3", "messageId": "a", "body": READS}]}),
            json!({"Records": [{"EventSource": "aws:sns", "Sns": {}}]}),
            json!({"Records": [message("a", "q", READS), {"eventSource": "aws:sqs", "body": READS}]}),
            json!({"version": "0", "detail-type": "x", "source": "y", "detail": {"operation": "read"}}),
            json!({"version": "0", "detail-type": "x", "source": "y", "id": "1"}),
        ] {
            let failed = event(&Fragile::default(), payload.clone(), &INVOCATION).await;
            assert_eq!(failed.unwrap_err()["errorType"], "UnknownEvent", "{payload}");
        }
        let garbage = handle(&Fragile::default(), b"\xff{", &INVOCATION).await.unwrap_err();
        assert_eq!(serde_json::to_value(garbage).unwrap()["errorType"], "UnknownEvent");
    }

    #[tokio::test]
    async fn whatever_may_bring_a_command_does() {
        let command = json!({"operation": "read"});
        let bus = json!({"version": "0", "id": "1", "detail-type": "x", "source": "y", "detail": command});
        let from_the_bus = message("a", "q", &bus.to_string());
        for (payload, answer) in [
            (command.clone(), command.clone()),
            (bus.clone(), command.clone()),
            (json!([command, bus]), json!([command, command])),
            (json!([]), json!([])),
            (json!({"Records": [from_the_bus]}), json!({"batchItemFailures": []})),
            (json!([from_the_bus]), json!({"batchItemFailures": []})),
        ] {
            assert_eq!(
                event(&Fragile::default(), payload.clone(), &INVOCATION).await,
                Ok(answer),
                "{payload}"
            );
        }
    }
}
