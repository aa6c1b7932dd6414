//! One JWT issuer's keys over time: fetched once however many requests wait, again before they are old, kept for a while
//! when the provider fails. Times are the policy's (`KeyTimes`) and the reply's (`Cache-Control`).
//! Requests read and wait here; `key_care.rs` fetches ahead of them; the fetch itself is `key_fetch.rs`'s part.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sallyport_jwt::KeySet;
use sallyport_policy::{KeyLocation, KeyState, KeyTimes};
use tokio::sync::{OwnedSemaphorePermit, watch};
use tokio::time::Instant;

use crate::fetch::FetchError;
use crate::key_fetch::{FetchedKeys, KeyFetcher};
use crate::limits::{KEY_WAIT, KEYS_RETRY, KEYS_RETRY_MAX};
use crate::metrics::Dependency;

/// What is fetched, and for whom.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeyPlace {
    /// The issuer's name in the policy.
    pub(crate) name: Arc<str>,
    /// Its `iss`, or the template of it.
    pub(crate) issuer: String,
    pub(crate) location: KeyLocation,
}

/// One issuer's keys.
pub(crate) struct KeySlot {
    pub(crate) place: KeyPlace,
    pub(crate) times: KeyTimes,
    fetcher: KeyFetcher,
    state: Mutex<State>,
    /// Counts finished fetches.
    finished: watch::Sender<u64>,
}

struct State {
    held: Option<Held>,
    in_flight: bool,
    /// Failed fetches since the last good one.
    failures: u32,
    /// No fetch before this.
    rest_until: Instant,
    /// End of the cool-down after a fetch that an unknown key id caused.
    cool_until: Option<Instant>,
    /// What the log knows of keys that are left out.
    skipped: String,
}

#[derive(Clone)]
struct Held {
    set: Arc<KeySet>,
    since: Instant,
    /// When to fetch ahead of the end.
    refresh_at: Instant,
    /// The end of the lifetime, after which requests wait for a fetch unless one fails.
    fresh_until: Instant,
}

/// When a slot wants to be looked at.
pub(crate) struct Look {
    /// When a fetch is due; none: one is under way.
    pub(crate) fetch: Option<Instant>,
    /// When its keys become too old to be used.
    pub(crate) stale: Option<Instant>,
}

impl State {
    fn new() -> Self {
        Self {
            held: None,
            in_flight: false,
            failures: 0,
            rest_until: Instant::now(),
            cool_until: None,
            skipped: String::new(),
        }
    }

    fn resting(&self, now: Instant) -> bool {
        now < self.rest_until
    }
}

impl KeySlot {
    pub(crate) fn new(place: KeyPlace, times: KeyTimes, fetcher: KeyFetcher) -> Arc<Self> {
        Self::with_state(place, times, fetcher, State::new())
    }

    fn with_state(
        place: KeyPlace,
        times: KeyTimes,
        fetcher: KeyFetcher,
        state: State,
    ) -> Arc<Self> {
        let (state, finished) = (Mutex::new(state), watch::Sender::new(0));
        Arc::new(Self { place, times, fetcher, state, finished })
    }

    /// The same keys for a policy with other times: they are fetched again at once, since how long these live was
    /// reckoned otherwise.
    pub(crate) fn with_times(&self, times: KeyTimes) -> Arc<Self> {
        let earlier = self.state();
        let held = earlier.held.clone().map(|held| Held { refresh_at: Instant::now(), ..held });
        let state = State {
            held,
            in_flight: false,
            failures: earlier.failures,
            rest_until: earlier.rest_until,
            cool_until: earlier.cool_until,
            skipped: earlier.skipped.clone(),
        };
        Self::with_state(self.place.clone(), times, self.fetcher.clone(), state)
    }

    /// What there is now.
    pub(crate) fn current(&self) -> KeyState {
        self.judge(&self.state(), Instant::now())
    }

    fn judge(&self, state: &State, now: Instant) -> KeyState {
        let resting = state.resting(now);
        match &state.held {
            Some(held)
                if now < held.fresh_until
                    || ((resting || state.in_flight) && now < self.stale_at(held)) =>
            {
                KeyState::Ready(Arc::clone(&held.set))
            }
            None | Some(_) if resting && !state.in_flight => KeyState::Unavailable,
            None | Some(_) => KeyState::Pending,
        }
    }

    fn stale_at(&self, held: &Held) -> Instant {
        after(held.since, Duration::from_millis(self.times.max_stale_ms))
    }

    /// Waits for the end of a fetch, where there is something to wait for. With `newer` the keys at hand were not enough:
    /// one fetch a cool-down, however many ask.
    pub(crate) async fn wait(self: &Arc<Self>, newer: bool) {
        let mut finished = self.finished.subscribe();
        let flight = {
            let (mut state, now) = (self.state(), Instant::now());
            if state.in_flight {
                None
            } else {
                let needless = if newer {
                    state.cool_until.is_some_and(|until| now < until)
                } else {
                    // A fetch may have ended since the request looked.
                    matches!(self.judge(&state, now), KeyState::Ready(_))
                };
                if needless || state.resting(now) {
                    return;
                }
                if newer {
                    let cool_down = Duration::from_millis(self.times.cool_down_ms);
                    state.cool_until = Some(after(now, cool_down));
                }
                Some(self.board(&mut state, None))
            }
        };
        if let Some(flight) = flight {
            flight.depart();
        }
        // Over or not: the core looks at the keys again and judges by what there is.
        drop(tokio::time::timeout(KEY_WAIT, finished.changed()).await);
    }

    /// What requests do not do while their tokens are remembered: forgets keys that are too old to be used, with every
    /// token that they verified. Says when to look again.
    pub(crate) fn look(&self, now: Instant) -> Look {
        let mut state = self.state();
        if state.held.as_ref().is_some_and(|held| now >= self.stale_at(held)) {
            // Whoever verifies with them still took its view of the memory before this, so nothing of it is kept.
            state.held = None;
            self.fetcher.epoch.advance();
            tracing::error!(issuer = %self.place.name, "keys are too old to be used");
        }
        let held = state.held.as_ref();
        let due = held.map_or(state.rest_until, |held| held.refresh_at.max(state.rest_until));
        Look {
            fetch: (!state.in_flight).then_some(due),
            stale: held.map(|held| self.stale_at(held)),
        }
    }

    /// Fetches unless a fetch is under way. `permit` is held until it has ended.
    pub(crate) fn fetch_ahead(self: &Arc<Self>, permit: OwnedSemaphorePermit) {
        let flight = {
            let mut state = self.state();
            (!state.in_flight).then(|| self.board(&mut state, Some(permit)))
        };
        if let Some(flight) = flight {
            flight.depart();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// To depart when the state is unlocked: a runtime that ends drops a task while it is being spawned.
    fn board(self: &Arc<Self>, state: &mut State, permit: Option<OwnedSemaphorePermit>) -> Flight {
        state.in_flight = true;
        Flight { slot: Arc::clone(self), permit }
    }

    fn settle(&self, fetched: Result<FetchedKeys, FetchError>) {
        let name = &self.place.name;
        let result = if fetched.is_ok() { "ok" } else { "failed" };
        self.fetcher.metrics.jwks_fetches.count(Dependency::new(name, result));
        let (mut state, now) = (self.state(), Instant::now());
        match fetched {
            Ok(FetchedKeys { set, cache_control, skipped }) => {
                let lifetime = self.times.lifetime_ms(cache_control.as_deref());
                let ahead = self.times.refresh_after_ms(lifetime, random());
                let earlier = state.held.take();
                let first = earlier.is_none();
                let known = earlier.filter(|held| held.set.same_keys(&set));
                let changed = known.is_none();
                state.held = Some(Held {
                    set: known.map_or_else(|| Arc::new(set), |held| held.set),
                    since: now,
                    refresh_at: after(now, Duration::from_millis(ahead)),
                    fresh_until: after(now, Duration::from_millis(lifetime)),
                });
                (state.failures, state.rest_until) = (0, now);
                if changed {
                    // Without keys nothing was judged that is remembered.
                    if !first {
                        self.fetcher.epoch.advance();
                    }
                    tracing::info!(issuer = %name, "keys changed");
                }
                if skipped != state.skipped {
                    tracing::info!(issuer = %name, skipped, "keys of the set that are not used");
                    state.skipped = skipped;
                }
            }
            Err(error) => {
                state.rest_until = after(now, pause(state.failures));
                state.failures = state.failures.saturating_add(1);
                // It taught nothing about unknown keys; the pause is what holds back the next one.
                state.cool_until = None;
                let stale = state.held.is_some();
                tracing::warn!(issuer = %name, %error, stale, "keys cannot be fetched");
            }
        }
    }
}

/// One fetch. However it ends, the slot is free again.
struct Flight {
    slot: Arc<KeySlot>,
    permit: Option<OwnedSemaphorePermit>,
}

impl Flight {
    /// The fetch is a task of its own: it goes on when the request that started it is gone.
    fn depart(self) {
        tokio::spawn(async move {
            let fetched = self.slot.fetcher.fetch(&self.slot.place).await;
            self.slot.settle(fetched);
        });
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        self.slot.state().in_flight = false;
        self.slot.finished.send_modify(|count| *count = count.wrapping_add(1));
        // Before the news, so that whoever it wakes finds room.
        drop(self.permit.take());
        self.slot.fetcher.ended.notify_one();
    }
}

/// 1, 2, 4 and so on seconds, up to the longest.
fn pause(failures: u32) -> Duration {
    2_u32.checked_pow(failures).map_or(KEYS_RETRY_MAX, |factor| {
        KEYS_RETRY.checked_mul(factor).map_or(KEYS_RETRY_MAX, |pause| pause.min(KEYS_RETRY_MAX))
    })
}

/// The end of time where the sum is none: a bound of days never is.
fn after(at: Instant, time: Duration) -> Instant {
    at.checked_add(time).unwrap_or(at)
}

/// Spreads the fetches of many sidecars; nothing is secret about it, so a failing generator costs only that.
fn random() -> u64 {
    let mut bytes = [0_u8; 8];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        tracing::error!("no randomness for fetching keys");
    }
    u64::from_le_bytes(bytes)
}

#[cfg(test)]
mod tests;
