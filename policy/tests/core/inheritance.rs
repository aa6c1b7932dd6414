//! Settings of the file, of a host and of a route: which of them hold for a request, and which could never hold.

use serde_json::json;

use crate::load::load;
use crate::support::{GOOD, claims, get, set, token, world};
use sallyport_policy::{Decision, Level, Reason, Side};

const POLICY: &str = r#"
version: 1
issuers:
  main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders] }
authenticate: [{ jwt: main }]
scopes: { all_of: [file.scope] }
claims: [{ claim: tenant, any_of: [t1] }]
forward: { headers: { x-file: "{subject}" } }
hosts:
  a.example: { scopes: { all_of: [host.scope] }, forward: { headers: { x-host: "{subject}" } } }
  "*.example": { shadow: true }
  "[::1]": { claims: [] }
routes:
  - { name: file, match: { path: /file } }
  - { name: hosts, match: { path: /hosts, hosts: [a.example, "*.example", "[::1]", other.test] } }
  - name: route
    match: { path: /route, hosts: [a.example, other.test] }
    scopes: { all_of: [route.scope] }
    claims: []
    forward: {}
  - { name: none, match: { path: /none, hosts: [a.example] }, scopes: {}, claims: [] }
  - { name: open, match: { path: /open }, allow: unauthenticated }
"#;

/// Host, path, scopes of a token of another tenant, reason, would deny, headers that are set.
type Case =
    (&'static str, &'static str, &'static str, Reason, Option<Reason>, &'static [&'static str]);
const CASES: &[Case] = &[
    ("x.test", "/file", "file.scope", Reason::ClaimMismatch, None, &[]),
    ("x.test", "/file", "host.scope", Reason::ScopeMissing, None, &[]),
    ("a.example", "/file", "host.scope", Reason::ScopeMissing, None, &[]),
    ("a.example", "/hosts", "file.scope", Reason::ScopeMissing, None, &[]),
    ("a.example", "/hosts", "host.scope", Reason::ClaimMismatch, None, &[]),
    (
        "b.example",
        "/hosts",
        "file.scope",
        Reason::Allowed,
        Some(Reason::ClaimMismatch),
        &["x-file"],
    ),
    ("b.example", "/hosts", "", Reason::Allowed, Some(Reason::ScopeMissing), &["x-file"]),
    ("[::1]", "/hosts", "file.scope", Reason::Allowed, None, &["x-file"]),
    ("other.test", "/hosts", "file.scope", Reason::ClaimMismatch, None, &[]),
    ("a.example", "/route", "route.scope", Reason::Allowed, None, &[]),
    ("other.test", "/route", "route.scope", Reason::Allowed, None, &[]),
    ("other.test", "/route", "file.scope host.scope", Reason::ScopeMissing, None, &[]),
    ("a.example", "/none", "", Reason::Allowed, None, &["x-host"]),
    ("x.test", "/open", "", Reason::AllowedUnauthenticated, None, &[]),
];

#[test]
fn the_innermost_word_holds() {
    let world = world(POLICY, "");
    for (host, path, scopes, reason, would_deny, headers) in CASES {
        let token = token(claims(json!({"scope": scopes, "tenant": "t2"})), GOOD);
        let decision = world.decide(&get(path).host(host).bearer(&token), Side::FilterAsking);
        let found = (decision.reason, decision.would_deny);
        assert_eq!(found, (*reason, *would_deny), "{host} {path} {scopes}");
        assert_eq!(names(&decision), *headers, "{host} {path}");
    }
}

fn names(decision: &Decision) -> Vec<String> {
    if decision.allows() {
        set(decision).into_iter().map(|(name, _)| name).collect()
    } else {
        Vec::new()
    }
}

#[test]
fn a_route_is_compiled_once_for_each_set_of_settings() {
    let names: Vec<String> =
        world(POLICY, "").policy.routes().iter().map(|route| route.name().to_string()).collect();
    let expected = ["file", "hosts", "hosts", "hosts", "hosts", "none", "open", "route"];
    let mut sorted = names;
    sorted.sort();
    assert_eq!(sorted, expected);
}

const BASE: &str = r#"version: 1
issuers:
  main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders] }
  opaque: { introspection: { url: "https://idp.example/i", client_id: a, client_secret: { env: S } } }
"#;

/// Part of the file, place of the error, a part of its message.
const MISTAKES: &[(&str, &str, &str)] = &[
    (
        "hosts: { b.example: { shadow: true } }\nroutes: [{ name: a, match: { path: /a, hosts: [a.example] }, authenticate: [{ jwt: main }] }]",
        "hosts.b.example",
        "no route names the host",
    ),
    (
        "hosts: { a.example: {} }\nroutes: [{ name: a, match: { path: /a, hosts: [a.example] }, authenticate: [{ jwt: main }] }]",
        "hosts.a.example",
        "sets nothing",
    ),
    (
        "hosts: { a.example: { shadow: true } }\nroutes: [{ name: a, match: { path: /a, hosts: [a.example] }, allow: unauthenticated }]",
        "hosts.a.example.shadow",
        "no route inherits it",
    ),
    (
        "hosts: { a.example: { colour: red } }\nroutes: []",
        "hosts.a.example.colour",
        "unknown field",
    ),
    (
        "scopes: { all_of: [a] }\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }], scopes: { all_of: [b] } }]",
        "scopes",
        "no route inherits it",
    ),
    (
        "authenticate: [{ jwt: main }]\nroutes: [{ name: a, match: { path: /a }, allow: unauthenticated }]",
        "authenticate",
        "no route inherits it",
    ),
    (
        "claims: [{ claim: a }]\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }] }]",
        "claims[0]",
        "asks for no value",
    ),
    (
        "authenticate: [{ jwt: ghost }]\nroutes: [{ name: a, match: { path: /a } }]",
        "authenticate[0]",
        "`ghost` is no issuer",
    ),
    (
        "authenticate: [{ jwt: main }]\nroutes: [{ name: a, match: { path: /a }, authenticate: [] }, { name: b, match: { path: /b } }]",
        "routes[0].authenticate",
        "is missing",
    ),
    (
        "scopes: {}\nroutes: [{ name: a, match: { path: /a }, authenticate: [{ jwt: main }] }]",
        "scopes",
        "asks for no scope",
    ),
    (
        "hosts: { a.example: { timeout: 5w } }\nroutes: [{ name: a, match: { path: /a, hosts: [a.example] }, authenticate: [{ jwt: main }] }]",
        "hosts.a.example.timeout",
        "is no duration",
    ),
    (
        "hosts: { a.example: { mode: async, failure_mode: open } }\nroutes: [{ name: a, match: { path: /a, hosts: [a.example] }, authenticate: [{ jwt: main }] }]",
        "hosts.a.example.failure_mode",
        "has no effect in `async`",
    ),
];

#[test]
fn what_could_never_hold_is_an_error() {
    for (text, path, message) in MISTAKES {
        let found = load(&format!("{BASE}{text}"));
        assert!(
            found.iter().any(|problem| problem.level == Level::Error
                && problem.path == *path
                && problem.message.contains(message)),
            "{text}\nwanted {path}: {message}\nfound {found:#?}"
        );
    }
}

/// What takes an outer word back is not in vain, on whichever host that stands.
const TAKEN_BACK: &[&str] = &[
    "hosts: { a.example: { scopes: { all_of: [admin] } } }
routes:
  - { name: u, match: { path: /u, hosts: [a.example] }, authenticate: [{ jwt: main }] }
  - { name: s, match: { path: /s, hosts: [a.example] }, authenticate: [{ jwt: main }], scopes: {} }",
    "hosts: { a.example: { scopes: { all_of: [admin] }, timeout: 1s } }
routes:
  - { name: u, match: { path: /u, hosts: [a.example] }, authenticate: [{ introspection: opaque }] }
  - { name: s, match: { path: /s, hosts: [b.example, a.example] }, authenticate: [{ jwt: main }], scopes: {} }",
    "hosts: { '*.a.example': { authorization: always_deny } }
routes:
  - { name: u, match: { path: /u, hosts: ['*.a.example'] }, authenticate: [{ jwt: main }] }
  - { name: s, match: { path: /s, hosts: ['*.a.example'] }, authenticate: [{ jwt: main }], authorization: rbac }",
];

#[test]
fn a_host_s_word_can_be_taken_back() {
    for text in TAKEN_BACK {
        let found = load(&format!("{BASE}{text}"));
        let errors = found.iter().filter(|problem| problem.level == Level::Error);
        assert_eq!(errors.count(), 0, "{text}\n{found:#?}");
    }
    // Where there is nothing to take back it still is in vain.
    let text = "hosts: { a.example: { timeout: 1s } }\nroutes: [{ name: s, match: { path: /s, hosts: [a.example] }, authenticate: [{ jwt: main }], scopes: {} }]";
    let found = load(&format!("{BASE}{text}"));
    assert!(found.iter().any(|problem| problem.path == "routes[0].scopes"), "{found:#?}");
}

/// A wrong setting that many routes inherit is one problem.
#[test]
fn what_many_inherit_is_told_once() {
    let routes: Vec<_> =
        (0..50).map(|n| format!("{{ name: r{n}, match: {{ path: /r{n} }} }}")).collect();
    let found = load(&format!(
        "{BASE}authenticate: [{{ jwt: main }}]\nfailure_mode: open\ntimeout: 1w\nroutes: [{}]",
        routes.join(", ")
    ));
    let paths: Vec<_> = found.iter().map(|problem| &*problem.path).collect();
    assert_eq!(paths, ["timeout", "failure_mode", "issuers.opaque"], "{found:#?}");
}

/// `mode: async` of the file or the host defers what the filter cannot judge, never a token that only the sidecar can.
#[test]
fn a_host_can_defer_roles_but_open_nothing() {
    let policy = |authenticator: &str| {
        format!(
            "{BASE}mirror: {{ sink: {{ sidecar: {{}} }} }}\nroles: [r.yaml]\nhosts: {{ a.example: {{ mode: async }} }}\nroutes: [{{ name: a, match: {{ path: /a, hosts: [a.example, b.example] }}, authenticate: [{{ {authenticator} }}], rbac: {{ api: x, resource: y }} }}]"
        )
    };
    for (authenticator, host, token, deferred) in [
        ("jwt: main", "a.example", token(claims(json!({})), GOOD), true),
        ("jwt: main", "b.example", token(claims(json!({})), GOOD), false),
        ("introspection: opaque", "a.example", "opaque".to_owned(), false),
    ] {
        let world = world(&policy(authenticator), include_str!("roles.yaml"));
        let decision = world.decide(&get("/a").host(host).bearer(&token), Side::FilterAsking);
        assert_eq!(decision.deferred, deferred, "{authenticator} {host}");
        assert_eq!(decision.allows(), deferred, "{authenticator} {host}");
    }
}
