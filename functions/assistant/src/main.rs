//! The function: `bootstrap` on Lambda.

use assistant::Assistant;
use shared::{App, lambda, log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    log::panics();
    lambda::run(Assistant(App::init().await?)).await
}
