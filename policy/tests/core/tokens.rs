//! What issuers ask of their tokens, end to end: clients, lifetimes, kinds, tenants, secrets, left-out groups; and what
//! is remembered of a token, good or forged.

use crate::support::{Ask, BAD, GOOD, NOW, World, claims, get, token, token_of, world};
use sallyport_policy::{KeyState, Outcome, Reason, Side};
use serde_json::{Value, json};

const T1: &str = "6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e11";
const T2: &str = "6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e12";

const POLICY: &str = r#"
version: 1
issuers:
  main: { issuer: "https://idp.example", jwks: { discovery: true }, audiences: [orders], algorithms: [ES256] }
  strict: { issuer: "https://idp.example", jwks: { discovery: true }, audiences: [orders, billing], audience_match: all, clients: [web, cli], max_lifetime: 1h, token_type: at+jwt, algorithms: [ES256] }
  loose: { issuer: "https://idp.example", jwks: { discovery: true }, audiences: [orders], token_type: any, require_exp: false, cache: 0s, algorithms: [ES256] }
  some: { issuer: "https://login/{tenantid}/v2.0", tenants: [6f1c9f0a-5d0e-4b6e-9a57-2f1b7c0d8e11], jwks: { uri: "https://login/keys" }, audiences: [orders], algorithms: [ES256] }
  all: { issuer: "https://login/{tenantid}/v2.0", tenants: ["*"], jwks: { uri: "https://login/keys" }, audiences: [orders], algorithms: [ES256] }
  hs: { issuer: "https://hs.example", hmac: { secret: { env: S } }, audiences: [orders], algorithms: [HS256, HS512] }
  opaque: { introspection: { url: "https://idp.example/i", client_id: gate, client_secret: { env: S } } }
mirror: { sink: { sidecar: {} } }
routes:
  - { name: main, match: { path: /main }, authenticate: [{ jwt: main }] }
  - { name: next, match: { path: /next }, authenticate: [{ jwt: main, on_invalid: next }, { introspection: opaque }] }
  - { name: strict, match: { path: /strict }, authenticate: [{ jwt: strict }] }
  - { name: loose, match: { path: /loose }, authenticate: [{ jwt: loose }] }
  - { name: some, match: { path: /some }, authenticate: [{ jwt: main }, { jwt: some }] }
  - { name: all, match: { path: /all }, authenticate: [{ jwt: all }] }
  - { name: fallback, match: { path: /fallback }, authenticate: [{ jwt: some }, { introspection: opaque }] }
  - { name: hs, match: { path: /hs }, authenticate: [{ jwt: main }, { jwt: hs }] }
  - { name: later, match: { path: /later }, mode: async, authenticate: [{ jwt: hs }], claims: [{ claim: tenant, any_of: [t2] }] }
  - { name: groups, match: { path: /groups }, authenticate: [{ jwt: main }], claims: [{ claim: groups, any_of: [g1] }] }
  - { name: sources, match: { path: /sources }, authenticate: [{ jwt: main }], claims: [{ claim: _claim_names.groups, any_of: [src1] }] }
  - { name: roles, match: { path: /roles }, authenticate: [{ jwt: main }], claims: [{ claim: roles, any_of: [r1] }] }
"#;

fn ours() -> World {
    world(POLICY, "")
}

fn good(extra: Value) -> String {
    token(claims(extra), GOOD)
}

fn at_jwt(extra: Value) -> String {
    let extra = claims(extra);
    token_of(r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#, extra, &GOOD)
}

fn both(world: &World, path: &str, token: &str, expected: Reason) {
    for side in [Side::FilterAsking, Side::FilterBefore, Side::Sidecar] {
        let decision = world.decide(&get(path).bearer(token), side);
        assert_eq!(decision.reason, expected, "{side:?} {path} {token}");
    }
}

#[test]
fn what_an_issuer_asks_of_its_tokens() {
    let world = ours();
    let fits = |extra: Value| {
        let mut base = json!({"aud": ["orders", "billing"], "iat": NOW, "exp": NOW + 3600});
        base.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        base
    };
    let cases = [
        (json!({}), Reason::Allowed),
        (json!({"azp": "cli"}), Reason::Allowed),
        (json!({"azp": null, "client_id": "cli"}), Reason::Allowed),
        (json!({"azp": "other"}), Reason::ClientMismatch),
        (json!({"azp": "Web"}), Reason::ClientMismatch),
        (json!({"azp": "other", "client_id": "web"}), Reason::ClientMismatch),
        (json!({"azp": ""}), Reason::ClientMismatch),
        (json!({"azp": null}), Reason::ClientMismatch),
        (json!({"exp": NOW + 3601}), Reason::TokenLifetimeExceeded),
        (json!({"exp": NOW + 30, "iat": NOW - 3600}), Reason::TokenLifetimeExceeded),
        (json!({"aud": "orders"}), Reason::AudienceMismatch),
        (json!({"aud": ["billing", "other"]}), Reason::AudienceMismatch),
        (json!({"aud": ["x", "billing", "orders"]}), Reason::Allowed),
    ];
    for (extra, expected) in cases {
        both(&world, "/strict", &at_jwt(fits(extra)), expected);
    }
    both(&world, "/strict", &good(fits(json!({}))), Reason::TokenTypeMismatch);
    let mut without_iat = claims(fits(json!({})));
    without_iat.as_object_mut().unwrap().remove("iat");
    let header = r#"{"alg":"ES256","kid":"k","typ":"at+jwt"}"#;
    both(&world, "/strict", &token_of(header, without_iat, &GOOD), Reason::TokenMalformed);
    // The other way round: what is refused elsewhere passes where the policy says so.
    let mut for_ever = claims(json!({"at_hash": "x"}));
    for_ever.as_object_mut().unwrap().remove("exp");
    both(&world, "/loose", &token(for_ever.clone(), GOOD), Reason::Allowed);
    both(&world, "/main", &token(for_ever, GOOD), Reason::TokenMalformed);
}

#[test]
fn a_token_is_of_a_tenant_that_is_named() {
    let world = ours();
    let of = |iss: &str, tid: &str| good(json!({"iss": iss, "tid": tid}));
    let v2 = |tenant: &str| format!("https://login/{tenant}/v2.0");
    let upper = T1.to_ascii_uppercase();
    let cases = [
        ("/some", v2(T1), T1, Reason::Allowed),
        ("/some", v2(T2), T2, Reason::IssuerUnknown),
        ("/some", v2(T1), T2, Reason::IssuerUnknown),
        ("/some", v2(T2), T1, Reason::IssuerUnknown),
        ("/some", v2(&upper), &upper, Reason::IssuerUnknown),
        ("/some", v2("{tenantid}"), "{tenantid}", Reason::IssuerUnknown),
        ("/some", v2("common"), "common", Reason::IssuerUnknown),
        ("/some", format!("https://login/{T1}/v2.0/"), T1, Reason::IssuerUnknown),
        ("/some", format!("https://evil/{T1}/v2.0"), T1, Reason::IssuerUnknown),
        ("/some", format!("https://login/{T1}/{T1}/v2.0"), T1, Reason::IssuerUnknown),
        ("/all", v2(T1), T1, Reason::Allowed),
        ("/all", v2(T2), T2, Reason::Allowed),
        ("/all", v2(T1), T2, Reason::IssuerUnknown),
        ("/all", v2("common"), "common", Reason::IssuerUnknown),
    ];
    // Twice: a token that another route remembered is not judged by that route's issuer.
    for _ in 0..2 {
        for (path, iss, tid, expected) in &cases {
            both(&world, path, &of(iss, tid), *expected);
        }
    }
    let mut without = claims(json!({"iss": v2(T1)}));
    without.as_object_mut().unwrap().remove("tid");
    both(&world, "/all", &token(without, GOOD), Reason::IssuerUnknown);
    // A tenant of nobody here is nobody's token here: whom the route asks about others' is asked.
    world.decide(&get("/fallback").bearer(&of(&v2(T2), T2)), Side::Sidecar);
    assert_eq!(*world.asked.borrow(), ["introspection"]);
}

#[test]
fn left_out_groups_fail_closed() {
    let world = ours();
    let v2 = json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.microsoft.com/v1.0/users/x/getMemberObjects"}}});
    let v1 = json!({"_claim_names": {"groups": "src1"}, "_claim_sources": {"src1": {"endpoint": "https://graph.windows.net/t/users/x/getMemberObjects"}}, "ver": "1.0"});
    let with = |mut value: Value, groups: Value| {
        value["groups"] = groups;
        value
    };
    let cases = [
        ("/groups", json!({"groups": ["g1"]}), Reason::Allowed),
        ("/groups", json!({"groups": ["g2"]}), Reason::ClaimMismatch),
        ("/groups", json!({}), Reason::ClaimMismatch),
        ("/groups", v2.clone(), Reason::GroupsOverage),
        ("/groups", v1.clone(), Reason::GroupsOverage),
        ("/groups", json!({"hasgroups": true}), Reason::GroupsOverage),
        ("/groups", json!({"hasgroups": "true"}), Reason::GroupsOverage),
        ("/groups", json!({"hasgroups": false}), Reason::ClaimMismatch),
        ("/groups", json!({"hasgroups": 1}), Reason::ClaimMismatch),
        ("/groups", json!({"_claim_names": {"other": "src1"}}), Reason::ClaimMismatch),
        ("/groups", json!({"_claim_names": "groups"}), Reason::ClaimMismatch),
        ("/groups", with(v2.clone(), Value::Null), Reason::GroupsOverage),
        // What the token does say of groups stands.
        ("/groups", with(v2.clone(), json!(["g1"])), Reason::Allowed),
        ("/groups", with(v2.clone(), json!([])), Reason::ClaimMismatch),
        // Asking for the overage itself opens nothing.
        ("/sources", v2.clone(), Reason::GroupsOverage),
        ("/sources", json!({}), Reason::ClaimMismatch),
        // Rules about something else are not touched by it.
        ("/roles", with(v2.clone(), Value::Null), Reason::ClaimMismatch),
    ];
    for (path, extra, expected) in cases {
        both(&world, path, &good(extra), expected);
    }
    let mut roles = v2;
    roles["roles"] = json!(["r1"]);
    both(&world, "/roles", &good(roles), Reason::Allowed);
}

/// HS* with a secret: the sidecar judges, the filter leaves it to it.
#[test]
fn tokens_signed_with_a_secret() {
    let world = ours();
    let hs = |algorithm: &str, extra: Value, signature: &[u8]| {
        let mut all = claims(json!({"iss": "https://hs.example"}));
        all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        token_of(&format!(r#"{{"alg":"{algorithm}"}}"#), all, signature)
    };
    let cases = [
        (hs("HS256", json!({}), &[1; 32]), Reason::Allowed),
        (hs("HS512", json!({}), &[1; 64]), Reason::Allowed),
        (hs("HS256", json!({}), &[2; 32]), Reason::SignatureInvalid),
        (hs("HS256\",\"kid\":\"any", json!({}), &[1; 32]), Reason::Allowed),
        (hs("HS256\",\"kid\":\"any", json!({}), &[2; 32]), Reason::SignatureInvalid),
        (hs("HS256", json!({}), &[1; 31]), Reason::SignatureInvalid),
        (hs("HS384", json!({}), &[1; 48]), Reason::AlgorithmNotAllowed),
        (hs("ES256", json!({}), &[1; 64]), Reason::AlgorithmNotAllowed),
        (hs("HS256", json!({"exp": 1}), &[1; 32]), Reason::TokenExpired),
        (hs("HS256", json!({"aud": "other"}), &[1; 32]), Reason::AudienceMismatch),
        // The public keys of the other issuer are no secret (algorithm confusion).
        (hs("HS256", json!({"iss": "https://idp.example"}), &[1; 32]), Reason::AlgorithmNotAllowed),
    ];
    for (token, expected) in &cases {
        for _ in 0..2 {
            let decision = world.decide(&get("/hs").bearer(token), Side::Sidecar);
            assert_eq!(decision.reason, *expected, "{token}");
        }
    }
    assert!(world.asked.borrow().is_empty(), "a secret is not fetched");
    // The filter asks the sidecar, whatever the token says; before ext_authz it lets it through, with the credential.
    let filter = ours();
    for (token, _) in cases.iter().take(10) {
        let asked = filter.decide(&get("/hs").bearer(token), Side::FilterAsking);
        assert_eq!(asked.reason, Reason::DependencyUnavailable, "no sidecar: {token}");
        let before = filter.decide(&get("/hs").bearer(token), Side::FilterBefore);
        let Outcome::Allow(permit) = &before.outcome else { panic!("{}", before.reason) };
        assert!(!permit.mutations().remove.contains(b"authorization"));
    }
    assert_eq!(*filter.asked.borrow(), ["sidecar"; 10]);
    assert!(filter.verified.borrow().is_empty(), "the filter verifies nothing of it");
    // The other issuer of the route is judged inline all the same.
    both(&filter, "/hs", &good(json!({})), Reason::Allowed);
    both(&filter, "/hs", &cases[10].0, Reason::AlgorithmNotAllowed);
}

#[test]
fn a_secret_in_async_is_judged_in_shadow() {
    let world = ours();
    let hs = |extra: Value, byte: u8| {
        let mut all = claims(json!({"iss": "https://hs.example"}));
        all.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        token_of(r#"{"alg":"HS256"}"#, all, &[byte; 32])
    };
    let cases = [
        (hs(json!({}), 1), Some(Reason::ClaimMismatch)),
        (hs(json!({}), 2), Some(Reason::SignatureInvalid)),
        (hs(json!({"exp": 1}), 1), Some(Reason::TokenExpired)),
        (hs(json!({"tenant": "t2"}), 1), None),
    ];
    // Twice: what is remembered of a token is the sidecar's part too, and only told.
    for (token, would_deny) in cases.iter().chain(&cases) {
        let ask = get("/later").bearer(token);
        let filter = world.decide(&ask, Side::FilterAsking);
        assert!(filter.allows() && filter.deferred && filter.identity.is_none());
        let told = world.decide(&ask, Side::Sidecar);
        assert_eq!((told.allows(), told.would_deny), (true, *would_deny), "{token}");
    }
    assert_eq!(world.decide(&get("/later"), Side::FilterAsking).reason, Reason::TokenMissing);
}

/// The reason, and how many signatures were computed for it.
fn decide(world: &World, ask: &Ask<'_>, now: i64) -> (Reason, usize) {
    world.verified.borrow_mut().clear();
    let reason = world.decide_at(ask, Side::Sidecar, now).reason;
    (reason, world.verified.borrow().len())
}

#[test]
fn a_bad_signature_is_remembered_for_ten_seconds_with_the_same_answer() {
    let world = ours();
    let forged = token(claims(json!({})), BAD);
    for path in ["/main", "/next"] {
        world.tokens.borrow_mut().clear();
        let ask = get(path).bearer(&forged);
        let fresh = decide(&world, &ask, NOW);
        assert_eq!(fresh.1, 1);
        let asked = world.asked.borrow().clone();
        world.asked.borrow_mut().clear();
        for now in [NOW, NOW + 9] {
            assert_eq!(decide(&world, &ask, now), (fresh.0, 0), "{path}");
        }
        assert_eq!(world.asked.borrow().len(), 2 * asked.len(), "on_invalid holds: {path}");
        world.asked.borrow_mut().clear();
        assert_eq!(decide(&world, &ask, NOW + 10), (fresh.0, 1), "{path}");
    }
    let ask = get("/main").bearer(&forged);
    assert_eq!(decide(&world, &ask, NOW + 11), (Reason::SignatureInvalid, 0));
    // For exactly this token: the good one of the same claims is not locked out.
    assert_eq!(decide(&world, &get("/main").bearer(&good(json!({}))), NOW), (Reason::Allowed, 1));
    // For exactly this issuer.
    assert_eq!(decide(&world, &get("/loose").bearer(&forged), NOW), (Reason::SignatureInvalid, 1));
    // Until keys change.
    world.tokens.borrow_mut().clear();
    assert_eq!(decide(&world, &ask, NOW), (Reason::SignatureInvalid, 1));
}

#[test]
fn only_a_bad_signature_is_remembered() {
    let mut world = ours();
    let unknown = token_of(r#"{"alg":"ES256","kid":"new"}"#, claims(json!({})), &GOOD);
    let ask = get("/main").bearer(&unknown);
    assert_eq!(decide(&world, &ask, NOW).0, Reason::KeyUnknown);
    for extra in [json!({"exp": 1}), json!({"aud": "x"}), json!({"cnf": {}})] {
        decide(&world, &get("/main").bearer(&good(extra)), NOW);
    }
    world.state = KeyState::Unavailable;
    decide(&world, &get("/main").bearer(&token(claims(json!({})), BAD)), NOW);
    assert_eq!(world.tokens.borrow().entries(), 0);
    assert_eq!(*world.asked.borrow(), ["keys"], "an unknown key is asked for once a request");
    // A forgery that expires meanwhile would be told something else by a fresh look.
    world.state = crate::support::keys();
    let short = token(claims(json!({"exp": NOW - 25})), BAD);
    let ask = get("/main").bearer(&short);
    assert_eq!(decide(&world, &ask, NOW), (Reason::SignatureInvalid, 1));
    assert_eq!(world.tokens.borrow().entries(), 0);
    assert_eq!(decide(&world, &ask, NOW + 6), (Reason::TokenExpired, 0));
}

#[test]
fn a_verified_token_is_verified_again_when_the_policy_says_so() {
    let world = ours();
    let long = good(json!({"exp": NOW + 100_000}));
    let ask = get("/main").bearer(&long);
    for (now, verified) in
        [(NOW, 1), (NOW, 0), (NOW + 3599, 0), (NOW + 3600, 1), (NOW + 7199, 0), (NOW + 7200, 1)]
    {
        assert_eq!(decide(&world, &ask, now), (Reason::Allowed, verified), "{}", now - NOW);
    }
    assert_eq!(decide(&world, &ask, NOW + 100_030).0, Reason::TokenExpired);
    let never = get("/loose").bearer(&long);
    world.tokens.borrow_mut().clear();
    for _ in 0..3 {
        assert_eq!(decide(&world, &never, NOW), (Reason::Allowed, 1));
    }
    assert_eq!(world.tokens.borrow().entries(), 0);
}
