//! Parts that many routes have in common, held once: of ten thousand routes most ask for the same few things, and what is
//! the same is the same memory, here and in the processor's caches. Knows only the last few; more would be searched long.

use std::sync::Arc;

use crate::limits::MAX_SHARED_PARTS;

/// Parts of one kind.
#[derive(Debug)]
pub(super) struct Shared<T>(Vec<Arc<T>>);

impl<T> Default for Shared<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: PartialEq> Shared<T> {
    /// This one, or an equal one that some route has.
    pub(super) fn share(&mut self, part: Arc<T>) -> Arc<T> {
        if let Some(known) = self.0.iter().rev().find(|known| **known == part) {
            return Arc::clone(known);
        }
        if self.0.len() >= MAX_SHARED_PARTS {
            self.0.remove(0);
        }
        self.0.push(Arc::clone(&part));
        part
    }
}
