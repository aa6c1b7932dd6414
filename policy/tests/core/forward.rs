//! What `forward` changes beyond identity headers, and what keeps it from loading.

use crate::load::load;
use crate::support::{GOOD, claims, get, token, world};
use sallyport_policy::{Level, Outcome, Reason, Side};
use serde_json::json;

const POLICY: &str = r#"
version: 1
issuers: { main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
routes:
  - name: headers
    match: { path: "/headers/{id}" }
    authenticate: [{ jwt: main }]
    forward:
      headers: { x-scopes: "{scopes}", x-url: "{scheme}://{host}{path}" }
      append_headers: { x-trace: "{method}/{path.id}", x-note: "{query.note}" }
      remove_headers: [X-Gone, user-agent, x-forwarded-for]
  - name: cookies
    match: { path: /cookies }
    authenticate: [{ jwt: main }]
    forward: { cookies: { user: "{subject}", role: "{claims.role}" }, remove_cookies: [session] }
  - name: query
    match: { path: /query }
    authenticate: [{ jwt: main }]
    forward: { query: { tenant: "{claims.tenant}", who: "{claims.who}" }, remove_query: [debug] }
  - name: path
    match: { path: "/path/{id}" }
    authenticate: [{ jwt: main }]
    forward: { path: "/v2/{claims.tenant}/{path.id}" }
  - name: below
    match: { path: "/below/{**}" }
    authenticate: [{ jwt: main }]
    forward: { path: "/base{path}", query: { a: b } }
  - { name: open, match: { path: /open }, allow: unauthenticated }
"#;

/// Path, claims, headers of the client; what is set, whether these end here, path.
type Case = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
    &'static [(&'static str, &'static str)],
    &'static [&'static str],
    Option<&'static str>,
);
const CASES: &[Case] = &[
    (
        "/headers/7?note=hi",
        "{}",
        &[("x-trace", "one"), ("X-Trace", " two "), ("x-gone", "1"), ("x-scopes", "root")],
        &[
            ("x-scopes", "orders.read profile"),
            ("x-url", "https://api.example.com/headers/7"),
            ("x-note", "hi"),
            ("x-trace", "one, two, GET/7"),
        ],
        &["x-gone", "user-agent", "x-forwarded-for", "x-trace", "x-note", "x-scopes"],
        None,
    ),
    (
        "/headers/7",
        r#"{"scope":""}"#,
        &[("x-note", "mine")],
        &[("x-url", "https://api.example.com/headers/7"), ("x-trace", "GET/7")],
        &["x-scopes", "x-trace"],
        None,
    ),
    (
        "/cookies",
        "{}",
        &[("cookie", "a=1; user=mallory; session=s"), ("cookie", "role=admin; b=\"2\"; user=root")],
        &[("cookie", "a=1; b=\"2\"; user=alice")],
        &["cookie"],
        None,
    ),
    (
        "/cookies",
        r#"{"role":"a; admin=1"}"#,
        &[("cookie", "a=1")],
        &[("cookie", "a=1; user=alice")],
        &["cookie"],
        None,
    ),
    ("/cookies", r#"{"sub":"a b","role":"r"}"#, &[], &[("cookie", "role=r")], &["cookie"], None),
    ("/cookies", r#"{"sub":"a b"}"#, &[("cookie", "session=1")], &[], &["cookie"], None),
    ("/open", "{}", &[("cookie", "user=mallory; c=3")], &[("cookie", "c=3")], &["cookie"], None),
    ("/open", "{}", &[("cookie", "users=1; c=3")], &[], &[], None),
    (
        "/query?tenant=evil&x=%2F&debug&t%65nant=2&&y",
        r#"{"who":"a&b=c d"}"#,
        &[],
        &[],
        &[],
        Some("/query?x=%2F&&y&tenant=t1&who=a%26b%3Dc%20d"),
    ),
    ("/query", r#"{"tenant":"\u20ac"}"#, &[], &[], &[], Some("/query?tenant=%E2%82%AC")),
    ("/query?a=b", r#"{"tenant":null}"#, &[], &[], &[], None),
    ("/path/7?x=1", "{}", &[], &[], &[], Some("/v2/t1/7?x=1")),
    ("/path/a%20b", r#"{"tenant":"t 1"}"#, &[], &[], &[], Some("/v2/t%201/a%20b")),
    ("/below/a/b?q", "{}", &[], &[], &[], Some("/base/below/a/b?q&a=b")),
];

#[test]
fn the_upstream_gets_what_forward_says() {
    let world = world(POLICY, "");
    for (path, extra, headers, set, removed, target) in CASES {
        let token = token(claims(serde_json::from_str(extra).unwrap()), GOOD);
        let ask = headers.iter().fold(get(path), |ask, (name, value)| ask.header(name, *value));
        for side in [Side::FilterAsking, Side::Sidecar] {
            let decision = world.decide(&ask.clone().bearer(&token), side);
            let Outcome::Allow(permit) = &decision.outcome else {
                panic!("{path} {extra}: {}", decision.reason)
            };
            let changes = permit.mutations();
            let actual: Vec<_> =
                changes.set.iter().map(|(name, value)| (&**name, value.as_str())).collect();
            assert_eq!(actual, *set, "{path} {extra}");
            assert_eq!(changes.path.as_deref(), *target, "{path} {extra}");
            for name in *removed {
                assert!(changes.remove.contains(name.as_bytes()), "{path}: {name}");
            }
            for (name, _) in &changes.set {
                assert!(changes.remove.contains(name.as_bytes()), "{path}: {name} stays");
            }
            let kept =
                headers.iter().filter(|(name, _)| !removed.contains(&&*name.to_ascii_lowercase()));
            for (name, _) in kept {
                assert!(!changes.remove.contains(name.as_bytes()), "{path}: {name} is gone");
            }
        }
        let before = world.decide(&ask.clone().bearer(&token), Side::FilterBefore);
        let Outcome::Allow(permit) = &before.outcome else { panic!("{path}") };
        assert_eq!(permit.mutations().path, None, "the sidecar judges the path as sent");
        assert!(!permit.mutations().remove.contains(b"x-gone"));
    }
}

/// Values that would make another path of it.
#[test]
fn a_path_that_could_be_read_as_another_is_refused() {
    let world = world(POLICY, "");
    for tenant in [
        json!(".."),
        json!("."),
        json!(""),
        json!("a/b"),
        json!("a/../b"),
        json!("%2e%2e"),
        json!("a\\b"),
        json!("a\nb"),
        json!(null),
        json!({}),
        json!("a\u{0}"),
        json!("x".repeat(9000)),
    ] {
        let token = token(claims(json!({ "tenant": tenant })), GOOD);
        for side in [Side::FilterAsking, Side::Sidecar] {
            let decision = world.decide(&get("/path/7").bearer(&token), side);
            assert_eq!(decision.reason, Reason::RequestMalformed, "{tenant}");
            assert_eq!(decision.rule.as_deref(), Some("path"));
            assert!(!decision.allows(), "{tenant}");
        }
    }
}

/// `forward`, place, part of the message.
const LOADS: &[(&str, &str, &str)] = &[
    ("{ append_headers: { x-a: '{subject}' } }", "append_headers.x-a", "reads the identity"),
    ("{ append_headers: { cookie: a } }", "append_headers.cookie", "`cookie`"),
    ("{ append_headers: { x-set: a } }", "append_headers.x-set", "is set by the policy"),
    ("{ remove_headers: [host] }", "remove_headers[0]", "`host`"),
    ("{ remove_headers: [x-a, content-length] }", "remove_headers[1]", "`content-length`"),
    ("{ remove_headers: [authorization] }", "remove_headers[0]", "`authorization`"),
    ("{ remove_headers: [':path'] }", "remove_headers[0]", "`:path`"),
    ("{ remove_headers: [x-a, X-A] }", "remove_headers[1]", "already"),
    ("{ headers: { x-a: b }, remove_headers: [x-a] }", "remove_headers[0]", "already"),
    ("{ cookies: { 'a b': c } }", "cookies.a b", "no name"),
    ("{ cookies: { a: b }, remove_cookies: [a] }", "remove_cookies[0]", "already"),
    ("{ cookies: { a: '{nothing}' } }", "cookies.a", "nothing a template knows"),
    ("{ remove_cookies: ['a;b'] }", "remove_cookies[0]", "no name"),
    ("{ query: { 'a=b': c } }", "query.a=b", "no name"),
    ("{ query: { a: b }, remove_query: [a] }", "remove_query[0]", "already"),
    ("{ path: 'v2/{path.id}' }", "path", "no path"),
    ("{ path: '//{path.id}' }", "path", "no path"),
    ("{ path: '/a?b={path.id}' }", "path", "no path"),
    ("{ path: '/a/../b' }", "path", "no path"),
    ("{ path: '/%61' }", "path", "no path"),
    ("{ path: '/a%2Fb' }", "path", "no path"),
    ("{ path: '/{path.other}' }", "path", "no variable"),
    ("{ paths: /a }", "paths", "unknown field"),
];

#[test]
fn what_is_wrong_with_forward_is_told() {
    for (text, place, message) in LOADS {
        let problems = load(&format!(
            "version: 1
issuers: {{ main: {{ issuer: 'https://idp.example', jwks: {{ discovery: true, cluster: idp }}, audiences: [a] }} }}
routes:
  - {{ name: a, match: {{ path: '/a/{{id}}' }}, authenticate: [{{ jwt: main }}], forward: {text} }}
  - {{ name: b, match: {{ path: '/b' }}, authenticate: [{{ jwt: main }}], forward: {{ headers: {{ x-set: b }} }} }}"
        ));
        assert!(
            problems.iter().any(|it| it.level == Level::Error
                && it.path.ends_with(&format!("forward.{place}"))
                && it.message.contains(message)),
            "{text}: {problems:?}"
        );
    }
}
