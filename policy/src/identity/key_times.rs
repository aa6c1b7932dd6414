//! How long an issuer's keys live: fresh, then stale, then gone; and how often a key that is not known may cost a fetch.
//! Only numbers: the filter and the sidecar have the clocks, the randomness and the fetches.

use crate::limits::{
    DEFAULT_KEY_LIFETIME_MS, MAX_CACHE_CONTROL_LIFETIME_MS, MIN_CACHE_CONTROL_LIFETIME_MS,
};

/// The times of one issuer's keys, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyTimes {
    /// How long keys are fresh; none: as their Cache-Control says.
    pub refresh_ms: Option<u64>,
    /// How old keys may become while newer ones cannot be fetched; counted from their last fetch.
    pub max_stale_ms: u64,
    /// Shortest time between two fetches that a key which is not known caused.
    pub cool_down_ms: u64,
}

impl KeyTimes {
    /// How long keys that were just fetched are fresh: `refresh`, else the `max-age` of their Cache-Control header
    /// (RFC 9111 section 5.2.2.1) within 1 minute and 1 hour, else 10 minutes. Never longer than they may be used.
    #[must_use]
    pub fn lifetime_ms(&self, cache_control: Option<&[u8]>) -> u64 {
        let lifetime = self.refresh_ms.unwrap_or_else(|| {
            cache_control.and_then(max_age_ms).map_or(DEFAULT_KEY_LIFETIME_MS, |max_age| {
                max_age.clamp(MIN_CACHE_CONTROL_LIFETIME_MS, MAX_CACHE_CONTROL_LIFETIME_MS)
            })
        });
        lifetime.min(self.max_stale_ms)
    }

    /// When to fetch anew, counted from the last fetch: after 75 to 90 percent of the lifetime, by `random`, so that
    /// keys are there before the old ones expire and not everybody asks at once.
    #[must_use]
    pub fn refresh_after_ms(&self, lifetime_ms: u64, random: u64) -> u64 {
        let share = |percent: u64| u128::from(lifetime_ms).saturating_mul(percent.into()) / 100;
        let jitter = u128::from(random).checked_rem(share(15).saturating_add(1)).unwrap_or(0);
        u64::try_from(share(75).saturating_add(jitter)).unwrap_or(lifetime_ms)
    }
}

/// The smallest `max-age`, 0 where reuse is forbidden or what stands there is no number (RFC 9111 section 4.2.1: stale).
/// None: the header says nothing of it.
fn max_age_ms(cache_control: &[u8]) -> Option<u64> {
    cache_control
        .split(|byte| *byte == b',')
        .filter_map(|directive| {
            let mut parts = directive.splitn(2, |byte| *byte == b'=');
            let name = parts.next().unwrap_or_default().trim_ascii();
            if name.eq_ignore_ascii_case(b"no-store") || name.eq_ignore_ascii_case(b"no-cache") {
                return Some(0);
            }
            name.eq_ignore_ascii_case(b"max-age").then(|| seconds(parts.next().unwrap_or_default()))
        })
        .min()
        .map(|seconds| seconds.saturating_mul(1000))
}

/// RFC 9111 section 1.2.2: digits, which a sender should not quote and a recipient must read quoted too; what does not
/// fit counts as very long.
fn seconds(value: &[u8]) -> u64 {
    let value = value.trim_ascii();
    let value =
        value.strip_prefix(b"\"").and_then(|value| value.strip_suffix(b"\"")).unwrap_or(value);
    if value.is_empty() || !value.iter().all(u8::is_ascii_digit) {
        return 0;
    }
    std::str::from_utf8(value).ok().and_then(|text| text.parse().ok()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::KeyTimes;

    const MINUTE: u64 = 60_000;
    const HOUR: u64 = 60 * MINUTE;
    const TIMES: KeyTimes =
        KeyTimes { refresh_ms: None, max_stale_ms: 2 * HOUR, cool_down_ms: 30_000 };

    const CASES: &[(&str, u64)] = &[
        ("max-age=600", 10 * MINUTE),
        ("max-age=120", 2 * MINUTE),
        ("public, Max-Age=1200, must-revalidate", 20 * MINUTE),
        ("public,max-age=\"300\"", 5 * MINUTE),
        ("max-age = 300", 5 * MINUTE),
        ("max-age=0", MINUTE),
        ("max-age=59", MINUTE),
        ("max-age=3601", HOUR),
        ("max-age=99999999999999999999999999", HOUR),
        ("max-age=18446744073709551615", HOUR),
        ("max-age=-5", MINUTE),
        ("max-age=soon", MINUTE),
        ("max-age=", MINUTE),
        ("max-age", MINUTE),
        ("max-age=1e9", MINUTE),
        ("max-age=300, max-age=900", 5 * MINUTE),
        ("no-store", MINUTE),
        ("no-cache, max-age=600", MINUTE),
        ("NO-STORE,max-age=3600", MINUTE),
        ("", 10 * MINUTE),
        ("public", 10 * MINUTE),
        ("s-maxage=5, x-max-age=7", 10 * MINUTE),
        (",,=,", 10 * MINUTE),
    ];

    #[test]
    fn lifetimes_follow_cache_control_within_bounds() {
        for (header, expected) in CASES {
            assert_eq!(TIMES.lifetime_ms(Some(header.as_bytes())), *expected, "{header}");
        }
        assert_eq!(TIMES.lifetime_ms(None), 10 * MINUTE);
        assert_eq!(TIMES.lifetime_ms(Some(b"max-age=\xff")), MINUTE);
    }

    #[test]
    fn the_policys_word_goes_before_the_providers_and_nothing_is_fresh_that_may_not_be_used() {
        let fixed = KeyTimes { refresh_ms: Some(5000), ..TIMES };
        assert_eq!(fixed.lifetime_ms(Some(b"max-age=600")), 5000);
        assert_eq!(fixed.lifetime_ms(Some(b"no-store")), 5000);
        assert_eq!(KeyTimes { refresh_ms: Some(24 * HOUR), ..TIMES }.lifetime_ms(None), 2 * HOUR);
        let short = KeyTimes { max_stale_ms: 30_000, ..TIMES };
        assert_eq!(short.lifetime_ms(Some(b"max-age=3600")), 30_000);
    }

    #[test]
    fn keys_are_fetched_anew_between_three_quarters_and_nine_tenths_of_their_life() {
        let mut seen = std::collections::BTreeSet::new();
        for lifetime in [1000, MINUTE, 10 * MINUTE, 24 * HOUR] {
            for random in (0..1000_u64).map(|n| n.wrapping_mul(0x9E37_79B9_7F4A_7C15)) {
                let after = TIMES.refresh_after_ms(lifetime, random);
                assert!(after >= lifetime / 4 * 3 && after <= lifetime / 10 * 9, "{after}");
                seen.insert(after);
            }
        }
        assert!(seen.len() > 2000, "spread: {}", seen.len());
        assert_eq!(TIMES.refresh_after_ms(0, 7), 0);
        assert!(TIMES.refresh_after_ms(u64::MAX, u64::MAX) < u64::MAX);
    }
}
