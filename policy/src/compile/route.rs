//! One route of the file, compiled: match, access, forwarding, and what happens when a dependency fails.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::compile::forward::forward;
use crate::compile::requirements::requirements;
use crate::file::problem::Problems;
use crate::file::scalar::{label, timeout};
use crate::file::source::{FailureMode, Mode, RouteSource, Source};
use crate::identity::issuer::{Issuer, IssuerId};
use crate::limits::MAX_METHOD_BYTES;
use crate::request::host::canonical_host;
use crate::route::table::{HostPattern, RouteTable, Routes, common_path};
use crate::route::{Access, PathPattern, Route};

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
