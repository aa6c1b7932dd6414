//! The memory of judged tokens, shared by all requests of one policy: shards of `TokenCache`, each behind a lock.
//! A change of keys advances an epoch; what was judged in an older epoch is neither found nor kept. The policy's own
//! change needs nothing here, since every loaded policy has its own memory.

use std::hash::{BuildHasher, RandomState};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use sallyport_jwt::UnixTime;
use sallyport_policy::{Identity, IssuerId, Remembered, TokenCache, TokenMemory};

use crate::limits::{TOKEN_BYTES, TOKEN_ENTRIES, TOKEN_SHARDS};
use crate::metrics::TokenCacheMetrics;

/// Counts changes of keys.
#[derive(Debug, Clone, Default)]
pub(crate) struct Epoch(Arc<AtomicU64>);

impl Epoch {
    /// Forgets every token judged so far.
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
    metrics: TokenCacheMetrics,
    hasher: RandomState,
    shards: Vec<Mutex<Shard>>,
}

#[derive(Debug)]
struct Shard {
    epoch: u64,
    cache: TokenCache,
    /// What the gauges know of.
    counted: Size,
}

/// Entries and bytes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Size(i64, i64);

/// The memory as one evaluation sees it.
pub(crate) struct TokensView<'t> {
    tokens: &'t Tokens,
    epoch: u64,
    /// Whether a look-up counts.
    first: bool,
}

impl Tokens {
    pub(crate) fn new(epoch: Epoch, metrics: TokenCacheMetrics) -> Self {
        let entries = TOKEN_ENTRIES.checked_div(TOKEN_SHARDS).unwrap_or(0);
        let bytes = TOKEN_BYTES.checked_div(TOKEN_SHARDS).unwrap_or(0);
        let shard = |_| {
            let cache = TokenCache::new(entries, bytes);
            Mutex::new(Shard { epoch: 0, cache, counted: Size::default() })
        };
        let shards = (0..TOKEN_SHARDS).map(shard).collect();
        Self { epoch, metrics, hasher: RandomState::new(), shards }
    }

    /// Changes of keys so far.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.current()
    }

    /// To be taken before keys are read: what is judged with them is kept only if they are still the ones. A request is
    /// evaluated anew after each answer that it waited for; `first` says that it is not.
    pub(crate) fn view(&self, first: bool) -> TokensView<'_> {
        TokensView { tokens: self, epoch: self.epoch.current(), first }
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
        let result = act(&mut shard);
        let size = Size::of(&shard.cache);
        if size != shard.counted {
            self.count(shard.counted, size);
            shard.counted = size;
        }
        Some(result)
    }

    /// The gauges are of all memories: during a reload there are two.
    fn count(&self, before: Size, after: Size) {
        self.metrics.entries.inc_by(after.0.saturating_sub(before.0));
        self.metrics.bytes.inc_by(after.1.saturating_sub(before.1));
    }
}

impl Drop for Tokens {
    fn drop(&mut self) {
        for shard in &self.shards {
            let counted = shard.lock().unwrap_or_else(PoisonError::into_inner).counted;
            self.count(counted, Size::default());
        }
    }
}

impl Size {
    fn of(cache: &TokenCache) -> Self {
        let number = |value: usize| i64::try_from(value).unwrap_or(i64::MAX);
        Self(number(cache.entries()), number(cache.bytes()))
    }
}

impl TokenMemory for TokensView<'_> {
    fn recall(&self, token: &[u8], now: UnixTime) -> Option<Remembered> {
        let metrics = &self.tokens.metrics;
        let found = self.tokens.with(token, |shard| shard.cache.recall(token, now)).flatten();
        let counter = match &found {
            Some(Remembered::Verified(_)) => &metrics.hit,
            Some(Remembered::BadSignature(_)) => &metrics.refused,
            None => &metrics.miss,
        };
        if self.first {
            counter.inc();
        }
        found
    }

    fn remember(&self, token: &[u8], identity: &Arc<Identity>) {
        self.tokens.with(token, |shard| {
            if shard.epoch == self.epoch {
                shard.cache.remember(token, identity);
            }
        });
    }

    fn remember_refusal(&self, token: &[u8], issuer: IssuerId, now: UnixTime) {
        self.tokens.with(token, |shard| {
            if shard.epoch == self.epoch {
                shard.cache.remember_refusal(token, issuer, now);
            }
        });
    }
}

#[cfg(test)]
mod tests {
    use sallyport_jwt::UnixTime;
    use sallyport_policy::{Document, Format, Policy, Remembered, TokenMemory as _};

    use super::{Epoch, Tokens};
    use crate::metrics::TokenCacheMetrics;

    const POLICY: &str = "
version: 1
issuers: { main: { issuer: 'https://idp.example', jwks: { discovery: true }, audiences: [a] } }
routes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }] }]
";
    const NOW: UnixTime = UnixTime(1000);

    /// What is judged with keys of before a change is neither found nor kept, and the gauges follow.
    #[test]
    fn a_change_of_keys_forgets() {
        let document = Document::parse(POLICY.as_bytes(), Format::Yaml).unwrap();
        let (policy, _) = Policy::compile(&document, &[]).unwrap();
        let issuer = policy.issuer_named("main").unwrap().id();
        let (epoch, metrics) = (Epoch::default(), TokenCacheMetrics::default());
        let tokens = Tokens::new(epoch.clone(), metrics.clone());
        let view = tokens.view(true);
        view.remember_refusal(b"a.b.c", issuer, NOW);
        assert!(matches!(view.recall(b"a.b.c", NOW), Some(Remembered::BadSignature(_))));
        assert_eq!((metrics.entries.get(), metrics.refused.get()), (1, 1));
        assert!(metrics.bytes.get() > 5);
        epoch.advance();
        view.remember_refusal(b"a.b.c", issuer, NOW);
        assert!(tokens.view(true).recall(b"a.b.c", NOW).is_none(), "judged with the old keys");
        assert_eq!((metrics.entries.get(), metrics.bytes.get()), (0, 0));
        assert_eq!((metrics.miss.get(), metrics.hit.get()), (1, 0));
        tokens.view(false).remember_refusal(b"a.b.c", issuer, NOW);
        assert!(tokens.view(false).recall(b"a.b.c", NOW).is_some());
        assert_eq!(metrics.refused.get(), 1, "evaluated anew");
        drop(tokens);
        assert_eq!((metrics.entries.get(), metrics.bytes.get()), (0, 0), "gone with its policy");
    }
}
