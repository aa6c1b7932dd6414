//! One route of the file, compiled: match, access, forwarding, and what happens when a dependency fails.

use std::collections::BTreeSet;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::answer::on_deny::OnDeny;
use crate::answer::permit::SetHeaders;
use crate::compile::Half;
use crate::compile::cors::cors;
use crate::compile::forward::forward;
#[cfg(feature = "lint")]
use crate::compile::lint;
use crate::compile::on_deny::on_deny;
use crate::compile::path::{PatternUse, path};
use crate::compile::requirements::requirements;
use crate::compile::settings::{Effective, Inheritance, kept};
use crate::compile::shared::Shared;
use crate::file::problem::Problems;
use crate::file::scalar::{label, timeout};
use crate::file::settings::Level;
use crate::file::source::{Allow, EncodedSlashes, FailureMode, Mode, RouteSource, Source};
use crate::identity::issuer::{Issuer, IssuerId};
use crate::limits::{DEFAULT_TIMEOUT_MS, MAX_METHOD_BYTES};
use crate::request::host::canonical_host;
use crate::route::table::{HostPattern, RouteIndex, RouteTable, Routes, common_path};
use crate::route::{Access, Demands, PathPattern, Route, RoutePath};

/// What routes are compiled into.
pub(crate) struct RouteCompiler<'s> {
    pub(crate) source: &'s Source,
    pub(crate) issuers: &'s [Issuer],
    pub(crate) half: Half,
    pub(crate) inheritance: Inheritance<'s>,
    /// With the indices of those in the file.
    pub(crate) names: HashMap<Box<str>, usize>,
    /// The file's.
    pub(crate) on_deny: Option<Arc<OnDeny>>,
    pub(crate) table: RouteTable,
    pub(crate) routes: Routes,
    pub(crate) patterns: Vec<PatternUse>,
    pub(crate) demands: Shared<Demands>,
    pub(crate) set_headers: Shared<SetHeaders>,
    pub(crate) used_issuers: BTreeSet<IssuerId>,
    pub(crate) uses_roles: bool,
    pub(crate) uses_groups: bool,
    /// Some route was left out, or a host of one: what it would have used is not known.
    pub(crate) incomplete: bool,
    /// The filter has all roles.
    pub(crate) roles_in_filter: bool,
    /// Headers that credentials are read from, with their places in the file.
    pub(crate) credential_headers: Vec<(String, Box<str>)>,
}

/// Compiles a route, once for each different set of settings that its hosts give it.
pub(crate) fn compile_route(
    compiler: &mut RouteCompiler<'_>,
    index: usize,
    route: &RouteSource,
    problems: &mut Problems,
) {
    let place = &*format!("routes[{index}]");
    label(&[place, ".name"].concat(), &route.name, problems);
    if *compiler.names.entry(route.name.as_str().into()).or_insert(index) != index {
        problems.error(
            format!("{place}.name"),
            format!("`{}` is the name of two routes", route.name),
            "give each route its own name",
        );
    }
    let before = problems.0.len();
    let hosts = hosts(place, route.r#match.hosts(), problems);
    compiler.incomplete |= problems.0.len() > before;
    let variants = compiler.inheritance.of_route(compiler.source, route, place, hosts);
    let Some(path) = path(place, &route.r#match, problems) else {
        compiler.incomplete = true;
        return;
    };
    let methods = methods(place, route.r#match.methods(), problems);
    if let Some(allow) = route.allow {
        asks_for_nothing(place, allow, route, problems);
    }
    let name: Arc<str> = route.name.as_str().into();
    for (effective, hosts) in variants {
        let compiled = variant(compiler, &effective, route, (&name, &path), problems);
        insert(compiler, place, compiled, &hosts, &methods, problems);
    }
}

/// One route with one set of settings.
fn variant(
    compiler: &mut RouteCompiler<'_>,
    effective: &Effective<'_>,
    route: &RouteSource,
    (name, path): (&Arc<str>, &RoutePath),
    problems: &mut Problems,
) -> Route {
    let settings = effective.settings;
    let variables = path.variables();
    let mut access = match route.allow {
        Some(Allow::Unauthenticated) => Access::Open,
        Some(Allow::Nobody) => Access::Shut,
        None => {
            let requirements = requirements(compiler, effective, route, &variables, problems);
            Access::Requirements(Box::new(requirements))
        }
    };
    let mut forward = forward(effective, &access, compiler.half, &variables, problems);
    forward.set = compiler.set_headers.share(forward.set);
    if let Access::Requirements(requirements) = &mut access {
        requirements.swaps = forward.credential.swap().is_some();
    }
    let deferred = deferred(compiler, effective, &access, problems);
    let wait = settings.timeout.and_then(|setting| {
        timeout(&effective.place("timeout", setting), Some(setting.value), problems)
    });
    let compiled = Route {
        name: Arc::clone(name),
        path: path.clone(),
        encoded_slashes: route.r#match.encoded_slashes == EncodedSlashes::Allow,
        access,
        forward,
        // In async nobody waits for the sidecar, and inline checks always enforce: also when they lack their keys.
        failure_mode: if deferred {
            FailureMode::Closed
        } else {
            settings.failure_mode.map(|setting| *setting.value).unwrap_or_default()
        },
        timeout_ms: wait.unwrap_or(DEFAULT_TIMEOUT_MS),
        shadow: settings.shadow.is_some_and(|setting| *setting.value),
        deferred,
        cors: settings
            .cors
            .map(|own| Arc::new(cors(&effective.place("cors", own), own.value, problems))),
        on_deny: match settings.on_deny {
            Some(own) if own.level != Level::File => {
                let place = effective.place("on_deny", own);
                Some(Arc::new(on_deny(&place, own.value, problems)))
            }
            Some(_) | None => compiler.on_deny.clone(),
        },
        spent: None,
        inputs: None,
    };
    warn_of_open(effective, &compiled, problems);
    #[cfg(feature = "lint")]
    if compiler.half == Half::Whole {
        lint::route(effective, route, &compiled, problems);
    }
    compiled
}

/// `allow` excludes everything that would ask for something.
fn asks_for_nothing(place: &str, allow: Allow, route: &RouteSource, problems: &mut Problems) {
    let word = match allow {
        Allow::Unauthenticated => "unauthenticated",
        Allow::Nobody => "nobody",
    };
    let rbac = route.rbac.as_ref().map(|_| "rbac");
    let settings = route.settings(Level::Route);
    let settings = settings.written().map(|(name, _)| name);
    for name in settings.filter(|name| !kept(allow).contains(name)).chain(rbac) {
        problems.error(
            format!("{place}.{name}"),
            format!("has no effect on a route with `allow: {word}`"),
            "remove it, or remove `allow`",
        );
    }
}

/// Whether the sidecar's part is judged in shadow; see [`Mode::Async`].
fn deferred(
    compiler: &RouteCompiler<'_>,
    effective: &Effective<'_>,
    access: &Access,
    problems: &mut Problems,
) -> bool {
    let Access::Requirements(requirements) = access else { return false };
    let place = effective.route;
    let mode = effective.settings.mode.filter(|mode| *mode.value == Mode::Async);
    let own = mode.is_some_and(|mode| mode.level == Level::Route);
    let cannot_defer = requirements.cannot_defer();
    let needs_sidecar = requirements.need_sidecar();
    if own && !needs_sidecar {
        problems.error(
            format!("{place}.mode"),
            "`async` has no effect: nothing of this route is the sidecar's, and inline checks always enforce",
            "remove it",
        );
    }
    // A route that only the sidecar can judge is opened by its own word alone.
    let deferred = needs_sidecar && (own || mode.is_some() && !cannot_defer);
    if own && requirements.swaps {
        problems.error(
            format!("{place}.mode"),
            "`async` with a credential of our own: nobody waits for the sidecar, and it alone has the secret",
            "write `mode: sync` here",
        );
    }
    if deferred && compiler.source.mirror.is_none() {
        problems.error(
            format!("{place}.mode"),
            "`async` without `mirror`: the sidecar would never hear of these requests",
            "add `mirror: { sink: { sidecar: {} } }`, or write `mode: sync` here",
        );
    }
    if deferred && requirements.chain.certificate().next().is_some() {
        problems.error(
            format!("{place}.mode"),
            "`async` with `client_certificate`: records do not carry certificates, so the sidecar could not judge",
            "write `mode: sync` here",
        );
    }
    let failure_mode = effective.settings.failure_mode;
    if deferred && failure_mode.is_some_and(|setting| setting.level == Level::Route) {
        problems.error(
            format!("{place}.failure_mode"),
            "has no effect in `async`",
            "remove it; nobody waits",
        );
    }
    deferred
}

fn warn_of_open(effective: &Effective<'_>, route: &Route, problems: &mut Problems) {
    let Access::Requirements(requirements) = &route.access else { return };
    let Some(setting) = effective.settings.failure_mode else { return };
    if route.failure_mode != FailureMode::Open {
        return;
    }
    let place = effective.place("failure_mode", setting);
    problems.warning(
        &place,
        "`open` lets any credential pass, forged ones too, while the issuer's keys or its introspection are out of reach",
        "write `closed` where that is too much; identity headers are set only from a token that was verified",
    );
    if requirements.need_sidecar() {
        problems.warning(
            place,
            "`open` lets requests pass a dead sidecar only where the filter asks it (topology A)",
            "in topologies B and C a dead sidecar is a 503 whatever stands here",
        );
    }
}

/// Methods of a route; none: any.
fn methods<'s>(place: &str, names: &'s [String], problems: &mut Problems) -> Vec<Option<&'s str>> {
    let mut methods: Vec<Option<&str>> = Vec::with_capacity(names.len());
    for (index, method) in names.iter().enumerate() {
        if names.iter().take(index).any(|before| before == method) {
            problems.error(
                format!("{place}.match.methods[{index}]"),
                format!("`{method}` is named twice"),
                "name it once",
            );
            continue;
        }
        if method.is_empty()
            || method.len() > MAX_METHOD_BYTES
            || !method.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'-')
        {
            problems.error(
                format!("{place}.match.methods[{index}]"),
                format!("`{method}` is no method"),
                "write methods in upper case, like GET",
            );
        }
        methods.push(Some(method));
    }
    if methods.is_empty() {
        methods.push(None);
    }
    methods
}

fn insert(
    compiler: &mut RouteCompiler<'_>,
    place: &str,
    route: Route,
    hosts: &[HostPattern],
    methods: &[Option<&str>],
    problems: &mut Problems,
) {
    let index = compiler.routes.len();
    let mut told = BTreeSet::new();
    for host in hosts {
        for method in methods {
            match &route.path {
                RoutePath::Segments(path) => {
                    let at = (host, *method, path);
                    insert_path(compiler, place, (&route.name, index), at, &mut told, problems);
                }
                RoutePath::Pattern(pattern) => {
                    compiler.table.insert_pattern(host, *method, pattern, index);
                    compiler.patterns.push(PatternUse {
                        place: place.into(),
                        host: host.clone(),
                        method: method.map(Into::into),
                        #[cfg(feature = "lint")]
                        route: index,
                        pattern: pattern.clone(),
                    });
                }
            }
        }
    }
    compiler.routes.push(Arc::new(route));
}

fn insert_path(
    compiler: &mut RouteCompiler<'_>,
    place: &str,
    (name, index): (&str, RouteIndex),
    (host, method, path): (&HostPattern, Option<&str>, &PathPattern),
    told: &mut BTreeSet<RouteIndex>,
    problems: &mut Problems,
) {
    let crossing = compiler.table.crossing(host, method, path);
    let same = compiler.table.insert(host, method, path, index);
    for (other, theirs) in crossing.into_iter().chain(same.map(|same| (same, None))) {
        let Some(other) = compiler.routes.get(other).filter(|_| told.insert(other)) else {
            continue;
        };
        let RoutePath::Segments(other_path) = &other.path else { continue };
        problems.error(
            format!("{place}.match"),
            format!(
                "`{name}` and `{}` match the same requests, like {} https://{}{}",
                other.name,
                method.or(theirs.as_deref()).unwrap_or("GET"),
                host.example(),
                common_path(path, other_path)
            ),
            "make one of them more specific, or join them",
        );
    }
}

/// Hosts of a route, as written and compiled; none: any.
fn hosts<'s>(
    place: &str,
    names: &'s [String],
    problems: &mut Problems,
) -> Vec<(&'s str, HostPattern)> {
    if names.is_empty() {
        return vec![("", HostPattern::Any)];
    }
    let mut out = Vec::with_capacity(names.len());
    for (index, name) in names.iter().enumerate() {
        if names.iter().take(index).any(|before| before == name) {
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
        let host = if wildcard {
            HostPattern::Wildcard(text.into())
        } else {
            HostPattern::Exact(text.into())
        };
        out.push((&**name, host));
    }
    out
}
