//! The function: `bootstrap` on Lambda.

use pathway::Pathway;
use shared::{App, lambda, log};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    log::panics();
    lambda::run(Pathway(App::init().await?)).await
}
