//! Tokens that verified before, by exact comparison of the whole token: no cryptographic hash on the warm path.
//! Two generations bound it in entries and bytes and forget what is not used, in O(1) a look-up.

use std::sync::Arc;

use hashbrown::HashMap;

use crate::identity::Identity;

type Generation = HashMap<Box<[u8]>, Arc<Identity>>;

/// A bounded memory of verified tokens.
#[derive(Debug)]
pub struct TokenCache {
    young: Generation,
    old: Generation,
    young_bytes: usize,
    max_entries: usize,
    max_bytes: usize,
}

impl TokenCache {
    /// Holds at most `entries` tokens of together `bytes` bytes. With no entries it holds nothing.
    #[must_use]
    pub fn new(entries: usize, bytes: usize) -> Self {
        Self {
            young: Generation::default(),
            old: Generation::default(),
            young_bytes: 0,
            max_entries: entries.div_ceil(2),
            max_bytes: bytes.div_ceil(2),
        }
    }

    /// The identity of exactly this token.
    pub fn recall(&mut self, token: &[u8]) -> Option<Arc<Identity>> {
        if let Some(identity) = self.young.get(token) {
            return Some(Arc::clone(identity));
        }
        let (token, identity) = self.old.remove_entry(token)?;
        let found = Arc::clone(&identity);
        self.insert(token, identity);
        Some(found)
    }

    /// Keeps a verified token.
    pub fn remember(&mut self, token: &[u8], identity: &Arc<Identity>) {
        if self.max_entries > 0 && token.len() <= self.max_bytes {
            self.insert(token.into(), Arc::clone(identity));
        }
    }

    /// Forgets everything: keys or policy changed.
    pub fn clear(&mut self) {
        self.young.clear();
        self.old.clear();
        self.young_bytes = 0;
    }

    /// Number of tokens held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.young.len().saturating_add(self.old.len())
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn insert(&mut self, token: Box<[u8]>, identity: Arc<Identity>) {
        let bytes = self.young_bytes.saturating_add(token.len());
        if self.young.len() >= self.max_entries || bytes > self.max_bytes {
            self.old = std::mem::take(&mut self.young);
            self.young_bytes = 0;
        }
        self.young_bytes = self.young_bytes.saturating_add(token.len());
        self.young.insert(token, identity);
    }
}
