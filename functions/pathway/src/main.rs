//! The function: `bootstrap` on Lambda.

use pathway::Pathway;
use shared::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::start(Pathway).await
}
