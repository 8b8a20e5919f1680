//! The end of work that panics or takes too long.

use std::panic::AssertUnwindSafe;
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use tokio::time::{Instant, timeout_at};

use crate::error::{Error, Result};

/// How long before Lambda stops the function work is given up: enough to answer that.
const MARGIN: Duration = Duration::from_millis(500);

/// When work is given up.
pub(super) type Deadline = Option<Instant>;

/// Leaves [`MARGIN`] before `lambda_deadline`. There is no deadline if it is years ago: `cargo
/// lambda watch` sends one of the year 1970.
pub(super) fn deadline_before(lambda_deadline: SystemTime) -> Deadline {
    /// Before Lambda existed.
    const ABSURD: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);
    let time_left = match lambda_deadline.duration_since(SystemTime::now()) {
        Ok(left) => Some(left.saturating_sub(MARGIN)),
        Err(past) => (past.duration() < ABSURD).then_some(Duration::ZERO),
    };
    time_left.map(|left| Instant::now() + left)
}

/// Does `work` until the deadline. A panic is an [`Error::Internal`], the deadline an
/// [`Error::Unavailable`]; after the deadline work does not begin. `work` is moved several times,
/// so it has to be boxed.
pub(super) async fn guard<T>(
    deadline: Deadline,
    work: impl Future<Output = Result<T>> + Unpin,
) -> Result<T> {
    let late = || Error::Unavailable("not done before the function's timeout".to_owned());
    // What a handler leaves half done when it panics is its own. What outlives it (the client, the
    // cache of keys) is consistent after every operation on it.
    let work = AssertUnwindSafe(work).catch_unwind();
    let outcome = match deadline {
        Some(deadline) if deadline <= Instant::now() => return Err(late()),
        Some(deadline) => timeout_at(deadline, work).await.map_err(|_| late())?,
        None => work.await,
    };
    outcome.unwrap_or_else(|_| Err(Error::Internal("the handler panicked".to_owned())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn work_is_given_up_before_lambda_stops_the_function() {
        let lambda_deadline = SystemTime::now() + MARGIN + Duration::from_millis(20);
        let stuck = Box::pin(std::future::pending::<Result<(), Error>>());
        let outcome = guard(deadline_before(lambda_deadline), stuck).await;
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
        assert!(SystemTime::now() < lambda_deadline);
    }

    #[tokio::test]
    async fn work_does_not_begin_after_the_deadline() {
        let work = Box::pin(async { panic!("it began") });
        let outcome: Result<(), Error> = guard(deadline_before(SystemTime::now()), work).await;
        assert!(matches!(outcome, Err(Error::Unavailable(_))), "{outcome:?}");
    }

    #[tokio::test]
    async fn a_deadline_of_1970_is_none() {
        let work = Box::pin(async { Ok(()) });
        assert_eq!(guard(deadline_before(SystemTime::UNIX_EPOCH), work).await, Ok(()));
    }
}
