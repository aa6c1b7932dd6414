//! A circuit breaker: after some failures in a row an endpoint is left alone for a while, then one call tries again.
//! What counts as a failure is `introspection.rs`'s part; nothing that a client can bring about with a token must.

use std::sync::{Mutex, PoisonError};

use tokio::time::Instant;

use crate::limits::{BREAKER_FAILURES, BREAKER_OPEN};

/// What a call showed of its endpoint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Health {
    /// It answers.
    Good,
    /// It does not, or not usefully.
    Bad,
    /// Nothing: the same would be said by a broken endpoint and by a good one.
    Unknown,
}

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
    pub(crate) fn report(&self, health: Health) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match health {
            Health::Good => *state = State::default(),
            Health::Bad => {
                state.failures = state.failures.saturating_add(1);
                if state.failures >= BREAKER_FAILURES {
                    state.open_until = Instant::now().checked_add(BREAKER_OPEN);
                }
            }
            Health::Unknown => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Breaker, Health};
    use crate::limits::{BREAKER_FAILURES, BREAKER_OPEN};

    #[tokio::test(start_paused = true)]
    async fn opens_probes_and_closes() {
        let breaker = Breaker::default();
        for _ in 0..BREAKER_FAILURES {
            assert!(breaker.admits());
            breaker.report(Health::Bad);
        }
        assert!(!breaker.admits());
        tokio::time::advance(BREAKER_OPEN).await;
        assert!(breaker.admits(), "the probe");
        assert!(!breaker.admits(), "one probe only");
        breaker.report(Health::Bad);
        assert!(!breaker.admits());
        tokio::time::advance(BREAKER_OPEN).await;
        assert!(breaker.admits());
        breaker.report(Health::Good);
        assert!(breaker.admits() && breaker.admits());
    }

    #[test]
    fn a_success_between_failures_keeps_it_closed() {
        let breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 1..BREAKER_FAILURES {
                breaker.report(Health::Bad);
            }
            breaker.report(Health::Good);
        }
        assert!(breaker.admits());
    }

    #[tokio::test(start_paused = true)]
    async fn what_shows_nothing_neither_opens_nor_closes() {
        let breaker = Breaker::default();
        for _ in 0..BREAKER_FAILURES {
            breaker.report(Health::Unknown);
            assert!(breaker.admits());
            breaker.report(Health::Bad);
        }
        assert!(!breaker.admits());
        tokio::time::advance(BREAKER_OPEN).await;
        assert!(breaker.admits(), "the probe");
        breaker.report(Health::Unknown);
        assert!(!breaker.admits(), "still open");
        tokio::time::advance(BREAKER_OPEN).await;
        assert!(breaker.admits(), "the next probe");
    }
}
