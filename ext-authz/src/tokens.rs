//! The memory of verified tokens, shared by all requests of one policy: shards of `TokenCache`, each behind a lock.
//! A change of keys advances an epoch; what was verified in an older epoch is neither found nor kept. The policy's own
//! change needs nothing here, since every loaded policy has its own memory.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sallyport_policy::{Identity, TokenCache, TokenMemory};

use crate::limits::{TOKEN_BYTES, TOKEN_ENTRIES, TOKEN_SHARDS};

/// Counts changes of keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    /// Forgets every token verified so far.
    pub(crate) fn advance(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }

    /// How many changes there were.
    pub(crate) fn current(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// The memory.
#[derive(Debug)]
pub(crate) struct Tokens {
    epoch: Epoch,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug)]
struct Shard {
    epoch: u64,
    cache: TokenCache,
}

/// The memory as one evaluation sees it.
pub(crate) struct TokensView<'t> {
    tokens: &'t Tokens,
    epoch: u64,
}

impl Tokens {
    pub(crate) fn new(epoch: Epoch) -> Self {
        let entries = TOKEN_ENTRIES.checked_div(TOKEN_SHARDS).unwrap_or(0);
        let bytes = TOKEN_BYTES.checked_div(TOKEN_SHARDS).unwrap_or(0);
        let shard = |_| Mutex::new(Shard { epoch: 0, cache: TokenCache::new(entries, bytes) });
        Self { epoch, hasher: RandomState::new(), shards: (0..TOKEN_SHARDS).map(shard).collect() }
    }

    /// Changes of keys so far.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.current()
    }

    /// To be taken before keys are read: what is verified with them is kept only if they are still the ones.
    pub(crate) fn view(&self) -> TokensView<'_> {
        TokensView { tokens: self, epoch: self.epoch.current() }
    }

    fn with<R>(&self, token: &[u8], act: impl FnOnce(&mut Shard) -> R) -> Option<R> {
        let hash = usize::try_from(self.hasher.hash_one(token) & 0xffff).ok()?;
        let shard = self.shards.get(hash.checked_rem(self.shards.len())?)?;
        // The cache is a map: a panic elsewhere cannot have left it half written.
        let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
        let epoch = self.epoch.current();
        if shard.epoch != epoch {
            shard.cache.clear();
            shard.epoch = epoch;
        }
        Some(act(&mut shard))
    }
}

impl TokenMemory for TokensView<'_> {
    fn recall(&self, token: &[u8]) -> Option<Arc<Identity>> {
        self.tokens.with(token, |shard| shard.cache.recall(token)).flatten()
    }

    fn remember(&self, token: &[u8], identity: &Arc<Identity>) {
        self.tokens.with(token, |shard| {
            if shard.epoch == self.epoch {
                shard.cache.remember(token, identity);
            }
        });
    }
}
