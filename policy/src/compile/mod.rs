//! [`Document`] to [`Policy`]: all or nothing. Every finding is collected, with its place, its value and its fix;
//! a requirement that cannot take effect is one of them.

mod authenticate;
mod claim;
mod cors;
mod credential;
mod forward;
mod introspection;
mod issuer;
mod keys;
#[cfg(feature = "lint")]
mod lint;
mod on_deny;
#[cfg(feature = "lint")]
mod overlap;
mod path;
mod place;
mod rbac;
mod requirements;
mod reshape;
pub(crate) mod roles;
mod route;
mod scopes;
mod settings;
mod shared;
mod spent;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::answer::permit::{AUTHORIZATION, RemovedHeaders};
use crate::answer::reason::Reason;
use crate::compile::issuer::compile_issuers;
use crate::compile::path::hidden;
use crate::compile::roles::{RoleDocuments, compile_roles};
use crate::compile::route::{RouteCompiler, compile_route};
use crate::compile::settings::Inheritance;
use crate::compile::shared::Shared;
use crate::file::document::Document;
use crate::file::filter_copy::FilterCopy;
use crate::file::problem::{Problem, Problems};
use crate::file::require_source::NamespaceNone;
use crate::file::role_source::RoleDocument;
use crate::file::scalar::{label, timeout};
use crate::file::source::{FailureMode, Mode, RouteSource, Source};
use crate::identity::issuer::{Issuer, IssuerId};
use crate::mirror::MirrorRules;
use crate::policy::{Policy, RemovedLists};
use crate::require::rbac::{RoleFile, Roles};
use crate::require::template::Template;
use crate::route::Route;
use crate::route::table::RouteTable;

impl Policy {
    /// Compiles a whole document. `roles` holds the text of [`Document::role_files`]. Gives the warnings beside the policy.
    ///
    /// # Errors
    /// Every error of the file, and its warnings.
    pub fn compile(
        document: &Document,
        roles: &[RoleFile],
    ) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let mut problems = Problems::default();
        let files = roles::read_files(roles, &mut problems);
        let mut routes = document.source.routes.iter().map(|route| Cow::Borrowed(&**route));
        let policy = compile(&document.source, &mut routes, files, Half::Whole, &mut problems);
        let policy = Self { digest: document.digest(), ..policy };
        match finish(policy, problems) {
            Ok((policy, warnings)) => Ok((policy, document.located(warnings))),
            Err(problems) => Err(document.located(problems)),
        }
    }

    /// Compiles the filter's copy: endpoints, secrets and role files are not part of it, and are not asked for. A route is
    /// given back as soon as it is compiled, since the memory of a wasm VM never shrinks.
    ///
    /// # Errors
    /// As [`Policy::compile`].
    pub fn compile_filter_copy(
        copy: impl Into<FilterCopy>,
    ) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let FilterCopy { mut source, digest } = copy.into();
        let mut problems = Problems::default();
        let mut routes =
            std::mem::take(&mut source.routes).into_iter().map(|route| Cow::Owned(*route));
        let policy = compile(&source, &mut routes, Vec::new(), Half::Filter, &mut problems);
        finish(Self { digest, ..policy }, problems)
    }
}

/// Which half of the gate a policy is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Half {
    Filter,
    Whole,
}

/// What several routes inherit is told once.
fn finish(policy: Policy, mut problems: Problems) -> Result<(Policy, Vec<Problem>), Vec<Problem>> {
    let mut told = BTreeSet::new();
    problems.0.retain(|problem| told.insert(problem.to_string()));
    if problems.has_errors() { Err(problems.0) } else { Ok((policy, problems.0)) }
}

/// `source`: all but the routes, which come one by one. The policy has no digest yet.
fn compile(
    source: &Source,
    routes: &mut dyn Iterator<Item = Cow<'_, RouteSource>>,
    role_files: Vec<(String, RoleDocument)>,
    half: Half,
    problems: &mut Problems,
) -> Policy {
    let roles = roles(source, role_files, half, problems);
    if source.version != 1 {
        problems.error(
            "version",
            format!("version `{}` is not known", source.version),
            "write `version: 1`",
        );
    }
    // The files were joined before. What still asks for one is a filter's copy that nobody rendered.
    if let Some(name) = source.include.first() {
        problems.error("include", format!("`{name}` is not read here"), "join the files");
    }
    let service = source.service.clone().unwrap_or_else(|| "sallyport".to_owned());
    label("service", &service, problems);
    if let Some(environment) = &source.environment {
        label("environment", environment, problems);
    }
    // Also where no route takes it.
    timeout("timeout", source.timeout.as_deref(), problems);
    open_and_async("", source.mode, source.failure_mode, problems);
    for (name, host) in &source.hosts {
        open_and_async(&format!("hosts.{name}."), host.mode, host.failure_mode, problems);
    }
    let issuers = compile_issuers(source, half, problems);
    let on_deny = source.on_deny.as_ref().map(|own| on_deny::on_deny("on_deny", own, problems));
    let on_deny = on_deny.map(Arc::new);
    let mut compiler = RouteCompiler {
        source,
        issuers: &issuers,
        inheritance: Inheritance::default(),
        names: HashMap::new(),
        on_deny: on_deny.clone(),
        table: RouteTable::default(),
        routes: Vec::new(),
        patterns: Vec::new(),
        demands: Shared::default(),
        set_headers: Shared::default(),
        used_issuers: BTreeSet::new(),
        uses_roles: false,
        uses_groups: false,
        incomplete: false,
        half,
        roles_in_filter: source.roles.is_none(),
        credential_headers: Vec::new(),
    };
    for (index, route) in routes.enumerate() {
        compile_route(&mut compiler, index, &route, problems);
    }
    let any_routes = !compiler.names.is_empty();
    let incomplete = compiler.incomplete;
    if !incomplete {
        compiler.inheritance.unused(source, any_routes, problems);
        unused_roles(&compiler, &roles, half, problems);
    }
    let RouteCompiler {
        mut table,
        mut routes,
        names,
        patterns,
        used_issuers,
        credential_headers,
        ..
    } = compiler;
    table.shrink();
    routes.shrink_to_fit();
    hidden(&patterns, &table, &routes, problems);
    #[cfg(feature = "lint")]
    if half == Half::Whole {
        overlap::overlapping(&patterns, &routes, problems);
        lint::policy(source, &routes, &roles, problems);
    }
    if !incomplete {
        unused(any_routes, &issuers, &used_issuers, problems);
    }
    let places = names;
    let names: Vec<Arc<str>> = routes
        .iter()
        .flat_map(|route| route.forward.set.iter().map(|(name, _)| Arc::clone(name)))
        .collect();
    let mut with_credential = names.clone();
    with_credential.push(AUTHORIZATION.into());
    spent::check_headers(&credential_headers, &routes, problems);
    #[cfg(feature = "lint")]
    if half == Half::Whole {
        spent::check_templates(source, &routes, problems);
    }
    let query_credentials = spent::complete(&mut routes, &with_credential);
    let removed = RemovedLists {
        with_credential: Arc::new(RemovedHeaders::new(with_credential)),
        without_credential: Arc::new(RemovedHeaders::new(names)),
    };
    reshape::check_appended(source, &routes, &removed.without_credential, problems);
    check_headers_read(source, &places, &routes, &removed.without_credential, problems);
    let mut mirror = source.mirror.as_ref().map(|mirror| MirrorRules::compile(mirror, problems));
    if let Some(rules) = &mut mirror {
        let swapped = routes.iter().filter_map(|route| route.forward.credential.swap());
        let read = credential_headers.iter().map(|(_, name)| &**name);
        rules.blank(&query_credentials, read.chain(swapped.map(|swap| &*swap.header)));
    }
    Policy {
        service: service.into(),
        environment: source.environment.as_deref().map(Into::into),
        mode: source.mode.unwrap_or_default(),
        table,
        roles,
        without_route: Reason::NoRoute,
        cors: routes.iter().any(|route| route.cors.is_some()),
        on_deny,
        removed,
        query_credentials,
        mirror,
        digest: String::new(),
        issuers,
        routes,
    }
}

/// A header that the policy itself sets never comes from the client: what a template found there would depend on the
/// door.
#[cfg_attr(
    not(feature = "lint"),
    expect(unused_variables, reason = "the filter tells the route alone")
)]
fn check_headers_read(
    source: &Source,
    places: &HashMap<Box<str>, usize>,
    routes: &[Arc<Route>],
    set: &RemovedHeaders,
    problems: &mut Problems,
) {
    for route in routes {
        for name in route.templates().flat_map(Template::headers) {
            if set.contains(name.as_bytes()) {
                let index = places.get(&*route.name).copied().unwrap_or_default();
                let place = format!("routes[{index}]");
                #[cfg(feature = "lint")]
                let place = source
                    .routes
                    .get(index)
                    .and_then(|route| lint::reading(route, &place, name))
                    .unwrap_or(place);
                problems.error(
                    place,
                    format!("`{{header.{name}}}` reads a header that the policy sets, so the client's is removed"),
                    "read what the header is set from, or another header",
                );
            }
        }
    }
}

/// Both in one place contradict each other.
fn open_and_async(
    place: &str,
    mode: Option<Mode>,
    failure_mode: Option<FailureMode>,
    problems: &mut Problems,
) {
    if mode == Some(Mode::Async) && failure_mode == Some(FailureMode::Open) {
        problems.error(
            format!("{place}failure_mode"),
            "`open` has no effect in `async`, where nobody waits for the sidecar",
            "remove it; a route that is `mode: sync` may have its own",
        );
    }
}

fn unused(
    any_routes: bool,
    issuers: &[Issuer],
    used: &BTreeSet<IssuerId>,
    problems: &mut Problems,
) {
    if !any_routes {
        problems.warning("routes", "there are none, so every request is denied", "add a route");
    }
    for issuer in issuers.iter().filter(|issuer| !used.contains(&issuer.id())) {
        problems.warning(
            format!("issuers.{}", issuer.name()),
            "no route authenticates by this issuer",
            "name it in a route's `authenticate`, or remove it",
        );
    }
}

fn roles(
    source: &Source,
    files: Vec<(String, RoleDocument)>,
    half: Half,
    problems: &mut Problems,
) -> Roles {
    let in_filter = source.roles.is_none();
    // Its copy of a policy with role files says that there are some, and no more.
    if half == Half::Filter && !in_filter {
        return Roles::default();
    }
    let namespace_none_grants = source.namespace_none == Some(NamespaceNone::Grant);
    let inline = source.role_documents.as_slice();
    let documents = RoleDocuments { inline, files, in_filter, namespace_none_grants };
    compile_roles(&documents, problems)
}

fn unused_roles(compiler: &RouteCompiler<'_>, roles: &Roles, half: Half, problems: &mut Problems) {
    let source = compiler.source;
    // The filter's copy was looked at when it was rendered.
    if half == Half::Filter {
        return;
    }
    let files = source.roles.as_ref().is_some_and(|files| !files.is_empty());
    let inline = !source.role_documents.is_empty();
    if compiler.uses_roles && !files && !inline {
        problems.warning(
            "roles",
            "routes ask for `rbac`, but there are no roles, so every such request is denied",
            "name the files with the roles and bindings, or write them under `role_documents`",
        );
    } else if compiler.uses_roles && roles.allow_nothing() && !problems.has_errors() {
        problems.warning(
            if files { "roles" } else { "role_documents" },
            "no role is bound to anybody, and routes ask for `rbac`, so every such request is denied",
            "write roles that allow something, and bindings that name their users or groups",
        );
    }
    let written = [("roles", files), ("role_documents", inline)];
    let written = written.into_iter().filter(|(_, there)| *there).map(|(name, _)| name);
    let none = source.namespace_none.map(|_| "namespace_none");
    for name in written.chain(none).filter(|_| !compiler.uses_roles) {
        problems.error(
            name,
            "no route asks for `rbac`, so this has no effect",
            "add `rbac` to a route, or remove it",
        );
    }
    if compiler.uses_roles && !compiler.uses_groups && !roles.groups.is_empty() {
        problems.warning(
            if files { "roles" } else { "role_documents" },
            "bindings name groups, but no route says where a caller's groups stand",
            "add `groups` to the route's `rbac`",
        );
    }
}
