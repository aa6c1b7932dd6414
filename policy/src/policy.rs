//! The compiled policy: immutable, shared, complete. Made by `compile/` in one piece or not at all;
//! [`Policy::deny_all`] is what stands where there is none.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::answer::on_deny::OnDeny;
use crate::answer::permit::RemovedHeaders;
use crate::answer::reason::Reason;
use crate::answer::swap::Swap;
use crate::check::Side;
use crate::file::source::Mode;
use crate::identity::issuer::{Issuer, IssuerId, named};
use crate::request::path::CanonicalPath;
use crate::request::{Request, query};
use crate::require::rbac::Roles;
use crate::route::Route;
use crate::route::table::{RouteIndex, RouteTable, Routes};

/// A policy.
#[derive(Debug)]
pub struct Policy {
    pub(crate) service: Arc<str>,
    pub(crate) environment: Option<Arc<str>>,
    pub(crate) mode: Mode,
    pub(crate) issuers: Vec<Issuer>,
    pub(crate) routes: Routes,
    pub(crate) table: RouteTable,
    pub(crate) roles: Roles,
    pub(crate) without_route: Reason,
    /// Whether some route has `cors`.
    pub(crate) cors: bool,
    /// How denials look that no route made.
    pub(crate) on_deny: Option<Arc<OnDeny>>,
    pub(crate) removed: RemovedLists,
    /// Query keys that some route reads as a credential.
    pub(crate) query_credentials: Vec<Box<str>>,
    pub(crate) mirror: Option<crate::mirror::MirrorRules>,
    pub(crate) digest: String,
}

/// The names that never come from the client, with and without the credential's header.
#[derive(Debug, Default)]
pub(crate) struct RemovedLists {
    pub(crate) with_credential: Arc<RemovedHeaders>,
    pub(crate) without_credential: Arc<RemovedHeaders>,
}

impl Policy {
    /// The policy that denies everything, with 503: none is loaded.
    #[must_use]
    #[inline]
    pub fn deny_all() -> Self {
        Self {
            service: "sallyport".into(),
            environment: None,
            mode: Mode::Sync,
            issuers: Vec::new(),
            routes: Vec::new(),
            table: RouteTable::default(),
            roles: Roles::default(),
            without_route: Reason::PolicyUnavailable,
            cors: false,
            on_deny: None,
            removed: RemovedLists::default(),
            query_credentials: Vec::new(),
            mirror: None,
            digest: String::new(),
        }
    }

    /// Name of the protected service: the realm of challenges.
    #[must_use]
    #[inline]
    pub fn service(&self) -> &str {
        &self.service
    }

    /// Name of the environment.
    #[must_use]
    #[inline]
    pub fn environment(&self) -> Option<&str> {
        self.environment.as_deref()
    }

    /// The file's mode.
    #[must_use]
    #[inline]
    pub fn mode(&self) -> Mode {
        self.mode
    }

    /// Digest of the filter's copy; see [`crate::Document::digest`].
    #[must_use]
    #[inline]
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// All issuers, in the order of their indices.
    #[must_use]
    #[inline]
    pub fn issuers(&self) -> &[Issuer] {
        &self.issuers
    }

    /// One issuer.
    #[must_use]
    #[inline]
    pub fn issuer(&self, id: IssuerId) -> Option<&Issuer> {
        self.issuers.get(id.index())
    }

    /// The issuer with this name.
    #[must_use]
    #[inline]
    pub fn issuer_named(&self, name: &str) -> Option<&Issuer> {
        named(&self.issuers, name)
    }

    /// All routes.
    #[must_use]
    #[inline]
    pub fn routes(&self) -> &[Arc<Route>] {
        &self.routes
    }

    /// The route that judges a request.
    ///
    /// # Errors
    /// [`Reason::RequestMalformed`] where an upstream that cuts path parameters off (`/admin;x` for `/admin`) or unescapes
    /// slashes would read a path that another route judges; and for escaped slashes where the route does not allow them.
    /// [`Reason::RuleAmbiguous`] where the patterns of several routes match.
    #[inline]
    pub(crate) fn route(&self, request: &Request<'_>) -> Result<Option<&Arc<Route>>, Reason> {
        let path = request.path();
        let sent = self.table.find(request, path)?;
        let route = sent.and_then(|index| self.routes.get(index));
        if path.has_other_readings() {
            self.check_readings(request, sent, route)?;
        }
        Ok(route)
    }

    #[inline]
    fn check_readings(
        &self,
        request: &Request<'_>,
        sent: Option<RouteIndex>,
        route: Option<&Arc<Route>>,
    ) -> Result<(), Reason> {
        let path = request.path();
        if path.has_escaped_slashes() && !route.is_some_and(|route| route.encoded_slashes) {
            return Err(Reason::RequestMalformed);
        }
        for reading in path.other_readings() {
            let other = CanonicalPath::parse(reading.path.as_bytes())
                .map_err(|_| Reason::RequestMalformed)?;
            // `/files/a%2F`: a last segment that is empty, and was not sent.
            let emptied = reading.path.ends_with('/') && !path.as_str().ends_with('/');
            let found = self.table.find(request, other);
            // Whoever allows escaped slashes says that they are no borders: a path of nobody's is not meant.
            let same = found == Ok(sent) || reading.unescaped && found == Ok(None);
            if emptied || !same {
                return Err(Reason::RequestMalformed);
            }
        }
        Ok(())
    }

    /// Whether a route judges paths with `%2F`, so that nobody may refuse or decode them before.
    #[must_use]
    #[inline]
    pub fn allows_encoded_slashes(&self) -> bool {
        self.routes.iter().any(|route| route.encoded_slashes)
    }

    /// Whether some route has `cors`, so that clients may get headers from us on allow.
    #[must_use]
    #[inline]
    pub fn has_cors(&self) -> bool {
        self.cors
    }

    /// A route of which a part is the sidecar's, if there is one.
    #[must_use]
    #[inline]
    pub fn needs_sidecar(&self) -> Option<&Arc<Route>> {
        self.routes.iter().find(|route| route.needs_sidecar())
    }

    /// The credentials that routes give upstreams in place of the client's. One may come several times.
    #[inline]
    pub fn swaps(&self) -> impl Iterator<Item = (&Route, &Arc<Swap>)> {
        let routes = self.routes.iter();
        routes.filter_map(|route| Some((&**route, route.forward.credential.swap()?)))
    }

    /// What is mirrored; none: nothing.
    #[must_use]
    #[inline]
    pub fn mirror(&self) -> Option<&crate::mirror::MirrorRules> {
        self.mirror.as_ref()
    }

    /// Every identity header of every route: they never come from the client.
    #[must_use]
    #[inline]
    pub fn identity_headers(&self) -> &Arc<RemovedHeaders> {
        &self.removed.without_credential
    }

    /// Request headers, in lower case, that some route reads besides Authorization: doors that do not see all headers must
    /// see these.
    #[must_use]
    #[inline]
    pub fn headers_read(&self) -> BTreeSet<&str> {
        let inputs = self.routes.iter().filter_map(|route| route.inputs.as_deref());
        inputs.flat_map(|inputs| inputs.headers()).map(|name| &**name).collect()
    }

    /// A request's path without what any route reads as a credential, for a request that is denied: logs see it. None: it
    /// holds nothing of that kind.
    #[must_use]
    #[inline]
    pub fn path_without_credentials(&self, path: &[u8]) -> Option<String> {
        if self.query_credentials.is_empty() {
            return None;
        }
        query::without(&String::from_utf8_lossy(path), &self.query_credentials)
    }

    /// Headers that some route adds to, in lower case.
    #[inline]
    pub fn appended_headers(&self) -> impl Iterator<Item = &Arc<str>> {
        let reshapes = self.routes.iter().filter_map(|route| route.forward.reshape.as_ref());
        reshapes.flat_map(|reshape| reshape.append.iter().map(|(name, _)| name))
    }

    #[inline]
    pub(crate) fn without_route(&self) -> Reason {
        self.without_route
    }

    #[inline]
    pub(crate) fn roles(&self) -> &Roles {
        &self.roles
    }

    /// Before Envoy's ext_authz the credential stays: the sidecar needs it, and removes it.
    #[inline]
    pub(crate) fn removed(&self, route: &Route, side: Side) -> Arc<RemovedHeaders> {
        let keep = side == Side::FilterBefore || route.forward.credential.is_original();
        Arc::clone(match &route.spent {
            _ if keep => &self.removed.without_credential,
            Some(spent) => &spent.removed,
            None => &self.removed.with_credential,
        })
    }
}
