//! Questions to the roles that have one answer whatever comes, and documents that say less than they seem to.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::file::problem::Problems;
use crate::file::require_source::{NamespaceNone, RbacSource};
use crate::file::role_source::{RoleDocument, RoleKind};
use crate::file::source::Source;
use crate::limits::MAX_LINTED_GRANTS;
use crate::require::rbac::{ANY, Grant, NO_NAMESPACE, Roles, Verb};
use crate::require::template::Template;
use crate::route::{Access, Rbac, Requirements, Route};

/// What a route asks, apart from who may.
pub(super) fn question(
    route: &str,
    methods: &[String],
    source: &RbacSource,
    rbac: &Rbac,
    problems: &mut Problems,
) {
    let no_verb = |method: &&String| Verb::of_method(method).is_none();
    if let Some(method) = methods.iter().find(|it| rbac.verb.is_none() && no_verb(it)) {
        let message =
            format!("nobody could ever pass with `{method}`: `{method}` has no verb of its own");
        let fix = "write `verb`, or give that method a route of its own";
        // Beside methods that have one it is denied, as it may be meant.
        if methods.iter().all(|method| no_verb(&method)) {
            problems.error(format!("{route}.rbac"), message, fix);
        } else {
            problems.warning(format!("{route}.rbac"), message, fix);
        }
    }
    if rbac.user.reads_identity() {
        return;
    }
    let user = source.user.as_deref().unwrap_or_default();
    let (message, fix) = match rbac.user.literal() {
        Some(_) => (
            format!("`{user}` is the same for all: every caller has the rights of that user"),
            "write `{subject}`, or what else tells callers apart",
        ),
        None => (
            format!("`{user}` is what the client writes: anybody may say to be anybody"),
            "read the identity, like `{subject}`",
        ),
    };
    problems.warning(format!("{route}.rbac.user"), message, fix);
}

/// Documents of the policy itself. Those of files are whoever's who keeps the files.
pub(super) fn documents(documents: &[RoleDocument], problems: &mut Problems) {
    let bound: BTreeSet<&str> =
        documents.iter().flat_map(|it| it.roles.iter().flatten()).map(String::as_str).collect();
    for (index, document) in documents.iter().enumerate() {
        let place = format!("role_documents[{index}]");
        let name = &document.metadata.name;
        if document.kind == RoleKind::Role && !bound.contains(name.as_str()) {
            problems.warning(
                &place,
                format!("no binding names the role `{name}`"),
                "bind it, or remove it",
            );
        }
        if let Some((message, fix)) = nothing(document) {
            problems.warning(&place, format!("`{name}` {message}"), fix);
        }
        let rules = document.rules.iter().flatten();
        let mut names =
            rules.flat_map(|rule| rule.resources.iter().chain(&rule.namespaces).chain([&rule.api]));
        if names.any(|name| name == "*") {
            problems.warning(
                &place,
                format!("`*` in the role `{name}` is a name, and stands for nothing else"),
                "write `\"\"` for all",
            );
        }
        if document.users.iter().chain(&document.groups).any(|name| name == "*") {
            problems.warning(
                &place,
                format!("`*` in the binding `{name}` is a name, and stands for nobody else"),
                "name the users and groups; a route without `rbac` asks no roles",
            );
        }
    }
}

/// What says nothing though it is written.
fn nothing(document: &RoleDocument) -> Option<(&'static str, &'static str)> {
    const FIX: &str = "write what it allows, or remove it";
    let rules = || document.rules.iter().flatten();
    if document.rules.as_ref().is_some_and(Vec::is_empty) {
        Some(("has no rules, so it allows nothing", FIX))
    } else if rules().any(|rule| rule.verbs.is_empty()) {
        Some(("has a rule without verbs, which allows nothing", FIX))
    } else if rules().any(|rule| rule.resources.is_empty()) {
        Some(("has a rule without resources, which allows nothing", FIX))
    } else if document.roles.as_ref().is_some_and(Vec::is_empty) {
        Some(("binds no role", "name the roles, or remove it"))
    } else {
        None
    }
}

/// Routes, when all roles are known.
pub(super) fn routes(
    source: &Source,
    routes: &[Arc<Route>],
    roles: &Roles,
    problems: &mut Problems,
) {
    let asking = routes.iter().filter_map(|route| match &route.access {
        Access::Requirements(requirements) => {
            Some((route, requirements, requirements.demands.rbac.as_ref()?))
        }
        Access::Open | Access::Shut => None,
    });
    let asking: Vec<_> = asking.collect();
    let named = |(.., rbac): &(_, _, &Rbac)| rbac.namespace.is_some();
    if source.namespace_none == Some(NamespaceNone::Grant)
        && !asking.is_empty()
        && asking.iter().all(named)
    {
        problems.warning(
            "namespace_none",
            "has no effect: every route that asks the roles names a namespace",
            "remove it",
        );
    }
    // There is another warning.
    if roles.allow_nothing() {
        return;
    }
    let grants: usize = roles.sets.iter().map(|set| set.len()).sum();
    let places =
        source.routes.iter().enumerate().map(|(index, route)| (route.name.as_str(), index));
    let places: HashMap<&str, usize> = places.collect();
    let mut left = MAX_LINTED_GRANTS;
    for (route, requirements, rbac) in asking {
        let index = places.get(&*route.name).copied().unwrap_or_default();
        anonymous(index, requirements, rbac, roles, problems);
        let methods = source.routes.get(index).map_or(&[][..], |route| route.r#match.methods());
        let asked = Asked::of(rbac, methods, roles);
        let some = roles.sets.iter().flat_map(|set| set.iter()).take(left);
        let unfit = some.take_while(|grant| !asked.fits(grant)).count();
        left = left.saturating_sub(unfit);
        if unfit == grants {
            problems.warning(
                format!("routes[{index}].rbac"),
                "no role allows this to anybody, so every such request is denied",
                "compare API, resource, namespace and verb with the roles; a request without a namespace needs a rule for all of them",
            );
        }
    }
}

fn anonymous(
    index: usize,
    requirements: &Requirements,
    rbac: &Rbac,
    roles: &Roles,
    problems: &mut Problems,
) {
    let Some(identity) = &requirements.chain.anonymous else { return };
    let Some(user) = rbac.user.of_caller(identity) else { return };
    if !roles.users.contains_key(user.as_str()) {
        problems.warning(
            format!("routes[{index}].rbac"),
            format!("whoever is anonymous can never pass: no binding names the user `{user}`"),
            "bind that user, or remove `anonymous`",
        );
    }
}

/// What a route asks, as far as that is the same in every request.
struct Asked {
    /// Numbers of API and resource; none: each request has its own. One that no document holds is 0, as no grant has it
    /// but for all names.
    api: Option<u32>,
    resource: Option<u32>,
    namespace: Option<u32>,
    verbs: u8,
}

impl Asked {
    fn of(rbac: &Rbac, methods: &[String], roles: &Roles) -> Self {
        let number = |template: &Template| {
            template.literal().map(|name| roles.names.get(name).copied().unwrap_or(ANY))
        };
        let namespace = match &rbac.namespace {
            Some(template) => number(template),
            None => Some(NO_NAMESPACE),
        };
        let verbs = match (rbac.verb, methods) {
            (Some(verb), _) => verb.bit(),
            (None, []) => u8::MAX,
            (None, methods) => {
                let verbs = methods.iter().filter_map(|method| Verb::of_method(method));
                verbs.fold(0, |verbs, verb| verbs | verb.bit())
            }
        };
        Self { api: number(&rbac.api), resource: number(&rbac.resource), namespace, verbs }
    }

    /// Whether a grant may allow it.
    fn fits(&self, grant: &Grant) -> bool {
        let fits = |asked: Option<u32>, granted: u32| {
            granted == ANY || asked.is_none_or(|asked| asked == granted)
        };
        let [api, resource, namespace] = grant.key;
        let at_namespace = match self.namespace {
            Some(NO_NAMESPACE) => namespace == NO_NAMESPACE,
            asked => namespace != NO_NAMESPACE && fits(asked, namespace),
        };
        at_namespace
            && fits(self.api, api)
            && fits(self.resource, resource)
            && grant.verbs & self.verbs != 0
    }
}
