//! The function: `bootstrap` on Lambda.

use assistant::Assistant;
use shared::lambda;

fn main() -> Result<(), lambda::Error> {
    lambda::start(Assistant)
}
