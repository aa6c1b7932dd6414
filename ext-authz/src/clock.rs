//! The system clock as [`UnixTime`]. The one place that reads it; cores get the time as an argument.

use std::time::{SystemTime, UNIX_EPOCH};

use sallyport_jwt::UnixTime;

/// Seconds since 1970. A clock before that reads 0, at which every token with `iat` or `nbf` is not yet valid.
#[must_use]
pub(crate) fn now() -> UnixTime {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime(i64::try_from(since.as_secs()).unwrap_or(i64::MAX))
}

/// Milliseconds since 1970.
#[must_use]
pub(crate) fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
