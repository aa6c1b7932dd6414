//! What an allowed request becomes upstream. A [`Permit`] is the only source of header mutations, and only
//! `check.rs` makes one: after the route's checks, or by the operator's word (open route, shadow, failure mode).

use std::sync::Arc;

use hashbrown::HashSet;

use crate::answer::reshape::{Reshape, Reshaped};
use crate::answer::swap::Swap;
use crate::require::template::{Template, View};
use crate::route::chain::Spent;

/// Names in lower case, with their values.
pub(crate) type SetHeaders = Vec<(Arc<str>, Template)>;

/// What a route does to headers on allow, compiled.
#[derive(Debug)]
pub(crate) struct Forward {
    /// Routes that set the same have one of these.
    pub(crate) set: Arc<SetHeaders>,
    pub(crate) credential: Credential,
    /// None: nothing else is changed.
    pub(crate) reshape: Option<Box<Reshape>>,
}

/// What the upstream gets of the client's credential.
#[derive(Debug, Clone)]
pub(crate) enum Credential {
    /// Nothing.
    None,
    /// All of it.
    Original,
    /// Another one.
    Swapped(Arc<Swap>),
}

impl Credential {
    /// Whether it goes on.
    #[inline]
    pub(crate) fn is_original(&self) -> bool {
        matches!(self, Self::Original)
    }

    /// What stands in its place; none: nothing does.
    #[inline]
    pub(crate) fn swap(&self) -> Option<&Arc<Swap>> {
        match self {
            Self::Swapped(swap) => Some(swap),
            Self::None | Self::Original => None,
        }
    }
}

/// Header names that never come from the client: every identity header that any route of the policy sets, and the
/// credential where the route does not pass it on. Lower case.
#[derive(Debug, Default)]
pub struct RemovedHeaders {
    names: Vec<Arc<str>>,
    normal: HashSet<Box<[u8]>>,
    lengths: u64,
}

/// The credential's header.
pub(crate) const AUTHORIZATION: &str = "authorization";
/// The cookies' header.
pub(crate) const COOKIE: &str = "cookie";

impl RemovedHeaders {
    #[inline]
    pub(crate) fn new(mut names: Vec<Arc<str>>) -> Self {
        names.sort_unstable();
        names.dedup();
        let normal = names.iter().map(|name| normal(name.as_bytes()).into_boxed_slice()).collect();
        let lengths = names.iter().fold(0, |bits, name| bits | length_bit(name.len()));
        Self { names, normal, lengths }
    }

    /// These names and others.
    #[inline]
    pub(crate) fn and(self: Arc<Self>, others: &[&Arc<str>]) -> Arc<Self> {
        if others.iter().all(|name| self.contains(name.as_bytes())) {
            return self;
        }
        let names = self.names.iter().chain(others.iter().copied());
        Arc::new(Self::new(names.map(Arc::clone).collect()))
    }

    /// The names, for doors that name headers instead of seeing them.
    #[inline]
    pub fn names(&self) -> impl Iterator<Item = &Arc<str>> {
        self.names.iter()
    }

    /// Whether a client's header is one of these. `X_User` is, where `x-user` is: many upstreams read them as one.
    #[must_use]
    #[inline]
    pub fn contains(&self, name: &[u8]) -> bool {
        self.lengths & length_bit(name.len()) != 0 && self.normal.contains(normal(name).as_slice())
    }
}

#[inline]
fn length_bit(length: usize) -> u64 {
    u32::try_from(length.min(63)).ok().and_then(|shift| 1_u64.checked_shl(shift)).unwrap_or(0)
}

#[inline]
fn normal(name: &[u8]) -> Vec<u8> {
    name.iter().map(|byte| if *byte == b'_' { b'-' } else { byte.to_ascii_lowercase() }).collect()
}

/// Evidence that the request may go upstream, and as what.
#[derive(Debug, Clone)]
pub struct Permit {
    mutations: Mutations,
}

/// Changes of the request, headers in this order: remove, then set. Each name is set at most once, and is one of those
/// to remove.
#[derive(Debug, Clone)]
pub struct Mutations {
    /// Names that the upstream must not get from the client.
    pub remove: Arc<RemovedHeaders>,
    /// Names (lower case) with their new values; every client's copy is replaced.
    pub set: Vec<(Arc<str>, String)>,
    /// Path with query, as the upstream is to get it; none: as the client sent it. A door that cannot carry this out must
    /// not allow the request.
    pub path: Option<String>,
    /// The credential that the upstream is to get besides. Its secret is put in by [`Permit::swap_credential`]; a door
    /// that has no secret, or cannot tell it in private, must not allow the request.
    pub swap: Option<Arc<Swap>>,
}

impl Mutations {
    /// The names to remove that are not set again: for doors that set first and remove afterwards, as Envoy's
    /// ext_authz does, and that cannot see which headers the client sent.
    #[inline]
    pub fn removed_and_not_set(&self) -> impl Iterator<Item = &Arc<str>> {
        self.remove.names().filter(|name| !self.set.iter().any(|(set, _)| set == *name))
    }
}

impl Permit {
    #[inline]
    pub(crate) fn new(forward: &Forward, remove: Arc<RemovedHeaders>, view: &View<'_>) -> Self {
        let set = forward
            .set
            .iter()
            .filter(|(_, template)| view.identity().is_some() || !template.reads_identity())
            .filter_map(|(name, template)| Some((Arc::clone(name), template.render(view)?)))
            .collect();
        Self { mutations: Mutations { remove, set, path: None, swap: None } }
    }

    #[inline]
    pub(crate) fn relayed(remove: Arc<RemovedHeaders>, set: Vec<(Arc<str>, String)>) -> Self {
        Self { mutations: Mutations { remove, set, path: None, swap: None } }
    }

    /// The path that the upstream gets; none: as before.
    #[inline]
    pub(crate) fn rewrite(&mut self, path: Option<String>) {
        if path.is_some() {
            self.mutations.path = path;
        }
    }

    /// Changes what else the route wants changed.
    #[inline]
    pub(crate) fn reshape(&mut self, reshaped: Reshaped) {
        let Reshaped { remove, set, path } = reshaped;
        let names: Vec<&Arc<str>> = remove.iter().collect();
        self.mutations.remove = Arc::clone(&self.mutations.remove).and(&names);
        self.mutations.set.extend(set);
        self.rewrite(path);
    }

    /// Promises the route's own credential.
    #[inline]
    pub(crate) fn promise(&mut self, swap: Option<&Arc<Swap>>) {
        self.mutations.swap = swap.map(Arc::clone);
    }

    /// Sets the header that a swap promises, if one does, from its secret.
    #[inline]
    pub fn swap_credential(&mut self, secret: &str) {
        if let Some(swap) = &self.mutations.swap {
            self.mutations.set.push((Arc::clone(&swap.header), swap.value(secret)));
        }
    }

    /// Takes the route's cookies out. `rest`: the Cookie header without them.
    #[inline]
    pub(crate) fn spend_cookies(&mut self, spent: &Spent, rest: String) {
        self.mutations.remove = Arc::clone(&spent.removed_with_cookie);
        if !rest.is_empty() {
            self.mutations.set.push((COOKIE.into(), rest));
        }
    }

    /// The header changes.
    #[must_use]
    #[inline]
    pub fn mutations(&self) -> &Mutations {
        &self.mutations
    }
}

#[cfg(test)]
mod tests {
    use super::RemovedHeaders;

    #[test]
    fn spellings_that_upstreams_read_as_one_are_one() {
        let removed = RemovedHeaders::new(vec!["x-user".into(), "x-tenant-id".into()]);
        for (name, expected) in [
            ("x-user", true),
            ("X-User", true),
            ("x_user", true),
            ("X_Tenant-ID", true),
            ("x-users", false),
            ("y-user", false),
            ("", false),
        ] {
            assert_eq!(removed.contains(name.as_bytes()), expected, "{name}");
        }
    }
}
