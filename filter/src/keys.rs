//! Issuers' keys in the filter: one worker of the Envoy fetches (by a lease on the board), all of them read. Each issuer
//! is looked at when something is due, so that those which nobody uses cost nothing. Fetching starts from ticks only:
//! `on_configure` also runs in a canary VM that dies. Called by the root context; requests ask [`Keys::wait`].

mod address;
mod fetch;
mod schedule;
mod slot;
mod status;

use std::cell::RefCell;
use std::hash::RandomState;
use std::sync::Arc;

use hashbrown::HashMap;
use sallyport_policy::{IssuerId, KeySource, KeyState, Policy};

use crate::board::Board;
use crate::limits::{
    MAX_BACKGROUND_FETCHES, MAX_FETCHES, MAX_LOOKS, MAX_PARKED, MAX_WAITS, START_PACE_MS,
};
use crate::metrics::Metrics;
use schedule::{Schedule, URGENT};
use slot::{Slot, Step, Work};

/// Keys of all JWT issuers of one policy.
pub(crate) struct Keys {
    board: Board,
    random: RandomState,
    /// Requests of one issuer that may wait.
    most_waits: usize,
    inner: RefCell<Inner>,
}

struct Inner {
    /// By issuer.
    slots: Vec<Slot>,
    schedule: Schedule,
    /// Calls under way, by token.
    calls: HashMap<u32, usize>,
    /// Some keys are not used any more, since that was last asked.
    changed: bool,
    started: bool,
}

/// What became of a request's wait for keys.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wait {
    /// Nothing will change, or it has: do not wait.
    Over,
    /// Something may: wait until [`Keys::epoch`] of the issuer differs from this.
    Until(u64),
}

impl Keys {
    pub(crate) fn new(policy: &Policy, shared: bool) -> Self {
        let slots: Vec<Slot> = policy.issuers().iter().map(Slot::new).collect();
        let several = slots.iter().filter(|slot| slot.fetchable()).count() > 1;
        let most_waits = if several { MAX_WAITS } else { MAX_PARKED };
        let inner = Inner {
            schedule: Schedule::new(slots.len()),
            slots,
            calls: HashMap::new(),
            changed: false,
            started: false,
        };
        let inner = RefCell::new(inner);
        Self { board: Board::new(shared), random: RandomState::new(), most_waits, inner }
    }

    /// Changes whenever a fetch for this issuer ended, well or badly, in any worker.
    pub(crate) fn epoch(&self, issuer: IssuerId) -> u64 {
        self.inner.borrow().slots.get(issuer.index()).map_or(0, Slot::epoch)
    }

    /// A request needs keys, or newer ones. Looks at the board: another worker may have left them there.
    pub(crate) fn wait(&self, issuer: IssuerId, newer: bool, now_ms: u64) -> Wait {
        let inner = &mut *self.inner.borrow_mut();
        let index = issuer.index();
        let Some(slot) = inner.slots.get_mut(index).filter(|slot| slot.fetchable()) else {
            return Wait::Over;
        };
        // Before the look: a flood of unknown keys shall not cost even that.
        if newer && slot.settled(now_ms) {
            return Wait::Over;
        }
        let before = slot.keys().map(Arc::clone);
        inner.changed |= slot.look(&self.board, now_ms);
        let same = match (&before, slot.keys()) {
            (Some(before), Some(now)) => Arc::ptr_eq(before, now),
            (None, None) => true,
            (Some(_), None) | (None, Some(_)) => false,
        };
        let enough = if newer { !same } else { slot.keys().is_some() };
        if enough || (newer && slot.settled(now_ms)) || !slot.wait(newer, now_ms, self.most_waits) {
            return Wait::Over;
        }
        inner.schedule.set(index, URGENT);
        Wait::Until(slot.epoch())
    }

    /// Looks at the issuers that are due, those first for which requests wait, and starts the fetches that are.
    pub(crate) fn tick(&self, policy: &Policy, now_ms: u64, metrics: &Metrics) {
        let inner = &mut *self.inner.borrow_mut();
        if !inner.started {
            inner.started = true;
            inner.spread(now_ms);
        }
        let due: Vec<usize> =
            std::iter::from_fn(|| inner.schedule.pop(now_ms)).take(MAX_LOOKS).collect();
        for index in due {
            self.turn(inner, policy, index, now_ms, metrics, |slot, work, calls| {
                let waiting = slot.waiting(work.now_ms);
                let most = if waiting { MAX_FETCHES } else { MAX_BACKGROUND_FETCHES };
                if calls < most { slot.lead(work) } else { Step::Idle }
            });
        }
    }

    /// An HTTP call ended; if it was one of these, takes its reply.
    pub(crate) fn received(&self, policy: &Policy, token: u32, now_ms: u64, metrics: &Metrics) {
        let inner = &mut *self.inner.borrow_mut();
        if let Some(index) = inner.calls.remove(&token) {
            self.turn(inner, policy, index, now_ms, metrics, |slot, work, _| slot.received(work));
        }
    }

    /// One issuer's turn: what the board says, a step, and when the next turn is.
    fn turn(
        &self,
        inner: &mut Inner,
        policy: &Policy,
        index: usize,
        now_ms: u64,
        metrics: &Metrics,
        step: impl FnOnce(&mut Slot, &Work<'_>, usize) -> Step,
    ) {
        let (Some(slot), Some(issuer)) = (inner.slots.get_mut(index), policy.issuers().get(index))
        else {
            return;
        };
        let work = Work { board: &self.board, issuer, random: &self.random, metrics, now_ms };
        inner.changed |= slot.look(&self.board, now_ms);
        match step(slot, &work, inner.calls.len()) {
            Step::Idle => {}
            Step::Called(call) => {
                inner.calls.insert(call, index);
            }
            Step::Ended => inner.changed |= slot.look(&self.board, now_ms),
        }
        inner.schedule.set(index, slot.next_look(now_ms));
    }

    /// Whether some keys are not used any more since this was last asked: what they verified is void then.
    pub(crate) fn take_changed(&self) -> bool {
        std::mem::take(&mut self.inner.borrow_mut().changed)
    }

    /// The clock went backwards: what is due at a time would be due too late.
    pub(crate) fn clock_stepped(&self, now_ms: u64) {
        self.inner.borrow_mut().spread(now_ms);
    }
}

impl Inner {
    /// Schedules all issuers, one after the other: many at once would be a burst for their provider. Those for which
    /// requests wait already (some come before the first tick) are first all the same.
    fn spread(&mut self, now_ms: u64) {
        let mut turn = now_ms;
        for (index, slot) in self.slots.iter().enumerate().filter(|(_, slot)| slot.fetchable()) {
            self.schedule.set(index, if slot.waiting(now_ms) { URGENT } else { turn });
            turn = turn.saturating_add(START_PACE_MS);
        }
    }
}

impl KeySource for Keys {
    fn keys(&self, issuer: IssuerId) -> KeyState {
        let inner = self.inner.borrow();
        let Some(slot) = inner.slots.get(issuer.index()) else { return KeyState::Unavailable };
        match slot.keys() {
            Some(keys) => KeyState::Ready(Arc::clone(keys)),
            None if slot.fetchable() => KeyState::Pending,
            None => KeyState::Unavailable,
        }
    }
}

#[cfg(test)]
mod tests {
    use sallyport_policy::{Document, Format};

    use super::*;

    const NOW: u64 = 1_700_000_000_000;

    fn policy() -> Policy {
        let policy = r#"{"version":1,"service":"s","issuers":{
            "a":{"issuer":"https://a","jwks":{"uri":"https://idp/a","cluster":"c"}},
            "b":{"issuer":"https://b","jwks":{"uri":"https://idp/b","cluster":"c"}},
            "c":{"issuer":"https://c","jwks":{"uri":"https://idp/c","cluster":"c"}},
            "d":{"issuer":"https://d","jwks":{"uri":"https://idp/d"}}},
            "routes":[{"name":"r","match":{"path":"/"},"authenticate":[{"jwt":"a"},{"jwt":"b"},{"jwt":"c"},{"jwt":"d"}]}]}"#;
        let document = Document::parse(policy.as_bytes(), Format::Json).unwrap();
        Policy::compile_filter_copy(&document).unwrap().0
    }

    #[test]
    fn whoever_is_asked_for_before_the_first_tick_is_first_in_it() {
        let policy = policy();
        let keys = Keys::new(&policy, false);
        let id = |name: &str| policy.issuer_named(name).unwrap().id();
        assert_eq!(keys.wait(id("c"), false, NOW), Wait::Until(0));
        assert_eq!(keys.wait(id("d"), false, NOW), Wait::Over, "no cluster reaches it");
        let mut inner = keys.inner.borrow_mut();
        inner.spread(NOW);
        assert_eq!(inner.schedule.pop(NOW), Some(id("c").index()));
        assert_eq!(inner.schedule.pop(NOW), Some(id("a").index()));
        assert_eq!(inner.schedule.pop(NOW), None, "the others have turns of their own");
        assert_eq!(inner.schedule.pop(NOW + START_PACE_MS), Some(id("b").index()));
        assert_eq!(inner.schedule.pop(u64::MAX), None, "what cannot be fetched has none");
    }
}
