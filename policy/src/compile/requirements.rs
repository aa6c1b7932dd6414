//! What a route asks of its callers: `scopes`, `claims` and `rbac`, compiled. One that could never take effect, or never
//! be met, is an error.

use crate::compile::authenticate::authenticator;
use crate::compile::route::RouteCompiler;
use crate::compile::settings::Effective;
use crate::file::problem::Problems;
use crate::file::settings::Setting;
use crate::file::source::{ClaimSource, RbacSource, RouteSource, ScopesSource};
use crate::require::rbac::Verb;
use crate::require::requirement::{ClaimRule, Scopes};
use crate::require::template::Template;
use crate::route::issuers::RouteIssuers;
use crate::route::{Rbac, Requirements};

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
        jwt: RouteIssuers::default(),
        introspection: Vec::new(),
        scopes: Scopes::default(),
        claims: Vec::new(),
        rbac: None,
    };
    if let Some(setting) = settings.authenticate {
        let place = effective.place("authenticate", setting);
        for (index, source) in setting.value.iter().enumerate() {
            let place = format!("{place}[{index}]");
            authenticator(compiler, &place, source, on_invalid, &mut out, problems);
        }
    }
    if let Some(setting) = settings.scopes {
        out.scopes = compile_scopes(&effective.place("scopes", setting), setting, problems);
    }
    if let Some(setting) = settings.claims {
        let place = effective.place("claims", setting);
        let claims = setting.value.iter().enumerate();
        out.claims = claims
            .filter_map(|(index, source)| claim(&format!("{place}[{index}]"), source, problems))
            .collect();
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

fn claim(place: &str, source: &ClaimSource, problems: &mut Problems) -> Option<ClaimRule> {
    if source.any_of.is_empty() && source.all_of.is_empty() {
        problems.error(place, "asks for no value", "add `any_of` or `all_of`");
    }
    for value in source.any_of.iter().chain(&source.all_of) {
        if value.is_null() || value.is_object() || value.is_array() {
            problems.error(
                place,
                format!("`{value}` is no scalar"),
                "compare with strings, numbers or booleans",
            );
        }
    }
    match source.claim.parse() {
        Ok(path) => Some(ClaimRule::new(path, source.any_of.clone(), source.all_of.clone())),
        Err(error) => {
            problems.error(
                format!("{place}.claim"),
                format!("`{}` is no claim path: {error}", source.claim),
                "write names with dots between, quoted where they hold dots",
            );
            None
        }
    }
}

fn compile_scopes(
    place: &str,
    setting: Setting<'_, ScopesSource>,
    problems: &mut Problems,
) -> Scopes {
    let source = setting.value;
    // `scopes: {}` takes back what an outer place asks for.
    if source.all_of.is_empty() && source.any_of.is_empty() {
        if !setting.replaces {
            problems.error(place, "asks for no scope", "add `all_of` or `any_of`");
        }
        return Scopes::default();
    }
    // RFC 6749 section 3.3: scope-token.
    let valid = |scope: &&String| {
        !scope.is_empty()
            && scope
                .bytes()
                .all(|byte| (0x21..=0x7e).contains(&byte) && byte != b'"' && byte != b'\\')
    };
    for scope in source.all_of.iter().chain(&source.any_of).filter(|scope| !valid(scope)) {
        problems.error(
            place,
            format!("`{scope}` is no scope"),
            "write one scope an entry, without spaces and quotes",
        );
    }
    let named: Vec<&str> = source.all_of.iter().chain(&source.any_of).map(String::as_str).collect();
    Scopes {
        all_of: source.all_of.iter().map(|scope| scope.as_str().into()).collect(),
        any_of: source.any_of.iter().map(|scope| scope.as_str().into()).collect(),
        challenge: Some(named.join(" ").into()),
    }
}

fn compile_rbac(
    place: &str,
    source: &RbacSource,
    variables: &[Box<str>],
    problems: &mut Problems,
) -> Option<Rbac> {
    for (name, value) in [("api", &source.api), ("resource", &source.resource)] {
        if value.contains(['{', '}']) {
            problems.error(
                format!("{place}.{name}"),
                format!("`{value}` looks like a template, and this is none"),
                "write the name itself; `namespace` and `user` are templates",
            );
        }
        if value.is_empty() {
            problems.error(
                format!("{place}.{name}"),
                "is empty",
                "name what is asked for; only roles have wildcards",
            );
        }
    }
    let mut template = |name: &str, text: &str| match Template::compile(text, variables) {
        Ok(template) => Some(template),
        Err((message, fix)) => {
            problems.error(format!("{place}.{name}"), message, fix);
            None
        }
    };
    let namespace = match &source.namespace {
        Some(text) => Some(template("namespace", text)?),
        None => None,
    };
    let user = template("user", source.user.as_deref().unwrap_or("{subject}"))?;
    let verb = match &source.verb {
        None => None,
        Some(word) => {
            let verb = Verb::ALL.iter().copied().find(|verb| verb.word() == word);
            if verb.is_none() {
                problems.error(
                    format!("{place}.verb"),
                    format!("`{word}` is no verb"),
                    "use create, list, list_all, get, update or delete",
                );
            }
            verb
        }
    };
    Some(Rbac {
        api: source.api.as_str().into(),
        resource: source.resource.as_str().into(),
        namespace,
        user,
        verb,
    })
}
