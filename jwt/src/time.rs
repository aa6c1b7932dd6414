//! Time as an argument: seconds since 1970-01-01T00:00:00Z, and the numeric dates of RFC 7519 section 2.
//! Reads no clock. Callers take `now` once per request and hand it down.

use std::time::Duration;

use serde_json::Value;

use crate::limits::MAX_NUMERIC_DATE;

/// Whole seconds since the epoch, leap seconds ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(pub i64);

impl UnixTime {
    /// That many seconds later, stopping at the end of the range.
    #[must_use]
    pub const fn after(self, seconds: u32) -> Self {
        // A u32 always fits an i64; `From` is not const.
        #[expect(clippy::as_conversions, reason = "u32 to i64 loses nothing")]
        Self(self.0.saturating_add(seconds as i64))
    }

    /// Seconds from `earlier` to `self`; zero when `self` is not later.
    pub fn seconds_since(self, earlier: Self) -> u64 {
        u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0)
    }

    /// A numeric date, its fraction cut off. `None` for anything but a number from 0 to the year 9999.
    pub fn from_numeric_date(value: &Value) -> Option<Self> {
        numeric_date(value).map(|(seconds, _)| seconds)
    }

    /// A numeric date rounded up: for bounds from below, where cutting off would admit a token early.
    pub(crate) fn from_numeric_date_rounded_up(value: &Value) -> Option<Self> {
        numeric_date(value).map(|(seconds, fraction)| seconds.after(u32::from(fraction)))
    }
}

fn numeric_date(value: &Value) -> Option<(UnixTime, bool)> {
    let number = value.as_number()?;
    let (seconds, fraction) = match number.as_i64() {
        Some(seconds) => (seconds, false),
        None => {
            // Refuses negative, non-finite and huge numbers.
            let duration = Duration::try_from_secs_f64(number.as_f64()?).ok()?;
            (i64::try_from(duration.as_secs()).ok()?, duration.subsec_nanos() > 0)
        }
    };
    (0..=MAX_NUMERIC_DATE).contains(&seconds).then_some((UnixTime(seconds), fraction))
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASES: &[(&str, Option<i64>, Option<i64>)] = &[
        ("0", Some(0), Some(0)),
        ("1700000000", Some(1_700_000_000), Some(1_700_000_000)),
        ("1700000000.0", Some(1_700_000_000), Some(1_700_000_000)),
        ("1700000000.5", Some(1_700_000_000), Some(1_700_000_001)),
        ("1.7e9", Some(1_700_000_000), Some(1_700_000_000)),
        ("253402300799", Some(253_402_300_799), Some(253_402_300_799)),
        ("253402300800", None, None),
        ("18446744073709551615", None, None),
        ("1e300", None, None),
        ("-1", None, None),
        ("-0.5", None, None),
        ("-0", Some(0), Some(0)),
        ("-0.0", Some(0), Some(0)),
        ("1e9", Some(1_000_000_000), Some(1_000_000_000)),
        ("17e8", Some(1_700_000_000), Some(1_700_000_000)),
        ("1700000000.000000001", Some(1_700_000_000), Some(1_700_000_000)),
        ("1e-9", Some(0), Some(1)),
        ("253402300799.5", Some(253_402_300_799), Some(253_402_300_800)),
        ("1700000000000", None, None),
        ("-1e-9", None, None),
        ("9223372036854775808", None, None),
        ("{\"$date\":1700000000}", None, None),
        ("\"\"", None, None),
        ("\"1700000000\"", None, None),
        ("true", None, None),
        ("null", None, None),
        ("[1700000000]", None, None),
    ];

    #[test]
    fn numeric_dates() {
        for (text, down, up) in CASES {
            let value: Value = serde_json::from_str(text).unwrap();
            assert_eq!(UnixTime::from_numeric_date(&value), down.map(UnixTime), "{text}");
            assert_eq!(UnixTime::from_numeric_date_rounded_up(&value), up.map(UnixTime), "{text}");
        }
    }

    #[test]
    fn arithmetic_saturates() {
        assert_eq!(UnixTime(i64::MAX).after(1), UnixTime(i64::MAX));
        assert_eq!(UnixTime(5).seconds_since(UnixTime(3)), 2);
        assert_eq!(UnixTime(3).seconds_since(UnixTime(5)), 0);
        assert_eq!(UnixTime(i64::MAX).seconds_since(UnixTime(i64::MIN)), i64::MAX.unsigned_abs());
    }
}
