//! The function: `bootstrap` on Lambda.

use assistant::Assistant;
use shared::lambda;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), lambda::Error> {
    lambda::start(Assistant).await
}
