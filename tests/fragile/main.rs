//! Both functions as they are, but that they panic where a request asks for it.

use std::env;

use assistant::Assistant;
use pathway::Pathway;
use serde_json::value::RawValue;
use shared::{
    error::Error,
    event::Delivery,
    http::{Request, Response},
    lambda::{self, Dialect},
};

/// A dialect that panics before or after its answer, or as it refuses one, as a request's `x-panic` says.
struct Fragile<D>(D);

fn panics(request: &Request<'_>, when: &str) {
    assert!(request.header("x-panic") != Some(when), "{when} {:?}", request.headers);
}

impl<D: Dialect> Dialect for Fragile<D> {
    const NAME: &'static str = D::NAME;

    async fn answer(&self, request: &Request<'_>) -> Result<Response, Error> {
        panics(request, "before");
        // Boxed: around the dialect's future the compiler would unfold more layers than it allows.
        let answer = Box::pin(self.0.answer(request)).await;
        panics(request, "after");
        answer
    }

    fn refuse(&self, request: &Request<'_>, error: &Error, request_id: &str) -> Response {
        panics(request, "refusing");
        self.0.refuse(request, error, request_id)
    }

    async fn execute(&self, delivery: &Delivery) -> Result<Box<RawValue>, Error> {
        self.0.execute(delivery).await
    }
}

fn main() -> Result<(), lambda::Error> {
    if env::var("AWS_LAMBDA_FUNCTION_NAME").is_ok_and(|name| name == "Assistant") {
        lambda::start(|app| Fragile(Assistant(app)))
    } else {
        lambda::start(|app| Fragile(Pathway(app)))
    }
}
