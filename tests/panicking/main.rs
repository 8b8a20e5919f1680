//! Both functions as they are deployed, except that they panic if a request asks for it.

use std::env;

use assistant::Assistant;
use pathway::Pathway;
use serde_json::value::RawValue;
use shared::{
    commands::CommandEnvelope,
    error::Error,
    http::{Request, Response},
    runtime::{self, App, Dialect},
};

/// A dialect that panics as the header `x-panic` says: before or after it answers, or while it
/// renders an error.
struct Panicking<D>(D);

fn panic_if(request: &Request<'_>, when: &str) {
    assert!(
        request.header("x-panic") != Some(when),
        "{when} {:?}",
        request.header_text("authorization")
    );
}

impl<D: Dialect> Dialect for Panicking<D> {
    type Settings = D::Settings;
    type WidgetView<'a>
        = D::WidgetView<'a>
    where
        Self::Settings: 'a;

    const OPENAPI: &'static str = D::OPENAPI;

    fn app(&self) -> &App {
        self.0.app()
    }

    async fn route(&self, request: &Request<'_>) -> Result<Response, Error> {
        panic_if(request, "before");
        // Boxed: around the dialect's future the compiler would unfold more layers than it allows.
        let response = Box::pin(self.0.route(request)).await;
        panic_if(request, "after");
        response
    }

    fn error_response(&self, request: &Request<'_>, error: &Error, request_id: &str) -> Response {
        panic_if(request, "refusing");
        self.0.error_response(request, error, request_id)
    }

    async fn execute(&self, envelope: &CommandEnvelope) -> Result<Box<RawValue>, Error> {
        self.0.execute(envelope).await
    }
}

fn main() -> Result<(), runtime::Error> {
    if env::var("AWS_LAMBDA_FUNCTION_NAME").is_ok_and(|name| name == "Assistant") {
        runtime::start(|app| Panicking(Assistant(app)))
    } else {
        runtime::start(|app| Panicking(Pathway(app)))
    }
}
