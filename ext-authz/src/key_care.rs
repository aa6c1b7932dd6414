//! Looks after the keys of the policy in force, so that requests need not: fetches what is missing or due, a few sets at
//! once and the longest due first, and forgets what is too old. One task for all issuers.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::gate::Gate;
use crate::key_slot::KeySlot;
use crate::keys::Keys;
use crate::limits::{KEYS_PREFETCH, KEYS_SWEEP};

/// Runs until it is dropped.
pub(crate) async fn run(gate: Arc<Gate>, ended: Arc<tokio::sync::Notify>) {
    let room = Arc::new(Semaphore::new(KEYS_PREFETCH));
    loop {
        let next = round(&gate.loaded.load().keys, &room);
        // A fetch that ended makes room and changes what is due; a load brings other slots.
        drop(tokio::time::timeout_at(next, ended.notified()).await);
    }
}

/// Starts what is due; gives the time of the next round.
fn round(keys: &Keys, room: &Arc<Semaphore>) -> Instant {
    let now = Instant::now();
    let mut next = now.checked_add(KEYS_SWEEP).unwrap_or(now);
    let mut due: Vec<(Instant, &Arc<KeySlot>)> = Vec::new();
    for slot in keys.slots() {
        let look = slot.look(now);
        for at in look.fetch.into_iter().chain(look.stale).filter(|at| *at > now) {
            next = next.min(at);
        }
        due.extend(look.fetch.filter(|at| *at <= now).map(|at| (at, slot)));
    }
    due.sort_by_key(|(at, _)| *at);
    for (_, slot) in due {
        let Ok(permit) = Arc::clone(room).try_acquire_owned() else { break };
        slot.fetch_ahead(permit);
    }
    next
}
