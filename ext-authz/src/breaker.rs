//! A circuit breaker: after some failures in a row an endpoint is left alone for a while, then one call tries again.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::limits::{BREAKER_FAILURES, BREAKER_OPEN};

/// One endpoint's breaker.
#[derive(Debug, Default)]
pub(crate) struct Breaker(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    failures: u32,
    open_until: Option<Instant>,
}

impl Breaker {
    /// Whether a call may be made. While it is open, one call in each period is the probe.
    pub(crate) fn admits(&self) -> bool {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        match state.open_until {
            None => true,
            Some(until) if now < until => false,
            Some(_) => {
                state.open_until = now.checked_add(BREAKER_OPEN);
                true
            }
        }
    }

    /// The call that was admitted came to its end.
    pub(crate) fn report(&self, succeeded: bool) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if succeeded {
            *state = State::default();
            return;
        }
        state.failures = state.failures.saturating_add(1);
        if state.failures >= BREAKER_FAILURES {
            state.open_until = Instant::now().checked_add(BREAKER_OPEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Breaker;
    use crate::limits::{BREAKER_FAILURES, BREAKER_OPEN};

    #[tokio::test(start_paused = true)]
    async fn opens_probes_and_closes() {
        let breaker = Breaker::default();
        for _ in 0..BREAKER_FAILURES {
            assert!(breaker.admits());
            breaker.report(false);
        }
        assert!(!breaker.admits());
        tokio::time::advance(BREAKER_OPEN).await;
        assert!(breaker.admits(), "the probe");
        assert!(!breaker.admits(), "one probe only");
        breaker.report(false);
        assert!(!breaker.admits());
        tokio::time::advance(BREAKER_OPEN).await;
        assert!(breaker.admits());
        breaker.report(true);
        assert!(breaker.admits() && breaker.admits());
    }

    #[test]
    fn a_success_between_failures_keeps_it_closed() {
        let breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..BREAKER_FAILURES {
                breaker.report(false);
            }
            breaker.report(true);
        }
        assert!(breaker.admits());
    }
}
