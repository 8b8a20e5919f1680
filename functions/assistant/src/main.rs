//! The function: `bootstrap` on Lambda.

use assistant::Assistant;
use shared::{
    App, lambda,
    log::{self, Level},
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    log::panics();
    let app = App::init().await;
    let app = app.inspect_err(|error| log::event(Level::Error, "the function cannot start", &error.to_string()))?;
    lambda::run(Assistant(app)).await
}
