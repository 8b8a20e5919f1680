//! How long to wait before a retry.

use std::time::{Duration, SystemTime};

/// The most attempts of a request.
pub const MAX_ATTEMPTS: u32 = 8;

/// The longest wait that a service may ask for.
pub const MAX_RETRY_AFTER: Duration = Duration::from_secs(5 * 60);

/// The longest wait after the first failure. It doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_millis(250);

/// Returns how long to wait after so many failed attempts: exponential backoff with full jitter.
pub fn wait(failures: u32) -> Duration {
    let longest = FIRST_WAIT * 2u32.pow(failures.saturating_sub(1).min(MAX_ATTEMPTS));
    // Without random numbers there is no jitter.
    let share = getrandom::u32().map_or(1.0, |random| f64::from(random) / f64::from(u32::MAX));
    longest.mul_f64(share)
}

/// Parses `Retry-After`, which is seconds or a date. A date in the past is no wait.
pub fn retry_after(text: &str, now: SystemTime) -> Option<Duration> {
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    let date = httpdate::parse_http_date(text).ok()?;
    Some(date.duration_since(now).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_and_stay_below_their_longest() {
        for failures in 1..MAX_ATTEMPTS {
            let longest = Duration::from_millis(250 << (failures - 1));
            let waits: Vec<Duration> = (0..100).map(|_| wait(failures)).collect();
            assert!(waits.iter().all(|wait| *wait <= longest), "{failures}: {waits:?}");
            assert!(waits.iter().any(|wait| *wait > longest / 2), "{failures}: {waits:?}");
            assert!(waits.iter().any(|wait| *wait < longest / 2), "{failures}: {waits:?}");
        }
    }

    #[test]
    fn retry_after_is_seconds_or_a_date() {
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777);
        let seconds = |text| retry_after(text, now).map(|wait| wait.as_secs());
        for (text, expected) in [
            ("0", Some(0)),
            ("120", Some(120)),
            ("Sun, 06 Nov 1994 08:50:07 GMT", Some(30)),
            ("Sunday, 06-Nov-94 08:50:07 GMT", Some(30)),
            ("Sun Nov  6 08:50:07 1994", Some(30)),
            ("Sun, 06 Nov 1994 08:00:00 GMT", Some(0)),
            ("-1", None),
            ("1.5", None),
            ("soon", None),
            ("", None),
        ] {
            assert_eq!(seconds(text), expected, "{text}");
        }
    }
}
