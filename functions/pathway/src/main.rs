//! The function: `bootstrap` on Lambda.

use pathway::Pathway;
use shared::lambda;

fn main() -> Result<(), lambda::Error> {
    lambda::start(Pathway)
}
