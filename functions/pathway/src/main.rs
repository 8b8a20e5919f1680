//! The function: `bootstrap` on Lambda.

use pathway::Pathway;
use shared::runtime;

fn main() -> Result<(), runtime::Error> {
    runtime::start(Pathway)
}
