//! Keys of JWT issuers: one [`KeySlot`] an issuer, fetched once however many requests wait, refreshed before it is old,
//! kept for a while when the provider fails. A slot outlives its policy where the issuer stays the same.
//! Reading the sets is the jwt crate's part, asking for them the core's (`Call::Keys`).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sallyport_jwt::{KeySet, UnixTime};
use sallyport_policy::{IssuerId, IssuerKind, KeyLocation, KeySource, KeyState, Policy};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::clock;
use crate::fetch::FetchError;
use crate::key_fetch::{KeyFetcher, same_keys};
use crate::limits::{
    KEY_WAIT, KEYS_FRESH_SECONDS, KEYS_REFRESH_SECONDS, KEYS_RETRY, KEYS_STALE_SECONDS,
    KEYS_UNKNOWN_RETRY,
};
use crate::metrics::Dependency;

/// The slots of one policy's issuers, by index.
#[derive(Default)]
pub(crate) struct Keys {
    slots: Vec<Option<Arc<KeySlot>>>,
}

/// One issuer's keys.
pub(crate) struct KeySlot {
    name: Arc<str>,
    issuer: String,
    location: KeyLocation,
    fetcher: KeyFetcher,
    state: Mutex<State>,
    /// Counts finished fetches.
    finished: watch::Sender<u64>,
}

#[derive(Default)]
struct State {
    keys: Option<Held>,
    in_flight: bool,
    failed: Option<Instant>,
    /// Last fetch that an unknown key id caused.
    forced: Option<Instant>,
}

impl State {
    fn resting(&self) -> bool {
        self.failed.is_some_and(|at| at.elapsed() < KEYS_RETRY)
    }
}

struct Held {
    set: Arc<KeySet>,
    since: UnixTime,
}

impl Keys {
    /// Slots for a policy's issuers; those of `earlier` that fetch the same are taken over.
    pub(crate) fn new(policy: &Policy, earlier: Option<&Self>, fetcher: &KeyFetcher) -> Self {
        let slots = policy.issuers().iter().map(|issuer| match issuer.kind() {
            IssuerKind::Introspection(_) => None,
            IssuerKind::Jwt(jwt) => {
                let same = |slot: &&Arc<KeySlot>| {
                    slot.location == jwt.keys
                        && slot.issuer == jwt.rules.issuer
                        && slot.name == *issuer.name()
                };
                let kept = earlier.and_then(|keys| keys.slots.iter().flatten().find(same));
                Some(kept.map_or_else(
                    || {
                        Arc::new(KeySlot {
                            name: Arc::clone(issuer.name()),
                            issuer: jwt.rules.issuer.clone(),
                            location: jwt.keys.clone(),
                            fetcher: fetcher.clone(),
                            state: Mutex::default(),
                            finished: watch::Sender::new(0),
                        })
                    },
                    Arc::clone,
                ))
            }
        });
        Self { slots: slots.collect() }
    }

    pub(crate) fn slot(&self, issuer: IssuerId) -> Option<&Arc<KeySlot>> {
        self.slots.get(issuer.index()).and_then(Option::as_ref)
    }

    pub(crate) fn slots(&self) -> impl Iterator<Item = &Arc<KeySlot>> {
        self.slots.iter().flatten()
    }
}

impl KeySource for Keys {
    fn keys(&self, issuer: IssuerId) -> KeyState {
        self.slot(issuer).map_or(KeyState::Unavailable, KeySlot::current)
    }
}

impl KeySlot {
    /// What there is now. May start a fetch behind the request's back.
    fn current(self: &Arc<Self>) -> KeyState {
        let now = clock::now();
        let mut state = self.state();
        let resting = state.resting();
        let held = state
            .keys
            .as_ref()
            .map(|held| (Arc::clone(&held.set), now.0.saturating_sub(held.since.0)));
        match held {
            Some((set, age)) if age < KEYS_FRESH_SECONDS => {
                if age >= KEYS_REFRESH_SECONDS && !resting {
                    self.start(&mut state);
                }
                KeyState::Ready(set)
            }
            Some((set, age)) if (resting || state.in_flight) && age < KEYS_STALE_SECONDS => {
                KeyState::Ready(set)
            }
            None | Some(_) if resting => KeyState::Unavailable,
            None | Some(_) => KeyState::Pending,
        }
    }

    /// Waits for the end of a fetch, starting one unless one is under way. With `newer`, unless an unknown key caused
    /// one a moment ago.
    pub(crate) async fn wait(self: &Arc<Self>, newer: bool) {
        let mut finished = self.finished.subscribe();
        {
            let mut state = self.state();
            if newer && !state.in_flight {
                if state.forced.is_some_and(|at| at.elapsed() < KEYS_UNKNOWN_RETRY)
                    || state.resting()
                {
                    return;
                }
                state.forced = Some(Instant::now());
            }
            self.start(&mut state);
        }
        // Over or not: the core looks at the keys again and judges by what there is.
        drop(tokio::time::timeout(KEY_WAIT, finished.changed()).await);
    }

    /// Fetches unless there are keys already.
    pub(crate) async fn warm(self: &Arc<Self>) {
        if self.state().keys.is_none() {
            self.wait(false).await;
        }
    }

    /// What requests do not do while their tokens are remembered: refreshes keys that get old, and forgets those that
    /// are too old to be used, with every token that was verified.
    pub(crate) fn sweep(self: &Arc<Self>) {
        let now = clock::now();
        let mut state = self.state();
        let Some(since) = state.keys.as_ref().map(|held| held.since) else { return };
        let age = now.0.saturating_sub(since.0);
        if age >= KEYS_STALE_SECONDS {
            // Whoever verifies with them still took its view of the memory before this, so nothing of it is kept.
            state.keys = None;
            self.fetcher.epoch.advance();
            tracing::error!(issuer = %self.name, "keys are too old to be used");
        }
        if age >= KEYS_REFRESH_SECONDS && !state.resting() {
            self.start(&mut state);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The fetch is a task of its own: it goes on when the request that started it is gone.
    fn start(self: &Arc<Self>, state: &mut State) {
        if state.in_flight {
            return;
        }
        state.in_flight = true;
        let flight = Flight(Arc::clone(self));
        tokio::spawn(async move {
            let fetched = flight.0.fetcher.fetch(&flight.0.location, &flight.0.issuer).await;
            flight.0.settle(fetched);
        });
    }

    fn settle(&self, fetched: Result<KeySet, FetchError>) {
        let mut state = self.state();
        let result = if fetched.is_ok() { "ok" } else { "failed" };
        self.fetcher.metrics.jwks_fetches.count(Dependency::new(&self.name, result));
        match fetched {
            Ok(set) => {
                let changed = state.keys.as_ref().is_none_or(|held| !same_keys(&held.set, &set));
                state.keys = Some(Held { set: Arc::new(set), since: clock::now() });
                state.failed = None;
                if changed {
                    self.fetcher.epoch.advance();
                    tracing::info!(issuer = %self.name, "keys changed");
                }
            }
            Err(error) => {
                state.failed = Some(Instant::now());
                // It taught nothing about unknown keys.
                state.forced = None;
                let stale = state.keys.is_some();
                tracing::warn!(issuer = %self.name, %error, stale, "keys cannot be fetched");
            }
        }
    }
}

/// Ends a flight, whatever became of it.
struct Flight(Arc<KeySlot>);

impl Drop for Flight {
    fn drop(&mut self) {
        self.0.state().in_flight = false;
        self.0.finished.send_modify(|count| *count = count.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sallyport_jwt::{KeySet, UnixTime};
    use sallyport_policy::{KeyLocation, KeyState};
    use tokio::time::Instant;

    use super::{Held, KeySlot, State};
    use crate::key_fetch::KeyFetcher;
    use crate::limits::{KEYS_FRESH_SECONDS, KEYS_REFRESH_SECONDS, KEYS_STALE_SECONDS};
    use crate::tokens::Epoch;
    use crate::{clock, fetch};

    /// Name, age of the keys, whether a fetch just failed, state, whether a fetch is started.
    type Case = (&'static str, Option<i64>, bool, &'static str, bool);
    const CASES: &[Case] = &[
        ("nothing yet", None, false, "pending", false),
        ("nothing, failed", None, true, "unavailable", false),
        ("new", Some(0), false, "ready", false),
        ("refreshed early", Some(KEYS_REFRESH_SECONDS), false, "ready", true),
        ("not after a failure", Some(KEYS_REFRESH_SECONDS), true, "ready", false),
        ("old", Some(KEYS_FRESH_SECONDS), false, "pending", false),
        ("old, failed", Some(KEYS_FRESH_SECONDS), true, "ready", false),
        ("too old", Some(KEYS_STALE_SECONDS), false, "pending", false),
        ("too old, failed", Some(KEYS_STALE_SECONDS), true, "unavailable", false),
    ];

    /// A slot whose keys have this age.
    fn slot(age: Option<i64>, failed: bool) -> Arc<KeySlot> {
        let since = |age: i64| UnixTime(clock::now().0.saturating_sub(age));
        Arc::new(KeySlot {
            name: "main".into(),
            issuer: "http://127.0.0.1:1".to_owned(),
            location: KeyLocation::Uri("http://127.0.0.1:1/jwks".to_owned()),
            fetcher: KeyFetcher {
                client: fetch::client().unwrap(),
                metrics: Arc::default(),
                epoch: Epoch::default(),
            },
            state: std::sync::Mutex::new(State {
                keys: age.map(|age| Held { set: Arc::new(KeySet::default()), since: since(age) }),
                failed: failed.then(Instant::now),
                ..State::default()
            }),
            finished: tokio::sync::watch::Sender::new(0),
        })
    }

    #[tokio::test]
    async fn what_there_is_depends_on_age_and_failure() {
        for (name, age, failed, expected, started) in CASES {
            let slot = slot(*age, *failed);
            let word = match slot.current() {
                KeyState::Ready(_) => "ready",
                KeyState::Pending => "pending",
                KeyState::Unavailable => "unavailable",
            };
            assert_eq!((word, slot.state().in_flight), (*expected, *started), "{name}");
        }
    }

    /// Name, age of the keys, whether a fetch just failed; whether there are keys then, whether a fetch is started, how
    /// often verified tokens are forgotten in two sweeps.
    type Sweep = (&'static str, Option<i64>, bool, bool, bool, u64);
    const SWEEPS: &[Sweep] = &[
        ("nothing yet", None, false, false, false, 0),
        ("new", Some(0), false, true, false, 0),
        ("old", Some(KEYS_REFRESH_SECONDS), false, true, true, 0),
        ("old, failed", Some(KEYS_FRESH_SECONDS), true, true, false, 0),
        ("almost too old, failed", Some(KEYS_STALE_SECONDS - 60), true, true, false, 0),
        ("too old", Some(KEYS_STALE_SECONDS), false, false, true, 1),
        ("too old, failed", Some(KEYS_STALE_SECONDS), true, false, false, 1),
    ];

    #[tokio::test]
    async fn keys_that_are_too_old_are_forgotten_once() {
        for (name, age, failed, keys, started, forgotten) in SWEEPS {
            let slot = slot(*age, *failed);
            slot.sweep();
            slot.sweep();
            let state = slot.state();
            assert_eq!((state.keys.is_some(), state.in_flight), (*keys, *started), "{name}");
            assert_eq!(slot.fetcher.epoch.current(), *forgotten, "{name}");
        }
    }
}
