//! What the board says of one issuer besides its keys: when they came, what is due when, and until when somebody is at
//! it. Whoever fetches writes it, all workers read it, so they agree. Pure: no clock, no host.

use crate::limits::{CLOCK_SLACK_MS, LEASE_MS, MAX_RETRY_MS, RETRY_MS};

/// Times are milliseconds since 1970; 0: never.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Status {
    /// Keys came.
    pub(super) fetched: u64,
    /// They shall be fetched again: ahead of their end, drawn by whoever fetched them.
    pub(super) refresh: u64,
    /// A fetch failed.
    pub(super) failed: u64,
    /// Fetches that failed since keys came.
    pub(super) failures: u64,
    /// After a failed fetch: the next one, if nobody waits.
    pub(super) retry: u64,
    /// A fetch was begun because a token named a key that is not there.
    pub(super) forced: u64,
    /// Somebody fetches, until then at most.
    pub(super) lease: u64,
}

impl Status {
    /// Changes whenever a fetch ended, well or badly.
    pub(super) fn epoch(&self) -> u64 {
        self.fetched.max(self.failed)
    }

    /// Somebody is fetching.
    pub(super) fn busy(&self, now_ms: u64) -> bool {
        now_ms < self.as_of(now_ms).lease
    }

    /// A time in the future was written before the clock stepped back: it counts as none.
    pub(super) fn as_of(self, now_ms: u64) -> Self {
        // Another worker's last tick may be a little ahead of ours.
        let until = |time: u64, ahead: u64| {
            let end = now_ms.saturating_add(ahead).saturating_add(CLOCK_SLACK_MS);
            if time > end { 0 } else { time }
        };
        let fetched = until(self.fetched, 0);
        Self {
            fetched,
            refresh: if fetched == 0 { 0 } else { self.refresh },
            failed: until(self.failed, 0),
            failures: self.failures,
            retry: until(self.retry, MAX_RETRY_MS),
            forced: until(self.forced, 0),
            lease: until(self.lease, LEASE_MS),
        }
    }

    /// The status after keys came.
    pub(super) fn after_success(self, now_ms: u64, refresh_after_ms: u64) -> Self {
        let refresh = now_ms.saturating_add(refresh_after_ms);
        Self { fetched: now_ms, refresh, failures: 0, retry: 0, lease: 0, ..self }
    }

    /// The status after a fetch failed: the pause doubles with every failure, and is shortened by up to a quarter, so
    /// that Envoys whose provider went down together do not come back together.
    pub(super) fn after_failure(self, now_ms: u64, random: u64) -> Self {
        let doublings = u32::try_from(self.failures).unwrap_or(u32::MAX).min(16);
        let longest = RETRY_MS.saturating_mul(1 << doublings).min(MAX_RETRY_MS);
        let quarter = longest.checked_div(4).unwrap_or(0);
        let off = random.checked_rem(quarter.saturating_add(1)).unwrap_or(0);
        let pause = longest.saturating_sub(off).max(RETRY_MS);
        Self {
            failed: now_ms,
            failures: self.failures.saturating_add(1),
            retry: now_ms.saturating_add(pause),
            lease: 0,
            ..self
        }
    }

    pub(super) fn write(self) -> Vec<u8> {
        let Self { fetched, refresh, failed, failures, retry, forced, lease } = self;
        [fetched, refresh, failed, failures, retry, forced, lease]
            .iter()
            .flat_map(|time| time.to_le_bytes())
            .collect()
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let mut times =
            bytes.chunks_exact(8).map(|chunk| chunk.try_into().ok().map(u64::from_le_bytes));
        let mut next = || times.next().flatten();
        Some(Self {
            fetched: next()?,
            refresh: next()?,
            failed: next()?,
            failures: next()?,
            retry: next()?,
            forced: next()?,
            lease: next()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    #[test]
    fn a_status_is_what_was_written() {
        let status = Status {
            fetched: 1,
            refresh: 2,
            failed: 3,
            failures: 4,
            retry: 5,
            forced: 6,
            lease: 7,
        };
        assert_eq!(Status::read(&status.write()), Some(status));
        assert_eq!(Status::read(b"short"), None);
    }

    #[test]
    fn times_of_a_clock_that_was_ahead_count_as_never() {
        let far = NOW + 90_000_000;
        let ahead = Status {
            fetched: far,
            refresh: far,
            failed: far,
            failures: 2,
            retry: far,
            forced: far,
            lease: far,
        };
        assert_eq!(ahead.as_of(NOW), Status { failures: 2, ..Status::default() });
        assert!(!ahead.busy(NOW));
        let tick = Status { fetched: NOW + 40, refresh: far, lease: NOW + LEASE_MS, ..ahead };
        let seen = tick.as_of(NOW);
        assert_eq!((seen.fetched, seen.refresh), (NOW + 40, far), "a tick ahead is no step");
        assert!(tick.busy(NOW));
    }

    #[test]
    fn pauses_double_from_one_second_to_thirty() {
        let mut status = Status::default();
        for longest in [1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000] {
            for random in [0, 1, 77_777, u64::MAX] {
                let pause = status.after_failure(NOW, random).retry - NOW;
                assert!(pause <= longest && pause >= (longest * 3 / 4).max(1_000), "{pause}");
            }
            status = status.after_failure(NOW, 0);
            assert_eq!(status.retry, NOW + longest);
        }
        let well = status.after_success(NOW, 500);
        assert_eq!((well.failures, well.retry, well.refresh), (0, 0, NOW + 500));
    }
}
