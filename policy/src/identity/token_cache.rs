//! Tokens that were judged before, by exact comparison of the whole token: no cryptographic hash on the warm path.
//! Verified ones and bad signatures have parts of their own, so that a flood of forgeries pushes no good token out.
//! What an entry says is about its token alone; whether it still holds, `authenticate.rs` asks at each use.

use std::sync::Arc;

use hashbrown::HashMap;
use sallyport_jwt::UnixTime;

use crate::identity::Identity;
use crate::identity::issuer::IssuerId;
use crate::identity::token_key::{MadeUp, Sampling, Signed, TokenKey, Wanted};
use crate::limits::{MAX_REFUSAL_BYTES, MAX_REFUSALS, REFUSAL_SECONDS};

/// What is remembered of a token.
#[derive(Debug, Clone)]
pub enum Remembered {
    /// It verified, as this identity. Its times are to be asked again.
    Verified(Arc<Identity>),
    /// No key of this issuer made its signature, less than 10 s ago.
    BadSignature(IssuerId),
}

/// A bounded memory of tokens.
#[derive(Debug)]
pub struct TokenCache {
    verified: Generations<Signed, Arc<Identity>>,
    refused: Generations<MadeUp, Refusal>,
}

#[derive(Debug, Clone, Copy)]
struct Refusal {
    issuer: IssuerId,
    at: UnixTime,
}

impl TokenCache {
    /// Holds at most `entries` verified tokens, which take at most `bytes` bytes together with what is known of them;
    /// beside them at most [`MAX_REFUSALS`] bad signatures. With no entries it holds nothing.
    #[must_use]
    #[inline]
    pub fn new(entries: usize, bytes: usize) -> Self {
        let refusals = if entries == 0 { 0 } else { MAX_REFUSALS };
        Self {
            verified: Generations::new(entries, bytes),
            refused: Generations::new(refusals, MAX_REFUSAL_BYTES),
        }
    }

    /// What is known of exactly this token.
    #[inline]
    pub fn recall(&mut self, token: &[u8], now: UnixTime) -> Option<Remembered> {
        if let Some(identity) = self.verified.find(token) {
            return Some(Remembered::Verified(identity));
        }
        let Refusal { issuer, at } = self.refused.find(token)?;
        // A clock that went back makes nothing last longer.
        if (at.0..at.0.saturating_add(REFUSAL_SECONDS)).contains(&now.0) {
            return Some(Remembered::BadSignature(issuer));
        }
        self.refused.remove(token);
        None
    }

    /// Keeps a verified token.
    #[inline]
    pub fn remember(&mut self, token: &[u8], identity: &Arc<Identity>) {
        self.verified.insert(token, Arc::clone(identity), identity.estimated_bytes());
    }

    /// Keeps a token whose signature none of this issuer's keys made.
    #[inline]
    pub fn remember_refusal(&mut self, token: &[u8], issuer: IssuerId, now: UnixTime) {
        self.refused.insert(token, Refusal { issuer, at: now }, 0);
    }

    /// Forgets everything: keys or policy changed.
    #[inline]
    pub fn clear(&mut self) {
        self.verified.clear();
        self.refused.clear();
    }

    /// Number of tokens held, bad signatures among them.
    #[must_use]
    #[inline]
    pub fn entries(&self) -> usize {
        self.verified.entries().saturating_add(self.refused.entries())
    }

    /// Bytes that they take: tokens, identities (an estimate) and the tables' own part.
    #[must_use]
    #[inline]
    pub fn bytes(&self) -> usize {
        self.verified.bytes().saturating_add(self.refused.bytes())
    }
}

/// A map of two generations: what is not used while the young one fills is forgotten. Every operation is O(1); forgetting
/// a generation costs what filling it did.
#[derive(Debug)]
struct Generations<S, V> {
    young: Generation<S, V>,
    old: Generation<S, V>,
    /// Of one generation.
    max_entries: usize,
    max_bytes: usize,
    /// One entry is no two generations.
    keeps_old: bool,
}

#[derive(Debug)]
struct Generation<S, V> {
    entries: HashMap<TokenKey<S>, Entry<V>>,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    bytes: usize,
}

impl<S, V> Default for Generation<S, V> {
    #[inline]
    fn default() -> Self {
        Self { entries: HashMap::default(), bytes: 0 }
    }
}

impl<S: Sampling, V> Generation<S, V> {
    #[inline]
    fn insert(&mut self, token: TokenKey<S>, entry: Entry<V>) {
        self.bytes = self.bytes.saturating_add(entry.bytes);
        if let Some(replaced) = self.entries.insert(token, entry) {
            self.bytes = self.bytes.saturating_sub(replaced.bytes);
        }
    }

    #[inline]
    fn remove(&mut self, token: &[u8]) -> Option<(TokenKey<S>, Entry<V>)> {
        // Most look-ups of bad signatures are in an empty table, and would hash a whole token for it.
        if self.entries.is_empty() {
            return None;
        }
        let (token, entry) = self.entries.remove_entry(&Wanted::new(token))?;
        self.bytes = self.bytes.saturating_sub(entry.bytes);
        Some((token, entry))
    }
}

impl<S: Sampling, V: Clone> Generations<S, V> {
    /// What an entry takes besides token and value: two slots of the table, which is half empty after it grew, and the
    /// allocator's own bookkeeping for the token.
    const OVERHEAD: usize =
        size_of::<(TokenKey<S>, Entry<V>)>().saturating_mul(2).saturating_add(16);

    #[inline]
    fn new(entries: usize, bytes: usize) -> Self {
        let keeps_old = entries > 1;
        let halves = if keeps_old { 2 } else { 1 };
        Self {
            young: Generation::default(),
            old: Generation::default(),
            max_entries: entries.checked_div(halves).unwrap_or(0),
            max_bytes: bytes.checked_div(halves).unwrap_or(0),
            keeps_old,
        }
    }

    /// The value; it is young again. The token is hashed once where it is young already.
    #[inline]
    fn find(&mut self, token: &[u8]) -> Option<V> {
        if let Some(entry) = self.young.entries.get(&Wanted::new(token)) {
            return Some(entry.value.clone());
        }
        let (token, entry) = self.old.remove(token)?;
        let value = entry.value.clone();
        self.make_room(entry.bytes);
        self.young.insert(token, entry);
        Some(value)
    }

    /// Keeps a value that takes `value_bytes` bytes outside the table. What is larger than a generation is not kept.
    #[inline]
    fn insert(&mut self, token: &[u8], value: V, value_bytes: usize) {
        let bytes = token.len().saturating_add(value_bytes).saturating_add(Self::OVERHEAD);
        self.remove(token);
        if self.max_entries > 0 && bytes <= self.max_bytes {
            self.make_room(bytes);
            self.young.insert(TokenKey::new(token), Entry { value, bytes });
        }
    }

    #[inline]
    fn remove(&mut self, token: &[u8]) {
        if self.young.remove(token).is_none() {
            self.old.remove(token);
        }
    }

    #[inline]
    fn make_room(&mut self, bytes: usize) {
        let full = self.young.entries.len() >= self.max_entries
            || self.young.bytes.saturating_add(bytes) > self.max_bytes;
        if full {
            let young = std::mem::take(&mut self.young);
            self.old = if self.keeps_old { young } else { Generation::default() };
        }
    }

    #[inline]
    fn clear(&mut self) {
        self.young = Generation::default();
        self.old = Generation::default();
    }

    #[inline]
    fn entries(&self) -> usize {
        self.young.entries.len().saturating_add(self.old.entries.len())
    }

    #[inline]
    fn bytes(&self) -> usize {
        self.young.bytes.saturating_add(self.old.bytes)
    }
}
