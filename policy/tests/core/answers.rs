//! What denials look like: forms, redirects, headers; and what keeps `on_deny` from loading.

use crate::load::load;
use crate::support::{Ask, World, get, world};
use sallyport_policy::{Answer, Header, Level, Outcome, RawRequest, Side};

const POLICY: &str = r#"
version: 1
service: orders
issuers: { main: { issuer: "https://idp.example", jwks: { discovery: true, cluster: idp }, audiences: [orders] } }
on_deny: { decision_header: true }
routes:
  - { name: file, match: { path: /file }, authenticate: [{ jwt: main }] }
  - { name: reset, match: { path: /reset }, authenticate: [{ jwt: main }], on_deny: {} }
  - { name: plain, match: { path: /plain }, authenticate: [{ jwt: main }], on_deny: { format: plain } }
  - { name: page, match: { path: /page }, authenticate: [{ jwt: main }],
      on_deny: { redirect: { to: /login, code: 303, return_to: rd }, format: json } }
"#;

fn answer(world: &World, ask: &Ask<'_>) -> Answer {
    let headers: Vec<Header<'_>> =
        ask.headers.iter().map(|(name, value)| (name.as_bytes(), value.as_bytes())).collect();
    let raw = RawRequest {
        method: ask.method.as_bytes(),
        scheme: b"https",
        authority: ask.host.as_bytes(),
        path: ask.path.as_bytes(),
        headers: &headers,
        peer: b"",
    };
    let decision = world.decide(ask, Side::FilterAsking);
    let Outcome::Deny(denial) = &decision.outcome else { panic!("allowed: {}", ask.path) };
    world.policy.answer(denial, &decision, &raw, "d1")
}

/// Path, more headers, status, headers that are there as `name: value`, headers that are not, part of the body.
type Case = (
    &'static str,
    &'static [(&'static str, &'static str)],
    u16,
    &'static [&'static str],
    &'static [&'static str],
    &'static str,
);
const CASES: &[Case] = &[
    (
        "/file",
        &[],
        401,
        &[
            "content-type: application/problem+json",
            "www-authenticate: Bearer realm=\"orders\"",
            "x-sallyport-reason: token_missing",
            "x-sallyport-decision: d1",
            "cache-control: no-store",
        ],
        &["grpc-status", "location"],
        "\"rule\":\"file\"",
    ),
    ("/nowhere", &[], 403, &["x-sallyport-reason: no_route"], &["www-authenticate"], "no_route"),
    ("/a//b", &[], 400, &["x-sallyport-reason: request_malformed"], &[], "request_malformed"),
    ("/reset", &[], 401, &[], &["x-sallyport-reason", "x-sallyport-decision"], "token_missing"),
    (
        "/plain",
        &[("accept", "application/json")],
        401,
        &["content-type: text/plain; charset=utf-8"],
        &["x-sallyport-reason"],
        "401 token_missing: no access token was presented (decision d1)\n",
    ),
    (
        "/page",
        &[("accept", "text/html")],
        303,
        &[
            "location: /login?rd=https%3A%2F%2Fapi.example.com%2Fpage",
            "content-type: application/json",
        ],
        &["www-authenticate"],
        "\"status\":401",
    ),
    (
        "/page",
        &[("accept", "application/json")],
        401,
        &["www-authenticate: Bearer realm=\"orders\""],
        &["location"],
        "",
    ),
    (
        "/page",
        &[("accept", "text/html"), ("content-type", "application/grpc")],
        401,
        &["grpc-status: 16", "content-type: application/grpc"],
        &["location"],
        "no access token was presented",
    ),
    (
        "/a//b",
        &[("content-type", "application/grpc+json")],
        400,
        &["grpc-status: 3"],
        &[],
        "judged",
    ),
    ("/nowhere", &[("content-type", "application/grpc")], 403, &["grpc-status: 7"], &[], "no rule"),
];

#[test]
fn denials_take_the_form_that_policy_and_request_want() {
    let world = world(POLICY, "");
    for (path, headers, status, present, absent, body) in CASES {
        let ask = headers.iter().fold(get(path), |ask, (name, value)| ask.header(name, *value));
        let answer = answer(&world, &ask);
        assert_eq!(answer.status, *status, "{path} {headers:?}");
        let lines: Vec<String> =
            answer.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
        for line in *present {
            assert!(lines.iter().any(|own| own == line), "{path} {headers:?}: {line} in {lines:?}");
        }
        for name in *absent {
            assert!(!answer.headers.iter().any(|(own, _)| own == name), "{path}: {name}");
        }
        assert!(answer.body.contains(body), "{path}: {}", answer.body);
    }
}

/// `on_deny`, place, part of the message; none: it loads.
const LOADS: &[(&str, Option<(&str, &str)>)] = &[
    ("{}", None),
    ("{ redirect: { to: 'https://sso.example/login?a=b', on: [401, 403], code: 307 } }", None),
    ("{ redirect: { to: /login } }", None),
    ("{ redirect: {} }", Some(("on_deny.redirect", "missing field `to`"))),
    ("{ redirect: { to: //evil.example/x } }", Some(("on_deny.redirect.to", "`//evil.example/x`"))),
    ("{ redirect: { to: 'javascript:alert(1)' } }", Some(("on_deny.redirect.to", "no address"))),
    ("{ redirect: { to: 'https:///x' } }", Some(("on_deny.redirect.to", "no address"))),
    ("{ redirect: { to: 'https://u@h/x' } }", Some(("on_deny.redirect.to", "no address"))),
    ("{ redirect: { to: \"/a\\nb\" } }", Some(("on_deny.redirect.to", "no address"))),
    ("{ redirect: { to: '/a#b' } }", Some(("on_deny.redirect.to", "no address"))),
    ("{ redirect: { to: login } }", Some(("on_deny.redirect.to", "no address"))),
    ("{ redirect: { to: /a, code: 308 } }", Some(("on_deny.redirect.code", "`308`"))),
    ("{ redirect: { to: /a, on: [] } }", Some(("on_deny.redirect.on", "is empty"))),
    ("{ redirect: { to: /a, on: [503] } }", Some(("on_deny.redirect.on", "`503`"))),
    ("{ redirect: { to: /a, return_to: 'a b' } }", Some(("on_deny.redirect.return_to", "`a b`"))),
    ("{ format: xml }", Some(("on_deny.format", "unknown variant `xml`"))),
    ("{ formats: plain }", Some(("on_deny.formats", "unknown field"))),
];

#[test]
fn what_is_wrong_with_on_deny_is_told() {
    for (text, expected) in LOADS {
        let problems = load(&format!(
            "version: 1\non_deny: {text}\nroutes: [{{ name: a, match: {{ path: /a }}, allow: unauthenticated }}]"
        ));
        let errors: Vec<_> = problems.iter().filter(|it| it.level == Level::Error).collect();
        match expected {
            None => assert!(errors.is_empty(), "{text}: {errors:?}"),
            Some((path, message)) => assert!(
                errors.iter().any(|it| it.path == *path && it.message.contains(message)),
                "{text}: {errors:?}"
            ),
        }
    }
}
