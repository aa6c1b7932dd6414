//! What can be said of a policy before its first request: requirements that nobody can meet or that ask for nothing more
//! are errors, words that hardly mean what they say are warnings. Called for whole policies alone, not for the filter's
//! copy of one that was looked at already. Compiles nothing.

mod callers;
mod claims;
mod roles;
mod templates;
mod words;

use std::sync::Arc;

use crate::compile::settings::Effective;
use crate::file::problem::Problems;
use crate::file::source::{RouteSource, Source};
use crate::require::rbac::Roles;
use crate::route::{Access, Route};

/// One route with one set of settings.
pub(super) fn route(
    effective: &Effective<'_>,
    source: &RouteSource,
    route: &Route,
    problems: &mut Problems,
) {
    words::path(effective.route, &source.r#match, problems);
    words::answers(effective, source, route, problems);
    words::origins(effective, problems);
    templates::texts(effective, source, problems);
    let Access::Requirements(requirements) = &route.access else { return };
    words::scopes(effective, problems);
    claims::claims(effective, problems);
    callers::without_token(effective, requirements, route, problems);
    callers::idle(effective, requirements, problems);
    callers::appended(effective, requirements, route, problems);
    if let (Some(rbac), Some(compiled)) = (&source.rbac, &requirements.demands.rbac) {
        roles::question(effective.route, source.r#match.methods(), rbac, compiled, problems);
    }
}

/// Where a route's own template reads a header.
pub(super) fn reading(route: &RouteSource, place: &str, header: &str) -> Option<String> {
    templates::reading(route, header).map(|below| format!("{place}.{below}"))
}

/// All of it.
pub(super) fn policy(
    source: &Source,
    routes: &[Arc<Route>],
    roles: &Roles,
    problems: &mut Problems,
) {
    roles::documents(&source.role_documents, problems);
    roles::routes(source, routes, roles, problems);
}
