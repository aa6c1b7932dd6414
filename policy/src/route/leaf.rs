//! The routes that end at one place of the trie, one for each method that is named there and one for all others.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::route::table::{Crossing, RouteIndex};

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Leaf {
    /// Sorted by method; no name, which comes first: any method. Most places have one entry, of tens of thousands of
    /// places, and it needs no memory of its own.
    entries: SmallVec<[(Option<Arc<str>>, RouteIndex); 1]>,
}

impl Leaf {
    /// Each with a method that both have; none: any.
    #[inline]
    pub(crate) fn overlapping(&self, method: Option<&str>) -> impl Iterator<Item = Crossing> {
        let own = self.entries.iter();
        own.filter(move |(name, _)| match (name, method) {
            (Some(name), Some(method)) => **name == *method,
            (None, _) | (_, None) => true,
        })
        .map(|(name, route)| (*route, name.clone()))
    }

    #[inline]
    pub(crate) fn find(&self, method: &str) -> Option<RouteIndex> {
        let named = self.place(Some(method)).ok().and_then(|at| self.entries.get(at));
        named.map(|(_, route)| *route).or_else(|| self.of_any_method())
    }

    /// The route that names no method.
    #[inline]
    pub(crate) fn of_any_method(&self) -> Option<RouteIndex> {
        self.entries.first().filter(|(name, _)| name.is_none()).map(|(_, route)| *route)
    }

    /// Where a method is, or where it would be.
    #[inline]
    fn place(&self, method: Option<&str>) -> Result<usize, usize> {
        self.entries.binary_search_by(|(name, _)| name.as_deref().cmp(&method))
    }

    /// Puts a route here for this method, if none stands here for it; the one that does otherwise.
    #[inline]
    pub(crate) fn insert(
        &mut self,
        method: Option<Arc<str>>,
        route: RouteIndex,
    ) -> Option<RouteIndex> {
        match self.place(method.as_deref()) {
            Ok(at) => self.entries.get(at).map(|(_, known)| *known),
            Err(at) => {
                self.entries.insert(at, (method, route));
                None
            }
        }
    }
}
