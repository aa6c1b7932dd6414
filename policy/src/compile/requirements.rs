//! What a route asks of its callers: `scopes`, `claims` and `rbac`, compiled. One that could never take effect, or never
//! be met, is an error.

use crate::compile::authenticate::chain;
use crate::compile::claim::claims;
use crate::compile::rbac::compile_rbac;
use crate::compile::route::RouteCompiler;
use crate::compile::scopes::scopes;
use crate::compile::settings::Effective;
use crate::file::problem::Problems;
use crate::file::source::RouteSource;
use crate::require::scopes::Scopes;
use crate::route::Requirements;
use crate::route::chain::Chain;

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
    let mut out = Requirements {
        chain: Chain::default(),
        scopes: Scopes::default(),
        claims: Vec::new(),
        rbac: None,
    };
    if let Some(setting) = settings.authenticate {
        let place = effective.place("authenticate", setting);
        out.chain = chain(compiler, &place, setting.value, on_invalid, problems);
    }
    if let Some(setting) = settings.scopes {
        out.scopes = scopes(&effective.place("scopes", setting), setting, problems);
    }
    if let Some(setting) = settings.claims {
        let place = effective.place("claims", setting);
        out.claims = claims(&place, setting.value, variables, problems);
    }
    let rbac = route.rbac.as_ref().and_then(|rbac| {
        compiler.uses_roles = true;
        compile_rbac(&format!("{place}.rbac"), rbac, variables, problems)
    });
    if let Some(rbac) = &rbac
        && authenticators.len() > 1
        && !rbac.user.reads_issuer()
        && route.rbac.as_ref().is_some_and(|source| source.user.is_none())
    {
        problems.warning(
            format!("{place}.rbac.user"),
            "is `{subject}`, and several issuers may name the same subject",
            "write `{issuer}:{subject}` here and in the bindings, or a claim that only one of them sets",
        );
    }
    Requirements { rbac, ..out }
}
