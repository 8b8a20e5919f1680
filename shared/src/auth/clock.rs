//! How old something in memory is.
//!
//! Lambda freezes an environment between invocations, and the monotonic clock may stop with it. The
//! wall clock can be set. Neither alone tells an age.

use std::time::{Duration, Instant, SystemTime};

/// A moment by both clocks.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Moment {
    /// By the clock that never goes back.
    pub monotonic: Instant,
    /// By the clock that can be set.
    pub wall: SystemTime,
}

impl Moment {
    /// Returns this moment.
    pub fn now() -> Self {
        Self { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// Returns the longer of the times since `earlier` by both clocks; `None` if the wall clock was
    /// set back to before it.
    pub fn since(self, earlier: Self) -> Option<Duration> {
        let by_wall = self.wall.duration_since(earlier.wall).ok()?;
        Some(by_wall.max(self.monotonic.saturating_duration_since(earlier.monotonic)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_time_counts_and_a_clock_that_was_set_back_does_not() {
        let then = Moment::now();
        let (short, long) = (Duration::from_secs(1), Duration::from_secs(60));
        let after = |monotonic, wall| Moment {
            monotonic: then.monotonic + monotonic,
            wall: then.wall + wall,
        };
        assert_eq!(after(short, long).since(then), Some(long), "frozen");
        assert_eq!(after(long, short).since(then), Some(long), "set back a little");
        let set_back = Moment { wall: then.wall - short, ..after(short, short) };
        assert_eq!(set_back.since(then), None, "set back to before");
        assert_eq!(then.since(then), Some(Duration::ZERO));
    }
}
