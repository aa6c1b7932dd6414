//! What one policy decides, in the filter, before ext_authz, and in the sidecar.

use crate::support::{BAD, GOOD, World, claims, get, set, token, world};
use sallyport_policy::{Answer, KeyState, Outcome, Reason, Side, Verdict, VerdictHeaders};
use serde_json::json;

const POLICY: &str = r#"
version: 1
service: orders
issuers:
  main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders], algorithms: [ES256] }
  opaque: { introspection: { url: "https://idp.example/introspect", client_id: gate, client_secret: { env: SECRET } }, audiences: [orders] }
roles: [roles.yaml]
mirror: { sink: { sidecar: {} } }
routes:
  - { name: read, match: { methods: [GET], path: "/orders/{id}" }, authenticate: [{ jwt: main }], scopes: { all_of: [orders.read] },
      forward: { headers: { x-user: "{subject}", x-tenant: "{claims.tenant}", x-order: "{path.id}" } } }
  - { name: staff, match: { path: "/staff" }, authenticate: [{ jwt: main }], claims: [{ claim: realm_access.roles, any_of: [staff] }] }
  - { name: both, match: { path: "/both" }, authenticate: [{ jwt: main }, { introspection: opaque }], scopes: { any_of: [orders.read, orders.admin] },
      forward: { headers: { x-user: "{subject}" } } }
  - { name: cluster, match: { path: "/clusters/{name}" }, authenticate: [{ jwt: main }], rbac: { api: infra, resource: clusters, namespace: "{claims.tenant}" } }
  - { name: open, match: { path: "/open/{name}" }, failure_mode: open, authenticate: [{ jwt: main }], rbac: { api: infra, resource: clusters, namespace: "{claims.tenant}" } }
  - { name: later, match: { path: "/later/{name}" }, mode: async, authenticate: [{ jwt: main }], rbac: { api: infra, resource: clusters, namespace: other } }
  - { name: shadow, match: { path: "/shadow" }, shadow: true, authenticate: [{ jwt: main }], scopes: { all_of: [none.such] } }
  - { name: keep, match: { path: "/keep" }, authenticate: [{ jwt: main }], forward: { credential: original } }
  - { name: health, match: { path: /healthz }, allow: unauthenticated }
"#;

const ROLES: &str = r#"
api: core
kind: Role
metadata: { name: reader }
rules: [{ api: infra, resources: [clusters], namespaces: [t1], verbs: [get] }]
---
api: core
kind: RoleBinding
metadata: { name: readers }
users: [alice]
roles: [reader]
"#;

fn ours() -> World {
    world(POLICY, ROLES)
}

fn good(extra: serde_json::Value) -> String {
    token(claims(extra), GOOD)
}

/// The same answer in the sidecar and, where the filter can tell alone, in the filter.
fn check(world: &World, ask: &crate::support::Ask<'_>, expected: Reason) {
    assert_eq!(
        world.decide(ask, Side::Sidecar).reason,
        expected,
        "sidecar, {} {}",
        ask.method,
        ask.path
    );
    world.asked.borrow_mut().clear();
    let filter = world.decide(ask, Side::FilterAsking);
    if !world.asked.borrow().contains(&"sidecar") {
        assert_eq!(filter.reason, expected, "filter, {} {}", ask.method, ask.path);
    }
}

#[test]
fn tokens_scopes_and_claims() {
    let world = ours();
    let now = crate::support::NOW;
    let cases = [
        (good(json!({})), Reason::Allowed),
        (good(json!({"exp": now - 31})), Reason::TokenExpired),
        (good(json!({"exp": now - 29})), Reason::Allowed),
        (good(json!({"nbf": now + 60})), Reason::TokenNotYetValid),
        (good(json!({"iat": now + 60})), Reason::TokenNotYetValid),
        (good(json!({"iat": now + 29, "nbf": now - 60})), Reason::Allowed),
        (good(json!({"aud": "other"})), Reason::AudienceMismatch),
        (good(json!({"aud": ["other", "orders"]})), Reason::Allowed),
        (good(json!({"iss": "https://evil.example"})), Reason::IssuerUnknown),
        (good(json!({"typ": "Refresh"})), Reason::TokenTypeMismatch),
        (good(json!({"scope": "orders.write"})), Reason::ScopeMissing),
        (good(json!({"scope": "", "scp": ["orders.read"]})), Reason::Allowed),
        (token(claims(json!({})), BAD), Reason::SignatureInvalid),
        (good(json!({"cnf": {"x5t#S256": "x"}})), Reason::BindingMismatch),
        ("opaque".to_owned(), Reason::TokenMalformed),
        ("a.b.c".to_owned(), Reason::TokenMalformed),
        ("a b".to_owned(), Reason::TokenMalformed),
        ("\u{e9}".to_owned(), Reason::TokenMalformed),
    ];
    for (token, expected) in cases {
        check(&world, &get("/orders/1").bearer(&token), expected);
    }
    check(&world, &get("/orders/1"), Reason::TokenMissing);
    check(&world, &get("/orders/1").header("authorization", "Basic dTpw"), Reason::TokenMissing);
    check(&world, &get("/orders/1").header("authorization", "Bearer"), Reason::TokenMalformed);
    check(&world, &get("/orders/1").bearer("a").bearer("b"), Reason::CredentialAmbiguous);
    check(&world, &get("/staff").bearer(&good(json!({}))), Reason::ClaimMismatch);
    check(
        &world,
        &get("/staff").bearer(&good(json!({"realm_access": {"roles": ["staff"]}}))),
        Reason::Allowed,
    );
    check(&world, &get("/healthz"), Reason::AllowedUnauthenticated);
    check(&world, &get("/nope"), Reason::NoRoute);
    check(&world, &get("/orders/1").method("POST").bearer(&good(json!({}))), Reason::NoRoute);
    check(&world, &get("/orders/%2e%2e/staff"), Reason::RequestMalformed);
    check(&world, &get("/orders/1").host("a b"), Reason::RequestMalformed);
}

#[test]
fn a_remembered_token_is_held_to_time_and_route() {
    let world = ours();
    let token = good(json!({}));
    let ask = get("/orders/1").bearer(&token);
    assert!(world.decide(&ask, Side::FilterAsking).allows());
    assert_eq!(world.tokens.borrow().entries(), 1);
    assert!(world.decide(&ask, Side::FilterAsking).allows());
    let late = world.decide_at(&ask, Side::FilterAsking, crate::support::NOW + 91);
    assert_eq!(late.reason, Reason::TokenExpired);
}

#[test]
fn identity_headers_come_from_claims_alone() {
    let world = ours();
    let decision = world.decide(&get("/orders/a%20b").bearer(&good(json!({}))), Side::FilterAsking);
    let expected = [("x-order", "a b"), ("x-tenant", "t1"), ("x-user", "alice")];
    assert_eq!(set(&decision), expected.map(|(n, v)| (n.to_owned(), v.to_owned())));
    let Outcome::Allow(permit) = &decision.outcome else { panic!() };
    for name in ["x-user", "X-Tenant", "x_order", "authorization"] {
        assert!(permit.mutations().remove.contains(name.as_bytes()), "{name}");
    }
    // Identity headers of other routes are removed on every route, open ones too; a missing claim sets nothing.
    let health = world.decide(&get("/healthz"), Side::FilterAsking);
    let Outcome::Allow(permit) = &health.outcome else { panic!() };
    assert!(permit.mutations().remove.contains(b"x-user") && permit.mutations().set.is_empty());
    let without =
        world.decide(&get("/orders/1").bearer(&good(json!({"tenant": null}))), Side::FilterAsking);
    assert!(!set(&without).iter().any(|(name, _)| name == "x-tenant"));
    let split = world.decide(
        &get("/orders/1").bearer(&good(json!({"tenant": "a\r\nx-user: root"}))),
        Side::Sidecar,
    );
    assert!(!set(&split).iter().any(|(name, _)| name == "x-tenant"));
}

#[test]
fn the_credential_goes_on_only_where_the_route_or_the_topology_says() {
    let world = ours();
    let removed = |path, side| {
        let decision = world.decide(&get(path).bearer(&good(json!({}))), side);
        let Outcome::Allow(permit) = &decision.outcome else {
            panic!("{path}: {}", decision.reason)
        };
        permit.mutations().remove.contains(b"authorization")
    };
    assert!(removed("/orders/1", Side::FilterAsking));
    assert!(removed("/orders/1", Side::Sidecar));
    assert!(!removed("/orders/1", Side::FilterBefore));
    assert!(!removed("/keep", Side::FilterAsking));
}

#[test]
fn opaque_tokens_beside_jwts() {
    let mut world = ours();
    world.replies.extend([
        ("active", Some(r#"{"active":true,"sub":"bob","aud":"orders","scope":"orders.read","exp":1800000060}"#)),
        ("poor", Some(r#"{"active":true,"sub":"bob","aud":"orders","scope":"x"}"#)),
        ("inactive", Some(r#"{"active":false}"#)),
        ("refresh", Some(r#"{"active":true,"aud":"orders","token_use":"refresh_token","scope":"orders.read"}"#)),
        ("keycloak-refresh", Some(r#"{"active":true,"aud":"orders","typ":"Refresh","scope":"orders.read"}"#)),
        ("foreign", Some(r#"{"active":true,"aud":"other","scope":"orders.read"}"#)),
        ("old", Some(r#"{"active":true,"aud":"orders","scope":"orders.read","exp":1}"#)),
        ("string", Some(r#"{"active":"true","aud":"orders","scope":"orders.read"}"#)),
        ("double", Some(r#"{"active":false,"active":true,"aud":"orders","scope":"orders.read"}"#)),
        ("null", Some("null")),
        ("bound", Some(r#"{"active":true,"aud":"orders","scope":"orders.read","cnf":{"jkt":"x"}}"#)),
        ("dpop", Some(r#"{"active":true,"aud":"orders","scope":"orders.read","token_type":"DPoP"}"#)),
        ("id", Some(r#"{"active":true,"aud":"orders","scope":"orders.read","at_hash":"x"}"#)),
        ("decimal", Some(r#"{"active":true,"aud":"orders","scope":"orders.read","exp":1800000060.5}"#)),
        ("odd-exp", Some(r#"{"active":true,"aud":"orders","scope":"orders.read","exp":"soon"}"#)),
        ("odd-aud", Some(r#"{"active":true,"aud":["orders",5],"scope":"orders.read"}"#)),
        ("odd-sub", Some(r#"{"active":true,"aud":"orders","sub":5,"scope":"orders.read"}"#)),
        ("down", None),
    ]);
    let cases = [
        ("active", Reason::Allowed),
        ("poor", Reason::ScopeMissing),
        ("inactive", Reason::TokenInactive),
        ("refresh", Reason::TokenTypeMismatch),
        ("keycloak-refresh", Reason::TokenTypeMismatch),
        ("foreign", Reason::AudienceMismatch),
        ("old", Reason::TokenExpired),
        ("string", Reason::DependencyUnavailable),
        ("double", Reason::DependencyUnavailable),
        ("null", Reason::DependencyUnavailable),
        ("bound", Reason::BindingMismatch),
        ("dpop", Reason::BindingMismatch),
        ("id", Reason::TokenTypeMismatch),
        ("decimal", Reason::Allowed),
        ("odd-exp", Reason::DependencyUnavailable),
        ("odd-aud", Reason::DependencyUnavailable),
        ("odd-sub", Reason::DependencyUnavailable),
        ("down", Reason::DependencyUnavailable),
        ("active active", Reason::TokenMalformed),
    ];
    for (token, expected) in cases {
        let decision = world.decide(&get("/both").bearer(token), Side::Sidecar);
        assert_eq!(decision.reason, expected, "{token}");
    }
    let decision = world.decide(&get("/both").bearer("active"), Side::Sidecar);
    assert_eq!(set(&decision), [("x-user".to_owned(), "bob".to_owned())]);
    // A JWT of a known issuer is judged inline, a bad one is final; the filter leaves opaque ones to the sidecar.
    world.asked.borrow_mut().clear();
    assert_eq!(
        world.decide(&get("/both").bearer(&good(json!({}))), Side::FilterAsking).reason,
        Reason::Allowed
    );
    let forged = token(claims(json!({})), BAD);
    assert_eq!(
        world.decide(&get("/both").bearer(&forged), Side::Sidecar).reason,
        Reason::SignatureInvalid
    );
    assert!(world.asked.borrow().is_empty());
    assert_eq!(
        world.decide(&get("/both").bearer("active"), Side::FilterAsking).reason,
        Reason::DependencyUnavailable
    );
    assert_eq!(*world.asked.borrow(), ["sidecar"]);
}

#[test]
fn roles() {
    let world = ours();
    let alice = good(json!({}));
    check(&world, &get("/clusters/a").bearer(&alice), Reason::Allowed);
    check(&world, &get("/clusters/a").method("HEAD").bearer(&alice), Reason::Allowed);
    check(&world, &get("/clusters/a").method("DELETE").bearer(&alice), Reason::RoleMissing);
    check(&world, &get("/clusters/a").method("OPTIONS").bearer(&alice), Reason::RoleMissing);
    check(&world, &get("/clusters/a").bearer(&good(json!({"tenant": "t2"}))), Reason::RoleMissing);
    check(&world, &get("/clusters/a").bearer(&good(json!({"tenant": null}))), Reason::RoleMissing);
    check(&world, &get("/clusters/a").bearer(&good(json!({"sub": "bob"}))), Reason::RoleMissing);
}

const DENIED: &str = r#"
version: 1
authorization: always_deny
issuers:
  main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders], algorithms: [ES256] }
  opaque: { introspection: { url: "https://idp.example/introspect", client_id: gate, client_secret: { env: SECRET } }, audiences: [orders] }
mirror: { sink: { sidecar: {} } }
routes:
  - { name: open, match: { path: /open }, failure_mode: open, authenticate: [{ jwt: main }, { introspection: opaque }] }
  - { name: later, match: { path: /later }, mode: async, authenticate: [{ introspection: opaque }] }
"#;

#[test]
fn nobody_passes_where_everybody_is_denied_whatever_fails() {
    let mut world = world(DENIED, "");
    for (path, token, side, expected) in [
        ("/open", "", Side::Sidecar, Reason::TokenMissing),
        ("/open", "opaque", Side::Sidecar, Reason::DeniedByRule),
        ("/open", "opaque", Side::FilterAsking, Reason::DeniedByRule),
        ("/later", "opaque", Side::Sidecar, Reason::DeniedByRule),
        ("/later", "opaque", Side::FilterAsking, Reason::DeniedByRule),
    ] {
        let ask = if token.is_empty() { get(path) } else { get(path).bearer(token) };
        let decision = world.decide(&ask, side);
        assert_eq!(decision.reason, expected, "{side:?} {path}");
        assert!(!decision.allows(), "{side:?} {path}");
    }
    world.state = KeyState::Unavailable;
    let decision = world.decide(&get("/open").bearer(&good(json!({}))), Side::FilterAsking);
    assert_eq!((decision.reason, decision.allows()), (Reason::DeniedByRule, false));
}

#[test]
fn a_dead_sidecar_follows_the_routes_failure_mode_and_a_refusal_never_does() {
    let mut world = ours();
    let alice = good(json!({}));
    let decide = |world: &World, path| world.decide(&get(path).bearer(&alice), Side::FilterAsking);
    assert_eq!(decide(&world, "/clusters/a").reason, Reason::DependencyUnavailable);
    let open = decide(&world, "/open/a");
    assert_eq!((open.reason, open.allows()), (Reason::AllowedByFailureMode, true));
    let bad =
        world.decide(&get("/open/a").bearer(&token(claims(json!({})), BAD)), Side::FilterAsking);
    assert_eq!(bad.reason, Reason::SignatureInvalid, "open is for dependencies, not for forgeries");
    let answer = Answer { status: 403, headers: vec![], body: "no".to_owned() };
    world.verdict = Some(Verdict {
        outcome: Err(answer.clone()),
        reason: Reason::RoleMissing,
        would_deny: None,
        cached: false,
    });
    let denied = decide(&world, "/open/a");
    let Outcome::Deny(denial) = &denied.outcome else { panic!("a refusal passed") };
    assert_eq!(denial.relayed, Some(answer));
    assert_eq!(denied.door, sallyport_policy::Door::Sidecar);
    let headers = VerdictHeaders {
        remove: vec!["x-else".into()],
        set: vec![("x-user".into(), "alice".into())],
        path: None,
    };
    world.verdict = Some(Verdict {
        outcome: Ok(headers),
        reason: Reason::Allowed,
        would_deny: None,
        cached: true,
    });
    let allowed = decide(&world, "/clusters/a");
    let Outcome::Allow(permit) = &allowed.outcome else { panic!() };
    assert!(
        permit.mutations().remove.contains(b"x-else")
            && permit.mutations().remove.contains(b"authorization")
    );
    assert_eq!(allowed.door, sallyport_policy::Door::Cache);
}

#[test]
fn keys_that_do_not_come() {
    let mut world = ours();
    let ask_good = good(json!({}));
    let ask = get("/orders/1").bearer(&ask_good);
    for state in [KeyState::Pending, KeyState::Unavailable] {
        world.state = state;
        for side in [Side::FilterAsking, Side::Sidecar] {
            assert_eq!(world.decide(&ask, side).reason, Reason::DependencyUnavailable);
        }
    }
    // What needs no key is told without one.
    let expired = good(json!({"exp": 1}));
    assert_eq!(
        world.decide(&get("/orders/1").bearer(&expired), Side::FilterAsking).reason,
        Reason::TokenExpired
    );
}

#[test]
fn async_defers_and_shadow_never_enforces() {
    let world = ours();
    let alice = good(json!({}));
    let later = world.decide(&get("/later/a").bearer(&alice), Side::FilterAsking);
    assert!(later.allows() && later.deferred && world.asked.borrow().is_empty());
    assert_eq!(
        world.decide(&get("/later/a"), Side::FilterAsking).reason,
        Reason::TokenMissing,
        "inline checks enforce"
    );
    // Asked all the same, the sidecar tells and does not deny; it enforces what is inline.
    let told = world.decide(&get("/later/a").bearer(&alice), Side::Sidecar);
    assert_eq!((told.allows(), told.would_deny), (true, Some(Reason::RoleMissing)));
    assert_eq!(world.decide(&get("/later/a"), Side::Sidecar).reason, Reason::TokenMissing);
    let shadow = world.decide(&get("/shadow").bearer(&alice), Side::FilterAsking);
    assert_eq!((shadow.reason, shadow.would_deny), (Reason::Allowed, Some(Reason::ScopeMissing)));
    let shadow = world.decide(&get("/shadow"), Side::Sidecar);
    assert_eq!((shadow.allows(), shadow.would_deny), (true, Some(Reason::TokenMissing)));
}

const UNJUDGEABLE: &str = r#"
version: 1
roles: [roles.yaml]
mirror: { sink: { sidecar: {} } }
issuers: { main: { issuer: "https://idp.example", jwks: { discovery: true }, audiences: [orders], algorithms: [ES256] } }
routes:
  - { name: later, match: { path: /later }, mode: async, authenticate: [{ jwt: main }], rbac: { api: none, resource: none }, forward: { path: "/t/{query.t}" } }
  - { name: shadow, match: { path: /shadow }, shadow: true, authenticate: [{ jwt: main }], scopes: { all_of: [none.such] }, forward: { path: "/t/{query.t}" } }
"#;

#[test]
fn what_is_denied_for_its_path_is_no_would_be_denial() {
    let world = world(UNJUDGEABLE, ROLES);
    let alice = good(json!({}));
    for (path, would_deny) in [("/later", Reason::RoleMissing), ("/shadow", Reason::ScopeMissing)] {
        for side in [Side::FilterAsking, Side::Sidecar] {
            let refused = world.decide(&get(path).bearer(&alice), side);
            assert!(!refused.allows() && !refused.deferred, "{path}");
            assert_eq!((refused.reason, refused.would_deny), (Reason::RequestMalformed, None));
        }
        let told = world.decide(&get(&format!("{path}?t=a")).bearer(&alice), Side::Sidecar);
        assert_eq!((told.reason, told.would_deny), (Reason::Allowed, Some(would_deny)));
    }
}

const PARAMETERS: &str = r#"
version: 1
routes:
  - { name: admin, match: { path: /admin }, authenticate: [{ jwt: main }] }
  - { name: rest, match: { path: "/{**}" }, allow: unauthenticated }
issuers: { main: { issuer: "https://idp.example", jwks: { discovery: true }, audiences: [orders], algorithms: [ES256] } }
"#;

#[test]
fn path_parameters_open_nothing_that_the_plain_path_does_not() {
    let world = world(PARAMETERS, "");
    for (path, expected) in [
        ("/admin", Reason::TokenMissing),
        ("/admin;x", Reason::RequestMalformed),
        ("/admin;jsessionid=1", Reason::RequestMalformed),
        ("/;/admin", Reason::RequestMalformed),
        ("/;x/admin", Reason::RequestMalformed),
        ("/x;/admin", Reason::AllowedUnauthenticated),
        ("/other;v=1/x", Reason::AllowedUnauthenticated),
        ("/%61dmin", Reason::RequestMalformed),
        ("/admin%3Bx", Reason::RequestMalformed),
        ("/other%3Bx", Reason::AllowedUnauthenticated),
        ("/x/..%3b/admin", Reason::RequestMalformed),
    ] {
        check(&world, &get(path), expected);
    }
}

const TWO: &str = r#"
version: 1
issuers:
  a: { issuer: "https://idp.example", jwks: { discovery: true }, audiences: [orders], algorithms: [ES256] }
  b: { issuer: "https://idp.example", jwks: { discovery: true }, audiences: [billing], algorithms: [ES256] }
  opaque: { introspection: { url: "https://idp.example/i", client_id: gate, client_secret: { env: SECRET } } }
routes:
  - { name: a, match: { path: /a }, authenticate: [{ jwt: a }] }
  - { name: b, match: { path: /b }, authenticate: [{ introspection: opaque }, { jwt: b }] }
  - { name: shadow, match: { path: /shadow }, shadow: true, authenticate: [{ jwt: a }], scopes: { all_of: [none] }, forward: { headers: { x-user: "{subject}" } } }
"#;

#[test]
fn a_remembered_token_is_verified_anew_for_another_issuer_of_the_same_name() {
    let world = world(TWO, "");
    let both = good(json!({"aud": ["orders", "billing"]}));
    let orders = good(json!({}));
    for _ in 0..2 {
        for (path, token, expected) in [
            ("/a", &both, Reason::Allowed),
            ("/b", &both, Reason::Allowed),
            ("/a", &orders, Reason::Allowed),
            ("/b", &orders, Reason::AudienceMismatch),
        ] {
            assert_eq!(
                world.decide(&get(path).bearer(token), Side::Sidecar).reason,
                expected,
                "{path}"
            );
        }
    }
    assert!(
        world.asked.borrow().is_empty(),
        "a JWT of the route's issuer is not asked about elsewhere"
    );
}

#[test]
fn who_was_refused_is_known_and_shadow_forwards_as_if_allowed() {
    let world = world(TWO, "");
    let shadow = world.decide(&get("/shadow").bearer(&good(json!({}))), Side::FilterAsking);
    assert_eq!(shadow.would_deny, Some(Reason::ScopeMissing));
    assert_eq!(set(&shadow), [("x-user".to_owned(), "alice".to_owned())]);
    let denied =
        ours().decide(&get("/orders/1").bearer(&good(json!({"scope": "x"}))), Side::FilterAsking);
    assert_eq!(denied.identity.unwrap().subject(), Some("alice"));
    let forged =
        ours().decide(&get("/orders/1").bearer(&token(claims(json!({})), BAD)), Side::FilterAsking);
    assert!(forged.identity.is_none());
}
