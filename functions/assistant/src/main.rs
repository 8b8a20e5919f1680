//! The function: `bootstrap` on Lambda.

use assistant::Assistant;
use shared::runtime;

fn main() -> Result<(), runtime::Error> {
    runtime::start(Assistant)
}
