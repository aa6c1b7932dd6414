//! What a route asks of its callers: `scopes`, `claims` and `rbac`, compiled. One that could never take effect, or never
//! be met, is an error.

use std::sync::Arc;

use crate::compile::authenticate::chain;
use crate::compile::claim::claims;
use crate::compile::rbac::compile_rbac;
use crate::compile::route::RouteCompiler;
use crate::compile::scopes::scopes;
use crate::compile::settings::Effective;
use crate::file::problem::Problems;
use crate::file::require_source::Authorization;
use crate::file::settings::Level;
use crate::file::source::RouteSource;
use crate::route::chain::Chain;
use crate::route::{Demands, Requirements};

pub(super) fn requirements(
    compiler: &mut RouteCompiler<'_>,
    effective: &Effective<'_>,
    route: &RouteSource,
    variables: &[Box<str>],
    problems: &mut Problems,
) -> Requirements {
    let place = effective.route;
    let settings = effective.settings;
    let authenticators = settings.authenticate.map_or(&[][..], |setting| setting.value);
    if authenticators.is_empty() {
        problems.error(
            format!("{place}.authenticate"),
            "is missing, so nobody could ever pass",
            "name an issuer, or write `allow: unauthenticated`",
        );
    }
    let on_invalid = settings.on_invalid.map(|setting| *setting.value).unwrap_or_default();
    let mut out = Demands::default();
    let mut by = Chain::default();
    if let Some(setting) = settings.authenticate {
        let place = effective.place("authenticate", setting);
        by = chain(compiler, &place, setting.value, on_invalid, problems);
    }
    if let Some(setting) = settings.scopes {
        out.scopes = scopes(&effective.place("scopes", setting), setting, problems);
    }
    if let Some(setting) = settings.claims {
        let place = effective.place("claims", setting);
        out.claims = claims(&place, setting.value, variables, problems);
    }
    let authorization = authorization(effective, route, problems);
    out.denied = authorization == Authorization::AlwaysDeny;
    let rbac = route.rbac.as_ref().and_then(|rbac| {
        compiler.uses_roles = true;
        compiler.uses_groups |= rbac.groups.is_some();
        let in_filter = compiler.roles_in_filter;
        compile_rbac(&format!("{place}.rbac"), rbac, variables, in_filter, problems)
    });
    if let Some(source) = &route.rbac
        && authenticators.len() > 1
    {
        if source.user.is_none() {
            problems.warning(
                format!("{place}.rbac.user"),
                "is `{subject}`, and several issuers may name the same subject",
                "write `{issuer}:{subject}` here and in the bindings, or a claim that only one of them sets",
            );
        }
        if source.groups.is_some() {
            problems.warning(
                format!("{place}.rbac.groups"),
                "several issuers may name the same group",
                "read a claim that only one of them sets, or write a route for each of them",
            );
        }
    }
    out.rbac = rbac.filter(|_| authorization == Authorization::Rbac);
    Requirements { chain: by, demands: compiler.demands.share(Arc::new(out)), swaps: false }
}

/// What holds here, and what does not go with it.
fn authorization(
    effective: &Effective<'_>,
    route: &RouteSource,
    problems: &mut Problems,
) -> Authorization {
    let Some(setting) = effective.settings.authorization else { return Authorization::Rbac };
    let place = effective.place("authorization", setting);
    let own = setting.level == Level::Route;
    match (setting.value, &route.rbac) {
        (Authorization::Rbac, None) if own && !setting.replaces => problems.error(
            place,
            "`rbac`, and the route asks for none, so whoever has the scopes and claims passes",
            "add `rbac` to the route, or remove it",
        ),
        (Authorization::AlwaysAllow | Authorization::AlwaysDeny, Some(_)) if own => problems.error(
            place,
            "does not ask the roles, so the route's `rbac` has no effect",
            "remove one of the two",
        ),
        (Authorization::AlwaysAllow, Some(_)) => problems.warning(
            format!("{}.rbac", effective.route),
            "is not evaluated: the route inherits `authorization: always_allow`",
            "write `authorization: rbac` here, if roles are to be asked",
        ),
        (Authorization::Rbac | Authorization::AlwaysAllow | Authorization::AlwaysDeny, _) => {}
    }
    *setting.value
}
