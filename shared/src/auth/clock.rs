//! How old something in memory is.
//!
//! Lambda freezes an environment between invocations, and a monotonic clock may stand still with it; a wall clock can be
//! set. Neither alone tells how long ago something was.

use std::time::{Duration, Instant, SystemTime};

/// A moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// By the clock that never goes back.
    pub monotonic: Instant,
    /// By the clock that people have.
    pub wall: SystemTime,
}

impl Moment {
    /// This moment.
    pub fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// How long ago `earlier` was, by the clock that says longer; `None` where the wall clock was set back to before it.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let by_wall = self.wall.duration_since(earlier.wall).ok()?;
        Some(by_wall.max(self.monotonic.saturating_duration_since(earlier.monotonic)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_that_says_longer_is_believed_and_one_that_was_set_back_is_not() {
        let then = Moment::now();
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(60));
        let after = |monotonic, wall| Moment {
            monotonic: then.monotonic + monotonic,
            wall: then.wall + wall,
        };
        assert_eq!(after(short, long).since(then), Some(long), "frozen");
        assert_eq!(after(long, short).since(then), Some(long), "set back a little");
        assert_eq!(
            Moment { wall: then.wall - short, ..after(short, short) }.since(then),
            None,
            "set back to before"
        );
        assert_eq!(then.since(then), Some(Duration::ZERO));
    }
}
