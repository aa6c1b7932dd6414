//! One route of the file, compiled: match, access, forwarding, and what happens when a dependency fails.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::host::canonical_host;
use crate::issuer::{Issuer, IssuerId, IssuerKind};
use crate::limits::MAX_METHOD_BYTES;
use crate::permit::Forward;
use crate::problem::Problems;
use crate::rbac::Verb;
use crate::requirement::{ClaimRule, Scopes};
use crate::route::{Access, PathPattern, Rbac, Requirements, Route};
use crate::route_issuers::RouteIssuers;
use crate::route_table::{HostPattern, RouteTable, Routes, common_path};
use crate::scalar::{label, timeout};
use crate::source::{
    AuthenticatorSource, FailureMode, ForwardSource, Mode, OnInvalid, RbacSource, RouteSource,
    ScopesSource, Source,
};
use crate::template::Template;

/// What routes are compiled into.
pub(crate) struct RouteCompiler<'s> {
    pub(crate) source: &'s Source,
    pub(crate) issuers: &'s [Issuer],
    pub(crate) timeout_ms: u64,
    pub(crate) table: RouteTable,
    pub(crate) routes: Routes,
    pub(crate) used_issuers: BTreeSet<IssuerId>,
    pub(crate) uses_roles: bool,
}

pub(crate) fn compile_route(
    compiler: &mut RouteCompiler<'_>,
    index: usize,
    route: &RouteSource,
    problems: &mut Problems,
) {
    let place = format!("routes[{index}]");
    label(&format!("{place}.name"), &route.name, problems);
    if compiler.routes.iter().any(|known| *known.name == *route.name) {
        problems.error(
            format!("{place}.name"),
            format!("`{}` is the name of two routes", route.name),
            "give each route its own name",
        );
    }
    let path = match PathPattern::compile(&route.r#match.path) {
        Ok(path) => path,
        Err((message, fix)) => return problems.error(format!("{place}.match.path"), message, fix),
    };
    let variables = path.variables();
    let access = if route.allow.is_some() {
        open(&place, route, problems);
        Access::Open
    } else {
        Access::Requirements(Box::new(requirements(compiler, &place, route, &variables, problems)))
    };
    let forward = forward(&place, route.forward.as_ref(), &access, &variables, problems);
    let deferred = deferred(compiler, &place, route, &access, problems);
    let compiled = Route {
        name: route.name.as_str().into(),
        path,
        access,
        forward,
        // In async nobody waits for the sidecar, and inline checks always enforce: also when they lack their keys.
        failure_mode: if deferred {
            FailureMode::Closed
        } else {
            route.failure_mode.or(compiler.source.failure_mode).unwrap_or_default()
        },
        timeout_ms: timeout(&format!("{place}.timeout"), route.timeout.as_deref(), problems)
            .unwrap_or(compiler.timeout_ms),
        shadow: route.shadow.or(compiler.source.shadow).unwrap_or(false),
        deferred,
    };
    warn_of_open(&place, &compiled, problems);
    insert(compiler, &place, route, compiled, problems);
}

/// `allow: unauthenticated` excludes everything that would ask for something.
fn open(place: &str, route: &RouteSource, problems: &mut Problems) {
    let present = [
        ("authenticate", !route.authenticate.is_empty()),
        ("scopes", route.scopes.is_some()),
        ("claims", !route.claims.is_empty()),
        ("rbac", route.rbac.is_some()),
        ("mode", route.mode.is_some()),
        ("failure_mode", route.failure_mode.is_some()),
        ("timeout", route.timeout.is_some()),
        ("shadow", route.shadow.is_some()),
        ("on_invalid", route.on_invalid.is_some()),
    ];
    for (name, _) in present.iter().filter(|(_, present)| *present) {
        problems.error(
            format!("{place}.{name}"),
            "has no effect on a route with `allow: unauthenticated`",
            "remove it, or remove `allow`",
        );
    }
}

fn requirements(
    compiler: &mut RouteCompiler<'_>,
    place: &str,
    route: &RouteSource,
    variables: &[Box<str>],
    problems: &mut Problems,
) -> Requirements {
    if route.authenticate.is_empty() {
        problems.error(
            format!("{place}.authenticate"),
            "is missing, so nobody could ever pass",
            "name an issuer, or write `allow: unauthenticated`",
        );
    }
    let on_invalid = route.on_invalid.or(compiler.source.on_invalid).unwrap_or_default();
    let mut out = Requirements {
        jwt: RouteIssuers::default(),
        introspection: Vec::new(),
        scopes: Scopes::default(),
        claims: Vec::new(),
        rbac: None,
    };
    for (index, source) in route.authenticate.iter().enumerate() {
        let place = format!("{place}.authenticate[{index}]");
        authenticator(compiler, &place, source, on_invalid, &mut out, problems);
    }
    let scopes = route
        .scopes
        .as_ref()
        .map(|scopes| compile_scopes(&format!("{place}.scopes"), scopes, problems));
    let claims = route.claims.iter().enumerate().filter_map(|(index, source)| {
        let place = format!("{place}.claims[{index}]");
        if source.any_of.is_empty() && source.all_of.is_empty() {
            problems.error(&place, "asks for no value", "add `any_of` or `all_of`");
        }
        for value in source.any_of.iter().chain(&source.all_of) {
            if value.is_null() || value.is_object() || value.is_array() {
                problems.error(
                    &place,
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
    });
    out.claims = claims.collect();
    let rbac = route.rbac.as_ref().and_then(|rbac| {
        compiler.uses_roles = true;
        compile_rbac(&format!("{place}.rbac"), rbac, variables, problems)
    });
    if let Some(rbac) = &rbac
        && route.authenticate.len() > 1
        && !rbac.user.reads_issuer()
        && route.rbac.as_ref().is_some_and(|source| source.user.is_none())
    {
        problems.warning(
            format!("{place}.rbac.user"),
            "is `{subject}`, and several issuers may name the same subject",
            "write `{issuer}:{subject}` here and in the bindings, or a claim that only one of them sets",
        );
    }
    Requirements { scopes: scopes.unwrap_or_default(), rbac, ..out }
}

fn authenticator(
    compiler: &mut RouteCompiler<'_>,
    place: &str,
    source: &AuthenticatorSource,
    inherited: OnInvalid,
    out: &mut Requirements,
    problems: &mut Problems,
) {
    let (name, wants_jwt) = match (&source.jwt, &source.introspection) {
        (Some(name), None) => (name, true),
        (None, Some(name)) => (name, false),
        _ => {
            return problems.error(
                place,
                "needs exactly one of `jwt` and `introspection`",
                "name one issuer",
            );
        }
    };
    let Some(issuer) = compiler.issuers.iter().find(|issuer| **issuer.name() == **name) else {
        return problems.error(
            place,
            format!("`{name}` is no issuer"),
            "define it under `issuers`",
        );
    };
    compiler.used_issuers.insert(issuer.id());
    let on_invalid = source.on_invalid.unwrap_or(inherited);
    match (issuer.kind(), wants_jwt) {
        (IssuerKind::Jwt(_) | IssuerKind::Hmac(_), true) => {
            if let Err(iss) = out.jwt.insert(issuer, on_invalid) {
                problems.error(
                    place,
                    format!("two authenticators are for the `iss` `{iss}`"),
                    "remove one of them, or its tenant",
                );
            }
        }
        (IssuerKind::Introspection(_), false) => {
            if out.introspection.iter().any(|(known, _)| *known == issuer.id()) {
                problems.error(place, format!("`{name}` is asked twice"), "remove one of the two");
            }
            out.introspection.push((issuer.id(), on_invalid));
        }
        (IssuerKind::Jwt(_) | IssuerKind::Hmac(_), false) => {
            problems.error(
                place,
                format!("`{name}` has no introspection endpoint"),
                format!("write `jwt: {name}`"),
            );
        }
        (IssuerKind::Introspection(_), true) => {
            problems.error(
                place,
                format!("`{name}` has no keys"),
                format!("write `introspection: {name}`"),
            );
        }
    }
}

fn compile_scopes(place: &str, source: &ScopesSource, problems: &mut Problems) -> Scopes {
    if source.all_of.is_empty() && source.any_of.is_empty() {
        problems.error(place, "asks for no scope", "add `all_of` or `any_of`");
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

fn forward(
    place: &str,
    source: Option<&ForwardSource>,
    access: &Access,
    variables: &[Box<str>],
    problems: &mut Problems,
) -> Forward {
    let empty = ForwardSource::default();
    let source = source.unwrap_or(&empty);
    let mut set: Vec<(Arc<str>, Template)> = Vec::new();
    for (name, text) in &source.headers {
        let place = format!("{place}.forward.headers.{name}");
        if let Err(fix) = header_name(name) {
            problems.error(&place, format!("`{name}` is no header that a route may set"), fix);
        }
        match Template::compile(text, variables) {
            Ok(template) if matches!(access, Access::Open) && template.reads_identity() => problems
                .error(
                    &place,
                    format!("`{text}` reads an identity, and this route has none"),
                    "remove it, or remove `allow: unauthenticated`",
                ),
            Ok(template) => {
                let lower = name.to_ascii_lowercase();
                if set.iter().any(|(known, _)| **known == *lower) {
                    problems.error(
                        &place,
                        format!("`{name}` is set twice"),
                        "write each header once",
                    );
                }
                set.push((lower.into(), template));
            }
            Err((message, fix)) => problems.error(&place, message, fix),
        }
    }
    Forward { set, credential: source.credential }
}

/// RFC 9110 tokens, less those that frame or route the request, carry credentials, or are Envoy's own.
fn header_name(name: &str) -> Result<(), &'static str> {
    const RESERVED: &[&str] = &[
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "cookie",
        "expect",
        "host",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "x-forwarded-client-cert",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-proto",
        "x-request-id",
    ];
    let lower = name.to_ascii_lowercase();
    let token = !name.is_empty()
        && name.len() <= 128
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    if !token {
        return Err("use letters, digits and `-`");
    }
    if RESERVED.contains(&lower.as_str()) || lower.starts_with("x-envoy-") {
        return Err("choose a name that HTTP and Envoy do not use themselves, like `x-user`");
    }
    Ok(())
}

/// Whether the sidecar's part is judged in shadow; see [`Mode::Async`].
fn deferred(
    compiler: &RouteCompiler<'_>,
    place: &str,
    route: &RouteSource,
    access: &Access,
    problems: &mut Problems,
) -> bool {
    let Access::Requirements(requirements) = access else { return false };
    let tokens_need_sidecar = requirements.tokens_need_sidecar();
    let needs_sidecar = tokens_need_sidecar || requirements.rbac.is_some();
    if route.mode == Some(Mode::Async) && !needs_sidecar {
        problems.error(
            format!("{place}.mode"),
            "`async` has no effect: nothing of this route is the sidecar's, and inline checks always enforce",
            "remove it",
        );
    }
    // A route that only the sidecar can judge is opened by its own word alone.
    let inherited =
        route.mode.is_none() && compiler.source.mode == Mode::Async && !tokens_need_sidecar;
    let deferred = needs_sidecar && (route.mode == Some(Mode::Async) || inherited);
    if deferred && compiler.source.mirror.is_none() {
        problems.error(
            format!("{place}.mode"),
            "`async` without `mirror`: the sidecar would never hear of these requests",
            "add `mirror: { sink: { sidecar: {} } }`, or write `mode: sync` here",
        );
    }
    if deferred && route.failure_mode.is_some() {
        problems.error(
            format!("{place}.failure_mode"),
            "has no effect in `async`",
            "remove it; nobody waits",
        );
    }
    deferred
}

fn warn_of_open(place: &str, route: &Route, problems: &mut Problems) {
    let Access::Requirements(requirements) = &route.access else { return };
    let asks = requirements.rbac.is_some() || requirements.tokens_need_sidecar();
    if route.failure_mode != FailureMode::Open || route.deferred {
        return;
    }
    problems.warning(
        format!("{place}.failure_mode"),
        "`open` lets any credential pass, forged ones too, while the issuer's keys or its introspection are out of reach",
        "write `closed` where that is too much; identity headers are set only from a token that was verified",
    );
    if asks {
        problems.warning(
            format!("{place}.failure_mode"),
            "`open` lets requests pass a dead sidecar only where the filter asks it (topology A)",
            "in topologies B and C a dead sidecar is a 503 whatever stands here",
        );
    }
}

fn insert(
    compiler: &mut RouteCompiler<'_>,
    place: &str,
    source: &RouteSource,
    route: Route,
    problems: &mut Problems,
) {
    let hosts = hosts(place, &source.r#match.hosts, problems);
    let mut methods: Vec<Option<&str>> =
        source.r#match.methods.iter().map(|method| Some(method.as_str())).collect();
    for method in &source.r#match.methods {
        if source.r#match.methods.iter().filter(|other| *other == method).count() > 1 {
            problems.error(
                format!("{place}.match.methods"),
                format!("`{method}` is named twice"),
                "name it once",
            );
            methods.clear();
        }
        if method.is_empty()
            || method.len() > MAX_METHOD_BYTES
            || !method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        {
            problems.error(
                format!("{place}.match.methods"),
                format!("`{method}` is no method"),
                "write methods in upper case, like GET",
            );
        }
    }
    if methods.is_empty() {
        methods.push(None);
    }
    let index = compiler.routes.len();
    let mut told = BTreeSet::new();
    for host in &hosts {
        for method in &methods {
            let crossing = compiler.table.crossing(host, *method, &route.path);
            for other in
                crossing.into_iter().chain(compiler.table.insert(host, *method, &route.path, index))
            {
                let Some(other) = compiler.routes.get(other).filter(|_| told.insert(other)) else {
                    continue;
                };
                problems.error(
                    format!("{place}.match"),
                    format!(
                        "`{}` and `{}` match the same requests, like {} https://{}{}",
                        route.name,
                        other.name,
                        method.unwrap_or("GET"),
                        host.example(),
                        common_path(&route.path, &other.path)
                    ),
                    "make one of them more specific, or join them",
                );
            }
        }
    }
    compiler.routes.push(Arc::new(route));
}

fn hosts(place: &str, names: &[String], problems: &mut Problems) -> Vec<HostPattern> {
    if names.is_empty() {
        return vec![HostPattern::Any];
    }
    let mut out = Vec::new();
    for (index, name) in names.iter().enumerate() {
        if names.iter().take(index).any(|other| other == name) {
            problems.error(
                format!("{place}.match.hosts[{index}]"),
                format!("`{name}` is named twice"),
                "name it once",
            );
            continue;
        }
        let (text, wildcard) = match name.strip_prefix("*.") {
            Some(suffix) => (suffix, true),
            None => (name.as_str(), false),
        };
        let address = text.starts_with('[');
        if canonical_host(text.as_bytes()).as_deref() != Some(text) || wildcard && address {
            problems.error(
                format!("{place}.match.hosts[{index}]"),
                format!("`{name}` is no host"),
                "write it in lower case without port, like `api.example.com` or `*.example.com`",
            );
            continue;
        }
        out.push(if wildcard {
            HostPattern::Wildcard(text.into())
        } else {
            HostPattern::Exact(text.into())
        });
    }
    out
}
