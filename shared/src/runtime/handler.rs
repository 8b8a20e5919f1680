//! An invocation, from its payload to its answer.

use std::cell::Cell;

use lambda_runtime::Context;
use serde::Serialize;
use tokio::runtime::Builder;

use super::app::App;
use super::dialect::Dialect;
use super::guard::{Deadline, deadline_before, guard};
use super::request_line::RequestLine;
use super::runtime_api;
use crate::commands::{CommandResponse, InvocationError};
use crate::error::Error;
use crate::http::{GatewayResponse, NotARequest, Request, Response};
use crate::model::WidgetSettings;
use crate::telemetry::{Invocation, Level, log, request_stats};
use crate::validation::json::BYTE_ORDER_MARK;
use crate::{auth, commands};

/// The answer to an invocation.
#[derive(Debug, Serialize)]
#[serde(untagged)]
#[expect(clippy::large_enum_variant, reason = "it is made once an invocation and serialized")]
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
            let deadline = deadline_before(context.deadline());
            Handler { dialect: &dialect, invocation, deadline }.handle(payload).await
        })
        .await;
        Err(error)
    })
}

/// Handles one invocation.
struct Handler<'a, D> {
    dialect: &'a D,
    invocation: Invocation<'a>,
    deadline: Deadline,
}

impl<D: Dialect> Handler<'_, D> {
    /// Answers the invocation. A payload that is not an HTTP request is parsed as a trigger event.
    async fn handle(&self, payload: &[u8]) -> Result<InvocationResponse, InvocationError> {
        let payload = payload.strip_prefix(BYTE_ORDER_MARK.as_bytes()).unwrap_or(payload);
        match Request::parse(payload) {
            Ok(request) => {
                let response = self.answer(&request).await;
                Ok(InvocationResponse::Http(response.into_gateway()))
            }
            Err(NotARequest::OtherPayload) => {
                let run = commands::run(payload, &self.invocation, async |envelope| {
                    guard(self.deadline, Box::pin(self.dialect.execute(envelope))).await
                });
                Box::pin(run).await.map(InvocationResponse::Commands)
            }
            // The position of the fault would disclose a byte of the body.
            Err(NotARequest::InvalidBase64) => Err(InvocationError::unknown_event(
                "an HTTP request whose body is not base64",
                self.invocation.request_id,
            )),
        }
    }

    /// Answers a request and writes its log line.
    async fn answer(&self, request: &Request<'_>) -> Response {
        let Invocation { request_id, is_cold_start: cold_start, .. } = self.invocation;
        // Boxed, so that what wraps it moves a pointer and not all that an operation holds.
        let work = Box::pin(self.dialect.route(request));
        let (outcome, stats) = request_stats::count(guard(self.deadline, work)).await;
        let (response, error) = match outcome {
            Ok(response) => (response, None),
            Err(error) => (self.dialect.error_response(request, &error, request_id), Some(error)),
        };
        RequestLine {
            request_id,
            route: &request.route,
            status: response.status.as_u16(),
            stats,
            cold_start,
            cause: error.as_ref().and_then(Error::cause),
            metric: self.invocation.metric(stats, response.status.is_client_error()),
        }
        .write();
        let response = response.with_security_headers(auth::is_key_in_url(request));
        response.with_header("x-request-id", request_id)
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, SystemTime};

    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use super::*;
    use crate::commands::{CommandEnvelope, Operation};
    use crate::error::Result;
    use crate::http::StatusCode;
    use crate::model::{Widget, pathway};

    /// A view that no test makes.
    #[derive(Serialize)]
    struct NoView;

    impl From<&Widget<pathway::Settings>> for NoView {
        fn from(_: &Widget<pathway::Settings>) -> Self {
            unreachable!("no test executes a command of a widget")
        }
    }

    /// Panics at every other request, and at every command but reads.
    #[derive(Default)]
    struct Panicking(Cell<bool>);

    impl Dialect for Panicking {
        type Settings = pathway::Settings;
        type WidgetView<'a> = NoView;

        const OPENAPI: &'static str = "{}";

        fn app(&self) -> &App {
            unreachable!("no test needs a store")
        }

        async fn route(&self, _: &Request<'_>) -> Result<Response> {
            assert!(self.0.replace(!self.0.get()), "a body may stand here: {}", "secret");
            Ok(Response::json(StatusCode::OK, &"fine"))
        }

        fn error_response(&self, _: &Request<'_>, error: &Error, request_id: &str) -> Response {
            assert_eq!(*error, Error::Internal("the handler panicked".to_owned()));
            Response::json(StatusCode::INTERNAL_SERVER_ERROR, &request_id)
        }

        async fn execute(&self, envelope: &CommandEnvelope) -> Result<Box<RawValue>> {
            let document = envelope.document.as_deref().unwrap();
            assert_eq!(Operation::of(document), Some(Operation::Read));
            Ok(document.to_owned())
        }
    }

    /// Never ends.
    struct Stuck;

    impl Dialect for Stuck {
        type Settings = pathway::Settings;
        type WidgetView<'a> = NoView;

        const OPENAPI: &'static str = "{}";

        fn app(&self) -> &App {
            unreachable!("no test needs a store")
        }

        async fn route(&self, _: &Request<'_>) -> Result<Response> {
            std::future::pending().await
        }

        fn error_response(&self, _: &Request<'_>, error: &Error, _: &str) -> Response {
            assert!(matches!(error, Error::Unavailable(_)), "{error:?}");
            Response::empty(StatusCode::SERVICE_UNAVAILABLE)
        }

        async fn execute(&self, envelope: &CommandEnvelope) -> Result<Box<RawValue>> {
            assert_eq!(envelope.id.as_deref(), Some("a"), "there is no time for another one");
            std::future::pending().await
        }
    }

    const INVOCATION: Invocation<'_> =
        Invocation { request_id: "r1", function: "f", dialect: "d", is_cold_start: false };

    /// The deadline of a function that stops in `time` plus its margin.
    fn deadline(time: Duration) -> Deadline {
        deadline_before(SystemTime::now() + Duration::from_millis(500) + time)
    }

    const LONG: Duration = Duration::from_secs(60);
    const SHORT: Duration = Duration::from_millis(20);

    const REQUEST: &[u8] =
        br#"{"version":"2.0","rawPath":"/","routeKey":"GET /","requestContext":{"http":{"method":"GET"}}}"#;

    fn handler<D>(dialect: &D, time: Duration) -> Handler<'_, D> {
        Handler { dialect, invocation: INVOCATION, deadline: deadline(time) }
    }

    async fn http(dialect: &impl Dialect, time: Duration) -> GatewayResponse {
        match handler(dialect, time).handle(REQUEST).await {
            Ok(InvocationResponse::Http(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    /// Returns the answer to a trigger event, or the error document.
    async fn event(dialect: &impl Dialect, event: Value, time: Duration) -> Result<Value, Value> {
        let payload = event.to_string();
        match handler(dialect, time).handle(payload.as_bytes()).await {
            Ok(InvocationResponse::Http(response)) => panic!("{response:?}"),
            Ok(response) => Ok(serde_json::to_value(response).unwrap()),
            Err(error) => Err(serde_json::to_value(error).unwrap()),
        }
    }

    #[tokio::test]
    async fn a_panic_is_a_500_and_the_next_request_is_served() {
        let dialect = Panicking::default();
        for status in [500, 200, 500, 200] {
            let answer = http(&dialect, LONG).await;
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
        let dialect = Panicking::default();
        let failed = event(&dialect, json!({"operation": "delete"}), LONG).await.unwrap_err();
        assert_eq!(failed["errorType"], "InternalError");
        let records =
            ["a", "b", "c"].map(|id| message(id, "q", if id == "b" { PANICS } else { READS }));
        let answer = event(&dialect, json!({"Records": records}), LONG).await;
        assert_eq!(answer, Ok(json!({"batchItemFailures": [{"itemIdentifier": "b"}]})));
    }

    #[tokio::test]
    async fn messages_behind_a_failed_one_of_their_fifo_group_wait() {
        for (queue, failures) in [("q", vec!["b1"]), ("q.fifo", vec!["b1", "b2", "b3"])] {
            let records = ["a1", "b0", "b1", "b2", "a2", "b3"].map(|id| {
                let mut record = message(id, queue, if id == "b1" { PANICS } else { READS });
                record["attributes"] = json!({"MessageGroupId": id[..1]});
                record
            });
            let answer =
                event(&Panicking::default(), json!({"Records": records}), LONG).await.unwrap();
            let failures: Vec<_> =
                failures.iter().map(|id| json!({"itemIdentifier": id})).collect();
            assert_eq!(answer, json!({"batchItemFailures": failures}));
        }
    }

    #[tokio::test]
    async fn a_request_that_is_not_done_in_time_is_a_503() {
        assert_eq!(http(&Stuck, SHORT).await.status_code, 503);
    }

    #[tokio::test]
    async fn messages_without_time_left_go_back_to_their_queue() {
        let records = ["a", "b"].map(|id| message(id, "q", READS));
        let answer = event(&Stuck, json!({"Records": records}), SHORT).await;
        assert_eq!(
            answer,
            Ok(json!({"batchItemFailures": [{"itemIdentifier": "a"}, {"itemIdentifier": "b"}]}))
        );
    }

    #[tokio::test]
    async fn an_unknown_payload_fails_the_invocation() {
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
            let failed = event(&Panicking::default(), payload.clone(), LONG).await;
            assert_eq!(failed.unwrap_err()["errorType"], "UnknownEvent", "{payload}");
        }
        let garbage = handler(&Panicking::default(), LONG).handle(b"\xff{").await.unwrap_err();
        assert_eq!(serde_json::to_value(garbage).unwrap()["errorType"], "UnknownEvent");
    }

    #[tokio::test]
    async fn every_trigger_brings_commands() {
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
                event(&Panicking::default(), payload.clone(), LONG).await,
                Ok(answer),
                "{payload}"
            );
        }
    }

    #[tokio::test]
    async fn a_byte_order_mark_before_a_payload_is_ignored() {
        let payload = "\u{feff}{\"operation\":\"read\"}";
        let done = handler(&Panicking::default(), LONG).handle(payload.as_bytes()).await.unwrap();
        assert_eq!(serde_json::to_value(done).unwrap(), json!({"operation": "read"}));
    }
}
