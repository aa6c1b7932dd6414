//! Where credentials stand, who of several reads which, and what of them the upstream gets.

use crate::load::load;
use crate::support::{Ask, BAD, GOOD, World, claims, get, token, world};
use sallyport_policy::{Identity, Level, Mutations, Outcome, PeerCertificate, Reason, Side};
use serde_json::json;

const POLICY: &str = r#"
version: 1
service: orders
issuers:
  main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders], algorithms: [ES256] }
  other: { issuer: "https://other.example", jwks: { discovery: true, cluster: idp }, audiences: [orders], algorithms: [ES256] }
  opaque: { introspection: { url: "https://idp.example/introspect", client_id: gate, client_secret: { env: SECRET } }, audiences: [orders] }
mirror: { sink: { sidecar: {} } }
routes:
  - { name: bearer, match: { path: /bearer }, authenticate: [{ jwt: main, from: { authorization: bearer } }], forward: { headers: { x-user: "{subject}" } } }
  - { name: raw, match: { path: /raw }, authenticate: [{ jwt: main, from: { authorization: raw } }] }
  - { name: bare, match: { path: /both }, authenticate: [{ jwt: main }, { jwt: main, from: { authorization: raw } }] }
  - { name: header, match: { path: /header }, authenticate: [{ jwt: main, from: { header: X-Token } }] }
  - { name: prefix, match: { path: /prefix }, authenticate: [{ jwt: main, from: { header: x-token, prefix: "Token " } }] }
  - { name: query, match: { path: /query }, authenticate: [{ jwt: main, from: { query: access_token } }] }
  - { name: cookie, match: { path: /cookie }, authenticate: [{ jwt: main, from: { cookie: session } }] }
  - name: chain
    match: { path: /chain }
    on_invalid: next
    authenticate:
      - { jwt: main, on_invalid: stop }
      - { jwt: main, from: { header: x-token } }
      - { jwt: other, from: { header: x-token } }
      - { introspection: opaque, from: { cookie: session } }
      - { jwt: main, from: { query: access_token }, on_invalid: stop }
  - name: kept
    match: { path: /kept }
    authenticate: [{ jwt: main }, { jwt: main, from: { header: x-token } }, { jwt: main, from: { query: access_token } }, { jwt: main, from: { cookie: session } }]
    forward: { credential: original }
  - name: guest
    match: { path: /guest }
    authenticate: [{ jwt: main, on_invalid: next }, { jwt: main, from: { cookie: session } }, { anonymous: { subject: guest } }]
    forward: { headers: { x-user: "{issuer}:{subject}" } }
  - name: strict
    match: { path: /strict }
    authenticate: [{ jwt: main, on_invalid: next }, { introspection: opaque }, { anonymous: {} }]
    scopes: { all_of: [orders.read] }
  - name: asks
    match: { path: /asks }
    on_invalid: next
    authenticate: [{ introspection: opaque }, { introspection: opaque, from: { cookie: session } }, { anonymous: {} }]
    claims: [{ claim: sub, any_of: [bob] }]
  - { name: nobody, match: { path: /nobody }, authenticate: [{ anonymous: { subject: someone } }] }
  - { name: open, match: { path: /open }, allow: unauthenticated }
  - { name: uri, match: { path: /uri }, authenticate: [{ client_certificate: { subject: uri_san } }], forward: { headers: { x-user: "{issuer}:{subject}" } } }
  - name: or-token
    match: { path: /or-token }
    authenticate: [{ jwt: main, on_invalid: next }, { client_certificate: { subject: dns_san }, on_invalid: next }, { client_certificate: { subject: common_name } }]
    claims: [{ claim: sub, any_of: [alice] }]
  - name: asked
    match: { path: /asked }
    authenticate: [{ client_certificate: { subject: uri_san } }, { introspection: opaque, from: { cookie: session } }]
  - name: or-nobody
    match: { path: /or-nobody }
    authenticate: [{ client_certificate: { subject: uri_san }, on_invalid: next }, { anonymous: {} }]
"#;

fn ours() -> World {
    let mut world = world(POLICY, "");
    world.replies.insert("bob", Some(r#"{"active":true,"sub":"bob","aud":"orders"}"#));
    world.replies.insert("off", Some(r#"{"active":false}"#));
    world
}

fn good() -> String {
    token(claims(json!({})), GOOD)
}

/// The same in both halves, where the filter can tell alone.
fn check(world: &World, ask: &Ask<'_>, expected: Reason) {
    let what = format!("{} {:?}", ask.path, ask.headers);
    assert_eq!(world.decide(ask, Side::Sidecar).reason, expected, "sidecar, {what}");
    world.asked.borrow_mut().clear();
    let filter = world.decide(ask, Side::FilterAsking);
    if !world.asked.borrow().contains(&"sidecar") {
        assert_eq!(filter.reason, expected, "filter, {what}");
    }
}

use Reason::{
    Allowed, CredentialAmbiguous, IssuerUnknown, SignatureInvalid, TokenInactive, TokenMalformed,
    TokenMissing,
};

type Case = (&'static str, &'static [(&'static str, &'static str)], Reason);

/// Path, headers, what it comes to. `GOOD` stands for a good token, `BAD` for one with a bad signature, `OTHER` for one
/// of another issuer, `LONE` for one of an issuer that nobody knows.
const CASES: &[Case] = &[
    ("/bearer", &[("authorization", "Bearer GOOD")], Allowed),
    ("/bearer", &[("authorization", "GOOD")], TokenMalformed),
    ("/bearer", &[("x-token", "GOOD")], TokenMissing),
    ("/bearer?access_token=GOOD", &[("cookie", "session=GOOD")], TokenMissing),
    ("/raw", &[("authorization", "GOOD")], Allowed),
    ("/raw", &[("authorization", "Bearer GOOD")], TokenMissing),
    ("/raw", &[("authorization", "Basic dTpw")], TokenMissing),
    ("/raw", &[("authorization", "")], TokenMalformed),
    ("/raw", &[("authorization", "Bearer")], TokenMalformed),
    ("/raw", &[("authorization", "GOOD,GOOD")], CredentialAmbiguous),
    ("/raw", &[("authorization", "GOOD, x")], CredentialAmbiguous),
    ("/raw", &[("authorization", "Digest a=b, c=d")], CredentialAmbiguous),
    ("/raw", &[], TokenMissing),
    ("/both", &[("authorization", "Bearer GOOD")], Allowed),
    ("/both", &[("authorization", "GOOD")], Allowed),
    ("/both", &[("authorization", "GOOD"), ("authorization", "GOOD")], CredentialAmbiguous),
    ("/both", &[("authorization", "Bearer")], TokenMalformed),
    ("/both", &[("authorization", "Basic dTpw")], TokenMissing),
    ("/header", &[("X-TOKEN", "GOOD")], Allowed),
    ("/header", &[("x-token", "BAD")], SignatureInvalid),
    ("/header", &[("x-token", "")], TokenMalformed),
    ("/header", &[("x-token", "Bearer GOOD")], TokenMalformed),
    ("/header", &[("x-token", "GOOD"), ("x-token", "GOOD")], CredentialAmbiguous),
    ("/header", &[("x-token", "GOOD,")], CredentialAmbiguous),
    ("/header", &[("x_token", "GOOD")], TokenMissing),
    ("/header", &[("authorization", "Bearer GOOD")], TokenMissing),
    ("/header", &[("authorization", "Bearer a"), ("authorization", "b")], CredentialAmbiguous),
    ("/prefix", &[("x-token", "token  GOOD")], Allowed),
    ("/prefix", &[("x-token", "GOOD")], TokenMissing),
    ("/prefix", &[("x-token", "Token")], TokenMalformed),
    ("/query?access_token=GOOD", &[], Allowed),
    ("/query?a=b&access%5Ftoken=GOOD", &[], Allowed),
    ("/query?access_token=", &[], TokenMalformed),
    ("/query?access_token", &[], TokenMalformed),
    ("/query?access_token=GOOD&access_token=GOOD", &[], CredentialAmbiguous),
    ("/query?access_token=GOOD&%61ccess_token=x", &[], CredentialAmbiguous),
    ("/query?x=1;access_token=GOOD", &[], CredentialAmbiguous),
    ("/query?access_token=GOOD+", &[], TokenMalformed),
    ("/query?access_token=%zz", &[], TokenMalformed),
    ("/query", &[], TokenMissing),
    ("/cookie", &[("cookie", "a=b; session=GOOD; c=d")], Allowed),
    ("/cookie", &[("cookie", "a=b"), ("cookie", "session=\"GOOD\"")], Allowed),
    ("/cookie", &[("cookie", "session=GOOD; session=GOOD")], CredentialAmbiguous),
    ("/cookie", &[("cookie", "session=GOOD"), ("cookie", "session=BAD")], CredentialAmbiguous),
    ("/cookie", &[("cookie", "a=b,session=GOOD")], CredentialAmbiguous),
    ("/cookie", &[("cookie", "session=")], TokenMalformed),
    ("/cookie", &[("cookie", "Session=GOOD")], TokenMissing),
    // In order of first mention; the first that is claimed and good decides.
    ("/chain", &[("authorization", "Bearer GOOD"), ("x-token", "BAD")], Allowed),
    ("/chain", &[("authorization", "Bearer BAD"), ("x-token", "GOOD")], SignatureInvalid),
    ("/chain", &[("authorization", "Bearer OTHER"), ("x-token", "GOOD")], Allowed),
    ("/chain", &[("x-token", "OTHER")], Allowed),
    ("/chain", &[("x-token", "BAD"), ("cookie", "session=bob")], Allowed),
    ("/chain", &[("x-token", ""), ("cookie", "session=bob")], Allowed),
    ("/chain", &[("x-token", "LONE"), ("cookie", "session=bob")], Allowed),
    ("/chain", &[("x-token", "a.b.c"), ("cookie", "session=bob")], Allowed),
    ("/chain", &[("x-token", "BAD"), ("cookie", "session=off")], TokenInactive),
    ("/chain", &[("x-token", "LONE")], IssuerUnknown),
    ("/chain", &[("authorization", "Bearer"), ("x-token", "GOOD")], TokenMalformed),
    ("/chain", &[("cookie", "session=BAD")], Reason::DependencyUnavailable),
    ("/chain?access_token=GOOD", &[("cookie", "session=off")], Allowed),
    ("/chain?access_token=BAD", &[], SignatureInvalid),
    ("/chain?access_token=a&access_token=b", &[("x-token", "GOOD")], CredentialAmbiguous),
    (
        "/chain",
        &[("authorization", "Bearer GOOD"), ("cookie", "session=a; session=b")],
        CredentialAmbiguous,
    ),
    ("/chain", &[], TokenMissing),
    // Nobody at all.
    ("/guest", &[], Allowed),
    ("/guest", &[("authorization", "Basic dTpw")], Allowed),
    ("/guest", &[("authorization", "Bearer BAD")], Allowed),
    ("/guest", &[("authorization", "Bearer")], Allowed),
    ("/guest", &[("authorization", "Bearer OTHER")], Allowed),
    ("/guest", &[("authorization", "Bearer a.b.c")], Allowed),
    ("/guest", &[("cookie", "session=BAD")], SignatureInvalid),
    ("/guest", &[("cookie", "session=OTHER")], IssuerUnknown),
    ("/guest", &[("cookie", "session=opaque")], TokenMalformed),
    ("/guest", &[("cookie", "session=")], TokenMalformed),
    ("/guest", &[("authorization", "Bearer BAD"), ("cookie", "session=GOOD")], Allowed),
    ("/guest", &[("authorization", "Bearer a,b")], CredentialAmbiguous),
    ("/strict", &[], TokenMissing),
    ("/strict", &[("authorization", "Bearer GOOD")], Allowed),
    ("/strict", &[("authorization", "Bearer off")], TokenInactive),
    ("/asks", &[("authorization", "Bearer off"), ("cookie", "session=bob")], Allowed),
    ("/asks", &[("authorization", "Bearer bob"), ("cookie", "session=off")], Allowed),
    ("/asks", &[("authorization", "Bearer off"), ("cookie", "session=off")], TokenMissing),
    ("/asks", &[("authorization", "Bearer a:b"), ("cookie", "session=bob")], Allowed),
    ("/asks", &[], TokenMissing),
    ("/nobody", &[], Allowed),
    ("/nobody", &[("authorization", "Bearer BAD")], Allowed),
];

fn filled(text: &str) -> String {
    let with = |iss: &str| token(claims(json!({ "iss": iss })), GOOD);
    text.replace("GOOD", &good())
        .replace("BAD", &token(claims(json!({})), BAD))
        .replace("OTHER", &with("https://other.example"))
        .replace("LONE", &with("https://lone.example"))
}

#[test]
fn every_place_holds_nothing_something_malformed_or_a_token() {
    let world = ours();
    for (path, headers, expected) in CASES {
        let path = filled(path);
        let ask =
            headers.iter().fold(get(&path), |ask, (name, value)| ask.header(name, filled(value)));
        check(&world, &ask, *expected);
    }
}

fn mutations(world: &World, ask: &Ask<'_>, side: Side) -> Mutations {
    let decision = world.decide(ask, side);
    let Outcome::Allow(permit) = decision.outcome else { panic!("{}", decision.reason) };
    permit.mutations().clone()
}

#[test]
fn what_a_route_reads_ends_here() {
    let world = ours();
    let good = good();
    let path = format!("/chain?a=%2F&access%5ftoken={good}&b");
    let ask = get(&path)
        .bearer(&good)
        .header("x-token", good.as_str())
        .header("cookie", "a=1; session=x")
        .header("cookie", "b=2");
    for side in [Side::Sidecar, Side::FilterAsking] {
        let changes = mutations(&world, &ask, side);
        for name in ["authorization", "x-token", "X_Token", "cookie", "x-user"] {
            assert!(changes.remove.contains(name.as_bytes()), "{name}");
        }
        assert_eq!(changes.path.as_deref(), Some("/chain?a=%2F&b"));
        assert_eq!(changes.set, [("cookie".into(), "a=1; b=2".to_owned())]);
    }
    // The sidecar behind the filter still needs all of it.
    let before = mutations(&world, &ask, Side::FilterBefore);
    assert_eq!(before.path, None);
    for name in ["authorization", "x-token", "cookie"] {
        assert!(!before.remove.contains(name.as_bytes()), "{name}");
    }
    // Without its cookie the header is not touched; the last cookie leaves no header.
    let ask = get("/chain").bearer(&good).header("cookie", "a=1");
    assert!(!mutations(&world, &ask, Side::Sidecar).remove.contains(b"cookie"));
    let cookie = format!("session={good}");
    let changes = mutations(&world, &get("/cookie").header("cookie", cookie), Side::Sidecar);
    assert!(changes.remove.contains(b"cookie") && changes.set.is_empty());
    // Routes that do not read a place leave it alone.
    let ask = get("/bearer?access_token=x").bearer(&good).header("x-token", "x");
    let changes = mutations(&world, &ask, Side::FilterAsking);
    assert_eq!(changes.path, None);
    assert!(!changes.remove.contains(b"x-token"));
}

#[test]
fn the_original_credential_stays_but_for_the_query() {
    let world = ours();
    let good = good();
    let path = format!("/kept?access_token={good}");
    let ask = get(&path).bearer(&good).header("x-token", "x").header("cookie", "session=x");
    let changes = mutations(&world, &ask, Side::Sidecar);
    assert_eq!(changes.path.as_deref(), Some("/kept"));
    for name in ["authorization", "x-token", "cookie"] {
        assert!(!changes.remove.contains(name.as_bytes()), "{name}");
    }
    assert!(changes.set.is_empty());
}

#[test]
fn logs_of_denied_requests_hold_no_query_token() {
    let world = ours();
    for (path, expected) in [
        ("/nowhere?access_token=x&a=b", Some("/nowhere?a=b")),
        ("/a//b?access%5Ftoken=x", Some("/a//b")),
        ("/query?a=1;access_token=x", Some("/query")),
        ("/query?a=b", None),
        ("/query", None),
    ] {
        let actual = world.policy.path_without_credentials(path.as_bytes());
        assert_eq!(actual.as_deref(), expected, "{path}");
    }
}

#[test]
fn whoever_is_anonymous_has_a_name_and_nothing_else() {
    let world = ours();
    for side in [Side::Sidecar, Side::FilterAsking] {
        let decision = world.decide(&get("/guest"), side);
        let identity: &Identity = decision.identity.as_deref().unwrap();
        assert_eq!(identity.subject(), Some("guest"));
        assert_eq!((&**identity.issuer_name(), identity.issuer()), ("anonymous", None));
        assert_eq!(identity.client(), None);
        assert!(identity.scopes().is_empty() && identity.expires().is_none());
        assert_eq!(crate::support::set(&decision), [("x-user".into(), "anonymous:guest".into())]);
    }
}

#[test]
fn certificates_are_a_place_of_their_own() {
    use PeerCertificate::{Absent, Named, Without};
    let named = |text: &str| Named(text.to_owned());
    let good = good();
    let old = token(claims(json!({"exp": 1})), GOOD);
    let mallory = token(claims(json!({"sub": "mallory"})), GOOD);
    let cases: &[(&str, &str, PeerCertificate, Reason)] = &[
        ("/uri", "", named("spiffe://x/a"), Allowed),
        ("/uri", "", Absent, TokenMissing),
        ("/uri", "", Without, TokenMalformed),
        ("/uri", "", named(""), TokenMalformed),
        ("/uri", "", named("a\nb"), TokenMalformed),
        ("/uri", &good, Absent, TokenMissing),
        ("/or-token", &good, named("bob"), Allowed),
        ("/or-token", &old, named("alice"), Allowed),
        ("/or-token", &old, named("bob"), Reason::ClaimMismatch),
        ("/or-token", &mallory, named("alice"), Reason::ClaimMismatch),
        ("/or-token", &old, Absent, Reason::TokenExpired),
        ("/or-token", "", Without, TokenMalformed),
        ("/or-token", "", Absent, TokenMissing),
        ("/or-nobody", "", Without, Allowed),
        ("/or-nobody", "", Absent, Allowed),
    ];
    let mut world = ours();
    for (path, token, shown, expected) in cases {
        world.certificate = shown.clone();
        let ask = get(path).header("x-forwarded-client-cert", "Hash=1;URI=spiffe://x/root");
        let ask = if token.is_empty() { ask } else { ask.bearer(token) };
        check(&world, &ask, *expected);
    }
    world.certificate = named("spiffe://x/a");
    let decision = world.decide(&get("/uri"), Side::FilterAsking);
    let set = [("x-user".to_owned(), "client_certificate:spiffe://x/a".to_owned())];
    assert_eq!(crate::support::set(&decision), set);
    let identity = decision.identity.unwrap();
    assert_eq!((identity.issuer(), identity.claims().as_object().len()), (None, 1));
    world.asked.borrow_mut().clear();
    world.decide(&get("/bearer").bearer(&good), Side::FilterAsking);
    assert!(world.asked.borrow().is_empty(), "nobody looks where no route asks");
    let inputs = world.decide(&get("/asked"), Side::Sidecar).inputs.unwrap();
    assert_eq!(inputs.words().collect::<Vec<_>>(), ["header:cookie", "certificate:uri_san"]);
}

#[test]
fn each_token_is_asked_about_by_itself() {
    let world = ours();
    let ask = get("/asks").bearer("off").header("cookie", "session=bob");
    let decision = world.decide(&ask, Side::Sidecar);
    assert_eq!(decision.identity.unwrap().subject(), Some("bob"));
    assert_eq!(*world.asked.borrow(), ["introspection", "introspection"]);
    let inputs = decision.inputs.unwrap();
    assert_eq!(inputs.words().collect::<Vec<_>>(), ["header:cookie"]);
    let plain = world.decide(&get("/bearer").bearer(&good()), Side::Sidecar);
    assert!(plain.inputs.is_none());
}

/// `authenticate` of a route, the place of the error below it, a part of its message.
const MISTAKES: &[(&str, &str, &str)] = &[
    ("{ jwt: main, introspection: opaque }", "[0]", "exactly one of `jwt`"),
    ("{ from: { query: t } }", "[0]", "exactly one of `jwt`"),
    ("{ anonymous: {}, jwt: main }", "[0]", "exactly one of `jwt`"),
    ("{ jwt: main, from: {} }", "[0].from", "exactly one of `authorization`"),
    ("{ jwt: main, from: { query: t, cookie: s } }", "[0].from", "exactly one of `authorization`"),
    ("{ jwt: main, from: { authorization: basic } }", "[0].from.authorization", "unknown variant"),
    ("{ jwt: main, from: { body: t } }", "[0].from.body", "unknown field"),
    ("{ jwt: main, from: { query: t, prefix: a } }", "[0].from.prefix", "no effect"),
    ("{ jwt: main, from: { header: x, prefix: '' } }", "[0].from.prefix", "no prefix"),
    ("{ jwt: main, from: { header: x, prefix: 'a,b' } }", "[0].from.prefix", "no prefix"),
    ("{ jwt: main, from: { header: x, prefix: ' a' } }", "[0].from.prefix", "no prefix"),
    ("{ jwt: main, from: { header: Authorization } }", "[0].from.header", "no header"),
    ("{ jwt: main, from: { header: Cookie } }", "[0].from.header", "no header"),
    ("{ jwt: main, from: { header: ':path' } }", "[0].from.header", "no header"),
    ("{ jwt: main, from: { header: x_token } }", "[0].from.header", "no header"),
    ("{ jwt: main, from: { header: X-Forwarded-Client-Cert } }", "[0].from.header", "no header"),
    ("{ jwt: main, from: { header: X-User } }", "[0].from.header", "identity header"),
    ("{ jwt: main, from: { query: '' } }", "[0].from.query", "no query key"),
    ("{ jwt: main, from: { query: 'a b' } }", "[0].from.query", "no query key"),
    ("{ jwt: main, from: { query: 'a&b' } }", "[0].from.query", "no query key"),
    ("{ jwt: main, from: { query: 'a%62' } }", "[0].from.query", "no query key"),
    ("{ jwt: main, from: { cookie: 'a=b' } }", "[0].from.cookie", "no cookie name"),
    ("{ jwt: main, from: { cookie: 'a;b' } }", "[0].from.cookie", "no cookie name"),
    ("{ anonymous: {} }, { jwt: main }", "[0]", "not the last"),
    ("{ anonymous: {} }, { anonymous: {} }", "[0]", "not the last"),
    ("{ anonymous: { subject: '' } }", "[0].anonymous.subject", "no subject"),
    ("{ anonymous: { subject: ' a' } }", "[0].anonymous.subject", "no subject"),
    ("{ anonymous: { name: a } }", "[0].anonymous.name", "unknown field"),
    ("{ anonymous: {}, on_invalid: next }", "[0].on_invalid", "no effect"),
    ("{ anonymous: {}, from: { query: t } }", "[0].from", "no effect"),
    ("{ client_certificate: {} }", "[0].client_certificate", "missing field"),
    (
        "{ client_certificate: { subject: email } }",
        "[0].client_certificate.subject",
        "unknown variant",
    ),
    ("{ client_certificate: { subject: uri_san }, jwt: main }", "[0]", "exactly one of `jwt`"),
    ("{ client_certificate: { subject: uri_san }, from: { query: t } }", "[0].from", "no effect"),
    (
        "{ client_certificate: { subject: uri_san } }, { client_certificate: { subject: uri_san } }",
        "[1]",
        "read twice",
    ),
    (
        "{ jwt: main, from: { query: t } }, { jwt: main, from: { query: t } }",
        "[1]",
        "two authenticators are for",
    ),
    (
        "{ introspection: opaque, from: { cookie: s } }, { introspection: opaque, from: { cookie: s } }",
        "[1]",
        "asked twice",
    ),
];

#[test]
fn mistakes_are_told() {
    const BASE: &str = r#"
version: 1
issuers:
  main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders] }
  opaque: { introspection: { url: "https://idp.example/i", client_id: a, client_secret: { env: S } } }
routes:
  - { name: sets, match: { path: /s }, allow: unauthenticated, forward: { headers: { x-user: "x" } } }
"#;
    for (authenticate, place, message) in MISTAKES {
        let route =
            format!("  - {{ name: a, match: {{ path: /a }}, authenticate: [{authenticate}] }}");
        let problems = load(&format!("{BASE}{route}"));
        let place = format!("routes[1].authenticate{place}");
        let told = problems.iter().any(|problem| {
            problem.level == Level::Error
                && problem.path == place
                && problem.message.contains(message)
                && !problem.fix.is_empty()
        });
        assert!(told, "{authenticate}: {problems:#?}");
    }
    for name in ["anonymous", "client_certificate"] {
        let policy = format!(
            "version: 1\nissuers: {{ {name}: {{ issuer: 'https://a', jwks: {{ discovery: true }} }} }}"
        );
        assert!(load(&policy).iter().any(|problem| problem.path == format!("issuers.{name}")));
    }
}

#[test]
fn records_hide_what_routes_read() {
    let world = ours();
    let exchange = sallyport_policy::mirror::Exchange {
        id: "r".to_owned(),
        path: b"/query?a=kept&Access_Token=canary".to_vec(),
        request: sallyport_policy::mirror::Message {
            headers: vec![(b"X-Token".to_vec(), b"canary".to_vec())],
            ..Default::default()
        },
        ..Default::default()
    };
    let record = world.policy.mirror().unwrap().redact(exchange, "orders", None);
    let line = String::from_utf8(record.line().to_vec()).unwrap();
    assert!(line.contains("a=kept") && !line.contains("canary"), "{line}");
}
