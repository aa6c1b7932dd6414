//! Scopes that a route needs, and when a granted scope satisfies one. Granted scopes come from `scope`, `scp` and
//! `scopes` of a token; patterns stand among the granted ones alone, never in the policy.

use std::sync::Arc;

use crate::answer::reason::Reason;
use crate::file::require_source::ScopeStrategy;
use crate::identity::Identity;

/// Scopes a route needs.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Scopes {
    pub(crate) all_of: Vec<Box<str>>,
    pub(crate) any_of: Vec<Box<str>>,
    pub(crate) none_of: Vec<Box<str>>,
    pub(crate) strategy: ScopeStrategy,
    /// What a challenge names: `scope` of RFC 6750 section 3.
    pub(crate) challenge: Option<Arc<str>>,
}

impl Scopes {
    /// Whether the identity has the scopes that are needed, and none that is excluded.
    ///
    /// # Errors
    /// [`Reason::ScopeMissing`], else [`Reason::ScopeForbidden`].
    #[inline]
    pub(crate) fn check(&self, identity: &Identity) -> Result<(), Reason> {
        let granted = |wanted: &str| match self.strategy {
            ScopeStrategy::Exact => identity.has_scope(wanted),
            ScopeStrategy::Hierarchic | ScopeStrategy::Wildcard => {
                identity.scopes().iter().any(|granted| satisfies(self.strategy, granted, wanted))
            }
        };
        if !self.all_of.iter().all(|scope| granted(scope))
            || !(self.any_of.is_empty() || self.any_of.iter().any(|scope| granted(scope)))
        {
            return Err(Reason::ScopeMissing);
        }
        if self.none_of.iter().any(|scope| granted(scope)) {
            Err(Reason::ScopeForbidden)
        } else {
            Ok(())
        }
    }
}

/// Whether a granted scope is as good as the wanted one.
#[inline]
pub(crate) fn satisfies(strategy: ScopeStrategy, granted: &str, wanted: &str) -> bool {
    match strategy {
        ScopeStrategy::Exact => granted == wanted,
        ScopeStrategy::Hierarchic => wanted
            .strip_prefix(granted)
            .is_some_and(|below| below.is_empty() || below.starts_with('.')),
        ScopeStrategy::Wildcard => wildcard(granted, wanted),
    }
}

/// Ory's: a segment `*` stands for one segment that is not empty, as the last one also for more after it.
#[inline]
fn wildcard(pattern: &str, wanted: &str) -> bool {
    let mut rest = wanted.split('.');
    let mut pattern = pattern.split('.').peekable();
    while let Some(segment) = pattern.next() {
        let Some(actual) = rest.next() else { return false };
        if segment == "*" && !actual.is_empty() {
            if pattern.peek().is_none() {
                return true;
            }
        } else if segment != actual {
            return false;
        }
    }
    rest.next().is_none()
}

#[cfg(test)]
mod tests {
    use super::satisfies;
    use crate::file::require_source::ScopeStrategy::{self, Exact, Hierarchic, Wildcard};

    /// Strategy, granted scopes, those that they satisfy, those that they do not.
    type Case =
        (ScopeStrategy, &'static [&'static str], &'static [&'static str], &'static [&'static str]);

    /// After Ory Fosite's tests of its strategies, with cases of our own.
    const CASES: &[Case] = &[
        (Exact, &["a.b", "c"], &["a.b", "c"], &["a", "a.b.c", "A.b", "c.", "*"]),
        (Exact, &["*", "a.*"], &["*", "a.*"], &["a", "a.b"]),
        (Exact, &[], &[], &["a"]),
        (Hierarchic, &[], &[], &["a", "a.b", "a.b.c"]),
        (
            Hierarchic,
            &["shop.cart", "cart.item", "item.item.1", "item.item.2", "item.item.item"],
            &[
                "shop.cart",
                "shop.cart.x",
                "cart.item",
                "cart.item.x",
                "item.item.1",
                "item.item.item.x",
            ],
            &[
                "shop",
                "cart",
                "item",
                "item.item",
                "item.item.3",
                "shop.carts",
                "shop.car",
                "x.shop.cart",
            ],
        ),
        (
            Hierarchic,
            &["svc.keys.create", "svc.keys.get"],
            &["svc.keys.create", "svc.keys.get", "svc.keys.get.one"],
            &["svc.keys", "svc.keys.delete", "svc.keys.getall"],
        ),
        (
            Hierarchic,
            &["login", "offline"],
            &["login", "login.x", "login.x.y", "offline", "offline.x.y.z"],
            &["a", "a.b", "loginx", "log"],
        ),
        (Hierarchic, &["*", "a.*"], &["*", "a.*", "a.*.b"], &["a", "a.b"]),
        (Wildcard, &[], &[], &["a", "a.b", "a.b.c"]),
        (Wildcard, &["*"], &["a", "a.b", "a.b.c"], &["", ".a"]),
        (Wildcard, &["a"], &["a"], &["*", "a.*", "a*", "a.b", "A"]),
        (Wildcard, &["ab*"], &["ab*"], &["ab", "abc", "a", "ab.c"]),
        (Wildcard, &["a.*"], &["a.b", "a.c", "a.b.c", "a.b."], &["a", "a.", "a..b", "b.a"]),
        (
            Wildcard,
            &["a.*.c"],
            &["a.*.c", "a.b.c"],
            &["a..c", "a.c", "a", "a.b.b", "a.b.c.d", "a.b..c"],
        ),
        (
            Wildcard,
            &["a.*.c.*"],
            &["a.b.c.d", "a.b.c.c.c", "a.*.c.*.*.*", "a.1.c.1.2.3.4.5"],
            &["a.b.b.c.d", "a.b.c", "a.b.c."],
        ),
        (
            Wildcard,
            &["a.*.c.*.e.*"],
            &["a.c.c.d.e.f", "a.c.c.d.e.f.g"],
            &["a.*.*", "a.*.c", "a.b.*", "a.b.c", "a.b*.c", "a.b.c.d.e", "a.b.d.d.d.c"],
        ),
        (Wildcard, &["*.admin"], &["x.admin"], &["admin", "x.y.admin", ".admin"]),
        (Wildcard, &["**", "a.**"], &["**", "a.**"], &["a", "a.b"]),
    ];

    #[test]
    fn a_granted_scope_satisfies_what_its_strategy_says() {
        for (strategy, granted, yes, no) in CASES {
            let any = |wanted| granted.iter().any(|held| satisfies(*strategy, held, wanted));
            for wanted in *yes {
                assert!(any(wanted), "{strategy:?} {granted:?} grant {wanted}");
            }
            for wanted in *no {
                assert!(!any(wanted), "{strategy:?} {granted:?} do not grant {wanted}");
            }
        }
    }
}
