//! [`Document`] to [`Policy`]: all or nothing. Every finding is collected, with its place, its value and its fix;
//! a requirement that cannot take effect is one of them.

use std::collections::BTreeSet;
use std::sync::Arc;

use sallyport_jwt::{Algorithm, AlgorithmSet, AudienceMatch, TokenRules};

use crate::compile_route::{RouteCompiler, compile_route};
use crate::document::Document;
use crate::issuer::{
    IntrospectionEndpoint, IntrospectionIssuer, IntrospectionRules, Issuer, IssuerId, IssuerKind,
    JwtIssuer, KeyLocation,
};
use crate::limits::{
    DEFAULT_INTROSPECTION_CACHE_SECONDS, DEFAULT_TIMEOUT_MS, MAX_CLUSTER_BYTES, MAX_TIMEOUT_MS,
};
use crate::mirror::MirrorRules;
use crate::permit::{AUTHORIZATION, RemovedHeaders};
use crate::policy::{Policy, RemovedLists};
use crate::problem::{Problem, Problems};
use crate::rbac::{RoleFile, Roles};
use crate::reason::Reason;
use crate::route_table::RouteTable;
use crate::source::{
    FailureMode, IntrospectionSource, IssuerSource, JwksSource, Mode, SecretSource, Source,
};

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
        let roles = Roles::compile(roles, &mut problems);
        finish(compile(document, roles, Half::Whole, &mut problems), problems)
    }

    /// Compiles the filter's copy: endpoints, secrets and role files are not part of it, and are not asked for.
    ///
    /// # Errors
    /// As [`Policy::compile`].
    pub fn compile_filter_copy(document: &Document) -> Result<(Self, Vec<Problem>), Vec<Problem>> {
        let mut problems = Problems::default();
        finish(compile(document, Roles::default(), Half::Filter, &mut problems), problems)
    }
}

/// Which half of the gate a policy is compiled for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Half {
    Filter,
    Whole,
}

fn finish(policy: Policy, problems: Problems) -> Result<(Policy, Vec<Problem>), Vec<Problem>> {
    if problems.has_errors() { Err(problems.0) } else { Ok((policy, problems.0)) }
}

fn compile(document: &Document, roles: Roles, half: Half, problems: &mut Problems) -> Policy {
    let source = &document.source;
    if source.version != 1 {
        problems.error(
            "version",
            format!("version `{}` is not known", source.version),
            "write `version: 1`",
        );
    }
    let service = source.service.clone().unwrap_or_else(|| "sallyport".to_owned());
    label("service", &service, problems);
    if let Some(environment) = &source.environment {
        label("environment", environment, problems);
    }
    let timeout_ms =
        timeout("timeout", source.timeout.as_deref(), problems).unwrap_or(DEFAULT_TIMEOUT_MS);
    if source.mode == Mode::Async && source.failure_mode == Some(FailureMode::Open) {
        problems.error(
            "failure_mode",
            "`open` has no effect in `async`, where nobody waits for the sidecar",
            "remove it; a route that is `mode: sync` may have its own",
        );
    }
    let issuers = issuers(source, half, problems);
    let mut compiler = RouteCompiler {
        source,
        issuers: &issuers,
        timeout_ms,
        table: RouteTable::default(),
        routes: Vec::new(),
        used_issuers: BTreeSet::new(),
        uses_roles: false,
    };
    for (index, route) in source.routes.iter().enumerate() {
        compile_route(&mut compiler, index, route, problems);
    }
    let RouteCompiler { table, routes, used_issuers, uses_roles, .. } = compiler;
    unused(source, &issuers, &used_issuers, uses_roles, half, problems);
    let names: Vec<Arc<str>> = routes
        .iter()
        .flat_map(|route| route.forward.set.iter().map(|(name, _)| Arc::clone(name)))
        .collect();
    let mut with_credential = names.clone();
    with_credential.push(AUTHORIZATION.into());
    Policy {
        service: service.into(),
        environment: source.environment.as_deref().map(Into::into),
        mode: source.mode,
        table,
        roles,
        without_route: Reason::NoRoute,
        removed: RemovedLists {
            with_credential: Arc::new(RemovedHeaders::new(with_credential)),
            without_credential: Arc::new(RemovedHeaders::new(names)),
        },
        mirror: source.mirror.as_ref().map(|mirror| MirrorRules::compile(mirror, problems)),
        digest: document.digest(),
        issuers,
        routes,
    }
}

fn unused(
    source: &Source,
    issuers: &[Issuer],
    used: &BTreeSet<IssuerId>,
    uses_roles: bool,
    half: Half,
    problems: &mut Problems,
) {
    if source.routes.is_empty() {
        problems.warning("routes", "there are none, so every request is denied", "add a route");
    }
    for issuer in issuers.iter().filter(|issuer| !used.contains(&issuer.id())) {
        problems.warning(
            format!("issuers.{}", issuer.name()),
            "no route authenticates by this issuer",
            "name it in a route's `authenticate`, or remove it",
        );
    }
    if half == Half::Whole && uses_roles && source.roles.is_empty() {
        problems.warning(
            "roles",
            "routes ask for `rbac`, but there are no roles, so every such request is denied",
            "name the files with the roles and bindings",
        );
    }
    if half == Half::Whole && !uses_roles && !source.roles.is_empty() {
        problems.error(
            "roles",
            "no route asks for `rbac`, so the roles have no effect",
            "add `rbac` to a route, or remove them",
        );
    }
}

fn issuers(source: &Source, half: Half, problems: &mut Problems) -> Vec<Issuer> {
    let mut out = Vec::new();
    for (index, (name, issuer)) in source.issuers.iter().enumerate() {
        let place = format!("issuers.{name}");
        label(&place, name, problems);
        let Ok(id) = u32::try_from(index).map(IssuerId) else { continue };
        if issuer.audiences.iter().any(String::is_empty) {
            problems.error(
                format!("{place}.audiences"),
                "holds an empty audience",
                "name the audience, or remove it",
            );
        }
        let kind = match (&issuer.jwks, &issuer.introspection) {
            (Some(jwks), None) => jwt_issuer(&place, issuer, jwks, problems).map(IssuerKind::Jwt),
            (None, Some(introspection)) => {
                introspection_issuer(&place, issuer, introspection, half, problems)
                    .map(IssuerKind::Introspection)
            }
            (Some(_), Some(_)) => {
                problems.error(
                    &place,
                    "has both `jwks` and `introspection`",
                    "make two issuers of it",
                );
                None
            }
            (None, None) => {
                problems.error(
                    &place,
                    "has neither `jwks` nor `introspection`",
                    "say how its tokens are checked",
                );
                None
            }
        };
        // A stand-in keeps indices right; with an error among the problems it is never part of a policy.
        let kind = kind.unwrap_or_else(|| {
            IssuerKind::Introspection(IntrospectionIssuer {
                endpoint: None,
                rules: IntrospectionRules { issuer: None, audiences: Vec::new(), leeway: 0 },
                cache_seconds: 0,
            })
        });
        out.push(Issuer { id, name: name.as_str().into(), kind });
    }
    out
}

fn jwt_issuer(
    place: &str,
    source: &IssuerSource,
    jwks: &JwksSource,
    problems: &mut Problems,
) -> Option<JwtIssuer> {
    let Some(issuer) = &source.issuer else {
        problems.error(format!("{place}.issuer"), "is missing", "write the `iss` of its tokens");
        return None;
    };
    url(&format!("{place}.issuer"), issuer, problems);
    let keys = match (jwks.discovery, &jwks.uri) {
        (true, None) => KeyLocation::Discovery(format!(
            "{}/.well-known/openid-configuration",
            issuer.trim_end_matches('/')
        )),
        (false, Some(uri)) => {
            url(&format!("{place}.jwks.uri"), uri, problems);
            KeyLocation::Uri(uri.clone())
        }
        _ => {
            problems.error(
                format!("{place}.jwks"),
                "needs exactly one of `discovery` and `uri`",
                "write `discovery: true`, or the address as `uri`",
            );
            return None;
        }
    };
    if let Some(cluster) = &jwks.cluster
        && (cluster.is_empty()
            || cluster.len() > MAX_CLUSTER_BYTES
            || !cluster.bytes().all(|byte| byte.is_ascii_graphic()))
    {
        problems.error(
            format!("{place}.jwks.cluster"),
            "is no name of an Envoy cluster",
            format!("write 1 to {MAX_CLUSTER_BYTES} visible characters without spaces"),
        );
    }
    if jwks.cluster.is_none() {
        problems.warning(
            format!("{place}.jwks.cluster"),
            "is missing, so the filter cannot fetch these keys and its tokens are not accepted there",
            "name the Envoy cluster that reaches the issuer's host",
        );
    }
    let mut rules = TokenRules::new(issuer.clone());
    rules.audiences.clone_from(&source.audiences);
    if source.audiences.is_empty() {
        rules.audience_match = AudienceMatch::Unchecked;
        problems.warning(
            format!("{place}.audiences"),
            "is empty, so tokens for any audience are accepted",
            "name the audience of this service (RFC 8725 section 3.9)",
        );
    }
    rules.algorithms = algorithms(place, &source.algorithms, problems);
    rules.leeway = u32::try_from(leeway(place, source, problems)).unwrap_or(0);
    Some(JwtIssuer { rules, keys, cluster: jwks.cluster.clone() })
}

fn algorithms(place: &str, names: &[String], problems: &mut Problems) -> AlgorithmSet {
    if names.is_empty() {
        return [Algorithm::Rs256, Algorithm::Es256].into_iter().collect();
    }
    let mut set = AlgorithmSet::EMPTY;
    for (index, name) in names.iter().enumerate() {
        match name.parse::<Algorithm>() {
            Ok(algorithm) => set.insert(algorithm),
            Err(_) => problems.error(
                format!("{place}.algorithms[{index}]"),
                format!("`{name}` is no signature algorithm that is accepted here"),
                "use RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512 or EdDSA",
            ),
        }
    }
    set
}

fn introspection_issuer(
    place: &str,
    source: &IssuerSource,
    introspection: &IntrospectionSource,
    half: Half,
    problems: &mut Problems,
) -> Option<IntrospectionIssuer> {
    if !source.algorithms.is_empty() {
        problems.error(
            format!("{place}.algorithms"),
            "has no effect on introspection",
            "remove it; the provider judges the signature",
        );
    }
    let rules = IntrospectionRules {
        issuer: source.issuer.clone(),
        audiences: source.audiences.clone(),
        leeway: leeway(place, source, problems),
    };
    let cache =
        seconds(&format!("{place}.introspection.cache"), introspection.cache.as_deref(), problems);
    let cache_seconds = cache.unwrap_or(DEFAULT_INTROSPECTION_CACHE_SECONDS);
    let endpoint = match half {
        Half::Filter => None,
        Half::Whole => Some(endpoint(&format!("{place}.introspection"), introspection, problems)?),
    };
    Some(IntrospectionIssuer { endpoint, rules, cache_seconds })
}

fn endpoint(
    place: &str,
    source: &IntrospectionSource,
    problems: &mut Problems,
) -> Option<IntrospectionEndpoint> {
    let mut missing = |name: &str| {
        problems.error(format!("{place}.{name}"), "is missing", "RFC 7662 section 2.1 asks for it");
    };
    if source.url.is_none() {
        missing("url");
    }
    if source.client_id.is_none() {
        missing("client_id");
    }
    if source.client_secret.is_none() {
        missing("client_secret");
    }
    let (address, client_id, secret) =
        (source.url.clone()?, source.client_id.clone()?, source.client_secret.clone()?);
    url(&format!("{place}.url"), &address, problems);
    check_secret(&format!("{place}.client_secret"), &secret, problems);
    Some(IntrospectionEndpoint { url: address, client_id, client_secret: secret })
}

fn check_secret(place: &str, secret: &SecretSource, problems: &mut Problems) {
    if secret.file.is_some() == secret.env.is_some() {
        problems.error(
            place,
            "needs exactly one of `file` and `env`",
            "write `{ file: /run/secrets/name }`",
        );
    }
}

fn leeway(place: &str, source: &IssuerSource, problems: &mut Problems) -> i64 {
    let place = format!("{place}.leeway");
    let default = i64::from(sallyport_jwt::limits::DEFAULT_LEEWAY_SECONDS);
    let Some(seconds) = seconds(&place, source.leeway.as_deref(), problems) else { return default };
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    if seconds > i64::from(sallyport_jwt::limits::MAX_LEEWAY_SECONDS) {
        problems.error(place, format!("`{seconds}s` is too much"), "write at most `300s`");
    }
    seconds
}

/// A wait in milliseconds, within bounds.
pub(crate) fn timeout(place: &str, text: Option<&str>, problems: &mut Problems) -> Option<u64> {
    let milliseconds = duration(place, text, problems)?;
    if milliseconds == 0 || milliseconds > MAX_TIMEOUT_MS {
        problems.error(
            place,
            format!("`{milliseconds}ms` is no possible wait"),
            "write between `1ms` and `60s`",
        );
    }
    Some(milliseconds)
}

/// `200ms`, `2s`, `5m` in milliseconds. Three units do not need a library.
fn duration(place: &str, text: Option<&str>, problems: &mut Problems) -> Option<u64> {
    let text = text?;
    let parse = |number: &str, factor: u64| {
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        number.parse::<u64>().ok().filter(|_| digits).and_then(|n| n.checked_mul(factor))
    };
    let milliseconds = if let Some(number) = text.strip_suffix("ms") {
        parse(number, 1)
    } else if let Some(number) = text.strip_suffix('s') {
        parse(number, 1000)
    } else if let Some(number) = text.strip_suffix('m') {
        parse(number, 60_000)
    } else {
        None
    };
    if milliseconds.is_none() {
        problems.error(
            place,
            format!("`{text}` is no duration"),
            "write a whole number with `ms`, `s` or `m`, like `200ms`",
        );
    }
    milliseconds
}

/// A duration in whole seconds.
fn seconds(place: &str, text: Option<&str>, problems: &mut Problems) -> Option<u64> {
    let milliseconds = duration(place, text, problems)?;
    if milliseconds.checked_rem(1000) != Some(0) {
        problems.error(
            place,
            format!("`{milliseconds}ms` is no whole number of seconds"),
            "write whole seconds, like `1s`",
        );
    }
    milliseconds.checked_div(1000)
}

/// Names end up in metrics, logs and challenges.
pub(crate) fn label(place: &str, name: &str, problems: &mut Problems) {
    let valid = !name.is_empty()
        && name.len() <= 63
        && name
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'));
    if !valid {
        problems.error(
            place,
            format!("`{name}` is no name"),
            "use 1 to 63 letters, digits, `-`, `_` or `.`",
        );
    }
}

fn url(place: &str, text: &str, problems: &mut Problems) {
    let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    let authority = rest.and_then(|rest| rest.split(['/', '?', '#']).next()).unwrap_or_default();
    if crate::host::canonical_host(authority.as_bytes()).is_none() {
        problems.error(
            place,
            // Not quoted where it may hold a password.
            if text.contains('@') {
                "is no http or https address of a host".to_owned()
            } else {
                format!("`{text}` is no http or https address of a host")
            },
            "write `https://HOST/PATH`, without user information",
        );
    }
    if text.bytes().any(|byte| byte.is_ascii_control() || byte == b' ') {
        problems.error(place, "holds a space or a control character", "remove it");
    }
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    let local = matches!(host, "127.0.0.1" | "localhost" | "[::1]");
    if text.starts_with("http://") && !local {
        problems.warning(place, format!("`{text}` is not encrypted"), "write `https://`");
    }
}
